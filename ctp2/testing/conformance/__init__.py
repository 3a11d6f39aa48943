"""The shipped conformance suite: give it a front address, it says card by card whether that is a CTP counter.

``check("tts://7x24")`` drives the front through the public Api alone, as any CTP program would, and returns a
:class:`Report`. ``ctp2 check`` prints it. The cards are in the ``cards_…`` files, numbered; docs/conformance.md says
how to read them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from ctp2.testing.conformance import (
    cards_account,
    cards_books,
    cards_connect,
    cards_market,
    cards_orders,
    cards_query,
    cards_refusals,
    cards_streams,
)
from ctp2.testing.conformance.model import (
    CARDS,
    CONFIRMED,
    GIVEN,
    MARKET_OPEN,
    Card,
    Mismatch,
    NotReachable,
    NotSupported,
    Outcome,
    Report,
    Result,
)
from ctp2.testing.conformance.suite import Settings, Suite

__all__ = [
    "CARDS",
    "GIVEN",
    "Card",
    "NotReachable",
    "Outcome",
    "Report",
    "Result",
    "check",
]

_CARD_FILES = (
    cards_connect,
    cards_query,
    cards_orders,
    cards_refusals,
    cards_books,
    cards_streams,
    cards_market,
    cards_account,
)
CONNECT_SECONDS: Final = 10.0
LIMIT_SECONDS: Final = 300.0
_ATTEMPTS: Final = 3


def check(
    address: str,
    *,
    md: str = "",
    user: str = "",
    password: str = "ctp2check",
    broker: str = "9999",
    app_id: str = "",
    auth_code: str = "",
    instrument: str = "",
    cards: Collection[int] | None = None,
    timeout: float = 5.0,
    connect_timeout: float = CONNECT_SECONDS,
    limit: float = LIMIT_SECONDS,
    on_result: Callable[[Result], object] | None = None,
) -> Report:
    """Try every card (or those of ``cards``) on the front at ``address``.

    ``md`` is the market data front where it is another. Without ``user`` the first of ``check1``, ``check2`` … that
    has not confirmed the statement today is taken; with ``app_id`` each login is preceded by an authentication.
    Without ``instrument`` one with bid and ask is looked for. ``timeout`` is how long a callback may take, ``limit``
    the run: what is not tried by then has failed. Orders and positions of the run are cancelled and closed.

    Raises:
        NotReachable: nothing answered at the address.
        ValueError: the address can never work (also ``FileNotFoundError``, see ``RegisterFront``).
    """
    started = time.monotonic()
    suite = Suite(Settings(address, md or address, user, password, broker, instrument, timeout, app_id, auth_code))
    results: list[Result] = []
    try:
        suite.open(connect_timeout)
        for number in sorted(CARDS):
            if cards is None or number in cards:
                is_late = time.monotonic() - started > limit
                result = _late(CARDS[number], limit) if is_late else _try(suite, CARDS[number])
                results.append(result)
                if on_result is not None:
                    on_result(result)
        return Report(
            address, md or address, suite.user, suite.instrument_code, tuple(results), time.monotonic() - started
        )
    finally:
        suite.close()


def _late(card: Card, limit: float) -> Result:
    return Result(card, "fail", f"the run ends within {limit:g} s", "not tried")


def _try(suite: Suite, card: Card) -> Result:
    started = time.monotonic()
    missing = suite.missing(card)
    if missing:
        return Result(card, "not supported", reason=missing)
    outcome: Outcome = "pass"
    expected = got = reason = ""
    try:
        _run(suite, card)
    except Mismatch as mismatch:
        outcome, expected, got = "fail", mismatch.expected, mismatch.got
    except NotSupported as error:
        if card.essential:
            outcome, expected, got = "fail", "supported", str(error)
        else:
            outcome, reason = "not supported", str(error)
    except Exception as error:
        # A front may answer what nobody thought of: that is a failure of this card, not the end of the run.
        outcome, expected, got = "fail", "records that a program can read", f"{type(error).__name__}: {error}"
    finally:
        suite.tidy()
    return Result(card, outcome, expected, got, reason, time.monotonic() - started)


def _run(suite: Suite, card: Card) -> None:
    """Run a card; one that fails while the trading phase changes is run again in the next open phase."""
    if card.given in CONFIRMED:
        suite.confirm()
    if card.given not in MARKET_OPEN:
        card.run(suite)
        return
    for attempt in range(1, _ATTEMPTS + 1):
        suite.wait_open()
        if card.given == "futures":
            suite.need_futures()
        phases = suite.phase_changes
        try:
            card.run(suite)
            return
        except Mismatch:
            if suite.phase_changes == phases or attempt == _ATTEMPTS:
                raise
            suite.tidy()
