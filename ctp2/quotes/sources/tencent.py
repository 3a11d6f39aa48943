"""Tencent over HTTP, ``qt.gtimg.cn`` (spec quotes 1.3): ``v_<key>="f0~f1~…";``, by lines or on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ctp2.quotes.sources import AGENT, Layout, Reply

if TYPE_CHECKING:
    from ctp2.quotes.symbols import Symbol

NONE_MATCH: Final = "pv_none_match"
MARKET_STAT: Final = "marketStat"
_CONTROL: Final = frozenset((NONE_MATCH, MARKET_STAT, "stdunixtime"))


class Tencent:
    """The HTTP side of Tencent."""

    name = "tencent"
    layout: Layout = "tencent"
    system_name = "QQ"
    hosts: Sequence[str] = ("qt.gtimg.cn", "sqt.gtimg.cn", "web.sqt.gtimg.cn")
    # No Referer: a foreign one is not liked.
    headers: Mapping[str, str] = {"User-Agent": AGENT}
    batch = 200
    batch_max = 500

    def key_of(self, symbol: Symbol) -> str:
        """``sh600000``, ``r_hk00700``, ``usBRK.B``, ``hf_GC``; domestic futures are not carried."""
        return key_of(symbol)

    def url(self, base: str, keys: Sequence[str]) -> str:
        """``q=`` is part of the path."""
        return f"{base}/q={','.join(keys)}"

    def parse(self, text: str) -> Reply:
        """The statements of a body."""
        return parse(text)


def key_of(symbol: Symbol) -> str:
    """What Tencent calls an instrument (spec 2.1); empty for what it does not carry."""
    if symbol.market == "cn":
        return symbol.place + symbol.code
    if symbol.market == "hk":
        is_plain = symbol.is_late or symbol.kind == "index"
        return ("hk" if is_plain else "r_hk") + symbol.code
    if symbol.market == "us":
        return "us" + symbol.code.removeprefix(".")
    return f"hf_{symbol.code}" if symbol.market == "hf" else ""


def parse(text: str) -> Reply:
    """The statements of a body; a statement ends at ``";``, or at a quote that ends its line or the body."""
    reply = Reply()
    # A capture lacks the last semicolon: a quote before the end of a line closes a statement too.
    text = (text.rstrip() + "\n").replace("\r", "").replace('"\n', '";')
    *statements, rest = text.split('";')
    if rest.strip(" ;\n"):
        reply.is_whole = False
    for statement in statements:
        name, is_assigned, value = statement.lstrip(" ;\n").partition('="')
        if is_assigned and name.startswith("v_"):
            _take(name[2:], value, reply)
    if not reply.rows and NONE_MATCH in text:
        reply.control[NONE_MATCH] = "1"
    return reply


def _take(key: str, value: str, reply: Reply) -> None:
    if key in _CONTROL:
        reply.control[key] = value
    elif key.startswith("s_"):
        reply.is_throttled = True
    else:
        reply.rows[key] = value


def open_markets(stat: str) -> tuple[str, dict[str, bool]]:
    """Server time and token → open, of ``marketStat`` (spec 6.3); tokens of another form are skipped."""
    at, *tokens = stat.split("|")
    found = {}
    for token in tokens:
        market, _, rest = token.partition("_")
        state = rest.partition("_")[0]
        if state in ("open", "close"):
            found[market] = state == "open"
    return at, found
