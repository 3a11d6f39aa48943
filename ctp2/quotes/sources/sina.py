"""Sina over HTTP, ``hq.sinajs.cn`` (spec quotes 1.1): ``var hq_str_<key>="<csv>";``, a statement per line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ctp2.quotes import codes
from ctp2.quotes.sources import AGENT, Layout, Reply

if TYPE_CHECKING:
    from ctp2.quotes.symbols import Symbol

REFERER: Final = "https://finance.sina.com.cn"
_BEGIN: Final = "var hq_str_"


class Sina:
    """The HTTP side of Sina."""

    name = "sina"
    layout: Layout = "sina"
    system_name = "SINA"
    hosts: Sequence[str] = ("hq.sinajs.cn",)
    # Without a Referer of its own pages Sina answers 403 (since 2022-01).
    headers: Mapping[str, str] = {"Referer": REFERER, "User-Agent": AGENT}
    batch = 200
    batch_max = 400

    def key_of(self, symbol: Symbol) -> str:
        """``sh600000``, ``rt_hk00700``, ``gb_brk$b``, ``nf_RB2610``, ``hf_CL``."""
        return key_of(symbol)

    def url(self, base: str, keys: Sequence[str]) -> str:
        """``list=`` is part of the path."""
        return f"{base}/list={','.join(keys)}"

    def parse(self, text: str) -> Reply:
        """The statements of a body; what is no statement is skipped."""
        return parse(text)


def key_of(symbol: Symbol) -> str:
    """What Sina calls an instrument (spec 2.1)."""
    if symbol.market == "cn":
        return symbol.place + symbol.code
    if symbol.market == "hk":
        return ("hk" if symbol.is_late else "rt_hk") + symbol.code
    if symbol.market == "us":
        bare = symbol.code.removeprefix(".")
        name = bare if bare in codes.US_INDEXES else symbol.code
        return "gb_" + name.lower().replace(".", "$")
    return f"{symbol.market}_{symbol.code}"


def parse(text: str) -> Reply:
    """The statements of a body."""
    reply = Reply()
    rows = reply.rows
    for line in text.split("\n"):
        line = line.lstrip()
        if not line.startswith(_BEGIN):
            _take_other(line, reply)
            continue
        key, is_assigned, rest = line[len(_BEGIN) :].partition('="')
        end = rest.rstrip("\r; \t")
        if is_assigned and end.endswith('"'):
            rows[key] = end[:-1]
        else:
            reply.is_whole = False
    return reply


def _take_other(line: str, reply: Reply) -> None:
    if line and _BEGIN.startswith(line):
        reply.is_whole = False  # cut off before its key begins
    line = line.strip().removeprefix("var ")
    if line.startswith("sys_auth"):
        reply.is_refused = "FAILED" in line.upper() or "INVALID" in line.upper()
    elif line.startswith("sys_"):
        name, _, value = line.partition("=")
        reply.control[name] = value.strip('";')
