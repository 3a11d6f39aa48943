"""Cards, what comes of them, and how a card says what it expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from ctp2.core.backend import Kind
    from ctp2.testing.conformance.suite import Suite

Outcome = Literal["pass", "fail", "not supported"]
Given = Literal["nothing", "connected", "login", "unconfirmed", "confirmed", "market", "futures", "md", "quotes"]

GIVEN: Final[dict[Given, tuple[str, str]]] = {
    "nothing": ("nothing", "无"),
    "connected": ("a connected Api object", "已连接的 Api 对象"),
    "login": ("a logged-in user", "用户已登录"),
    "unconfirmed": ("a user who has not confirmed the statement today", "用户当日尚未确认结算单"),
    "confirmed": ("a user who has confirmed the statement", "用户已确认结算单"),
    "market": ("an instrument with bid and ask, in continuous trading", "有买卖价且处于连续交易的合约"),
    "futures": ("a futures contract with bid and ask, in continuous trading", "有买卖价且处于连续交易的期货合约"),
    "md": ("a market data login", "行情已登录"),
    "quotes": ("a market data login, and an instrument that is quoted now", "行情已登录，且合约正在报价"),
}
"""Preconditions: key → English, Chinese."""

MARKET_OPEN: Final[frozenset[Given]] = frozenset(("market", "futures", "quotes"))
"""Preconditions under which the instrument must be in continuous trading."""

CONFIRMED: Final[frozenset[Given]] = frozenset(("confirmed", "market", "futures"))
"""Preconditions under which the statement is confirmed."""


class Mismatch(Exception):
    """A card found something else than the specification demands."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"{what}: expected {_shown(expected)}, got {_shown(got)}")
        self.what = what
        self.expected = f"{what}: {_shown(expected)}"
        self.got = _shown(got)


class NotSupported(Exception):
    """The card's subject is not there: the text says what is missing."""


class NotReachable(Exception):
    """No front answered at the address."""


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value else repr(value)


def expect(what: str, got: object, wanted: object) -> None:
    """``got`` must equal ``wanted``."""
    if got != wanted:
        raise Mismatch(what, repr(wanted), repr(got))


def expect_in(what: str, got: object, wanted: tuple[object, ...]) -> None:
    """``got`` must be one of ``wanted``."""
    if got not in wanted:
        raise Mismatch(what, "one of " + ", ".join(map(repr, wanted)), repr(got))


def expect_true(what: str, holds: object, got: object, wanted: str = "so") -> None:
    """The statement ``what`` must hold; ``got`` is shown when it does not."""
    if not holds:
        raise Mismatch(what, wanted, got)


def expect_money(what: str, got: float, wanted: float) -> None:
    """Two amounts must be equal to the cent."""
    if not abs(got - wanted) < _HALF_A_CENT:
        raise Mismatch(what, f"{wanted:.4f}", f"{got:.4f}")


def expect_fields(what: str, struct: Any, **wanted: object) -> None:
    """Members of a record must have these values."""
    if struct is None:
        raise Mismatch(what, "a record", "NULL")
    for name, value in wanted.items():
        expect(f"{what}.{name}", getattr(struct, name), value)


_HALF_A_CENT: Final = 0.005


@dataclass(frozen=True, slots=True)
class Card:
    """One behaviour. ``spec`` is the section of the behaviour's specification.

    ``needs``: the requests that the backend must declare, otherwise the card is *not supported*; an ``essential`` card
    is never that.
    """

    number: int
    title: str
    title_zh: str
    spec: str
    given: Given
    kind: Kind
    needs: tuple[str, ...]
    essential: bool
    run: Callable[[Suite], None]


CARDS: Final[dict[int, Card]] = {}
"""All cards by number."""


def card(
    number: int,
    title: str,
    title_zh: str,
    spec: str,
    given: Given = "confirmed",
    *,
    kind: Kind = "trader",
    needs: tuple[str, ...] = (),
    essential: bool = False,
) -> Callable[[Callable[[Suite], None]], Callable[[Suite], None]]:
    """Enter a function into the table of cards; it raises :class:`Mismatch` or :class:`NotSupported`, or passes."""

    def enter(run: Callable[[Suite], None]) -> Callable[[Suite], None]:
        assert number not in CARDS, f"two cards have the number {number}"
        CARDS[number] = Card(number, title, title_zh, spec, given, kind, needs, essential, run)
        return run

    return enter


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a card: ``expected`` and ``got`` of a failure, ``reason`` of one not supported."""

    card: Card
    outcome: Outcome
    expected: str = ""
    got: str = ""
    reason: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """For programs."""
        card = self.card
        shown: dict[str, object] = {
            "number": card.number,
            "title": card.title,
            "spec": card.spec,
            "given": GIVEN[card.given][0],
            "outcome": self.outcome,
            "seconds": round(self.seconds, 4),
        }
        if self.outcome == "fail":
            shown.update(expected=self.expected, got=self.got)
        elif self.outcome == "not supported":
            shown.update(reason=self.reason)
        return shown


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run."""

    address: str
    md_address: str
    user: str
    instrument: str
    results: tuple[Result, ...]
    seconds: float

    def of(self, outcome: Outcome) -> list[Result]:
        """The results with this outcome."""
        return [result for result in self.results if result.outcome == outcome]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.of("fail")

    def as_dict(self) -> dict[str, object]:
        """For programs."""
        return {
            "address": self.address,
            "md_address": self.md_address,
            "user": self.user,
            "instrument": self.instrument,
            "passed": len(self.of("pass")),
            "failed": len(self.of("fail")),
            "not_supported": len(self.of("not supported")),
            "seconds": round(self.seconds, 3),
            "cards": [result.as_dict() for result in self.results],
        }
