"""Each planted fault must turn its cards red, and the same cards are green without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctp2 import registry
from ctp2.testing import conformance
from ctp2.testing.conformance import Report
from tests.conformance import faulty
from tests.conformance.faults import FAULTS
from tests.conformance.faulty import NO_FAULT, Fault

MODULE = "tests.conformance.faulty"


@pytest.fixture(scope="module", autouse=True)
def _one_counter() -> Iterator[None]:
    yield
    faulty.dispose()


@pytest.fixture(autouse=True)
def _scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BACKENDS, "faulty", registry.Entry(MODULE))


def run(fault: Fault, cards: set[int], user: str) -> Report:
    faulty.plant(fault)
    try:
        return conformance.check("faulty://counter", user=user, cards=cards, timeout=0.5)
    finally:
        faulty.plant(NO_FAULT)


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_without_a_fault_all_these_cards_are_green() -> None:
    cards = {card for fault in FAULTS for card in fault.cards}
    report = run(NO_FAULT, cards, "faultless")
    assert [(result.card.number, result.expected, result.got) for result in report.of("fail")] == []
    assert {result.card.number for result in report.of("pass")} == cards


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_turns_its_cards_red(fault: Fault) -> None:
    report = run(fault, set(fault.cards), f"fault{FAULTS.index(fault)}")
    assert {result.card.number for result in report.of("fail")} == set(fault.cards)
    for result in report.of("fail"):
        assert result.expected
        assert result.got
