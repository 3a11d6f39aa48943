"""The conformance suite over ``ib://`` at the stand-in TWS: rules that differ are declared, the others tried."""

from __future__ import annotations

import pytest

from ctp2.core.backend import Capabilities
from ctp2.ib import backend
from ctp2.testing import conformance
from ctp2.testing.conformance.model import CARDS
from tests.ib.stand import ACCOUNT, Stand, stand

CALM = {
    number
    for number, card in CARDS.items()
    if card.kind == "trader" and card.given in ("nothing", "connected", "login", "unconfirmed")
}
"""Those that need no order and no quote."""
NOT_THERE = {
    7: "this front serves trading and market data",
    14: "every login is let in",
    **dict.fromkeys((17, 18, 19, 20), "the user has confirmed today already: run it with one who has not"),
}
"""Card → why IB cannot show it; beside these only requests that are not declared."""


def run(tws: Stand, cards: set[int]) -> conformance.Report:
    listed = next(one for one in tws.tws.world.contracts if one.symbol == "ES")
    name = f"ES-{listed.contract_month}-USD-FUT@CME"
    return conformance.check(tws.address(), user=ACCOUNT, instrument=name, cards=cards, timeout=30.0)


def test_the_calm_cards() -> None:
    with stand() as tws:
        report = run(tws, CALM)
    assert [(result.card.number, result.expected, result.got) for result in report.of("fail")] == []
    reasons = {result.card.number: result.reason for result in report.of("not supported")}
    assert {number: text for number, text in reasons.items() if not text.startswith("not declared: ")} == NOT_THERE


def test_a_front_that_declares_nothing_is_held_to_the_rules_of_a_futures_front(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = backend.CAPABILITIES
    monkeypatch.setattr(backend, "CAPABILITIES", Capabilities(told.kinds, told.requests))
    cards = {13, 24, 32, 38, 44}
    with stand() as tws:
        report = run(tws, cards)
    assert {result.card.number for result in report.of("fail")} == cards - {38}
