"""The shipped suite on the counter in all its profiles, on a recorded day, and on the example of a foreign venue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctp2 import registry
from ctp2.testing import conformance
from ctp2.testing.conformance import CARDS, NotReachable, Report
from ctp2.testing.conformance.suite import Settings, Suite
from tests import toy
from tests.conformance import faulty
from tests.conformance.faulty import NO_FAULT, Fault

NOT_SERVED = {
    7: "this front serves trading and market data",
}
"""What the counter does not support, and why."""
ADDRESSES = (
    # Whatever contract is quoted first: money for more lots of it than an order may have (card 126).
    "tts://7x24?id=check-exchange&fills=full&speed=20&balance=CNY:1000000000",
    "tts://7x24?id=check-simnow&markets=none&fills=full&speed=20&profile=simnow",
    "tts://7x24?id=check-clean&markets=none&fills=full&speed=20&profile=clean",
    "tts://7x24?id=check-random&markets=none&speed=20",
    pytest.param("tts://replay?data=sample&id=check&speed=600", marks=pytest.mark.slow),
)


def failures(report: Report) -> list[tuple[int, str, str]]:
    return [(result.card.number, result.expected, result.got) for result in report.of("fail")]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_counter_passes(address: str) -> None:
    report = conformance.check(address, timeout=30.0)
    assert failures(report) == []
    assert {r.card.number: r.reason for r in report.of("not supported")} == NOT_SERVED
    assert len(report.of("pass")) == len(CARDS) - len(NOT_SERVED)
    assert report.ok


def test_a_security_can_be_the_instrument() -> None:
    report = conformance.check(
        "tts://7x24?id=check-stock&markets=none&fills=full&speed=20", instrument="600519", timeout=30.0
    )
    assert failures(report) == []
    assert report.instrument == "600519"
    assert len(report.of("pass")) >= 150


def test_a_second_run_on_the_same_counter_is_green_too() -> None:
    address = "tts://7x24?id=check-twice&markets=none&fills=full&speed=20"
    cards = {card for card in CARDS if card < 170}
    keeper = Suite(Settings(address, address, "keeper", "", "9999", "", 5.0))
    try:
        keeper.open(10.0)
        first, second = (conformance.check(address, cards=cards, timeout=30.0) for _ in range(2))
    finally:
        keeper.close()
    assert failures(first) == failures(second) == []
    assert first.user != second.user  # one who has not confirmed is taken


def test_a_user_who_has_confirmed_cannot_show_42() -> None:
    address = "tts://7x24?id=check-confirmed&markets=none&fills=full"
    keeper = Suite(Settings(address, address, "someone", "", "9999", "", 5.0))
    try:
        keeper.open(10.0)
        keeper.confirm()
        report = conformance.check(address, user="someone", cards={19})
    finally:
        keeper.close()
    assert [result.outcome for result in report.results] == ["not supported"]


def test_nobody_there() -> None:
    with pytest.raises(NotReachable, match="no OnFrontConnected"):
        # The counter cannot open a file that is no recorded day.
        conformance.check(f"tts://replay?data={__file__}&id=nobody", connect_timeout=0.3)


def test_after_the_limit_cards_fail_untried() -> None:
    report = conformance.check("tts://7x24?id=check-late&markets=none", cards={1, 2}, limit=-1.0)
    assert [(result.outcome, result.got) for result in report.results] == [("fail", "not tried")] * 2


# ------------------------------------------------------------------ what is not supported
@pytest.fixture
def _faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.BACKENDS, "faulty", registry.Entry("tests.conformance.faulty"))
    yield
    faulty.plant(NO_FAULT)
    faulty.dispose()


@pytest.mark.usefixtures("_faulty")
def test_only_what_is_not_declared_is_not_supported() -> None:
    less = Fault("less", ())
    less.lacks = frozenset(("ReqQryInvestor", "ReqQryOrder", "ReqOrderAction"))
    faulty.plant(less)
    report = conformance.check("faulty://less", user="less", cards={41, 50, 65, 67, 95})
    outcomes = {result.card.number: result.outcome for result in report.results}
    assert outcomes == {41: "pass", 50: "not supported", 65: "pass", 67: "pass", 95: "pass"}


@pytest.mark.usefixtures("_faulty")
def test_a_front_without_market_data() -> None:
    trading = Fault("trading alone", ())
    trading.kinds = frozenset(("trader",))
    faulty.plant(trading)
    report = conformance.check("faulty://trading", user="trading", cards={7, 37, 60, 73, 134, 170, 173})
    outcomes = {result.card.number: result.outcome for result in report.results}
    assert {number for number, outcome in outcomes.items() if outcome == "pass"} == {7, 37, 60, 73, 134}
    assert outcomes[170] == outcomes[173] == "not supported"


@pytest.mark.usefixtures("_faulty")
def test_a_front_with_market_data_alone() -> None:
    quotes = Fault("quotes alone", ())
    quotes.kinds = frozenset(("md",))
    faulty.plant(quotes)
    report = conformance.check("faulty://quotes")
    assert failures(report) == []
    assert {r.card.number for r in report.of("pass")} == {n for n, card in CARDS.items() if card.kind == "md"}


# ------------------------------------------------------------------ a foreign venue
TOY_KNOWS = {1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 14, 15, 16, 30, 31, 32, 39, 40, 41, 42, 54, 55, 56, 57}
TOY_KNOWS |= {64, 98, 156, 157, 159, 163, 171, 172, 173, 174, 176, 177, 178, 180, 182, 183}
TOY_CANNOT = {38: "account", 60: "nothing rests", 65: "ReqQryOrder", 67: "cancel", 115: "cancel", 137: "position"}


@pytest.mark.foreign
def test_the_example_of_a_foreign_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._modules, "toy", toy.load())
    report = conformance.check("toy://", timeout=0.5)
    assert not report.ok
    passed = {result.card.number for result in report.of("pass")}
    failed = {result.card.number for result in report.of("fail")}
    assert passed >= TOY_KNOWS
    assert failed >= TOY_CANNOT.keys()
    for result in report.of("not supported"):
        assert not result.card.essential
