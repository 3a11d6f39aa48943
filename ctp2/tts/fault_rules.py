"""What ``faults=`` may say: one table of faults and one of settings, for checking, for help, for the documentation.

::

    faults=drop:order=3,reason=8193,reconnect=2s;delay:time=50ms..200ms,flow=private

Faults are separated by ``;``, settings by ``,``. Settings of every fault say *when*: which occurrence of what
(``order=3``, ``order=2..4``, ``order=5..``), by chance (``chance=5%``), at a time of day (``at=14:30:00``), a while
after the login (``after=10s``), how often at most (``times``) and to whom (``user``, ``kind``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ctp2.core.errors import REASONS
from ctp2.ctp.errors import ERRORS
from ctp2.tts.draw import mixed

NS: Final = 1_000_000_000
FOREVER: Final = 1 << 62
"""An end that is not reached: of a range that is open, of a time that is ``never``."""
KINDS: Final = ("trader", "md")
FLOWS: Final = ("all", "dialog", "query", "private", "public", "md")
ANYTHING: Final = "event"
"""The subject of a fault that whatever goes to the client is counted by."""
LINK_REASONS: Final = tuple(sorted(set(REASONS.values())))
CALL_CODES: Final = (-2, -3)


# ------------------------------------------------------------------ values
def duration(text: str) -> int:
    """``200ms``, ``2s``, ``1.5``, ``3m``, ``1h`` or ``never`` in nanoseconds."""
    if text == "never":
        return FOREVER
    for unit, factor in (("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)):
        if text.endswith(unit):
            number = text[: len(text) - len(unit)]
            try:
                value = float(number)
            except ValueError:
                break
            if 0 <= value < 1e6:
                return int(value * factor * NS)
            break
    raise ValueError("a time such as 200ms, 2s, 3m or 1h, or 'never'")


def spread(text: str) -> tuple[int, int]:
    """``200ms`` or ``50ms..200ms``: the least and the most."""
    low, dots, high = text.partition("..")
    least = duration(low)
    most = duration(high) if dots else least
    if most < least or most == FOREVER:
        raise ValueError("a time such as 200ms, or two such as 50ms..200ms")
    return least, most


def occurrences(text: str) -> tuple[int, int]:
    """``3``, ``2..4``, ``5..``: the first and the last that are meant."""
    first, dots, last = text.partition("..")
    try:
        low = int(first)
        high = (int(last) if last else FOREVER) if dots else low
    except ValueError:
        low, high = 0, 0
    if not 1 <= low <= high:
        raise ValueError("a number such as 3, or a range such as 2..4 or 5..")
    return low, high


def chance(text: str) -> float:
    """``5%`` or ``0.05``."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("a probability such as 5% or 0.05")
    return value


def time_of_day(text: str) -> int:
    """``14:30`` or ``14:30:05`` in seconds."""
    parts = text.split(":")
    if len(parts) in (2, 3) and all(part.isascii() and part.isdigit() and len(part) == 2 for part in parts):
        hour, minute, second = [*map(int, parts), 0][:3]
        if hour < 24 and minute < 60 and second < 60:
            return hour * 3600 + minute * 60 + second
    raise ValueError("a time of day such as 14:30 or 14:30:05")


def count(text: str) -> int:
    """A whole number, 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a whole number")
    return min(int(text), FOREVER)


def error_number(text: str) -> int:
    """A number of CTP's list of errors."""
    if text.isascii() and text.isdigit() and int(text) in ERRORS and int(text):
        return int(text)
    raise ValueError("a number of CTP's list of errors")


def words(text: str) -> str:
    """Any text."""
    if not text:
        raise ValueError("a text")
    return text


def one_of(*values: object) -> Callable[[str], Any]:
    """A reader that takes these."""
    known = {str(value): value for value in values}

    def read(text: str) -> Any:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return known[text]

    return read


# ------------------------------------------------------------------ the two tables
class Setting(NamedTuple):
    """A setting: its reader, its meaning."""

    read: Callable[[str], Any]
    meaning: str


class Kind(NamedTuple):
    """A fault: its meaning, its own settings with their defaults, what it can be counted by (the first by default)."""

    meaning: str
    settings: dict[str, Any]
    subjects: tuple[str, ...]


SUBJECTS: Final[dict[str, str]] = {
    "login": "ReqUserLogin",
    "request": "any request of a client that is logged in",
    "query": "any ReqQry…",
    "order": "ReqOrderInsert",
    "cancel": "ReqOrderAction",
    "answer": "an OnRsp… on its way to the client",
    "return": "an OnRtn… or OnErrRtn… of the private flow on its way to the client",
    "trade": "an OnRtnTrade on its way to the client",
    "tick": "an OnRtnDepthMarketData on its way to the client",
}
"""What faults can be counted by; each user's (and each kind of client's) are counted apart, from 1."""

WHEN: Final[dict[str, Setting]] = {
    "chance": Setting(chance, "each time with this probability, seeded by seed="),
    "at": Setting(time_of_day, "at this time of day of the counter"),
    "after": Setting(duration, "this long after each login"),
    "times": Setting(count, "so many times at most, for each user"),
    "user": Setting(words, "to this user alone"),
    "kind": Setting(one_of(*KINDS), "to the trader's link (the default) or to the market data's"),
}
SETTINGS: Final[dict[str, Setting]] = {
    "reason": Setting(one_of(*LINK_REASONS), "nReason of OnFrontDisconnected"),
    "reconnect": Setting(duration, "until OnFrontConnected comes again"),
    "requests": Setting(one_of("served", "lost"), "what the client sent meanwhile is carried out, or lost"),
    "timeout": Setting(duration, "of silence until the link is given up"),
    "warning": Setting(duration, "of silence until OnHeartBeatWarning"),
    "time": Setting(spread, "how long; two times for a random one between them"),
    "flow": Setting(one_of(*FLOWS), "which of the client's flows"),
    "error": Setting(error_number, "the ErrorID"),
    "text": Setting(words, "the exchange's words"),
    "code": Setting(one_of(*CALL_CODES), "what the call returns"),
    "lots": Setting(count, "what fills at first"),
    "rest": Setting(duration, "until the rest may fill"),
    "count": Setting(count, "how many"),
    "length": Setting(duration, "how long"),
}
_LINK: Final = {"reason": 4097, "reconnect": NS, "requests": "served"}
_PASSING: Final = ("request", "query", "order", "cancel", "login", "answer", "return", "trade", "tick")
_SHOWN: Final = ("answer", "return", "trade", "tick")

FAULTS: Final[dict[str, Kind]] = {
    "drop": Kind("the link breaks: OnFrontDisconnected", _LINK, _PASSING),
    "half_dead": Kind(
        "the link looks alive and brings nothing: OnHeartBeatWarning, then OnFrontDisconnected",
        {**_LINK, "reason": 8193, "timeout": 120 * NS, "warning": 60 * NS},
        _PASSING,
    ),
    "delay": Kind(
        "answers, returns or snapshots come late, in order within their flow", {"time": (0, 0), "flow": "all"}, _SHOWN
    ),
    "late_fills": Kind(
        "the returns of a fill come late, and all of the private flow behind them", {"time": (0, 0)}, ("trade",)
    ),
    "late_trades": Kind("OnRtnTrade comes long after the OnRtnOrder that shows the fill", {"time": (0, 0)}, ("trade",)),
    "repeat": Kind("an OnRtnOrder comes twice", {}, ("return",)),
    "resend": Kind(
        "a login in the day brings the last returns of the private flow once more", {"count": 3}, ("login",)
    ),
    "swap": Kind("OnErrRtn… comes before the OnRsp… of the same refusal", {}, ("request", "order", "cancel")),
    "lose": Kind("snapshots are lost", {}, ("tick",)),
    "query_error": Kind("a query is refused: 90 by OnRspError, others by its OnRspQry…", {"error": 90}, ("query",)),
    "query_code": Kind("the call of a query returns -2 or -3, nothing is sent", {"code": -3}, ("query",)),
    "refuse": Kind("CTP refuses an order", {"error": 31}, ("order",)),
    "refuse_cancel": Kind("CTP refuses a cancel", {"error": 26}, ("cancel",)),
    "reject": Kind("the exchange rejects an order", {"text": "当前状态禁止此项操作"}, ("order",)),
    "reject_cancel": Kind("the exchange refuses a cancel (91)", {"text": "当前状态禁止此项操作"}, ("cancel",)),
    "partial": Kind("an order fills in part at first (market making)", {"lots": 1, "rest": NS}, ("order",)),
    "login": Kind("a login fails", {"error": 3}, ("login",)),
    "lock_out": Kind(
        "the user is cut off, and its logins fail", {"error": 75, "length": FOREVER, "reconnect": NS}, _PASSING
    ),
    "reset_flows": Kind("the counter comes back with empty flows within the day (清流)", {"reconnect": NS}, _PASSING),
}
"""The faults. ``requests=served``: the request that tripped a break is carried out, and only its answers are lost."""

_NEEDED: Final = {"delay": "time", "late_fills": "time", "late_trades": "time"}
_ALWAYS: Final = frozenset({"delay", "late_fills", "late_trades", "resend", "swap"})
"""Faults that, told no occurrence, happen every time; the others would end all trading that way, so it must be said."""
_TIMED: Final = frozenset({"drop", "half_dead", "lock_out", "reset_flows"})
"""Faults that may happen by the clock."""


class Rule:
    """One fault with its settings. ``subject`` is what it is counted by; empty when it happens by the clock."""

    __slots__ = (
        "after_ns",
        "at_seconds",
        "chance",
        "first",
        "kind",
        "last",
        "name",
        "settings",
        "subject",
        "text",
        "times",
        "user",
    )

    def __init__(self, name: str, settings: dict[str, Any], subject: str, text: str, when: dict[str, Any]) -> None:
        self.name = name
        self.settings = settings
        self.subject = subject
        self.text = text
        self.first, self.last = when.get(subject, (1, FOREVER))
        self.chance: float = when.get("chance", 1.0)
        self.at_seconds: int = when.get("at", -1)
        self.after_ns: int = when.get("after", -1)
        self.times: int = when.get("times", FOREVER)
        self.user: str = when.get("user", "")
        self.kind: str = when.get("kind", "md" if subject == "tick" or settings.get("flow") == "md" else "trader")

    def __repr__(self) -> str:
        return f"Rule({self.text!r})"

    def __getitem__(self, setting: str) -> Any:
        return self.settings[setting]


def parse(text: str) -> list[Rule]:
    """The rules of ``faults=``.

    Raises:
        ValueError: an unknown fault or setting, or a value that it cannot have, in one line.
    """
    return [parse_rule(part.strip()) for part in text.split(";") if part.strip()]


def parse_rule(text: str) -> Rule:
    """One rule."""
    name, _, rest = text.partition(":")
    kind = FAULTS.get(name.strip())
    if kind is None:
        raise ValueError(f"unknown fault {name.strip()!r}; known: {', '.join(FAULTS)}")
    name = name.strip()
    settings = dict(kind.settings)
    when: dict[str, Any] = {}
    for part in rest.split(","):
        if not part.strip():
            continue
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{name}: {part.strip()!r} is no setting: write setting=value")
        target = settings if key in kind.settings else when
        target[key] = _read(name, kind, key, value)
    return Rule(name, settings, _subject(name, kind, settings, when), text, when)


def _read(name: str, kind: Kind, key: str, value: str) -> Any:
    if key in kind.settings:
        read = SETTINGS[key].read
    elif key in kind.subjects:
        read = occurrences
    elif key in WHEN and (key not in ("at", "after") or name in _TIMED):
        read = WHEN[key].read
    else:
        when = [key for key in WHEN if key not in ("at", "after") or name in _TIMED]
        raise ValueError(f"{name} has no setting {key!r}; it has: {', '.join([*kind.settings, *kind.subjects, *when])}")
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{name}: {key}={value}: {error}") from None


def _subject(name: str, kind: Kind, settings: dict[str, Any], when: dict[str, Any]) -> str:
    """What a rule is counted by."""
    missing = _NEEDED.get(name)
    if missing and settings[missing] == (0, 0):
        raise ValueError(f"{name}: {missing}= is missing, such as {missing}=200ms")
    said = [key for key in when if key in kind.subjects]
    clocks = [key for key in ("at", "after") if key in when]
    if len(said) + len(clocks) > 1:
        raise ValueError(f"{name}: {' and '.join([*said, *clocks])}: one of them, or two faults")
    if clocks:
        return ""
    if said:
        return said[0]
    if "chance" not in when and "times" not in when and name not in _ALWAYS:
        ways = [*kind.subjects, "chance", *(("at", "after") if name in _TIMED else ())]
        raise ValueError(f"{name}: say when, by {', '.join(ways)} or times")
    return ANYTHING if name == "delay" else kind.subjects[0]


# ------------------------------------------------------------------ chance
def drawn(seed: int, rule: int, user: str, number: int) -> int:
    """64 random bits for the ``number``-th occurrence of a user under a rule: the same ones for the same seed."""
    value = mixed(mixed(seed) ^ rule)
    for character in user:
        value = mixed(value ^ ord(character))
    return mixed(value ^ number)


def help_table() -> list[tuple[str, str, str]]:
    """(fault, settings with their defaults, meaning) of every fault."""
    return [
        (name, ", ".join(f"{key}={shown(key, value)}" for key, value in kind.settings.items()), kind.meaning)
        for name, kind in FAULTS.items()
    ]


def shown(setting: str, value: Any) -> str:
    """A default as it would be written."""
    if setting in ("reconnect", "timeout", "warning", "rest", "length"):
        return "never" if value == FOREVER else f"{value / NS:g}s"
    return "…" if value == (0, 0) else str(value)
