"""The address ``ib://HOST:PORT``: where TWS or IB Gateway listens, and the options. One table makes help and docs."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ctp2.core.address import Address
from ctp2.core.errors import AddressError

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 7497
"""TWS of a paper account. Live TWS 7496, Gateway 4001 live and 4002 paper (spec ib 3.1)."""
OPEN_TO_ALL: Final = "open"
_MAX_PORT: Final = 65_535
_MAX_ID: Final = 2**31 - 1


class Options(BaseModel):
    """The options of an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: int = Field(
        1, description="clientId of trading; keep it the same for ever: orders belong to it", ge=0, le=_MAX_ID
    )
    md_client_id: int = Field(2, description="clientId of market data, a connection of its own", ge=0, le=_MAX_ID)
    account: str = Field("", description="IB account of requests with an empty InvestorID", max_length=12)
    readonly: Literal["0", "1"] = Field(
        "0", description="1: no orders; the right choice for a TWS whose API is set to read-only"
    )
    data: Literal["live", "delayed"] = Field(
        "live", description="'delayed': delayed quotes where there is no subscription for live ones"
    )
    tz: Literal["", "Asia/Shanghai"] = Field(
        "", description="Asia/Shanghai: all times in Beijing time, not in the exchange's"
    )
    tws_tz: str = Field("UTC", description="time zone that TWS writes times without a zone in (its login setting)")
    eager_ack: Literal["0", "1"] = Field("0", description="1: OnRtnOrder 'a' at once, before TWS has answered")
    depth: Literal["0", "1"] = Field("0", description="1: five levels from market depth (TWS allows three at a time)")
    volume_scale: int = Field(
        0, description="CTP volume 1 = 1/volume_scale of a unit; 0: 1/sizeIncrement where that is below 1", ge=0
    )
    digits_are_conid: Literal["0", "1"] = Field("0", description="1: an InstrumentID of digits alone is a conId")
    id_chars: Literal["30", "80"] = Field(
        "80", description="30: longer InstrumentIDs are written #CONID, for programs made for CTP before 6.6.1"
    )
    enforce_close: Literal["0", "1"] = Field(
        "1", description="0: do not refuse a Close of more than the position, which opens a reverse one at IB"
    )
    outside_rth: Literal["0", "1"] = Field("0", description="1: orders also work outside regular hours")
    accounts: str = Field(
        OPEN_TO_ALL,
        description="who may log in: 'open' anybody, or a CSV file: user, password, account (the IB account to use)",
    )
    foreign_orders: Literal["0", "1"] = Field(
        "0", description="1: show the orders of other clients and of TWS itself, too"
    )

    @field_validator("tws_tz")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"no time zone of that name ({error})") from None
        return value


class Config(BaseModel):
    """A checked address."""

    model_config = ConfigDict(frozen=True)

    text: str
    host: str
    port: int
    options: Options

    @property
    def place(self) -> str:
        """``HOST:PORT``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(address: Address) -> Config:
    """Check an address.

    Raises:
        AddressError: an unknown option, a value that its option cannot have, a place that is none, one client id for
            both trading and market data.
        FileNotFoundError: the file of accounts is not there.
    """
    if address.path:
        raise AddressError(f"front address {address.text!r}: nothing may follow the port but ?option=value")
    host, port = _place(address)
    try:
        options = Options.model_validate(address.options)
    except ValidationError as error:
        raise AddressError(f"{address.text}: {_worded(error)}") from None
    if options.client_id == options.md_client_id:
        raise AddressError(
            f"{address.text}: client_id and md_client_id are both {options.client_id}: TWS refuses the second"
            " connection of a client id; give them different ones"
        )
    accounts = options.accounts
    if accounts != OPEN_TO_ALL and not Path(accounts).is_file():
        raise FileNotFoundError(f"{address.text}: accounts={accounts}: no such file")
    return Config(text=address.text, host=host, port=port, options=options)


def located(address: Address) -> Address:
    """The address with its file of accounts as a whole path."""
    accounts = address.options.get("accounts", OPEN_TO_ALL)
    if accounts == OPEN_TO_ALL:
        return address
    options = {**address.options, "accounts": str(Path(accounts).absolute())}
    return Address(address.scheme, address.host, address.path, options, address.text)


def _place(address: Address) -> tuple[str, int]:
    if "@" in address.host:
        # Nothing of it is repeated: it would stand in a log.
        raise AddressError("front address ib://…@…: passwords never go into an address; write ib://HOST:PORT")
    text = address.host
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    if any(letter in host for letter in "/?# ") or not (port.isascii() and port.isdigit()):
        raise AddressError(f"front address {address.text!r}: write ib://HOST:PORT")
    if not 0 < int(port) <= _MAX_PORT:
        raise AddressError(f"front address {address.text!r}: a port is a number from 1 to {_MAX_PORT}")
    return host.strip("[]") or DEFAULT_HOST, int(port)


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
