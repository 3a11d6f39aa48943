"""The directory: texts to contracts and back, ambiguity, the day's cache (spec ib 4.1, 4.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ctp2.core import paths
from ctp2.ib.contracts import Directory
from ctp2.ib.parts import Refusal
from ctp2.ib.records import Contract, Details, LinkLost, LinkUp, PriceIncrement, Refused
from ctp2.ib.resolved import Resolved
from tests.ib import listed
from tests.ib.fakelink import FakeBackend


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


class Place:
    """A backend with a directory, before a TWS that lists the contracts of ``listed``."""

    def __init__(self, address: str = "ib://127.0.0.1:7497") -> None:
        self.backend = FakeBackend(address)
        self.link = self.backend.link_of("trader")
        self.link.answers["details"] = listed.answer
        self.directory = Directory(self.backend)  # type: ignore[arg-type]

    def run(self, work: Any) -> Any:
        return self.backend.timers.loop.run_until_complete(work)

    def resolve(self, text: str) -> Resolved:
        return self.run(self.directory.resolve(self.link, text))  # type: ignore[no-any-return]

    def refused(self, text: str) -> str:
        with pytest.raises(Refusal) as caught:
            self.resolve(text)
        assert caught.value.error_id == 16
        return caught.value.message or ""

    @property
    def asked(self) -> list[Contract]:
        return [call[0] for call in self.link.calls_of("details")]


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.backend.close()


@pytest.mark.parametrize(
    ("text", "details", "canonical", "exchange", "exchange_id", "product_id", "product_class"),
    [
        ("AAPL-USD-STK", listed.AAPL, "AAPL-USD-STK", "SMART", "NASD", "AAPL", "E"),
        ("AAPL", listed.AAPL, "AAPL-USD-STK", "SMART", "NASD", "AAPL", "E"),
        ("SPY", listed.SPY, "SPY-USD-STK", "SMART", "ARCA", "SPY", "D"),
        ("AAPL-USD-STK@SMART/NASDAQ", listed.AAPL, "AAPL-USD-STK", "SMART", "NASD", "AAPL", "E"),
        ("AAPL-USD-STK@NASDAQ", listed.AAPL, "AAPL-USD-STK@NASDAQ", "NASDAQ", "NASD", "AAPL", "E"),
        ("#265598", listed.AAPL, "AAPL-USD-STK", "SMART", "NASD", "AAPL", "E"),
        ("00700", listed.TENCENT, "700-HKD-STK@SEHK", "SEHK", "HKEX", "700", "E"),
        ("#152791428", listed.TENCENT, "700-HKD-STK@SEHK", "SEHK", "HKEX", "700", "E"),
        ("ES-202512-USD-FUT@CME", listed.ES, "ES-202512-USD-FUT@CME", "CME", "CME", "ES", "1"),
        ("ES-202512-USD-FUT", listed.ES, "ES-202512-USD-FUT@CME", "CME", "CME", "ES", "1"),
        ("ESZ5@CME", listed.ES, "ES-202512-USD-FUT@CME", "CME", "CME", "ES", "1"),
        ("#495512563@CME", listed.ES, "ES-202512-USD-FUT@CME", "CME", "CME", "ES", "1"),
        # The contract month is January, the last trading day in December.
        ("CL-202601-USD-FUT@NYMEX", listed.CL, "CL-202601-USD-FUT@NYMEX", "NYMEX", "NYMEX", "CL", "1"),
        ("SI-202603-USD-FUT@COMEX", listed.SI, "SI-202603-USD-FUT@COMEX", "COMEX", "COMEX", "SI", "1"),
        ("SI-202603-1000-USD-FUT@COMEX", listed.SIL, "SI:SIL-202603-USD-FUT@COMEX", "COMEX", "COMEX", "SI:SIL", "1"),
        ("VIX-20251203-USD-FUT@CFE", listed.VX_WEEK, "VIX-20251203-USD-FUT@CFE", "CFE", "CFE", "VIX", "1"),
        ("#4", listed.VX, "VIX-20251217-USD-FUT@CFE", "CFE", "CFE", "VIX", "1"),
        (
            "AAPL260116C00200000",
            listed.AAPL_OPTION,
            "AAPL-20260116-C-200-100-USD-OPT",
            *("SMART", "SMART", "AAPL", "2"),
        ),
        (
            "SPX-20251121-P-5000-100-USD-OPT",
            listed.SPX,
            "SPX-20251121-P-5000-100-USD-OPT",
            *("SMART", "SMART", "SPX", "2"),
        ),
        (
            "SPX:SPXW-20251121-P-5000-100-USD-OPT",
            listed.SPXW,
            "SPX:SPXW-20251121-P-5000-100-USD-OPT",
            *("SMART", "SMART", "SPX:SPXW", "2"),
        ),
        ("EUR.USD", listed.EUR, "EUR-USD-CASH", "IDEALPRO", "IDEALPRO", "EUR", "4"),
        ("#12087792", listed.EUR, "EUR-USD-CASH", "IDEALPRO", "IDEALPRO", "EUR", "4"),
        ("BTC-USD-CRYPTO", listed.BTC, "BTC-USD-CRYPTO@PAXOS", "PAXOS", "PAXOS", "BTC", "4"),
        ("US912828C572-USD-BOND", listed.US_BOND, "US912828C572-USD-BOND", "SMART", "SMART", "IBCID5", "B"),
    ],
)
def test_what_a_text_means(
    place: Place,
    text: str,
    details: Details,
    canonical: str,
    exchange: str,
    exchange_id: str,
    product_id: str,
    product_class: str,
) -> None:
    found = place.resolve(text)
    assert found.con_id == details.contract.con_id
    assert found.canonical == canonical
    assert found.contract.exchange == exchange
    assert (found.exchange_id, found.product_id, found.product_class) == (exchange_id, product_id, product_class)
    # What is written is read as the same.
    assert place.resolve(canonical).key == found.key


def test_every_listed_contract_comes_back(place: Place) -> None:
    for details in listed.LISTED:
        found = place.run(place.directory.of_contract(place.link, Contract(details.contract.con_id)))
        assert place.resolve(found.canonical).con_id == details.contract.con_id, found.canonical


def test_unknown_and_ambiguous(place: Place) -> None:
    # Unknown to the grammar, and unknown to TWS, whose words are kept.
    assert place.refused("B2B").startswith("CTP:'B2B' is neither")
    with pytest.raises(Refused, match="No security definition"):
        place.resolve("ZZZZ")
    assert place.refused("VIX-202512-USD-FUT@CFE") == (
        "CTP:VIX-202512-USD-FUT@CFE is one of: VIX-20251203-USD-FUT@CFE, VIX-20251217-USD-FUT@CFE"
    )


def test_a_future_at_two_exchanges_must_name_one(place: Place) -> None:
    twin = msgspec.structs.replace(
        listed.ES, contract=msgspec.structs.replace(listed.ES.contract, exchange="QBALGO"), valid_exchanges="CME,QBALGO"
    )
    place.link.answers["details"] = lambda query: listed.answer(query, (listed.ES, twin))
    assert "is one of: ES-202512-USD-FUT@CME, ES-202512-USD-FUT@QBALGO" in place.refused("ES-202512-USD-FUT")
    assert place.resolve("ES-202512-USD-FUT@CME").contract.exchange == "CME"


def test_an_ambiguous_stock_names_its_listing_exchange(place: Place) -> None:
    other = listed.stock(9, "AAPL", "MEXI")
    place.link.answers["details"] = lambda query: listed.answer(query, (listed.AAPL, other))
    assert "AAPL-USD-STK@SMART/NASDAQ, AAPL-USD-STK@SMART/MEXI" in place.refused("AAPL")
    assert place.resolve("AAPL-USD-STK@SMART/NASDAQ").canonical == "AAPL-USD-STK@SMART/NASDAQ"
    assert place.resolve("#9").canonical == "AAPL-USD-STK@SMART/MEXI"


def test_a_contract_that_no_text_names_is_its_number(place: Place) -> None:
    warrant = Details(Contract(77, "700", "WAR", exchange="SEHK", currency="HKD"), valid_exchanges="SEHK")
    place.link.answers["details"] = lambda query: listed.answer(query, (warrant,))
    found = place.resolve("#77")
    assert (found.canonical, found.exchange_id, found.product_class) == ("#77@SEHK", "HKEX", "2")


def test_a_contract_that_is_gone_keeps_its_number(place: Place) -> None:
    gone = Contract(88, "ES", "FUT", date="20250919", exchange="CME", currency="USD", multiplier="50")
    found = place.run(place.directory.of_contract(place.link, gone))
    assert (found.canonical, found.exchange_id, found.volume_multiple) == ("#88@CME", "CME", 50)


def test_thirty_characters(place: Place) -> None:
    found = place.resolve("SPX:SPXW-20251121-P-5000-100-USD-OPT")
    assert found.id_within(80) == "SPX:SPXW-20251121-P-5000-100-USD-OPT"
    assert found.id_within(30) == "#700000003"
    assert place.resolve("AAPL").id_within(30) == "AAPL-USD-STK"
    future = place.resolve("SI-202603-1000-USD-FUT@COMEX")
    assert (len(future.canonical), future.id_within(26)) == (27, "#2@COMEX")


def test_callbacks_use_the_clients_own_text(place: Place) -> None:
    session, _ = place.backend.open()
    names = place.directory.names_of(session)
    apple = place.resolve("AAPL")
    assert names.text(apple) == names.position_text(apple) == "AAPL-USD-STK"
    names.note(apple, "AAPL")
    assert place.directory.names_of(session) is names
    assert names.text(apple) == names.position_text(apple) == "AAPL"
    direct = place.resolve("AAPL-USD-STK@NASDAQ")
    assert names.text(direct) == "AAPL-USD-STK@NASDAQ"
    assert names.position_text(direct) == "AAPL"


# ------------------------------------------------------------------ asking once
def test_two_texts_of_a_contract_are_one(place: Place) -> None:
    assert place.resolve("AAPL") is place.resolve("AAPL-USD-STK") is place.resolve("#265598")


def test_everything_is_asked_once_a_day(place: Place) -> None:
    place.resolve("AAPL")
    place.resolve("AAPL-USD-STK")
    place.resolve("AAPL")
    assert place.asked == [Contract(symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD")]
    # Another process on the same day asks for nothing.
    second = Place()
    assert second.resolve("AAPL").details == listed.AAPL
    assert second.asked == []
    # 11:00 on Monday in New York; the day ends at 17:00.
    second.backend.timers.advance(6 * 3600)
    assert second.directory.known("AAPL") is None
    second.resolve("AAPL")
    assert len(second.asked) == 1
    folder = paths.cache_dir() / "ib"
    (path,) = folder.iterdir()
    assert path.name.startswith("contracts-127.0.0.1_7497-")
    assert path.name.endswith("-20251125.jsonl")
    second.backend.close()


@pytest.mark.parametrize("other", [LinkUp(157, 1, ("DU1000001",)), LinkUp(176, 1, ("DU1000009",))], ids=str)
def test_another_tws_at_the_same_place_has_answers_of_its_own(place: Place, other: LinkUp) -> None:
    up = LinkUp(176, 1, ("DU1000001",))
    place.directory.on_record(place.link, up)
    place.resolve("AAPL")
    place.directory.on_record(place.link, other)
    place.resolve("AAPL")
    assert len(place.asked) == 2
    # The first one again: it is the same day still.
    first = Place()
    first.directory.on_record(first.link, up)
    assert first.resolve("AAPL").details == listed.AAPL
    assert first.asked == []
    first.backend.close()


def test_a_contract_that_tws_does_not_know_any_more(place: Place) -> None:
    place.resolve("AAPL")
    place.directory.distrust()
    place.resolve("AAPL")
    assert len(place.asked) == 2


def test_a_damaged_cache_is_left_out(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.resolve("AAPL")
    (path,) = (paths.cache_dir() / "ib").iterdir()
    path.write_bytes(path.read_bytes()[:-40] + b"\nnonsense\n" + b'{"format":99,"query":{},"found":[]}\n')
    second = Place()
    with caplog.at_level(logging.WARNING, "ctp2.ib"):
        assert second.resolve("AAPL").con_id == 265598
    assert len(second.asked) == 1
    assert caplog.text.count("is left out") == 2
    second.backend.close()


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    paths.cache_dir().parent.mkdir(exist_ok=True)
    paths.cache_dir().write_text("a file")
    with caplog.at_level(logging.WARNING, "ctp2.ib"):
        assert place.resolve("AAPL").con_id == 265598
        place.resolve("SPY")
    assert "asked for again" in caplog.text


def test_who_asks_meanwhile_waits_for_the_same_answer(place: Place) -> None:
    loop = place.backend.timers.loop
    answer: asyncio.Future[list[Details]] = loop.create_future()
    place.link.answers["details"] = lambda query: answer
    first = loop.create_task(place.directory.resolve(place.link, "AAPL"))
    second = loop.create_task(place.directory.resolve(place.link, "AAPL"))
    place.backend.timers.settle()
    assert len(place.asked) == 1
    answer.set_result([listed.AAPL])
    place.backend.timers.settle()
    assert first.result() is second.result()


def test_a_failure_reaches_all_who_wait_and_is_not_kept(place: Place) -> None:
    loop = place.backend.timers.loop
    answer: asyncio.Future[list[Details]] = loop.create_future()
    place.link.answers["details"] = lambda query: answer
    tasks = [loop.create_task(place.directory.resolve(place.link, "AAPL")) for _ in range(2)]
    place.backend.timers.settle()
    answer.set_exception(LinkLost("the link broke"))
    place.backend.timers.settle()
    assert all(isinstance(task.exception(), LinkLost) for task in tasks)
    place.link.answers["details"] = listed.answer
    assert place.resolve("AAPL").con_id == 265598


def test_a_question_that_is_given_up_frees_who_waits(place: Place) -> None:
    loop = place.backend.timers.loop
    answer: asyncio.Future[list[Details]] = loop.create_future()
    place.link.answers["details"] = lambda query: answer
    first, second = [loop.create_task(place.directory.resolve(place.link, "AAPL")) for _ in range(2)]
    place.backend.timers.settle()
    first.cancel()
    place.backend.timers.settle()
    assert isinstance(second.exception(), LinkLost)


def test_a_chain_is_one_question(place: Place) -> None:
    query = Contract(symbol="ES", sec_type="FUT", exchange="CME")
    found = place.run(place.directory.chain(place.link, query))
    assert [resolved.canonical for resolved in found] == ["ES-202512-USD-FUT@CME", "ES-202603-USD-FUT@CME"]
    assert place.asked == [query]
    assert place.directory.known("ES-202603-USD-FUT@CME") is found[1]
    weeks = place.run(place.directory.chain(place.link, Contract(symbol="VIX", sec_type="FUT", exchange="CFE")))
    assert [resolved.canonical for resolved in weeks] == ["VIX-20251203-USD-FUT@CFE", "VIX-20251217-USD-FUT@CFE"]
    assert {resolved.canonical for resolved in place.directory.all()} == {
        *("ES-202512-USD-FUT@CME", "ES-202603-USD-FUT@CME"),
        *("VIX-20251203-USD-FUT@CFE", "VIX-20251217-USD-FUT@CFE"),
    }


# ------------------------------------------------------------------ sizes, multipliers, price steps
def test_multipliers(place: Place) -> None:
    assert (place.resolve("ESZ5@CME").volume_multiple, place.resolve("ESZ5@CME").money) == (50, 50.0)
    assert place.resolve("AAPL").volume_multiple == 1
    # Pence: money is a hundredth of the price.
    assert (place.resolve("VOD").volume_multiple, place.resolve("VOD").money) == (1, 0.01)
    coin = place.resolve("BTC-USD-CRYPTO")
    assert (coin.scale, coin.volume_multiple, coin.unit, coin.money) == (100_000, 1, Decimal("0.00001"), 0.00001)


@pytest.mark.parametrize(
    ("text", "quantity", "volume"),
    [
        ("AAPL", 100.0, 100),
        ("AAPL", 0.5, 0),
        ("AAPL", -1.9, -1),
        ("BTC-USD-CRYPTO", 0.3, 30_000),
        ("BTC-USD-CRYPTO", 0.00001, 1),
        ("BTC-USD-CRYPTO", -1.23456, -123_456),
        ("BTC-USD-CRYPTO", 0.000015, 1),
        ("EUR.USD", 25_000.0, 25_000),
    ],
)
def test_volumes(place: Place, text: str, quantity: float, volume: int) -> None:
    assert place.resolve(text).volume(quantity) == volume


def test_quantities(place: Place) -> None:
    assert place.resolve("BTC-USD-CRYPTO").quantity(30_000) == 0.3
    assert place.resolve("AAPL").quantity(7) == 7.0


def test_volume_scale_of_the_address() -> None:
    place = Place("ib://127.0.0.1:7497?volume_scale=1000")
    assert place.resolve("BTC-USD-CRYPTO").scale == 1000
    assert place.resolve("AAPL").scale == 1
    place.backend.close()


def test_price_steps(place: Place) -> None:
    # US stocks: 0.0001 below a dollar, 0.01 from there on.
    place.link.answers["market_rule"] = [PriceIncrement(1.0, 0.01), PriceIncrement(0.0, 0.0001)]
    apple = place.resolve("AAPL")
    assert place.run(place.directory.increment(place.link, apple, 0.5)) == 0.0001
    assert place.run(place.directory.increment(place.link, apple, 1.0)) == 0.01
    assert place.run(place.directory.increment(place.link, apple, 200.0)) == 0.01
    assert place.link.calls_of("market_rule") == [(26,)]
    future = place.resolve("ESZ5@CME")
    assert place.run(place.directory.increment(place.link, future, 6700.0)) == 0.25
    assert len(place.link.calls_of("market_rule")) == 1


def test_a_rule_that_tws_refuses_leaves_min_tick(place: Place) -> None:
    place.link.answers["market_rule"] = Refused(321, "invalid")
    assert place.run(place.directory.increment(place.link, place.resolve("AAPL"), 5.0)) == 0.01


def test_underlying(place: Place) -> None:
    assert place.directory.underlying_id(listed.AAPL_OPTION) == "#265598"
    place.resolve("AAPL")
    assert place.directory.underlying_id(listed.AAPL_OPTION) == "AAPL-USD-STK"
    assert place.directory.underlying_id(listed.AAPL) == ""


def test_programs_with_thirty_characters() -> None:
    place = Place("ib://127.0.0.1:7497?id_chars=30")
    try:
        session, _ = place.backend.open("trader")
        names = place.directory.names_of(session)
        # 37 characters, and 12.
        assert names.text(place.resolve("SPX:SPXW-20251121-P-5000-100-USD-OPT")) == "#700000003"
        assert names.text(place.resolve("AAPL")) == "AAPL-USD-STK"
        # What the program wrote itself is kept.
        names.note(place.resolve("#700000003"), "SPX:SPXW-20251121-P-5000-100-USD-OPT")
        assert names.text(place.resolve("#700000003")) == "SPX:SPXW-20251121-P-5000-100-USD-OPT"
    finally:
        place.backend.close()
