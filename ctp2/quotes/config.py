"""The addresses ``sina://``, ``tencent://`` and ``quotes://``: hosts and options. One table makes help and docs."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ctp2.core.errors import AddressError

if TYPE_CHECKING:
    from ctp2.core.address import Address

SCHEMES: Final = {"sina": ("sina",), "tencent": ("tencent",), "quotes": ("sina", "tencent")}
"""Scheme → the sources that it asks."""
_MAX_PORT: Final = 65_535


class Options(BaseModel):
    """The options of an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tls: Literal["", "0", "1"] = Field("", description="1: https, 0: http; empty: https, http for a loopback host")
    push: Literal["0", "1"] = Field("0", description="1: Sina's WebSocket push, HTTP only as its check (Sina alone)")
    interval: float = Field(
        3.0, description="seconds between two requests for an instrument while its market is open", ge=1, le=60
    )
    emit: Literal["changed", "time", "all"] = Field(
        "changed", description="a tick when a figure 'changed', also when only the 'time' moved, or for 'all' rows"
    )
    us_extended: Literal["off", "on"] = Field(
        "off", description="'on': Sina's US prices before and after the regular session"
    )
    us_time: Literal["exchange", "beijing"] = Field(
        "exchange", description="'beijing': UpdateTime and ActionDay of US rows in Beijing time, TradingDay unchanged"
    )
    tz: Literal["", "Asia/Shanghai"] = Field("", description="Asia/Shanghai: the same as us_time=beijing")
    spot_presettle: Literal["none", "preclose"] = Field(
        "none", description="'preclose': PreSettlementPrice of securities is their PreClosePrice"
    )
    dce_action_day: Literal["natural", "ctp"] = Field(
        "natural", description="'ctp': DCE and GFEX show the trading day as ActionDay at night, as their fronts do"
    )
    limits_from: str = Field(
        "", description="sina: 'tencent' fetches the price limits of mainland securities there, or tencent://HOST:PORT"
    )
    report_unknown: Literal["0", "1"] = Field(
        "1", description="0: no OnRspSubMarketData with error 16 for codes that the host turns out not to know"
    )
    names: str = Field("", description="a file of lines InstrumentID = key, for names of your own", max_length=4096)
    sina: str = Field("", description="quotes://: HOST:PORT to ask instead of Sina's public host")
    tencent: str = Field("", description="quotes://: HOST:PORT to ask instead of Tencent's public host")

    @field_validator("sina", "tencent")
    @classmethod
    def _place(cls, value: str) -> str:
        return check_place(value)

    @field_validator("limits_from")
    @classmethod
    def _limits(cls, value: str) -> str:
        if value in ("", "tencent"):
            return value
        scheme, separator, host = value.partition("://")
        if scheme != "tencent" or not separator:
            raise ValueError("only tencent, or tencent://HOST:PORT")
        check_place(host)
        return value


class Config(BaseModel):
    """A checked address."""

    model_config = ConfigDict(frozen=True)

    text: str
    sources: tuple[str, ...]
    hosts: dict[str, str]
    """Source → HOST or HOST:PORT; a source that is not named is asked at its public hosts."""
    options: Options

    @property
    def shows_beijing(self) -> bool:
        """Whether US rows are shown in Beijing time."""
        return self.options.us_time == "beijing" or bool(self.options.tz)

    @property
    def limits_host(self) -> str:
        """Where the price limits come from; empty: Tencent's public hosts (if they are wanted at all)."""
        return self.options.limits_from.partition("://")[2]


def check_place(text: str) -> str:
    """A text as HOST or HOST:PORT.

    Raises:
        ValueError: it is none.
    """
    if not text:
        return text
    if "@" in text:
        raise ValueError("passwords never go into an address")
    host, colon, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        host, colon, port = text, "", ""
    if not colon:
        host, port = text, "80"
    if not host or any(letter in host for letter in "/?# ") or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{text!r}: write HOST or HOST:PORT")
    if not 0 < int(port) <= _MAX_PORT:
        raise ValueError(f"{text!r}: a port is a number from 1 to {_MAX_PORT}")
    return text


def is_loopback(place: str) -> bool:
    """Whether a HOST:PORT is this machine."""
    host = place.rpartition(":")[0] if place.count(":") == 1 or place.startswith("[") else place
    host = host.strip("[]") or place.strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def base_of(place: str, tls: str) -> str:
    """``https://HOST:PORT``; http where ``tls`` says so, or does not say and the host is this machine."""
    is_plain = tls == "0" or (not tls and is_loopback(place))
    return f"{'http' if is_plain else 'https'}://{place}"


def parse(address: Address) -> Config:
    """Check an address.

    Raises:
        AddressError: an unknown option, a value that its option cannot have, a place that is none.
        FileNotFoundError: the file of ``names`` is not there.
    """
    sources = SCHEMES[address.scheme]
    if address.path:
        raise AddressError(f"front address {address.text!r}: nothing may follow the host but ?option=value")
    try:
        options = Options.model_validate(address.options)
        place = check_place(address.host)
    except ValidationError as error:
        raise AddressError(f"{address.text}: {_worded(error)}") from None
    except ValueError as error:
        raise AddressError(f"front address {address.text!r}: {error}") from None
    hosts = dict.fromkeys(sources, place) if place else {}
    if len(sources) == 1 and (options.sina or options.tencent):
        raise AddressError(f"{address.text}: sina= and tencent= are options of quotes://; write the host behind //")
    hosts |= {name: host for name, host in (("sina", options.sina), ("tencent", options.tencent)) if host}
    if options.limits_from and "tencent" in sources:
        raise AddressError(f"{address.text}: limits_from is an option of sina://; here the limits come by themselves")
    if options.push == "1" and "sina" not in sources:
        raise AddressError(f"{address.text}: push is an option of sina:// and quotes://")
    if options.names:
        _check_names(address.text, options.names)
    return Config(text=address.text, sources=sources, hosts=hosts, options=options)


def _check_names(text: str, path: str) -> None:
    from ctp2.quotes.symbols import load_names

    if not Path(path).is_file():
        raise FileNotFoundError(f"{text}: names={path}: no such file")
    try:
        load_names(Path(path))
    except ValueError as error:
        raise AddressError(f"{text}: names={path}: {error}") from None


def _worded(error: ValidationError) -> str:
    """The first fault in one line that says what may stand there."""
    fault = error.errors()[0]
    name = str(fault["loc"][0])
    field = Options.model_fields.get(name)
    if field is None:
        return f"unknown option {name}; known: {', '.join(sorted(Options.model_fields))}"
    return f"option {name}={fault.get('input')!r}: {fault['msg']} ({field.description})"


def help_table() -> list[tuple[str, str, str]]:
    """(option, default, meaning) of every option, for help and documentation."""
    return [(name, str(field.default), field.description or "") for name, field in Options.model_fields.items()]
