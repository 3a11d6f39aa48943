"""The conformance suite over ``ib://`` at the stand-in TWS: rules that differ are declared, the others tried."""

from __future__ import annotations

import json

import pytest

from ctp2.cli.check import check
from ctp2.core.backend import Capabilities
from ctp2.ib import backend
from ctp2.testing import conformance
from ctp2.testing.conformance.model import CARDS
from tests.ib.stand import ACCOUNT, Stand, stand

SHARES_FRONT = "this front serves trading and market data"
CONFIRMED = "the user has confirmed today already: run it with one who has not"
NO_LIMITS = "the instrument has no price limits"
NOT_THERE = {
    7: SHARES_FRONT,
    14: "every login is let in",
    **dict.fromkeys((17, 18, 19, 20), CONFIRMED),
    102: "all instruments are of one exchange",
    112: "the instrument has no price limit",
    **dict.fromkeys((123, 124, 135), NO_LIMITS),
    126: "no money for 2147483648 lots",
}
"""Card → why IB cannot show it."""
NOT_DECLARED = {48, 49, 127, 128, 129, 179, 190, 191, 192, 193, 196, 197, 198}
"""Cards of requests that IB has not: exchanges' rates, brokers' algorithms, passwords, banks, quote requests."""


def front_month(tws: Stand) -> str:
    listed = next(one for one in tws.tws.world.contracts if one.symbol == "ES")
    return f"ES-{listed.contract_month}-USD-FUT@CME"


def run(tws: Stand, cards: set[int] | None = None) -> conformance.Report:
    return conformance.check(tws.address(), user=ACCOUNT, instrument=front_month(tws), cards=cards, timeout=30.0)


def test_all_cards() -> None:
    with stand() as tws:
        report = run(tws)
    assert [(result.card.number, result.expected, result.got) for result in report.of("fail")] == []
    reasons = {result.card.number: result.reason for result in report.of("not supported")}
    undeclared = {number for number, text in reasons.items() if text.startswith("not declared: ")}
    assert undeclared == NOT_DECLARED
    assert {number: reasons[number] for number in reasons.keys() - undeclared} == NOT_THERE
    assert {result.card.number for result in report.results} == CARDS.keys()


@pytest.mark.slow
def test_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    with stand() as tws:
        assert check(tws.address(), "", ACCOUNT, "", front_month(tws), as_json=True) == 0
    assert json.loads(capfd.readouterr().out)["failed"] == 0


def test_without_a_user_and_an_instrument() -> None:
    """As one types it first: the account is the login's own, the contract one that is listed if asked for."""
    with stand() as tws:
        report = conformance.check(tws.address(), cards={1, 24, 30, 60, 170, 174, 194}, timeout=30.0)
        wanted = front_month(tws)
    assert [(result.card.number, result.expected, result.got) for result in report.of("fail")] == []
    assert (report.user, report.instrument) == (ACCOUNT, wanted)


def test_a_front_that_declares_nothing_is_held_to_the_rules_of_a_futures_front(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = backend.CAPABILITIES
    monkeypatch.setattr(backend, "CAPABILITIES", Capabilities(told.kinds, told.requests))
    # Cards 97 and 99 would wait for a refusal that never comes, as long as the time-out is.
    cards = {13, 24, 32, 33, 38, 44, 62, 74, 98, 101, 125, 132, 133, 134, 136, 170, 194}
    with stand() as tws:
        report = run(tws, cards)
    assert {result.card.number for result in report.of("fail")} == cards - {38}
