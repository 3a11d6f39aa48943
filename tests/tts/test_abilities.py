"""What the counter declares is so: each kind of order and each market is tried, and the requests are all in an area."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ctp2.ctp import methods
from ctp2.refdata.loader import Universe
from ctp2.refdata.options import chain
from ctp2.testing.desk import Desk
from ctp2.tts.abilities import AREAS, BUILT_IN, CLASS_NAMES, MARKETS, ORDER_KINDS, OrderKind
from ctp2.tts.backend import CAPABILITIES
from ctp2.tts.commands import ConfirmSettlement, InsertOrder, OpenAccount
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.events import OrderReport
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State
from ctp2.tts.terms import CONTINUOUS

DAY = "20250306"
SAMPLES: dict[tuple[str, str], str] = {
    ("SHFE", "future"): "rb2505",
    ("INE", "future"): "sc2505",
    ("DCE", "future"): "m2505",
    ("CZCE", "future"): "SR505",
    ("CFFEX", "future"): "IF2503",
    ("GFEX", "future"): "si2505",
    ("CME", "future"): "ESM5",
    ("SHFE", "option"): "rb2505C3300",
    ("INE", "option"): "sc2505C560",
    ("DCE", "option"): "m2505-C-2900",
    ("CZCE", "option"): "SR505C6000",
    ("CFFEX", "option"): "IO2503-C-3900",
    ("GFEX", "option"): "si2505-C-11000",
    ("SSE", "stock"): "600519",
    ("SZSE", "stock"): "000001",
    ("BSE", "stock"): "430047",
    ("HKEX", "stock"): "00700",
    ("NASD", "stock"): "AAPL",
    ("NYSE", "stock"): "IBM",
    ("SSE", "fund"): "510300",
    ("SZSE", "fund"): "159915",
    ("SSE", "bond"): "113050",
    ("SZSE", "bond"): "123107",
}
"""(exchange, class) → a code of it that the reference data knows."""
FUNDS = {"SSE": "510050", "SZSE": "159919"}
"""Funds that have options."""


@pytest.mark.parametrize("kind", ORDER_KINDS, ids=lambda kind: kind.name)
def test_every_declared_kind_of_order_is_taken(kind: OrderKind) -> None:
    desk = Desk(profile="clean", fills="full", order_types=kind.order_types)
    desk.instrument(kind.exchange, "xy2505", limits="3000..4000", settled="3500")
    desk.user("alice", "1000000")
    desk.quote("xy2505", bid="3499x9", ask="3501x9", last="3500")
    events = desk.insert(
        "alice",
        "buys",
        "open",
        2,
        "xy2505",
        3501.0 if kind.price_type == "2" else 0.0,
        price_type=kind.price_type,
        time_condition=kind.time_condition,
        volume_condition=kind.volume_condition,
        min_volume=1,
        contingent=kind.contingent,
        stop_price=3600.0 if kind.contingent != "1" else 0.0,
    )
    states = [event.status for event in events if isinstance(event, OrderReport)]
    assert states[0] in "ab", "CTP takes it"
    assert all(event.submit != "4" for event in events if isinstance(event, OrderReport)), "and so does the exchange"


@pytest.mark.parametrize(
    ("exchange", "product_class"), [(exchange, name) for exchange, names in MARKETS.items() for name in names]
)
def test_every_declared_market_takes_an_order(exchange: str, product_class: str) -> None:
    universe = Universe(DAY)
    code = SAMPLES.get((exchange, product_class)) or chain(FUNDS[exchange], DAY, Decimal("2.7"))[0].code
    instrument = universe.resolve(code, exchange)
    assert instrument is not None
    assert instrument.product_class == product_class
    contract = Contract(
        0,
        instrument,
        universe.margin_rate(instrument),
        universe.commission(instrument),
        profile_for("exchange", exchange),
        is_matched=True,
    )
    price = instrument.price_tick * 1000
    contract.phase = CONTINUOUS
    contract.pre_settlement = int(price * contract.price_scale)
    engine = Engine(State(DAY), Settings())
    engine.add_contract(contract)
    engine.open_account(OpenAccount(1, "alice", {instrument.currency: 10**15}))
    engine.confirm_settlement(ConfirmSettlement(2, "alice"))
    lot = max(instrument.lot_min, instrument.min_limit_volume)
    order = InsertOrder(3, 1, 1, "alice", "alice", "alice", exchange, code, "1", "0", "0", float(price), lot)
    states = [event.status for event in engine.insert_order(order) if isinstance(event, OrderReport)]
    assert states[0] == "a"
    assert states[-1] == "3", "it works in the book"


def test_every_class_has_a_name() -> None:
    assert {name for names in MARKETS.values() for name in names} <= CLASS_NAMES.keys()


def test_every_request_is_in_one_area() -> None:
    listed = [request for _, _, requests in AREAS for request in requests]
    assert len(set(listed)) == len(listed)
    queries = {name for name in methods.TRADER if name.startswith(("ReqQry", "ReqQueryMax", "ReqQueryCFMMC"))}
    every = methods.TRADER.keys() | {name for name in methods.MD if not name.startswith("ReqQry")}
    assert set(listed) == every - queries
    assert CAPABILITIES.requests <= every
    assert set(listed) >= BUILT_IN


def test_the_backend_declares_it() -> None:
    assert CAPABILITIES.order_kinds == {kind.name for kind in ORDER_KINDS}
    assert CAPABILITIES.markets == MARKETS
    assert CAPABILITIES.kinds == {"trader", "md"}
