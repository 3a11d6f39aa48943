"""Options of a ``tts`` address: one table, for checking, for help, for the documentation.

``tts://7x24`` (also ``tts://``) loops one recorded day; ``tts://replay?data=FILE`` plays a recorded day once.
``tts://sim`` and ``tts://vip`` follow the real sessions and trade against the quotes of ``quotes=``.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ctp2.core.address import Address
from ctp2.core.paths import data_dir
from ctp2.tts.money_text import CURRENCIES, balances_of
from ctp2.tts.order_limits import OrderLimits
from ctp2.tts.users import OPEN_TO_ALL

__all__ = ["CURRENCIES", "Config", "Options", "balances_of", "check_join", "help_table", "parse"]

ENVIRONMENTS = ("7x24", "sim", "vip", "replay")
DEFAULT_ENVIRONMENT = "7x24"
MAX_SPEED = "max"
DEFAULT_DB: Final = "default"

SESSION_ENVIRONMENTS = ("sim", "vip")
"""Environments that follow the real sessions."""
LIVE_MARKETS = ("futures", "options", "etf_options", "shares", "hk", "us", "cme", "special")
"""What ``7x24`` lists by itself: everything but the long list of bonds."""
_DEFAULT_MARKETS = {
    "7x24": LIVE_MARKETS,
    "sim": ("futures", "options", "securities"),
    "vip": ("futures", "options", "etf_options", "securities"),
}
"""What they list when ``markets=`` is left out."""
_NOT_LISTED = {"sim": ("special", "etf_options"), "vip": ("special",)}
"""What they never list: instruments that only users trade, and options on funds outside VIP (spec 14.1)."""
_OF_A_RECORDED_DAY = ("data", "speed", "data_tz")
_OF_LIVE_QUOTES = ("quotes", "stale")
_NOT_AN_OPTION_OF = {
    "7x24": _OF_LIVE_QUOTES,
    "replay": (*_OF_LIVE_QUOTES, "synthetic"),
    "sim": (*_OF_A_RECORDED_DAY, "match", "synthetic"),
    "vip": (*_OF_A_RECORDED_DAY, "match", "synthetic"),
}
"""Options that say nothing in an environment; there is no matching between users in ``sim`` and ``vip`` (spec 14.1)."""

ALL_MARKETS = ("futures", "options", "etf_options", "all_securities", "hk", "us", "cme", "special")


class Options(BaseModel):
    """What may stand behind ``?`` in a ``tts`` address.

    Each field: meaning, default, valid values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field("", description="tells counters of one environment apart in a process; any text", max_length=64)
    data: str = Field(
        "sample", description="what to play: a CSV, CSV.gz or Parquet file, a folder of them, or 'sample'"
    )
    first_day: str = Field("", alias="from", description="replay: the first day to play, YYYYMMDD; empty: the oldest")
    last_day: str = Field("", alias="to", description="replay: the last day to play, YYYYMMDD; empty: the newest")
    speed: str = Field(
        "1", description="times the recorded speed: a number above 0, or 'max' (tick by tick, lock-step)"
    )
    seed: int = Field(0, description="seed of the random partial fills; any integer")
    fills: Literal["random", "full"] = Field(
        "random", description="market making fills 'random' parts or always 'full'"
    )
    resting: Literal["own", "opposite"] = Field(
        "own", description="a waiting order that the market reaches fills at its 'own' price or the 'opposite' quote"
    )
    match: str = Field("", description="instruments that users trade among themselves: codes, or '*'", max_length=4096)
    checks: Literal["on", "off"] = Field("on", description="'off' switches position and fund checks off")
    profile: Literal["exchange", "simnow", "clean"] = Field(
        "exchange", description="callback sequences: each exchange's own, SimNow's for all, or without repeats"
    )
    cancel_status: Literal["unchanged", "marked"] = Field(
        "unchanged", description="'marked': a cancel shows submit status 1, one that is refused by the exchange 5"
    )
    order_types: Literal["tts", "exchange"] = Field(
        "tts", description="kinds of order: all that TTS takes on every exchange, or each 'exchange' its own"
    )
    conditional: Literal["on", "off"] = Field("on", description="'off': no conditional orders (error 54)")
    conditional_per_user: int = Field(0, description="conditional orders that may wait per user, 0 for no limit", ge=0)
    conditional_total: int = Field(0, description="conditional orders that may wait in all, 0 for no limit", ge=0)
    parked_per_user: int = Field(0, description="parked orders that may wait per user, 0 for no limit", ge=0)
    parked_total: int = Field(0, description="parked orders that may wait in all, 0 for no limit", ge=0)
    balance: str = Field(
        "CNY:10000000,HKD:1000000,USD:1000000", description="money of a new account: CURRENCY:AMOUNT, comma separated"
    )
    instruments: str = Field("", description="a CSV file of instruments to add or replace (docs/reference-data.md)")
    rates: str = Field("", description="a CSV file of margin and commission rates (docs/reference-data.md)")
    markets: str = Field(
        "",
        description="what is listed beside the recorded instruments: names of docs/reference-data.md, '*', or 'none'; "
        "empty: of 7x24 all but the bonds, of others none",
    )
    synthetic: Literal["on", "off"] = Field(
        "on", description="7x24: what nobody recorded has a made market, or ('off') waits for its users"
    )
    tz: str = Field("", description="the zone in which all times are shown, such as Asia/Shanghai; empty: each its own")
    data_tz: str = Field("", description="the zone of the recorded times, such as UTC; empty: each exchange's own")
    quotes: str = Field(
        "quotes://",
        description="sim and vip: the market data front to trade against; write its & as %26",
        max_length=4096,
    )
    stale: int = Field(
        60, description="sim and vip: seconds after which an instrument's quote fills nothing any more", ge=1, le=86_400
    )
    securities: Literal["margin", "cash"] = Field(
        "margin", description="stocks in the account: paid in full as 'margin', or as 'cash' paid and received"
    )
    query_rate: int = Field(0, description="queries per second and session, 0 for no limit", ge=0, le=1000)
    query_excess: Literal["90", "-3"] = Field(
        "90", description="a query above query_rate is answered with error '90', or the call itself returns '-3'"
    )
    order_rate: int = Field(
        0, description="orders, and cancels, per second of an investor (error 116), 0 for no limit", ge=0, le=1_000_000
    )
    sessions: int = Field(10, description="logins of one user at a time (error 60)", ge=1, le=100_000)
    md_limit: int = Field(
        0, description="instruments that one market data session may subscribe to (error 6000), 0 for no limit", ge=0
    )
    accounts: str = Field(
        OPEN_TO_ALL,
        description="'open': anybody may log in, or a CSV file of users and passwords, or a server's directory of them",
        max_length=4096,
    )
    new_accounts: Literal["on", "off"] = Field(
        "off", description="with a directory, 'on': a user whom it does not know gets an account at the first login"
    )
    auth: Literal["on", "off"] = Field("off", description="'on': no login without authentication (errors 63, 64)")
    db: str = Field(
        "",
        description="the file of the counter's log, 'default' for one in the user's data folder; empty: in memory only",
        max_length=4096,
    )
    durability: Literal["none", "normal", "full"] = Field(
        "normal",
        description="with db, what clients were told is lost: a little by a crash of the process ('none'), none of it"
        " ('normal'), nor by a power cut ('full')",
    )
    bank: Literal["on", "off"] = Field(
        "off", description="'on': money can be transferred from and to a simulated bank ('off': error 2000)"
    )

    faults: str = Field(
        "", description="what goes wrong on purpose, such as drop:order=3 (docs/zh/testing.md)", max_length=4096
    )

    @field_validator("faults")
    @classmethod
    def _faults(cls, value: str) -> str:
        if value:
            from ctp2.tts.fault_rules import parse as parse_faults

            parse_faults(value)
        return value

    @field_validator("speed")
    @classmethod
    def _speed(cls, value: str) -> str:
        if value == MAX_SPEED:
            return value
        try:
            number = float(value)
        except ValueError:
            raise ValueError("a number above 0, or 'max'") from None
        if not 0 < number <= 1_000_000:
            raise ValueError("a number above 0 (at most 1000000), or 'max'")
        return value

    @field_validator("first_day", "last_day")
    @classmethod
    def _day(cls, value: str) -> str:
        from ctp2.refdata.calendar import CalendarError, to_date

        day = value.replace("-", "")
        if day:
            try:
                to_date(day)
            except CalendarError:
                raise ValueError("a day, YYYYMMDD") from None
        return day

    @field_validator("balance")
    @classmethod
    def _balance(cls, value: str) -> str:
        balances_of(value)
        return value

    @field_validator("markets")
    @classmethod
    def _markets(cls, value: str) -> str:
        from ctp2.refdata.listing import MARKETS

        for name in _listed(value):
            if name not in MARKETS:
                raise ValueError(f"unknown market {name!r}; known: {', '.join(MARKETS)}")
        return value

    @field_validator("tz", "data_tz")
    @classmethod
    def _tz(cls, value: str) -> str:
        if value:
            from ctp2.refdata.calendar import CalendarError, zone_info

            try:
                zone_info(value)
            except (CalendarError, ValueError):
                raise ValueError("no such time zone; write one like Asia/Shanghai") from None
        return value

    @property
    def order_limits(self) -> OrderLimits:
        """How many orders may wait in the counter."""
        return OrderLimits(
            self.conditional == "on",
            self.conditional_per_user,
            self.conditional_total,
            self.parked_per_user,
            self.parked_total,
        )

    @property
    def matched_codes(self) -> frozenset[str]:
        """The codes of ``match``."""
        return frozenset(code.strip() for code in self.match.split(",") if code.strip())


class Config(BaseModel):
    """A checked ``tts`` address."""

    model_config = ConfigDict(frozen=True)

    environment: Literal["7x24", "sim", "vip", "replay"]
    options: Options
    text: str = ""
    """The address."""

    @property
    def follows_sessions(self) -> bool:
        """Whether the environment trades when the exchanges do, against live quotes."""
        return self.environment in SESSION_ENVIRONMENTS

    @property
    def listed_markets(self) -> tuple[str, ...]:
        """The markets that are listed: the names of ``markets``, or what the environment lists without it."""
        excluded = _NOT_LISTED.get(self.environment, ())
        given = self.options.markets
        named = _listed(given) if given else _DEFAULT_MARKETS.get(self.environment, ())
        return tuple(name for name in named if name not in excluded)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells counters apart in a process (DESIGN section 5, Sharing)."""
        return self.environment, self.options.id, self.db

    @cached_property
    def db(self) -> str:
        """The file of the log, as a path that means the same from every folder, links followed; empty: none.

        Two names of one file are one log: it has one lock, and its days lie beside it.
        """
        if self.options.db != DEFAULT_DB:
            return os.path.realpath(self.options.db) if self.options.db else ""
        name = f"{self.environment}-{self.options.id}" if self.options.id else self.environment
        return os.path.realpath(data_dir() / f"{re.sub('[^0-9A-Za-z_.-]', '_', name)}.db")


def _listed(text: str) -> tuple[str, ...]:
    """``futures,hk`` as names, each once; ``*`` is everything."""
    if text.strip() in ("*", "none"):
        return ALL_MARKETS if text.strip() == "*" else ()
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def parse(address: Address) -> Config:
    """Check an address.

    Raises:
        ValueError: unknown environment, unknown option, or a value that its option cannot have.
        FileNotFoundError: the recorded data are not there.
    """
    environment = address.host or DEFAULT_ENVIRONMENT
    if environment not in ENVIRONMENTS or address.path:
        known = ", ".join(f"tts://{name}" for name in ENVIRONMENTS)
        raise ValueError(f"{address.text}: no such environment; known: {known}")
    try:
        options = Options.model_validate(address.options)
    except ValidationError as error:
        raise ValueError(f"{address.text}: {_worded(error)}") from None
    if environment != "replay" and (options.first_day or options.last_day):
        raise ValueError(f"{address.text}: tts://{environment} has no option from or to, it plays one day")
    if options.first_day and options.last_day and options.first_day > options.last_day:
        raise ValueError(f"{address.text}: from={options.first_day} is after to={options.last_day}")
    if options.data != "sample" and not Path(options.data).exists():
        raise FileNotFoundError(f"{address.text}: data={options.data}: no such file or folder")
    _check_fit(address, environment, options)
    for name in ("instruments", "rates", "accounts"):
        path = getattr(options, name)
        if path and path != OPEN_TO_ALL and not Path(path).is_file():
            raise FileNotFoundError(f"{address.text}: {name}={path}: no such file")
    if options.db and options.db != DEFAULT_DB:
        _check_db(address.text, options.db)
    return Config.model_validate({"environment": environment, "options": options, "text": address.text})


_FILES: Final = ("data", "db", "instruments", "rates", "accounts")
_NO_FILES: Final = frozenset((Options.model_fields["data"].default, DEFAULT_DB, OPEN_TO_ALL))
"""Words that stand there for no file."""


def located(address: Address) -> Address:
    """The address with its files named so that they are the same from every folder."""
    return address.located(_FILES, _NO_FILES)


def _check_db(text: str, path: str) -> None:
    if Path(path).is_dir():
        raise ValueError(f"{text}: db={path}: is a folder: name a file in it")
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{text}: db={path}: its folder does not exist: create it first")


def _check_fit(address: Address, environment: str, options: Options) -> None:
    """Raise ``ValueError`` for an option or a market that the environment does not have."""
    for name in _NOT_AN_OPTION_OF[environment]:
        if name in options.model_fields_set:
            raise ValueError(f"{address.text}: tts://{environment} has no option {name}")
    named = () if options.markets.strip() == "*" else _listed(options.markets)
    for market in _NOT_LISTED.get(environment, ()):
        if market in named:
            raise ValueError(f"{address.text}: tts://{environment} does not list {market}")


def _worded(error: ValidationError) -> str:
    """The first fault in one line that says what may stand there."""
    fault = error.errors()[0]
    name = str(fault["loc"][0])
    field = next((field for known, field in Options.model_fields.items() if option_name(known) == name), None)
    if field is None:
        return f"unknown option {name}; known: {', '.join(sorted(map(option_name, Options.model_fields)))}"
    return f"option {name}={fault.get('input')!r}: {fault['msg']} ({field.description})"


def check_join(asked: Config, opened: Config) -> None:
    """Raise ``ValueError`` when ``asked`` wants an option otherwise than the running counter has it."""
    for name in sorted(asked.options.model_fields_set):
        ours, theirs = getattr(opened.options, name), getattr(asked.options, name)
        if ours != theirs:
            where = f"tts://{opened.environment}" + (f"?id={opened.options.id}" if opened.options.id else "")
            raise ValueError(
                f"{where} runs in this process with {option_name(name)}={ours}, not {theirs}: "
                f"leave the option out to join it, or give id=NAME for a counter of your own"
            )


def help_table() -> list[tuple[str, str, str]]:
    """(option, default, meaning) of every option, for help and documentation."""
    return [
        (option_name(name), str(field.default), field.description or "") for name, field in Options.model_fields.items()
    ]


def option_name(field: str) -> str:
    """How an address names an option: ``from`` and ``to`` are no names in Python, or say too little there."""
    return Options.model_fields[field].alias or field
