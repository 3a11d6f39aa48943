"""Combination actions through the public face (spec ctp-semantics 12.5, 8.3), their invariants, and their recovery."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.ctp.layout import codec, versions
from ctp2.testing import Call
from ctp2.testing.desk import Desk
from ctp2.testing.desk_combos import add_combination, comb_action
from ctp2.tts import counter
from ctp2.tts.combos import Combination
from ctp2.tts.position import PositionRow
from ctp2.tts.terms import LONG, SHORT
from tests.tts.programs import Trader, Watcher, address_of, released
from tests.tts.recovery import replayed, totals

DAY = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,UpperLimitPrice,LowerLimitPrice,Volume,UpdateTime,\
UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
20210104,m2105,DCE,3400,3390,3600,3200,1000,09:30:00,500,3399,10,3400,10,20210104
20210104,m2109,DCE,3500,3490,3700,3300,1000,09:30:00,500,3500,10,3501,10,20210104
20210104,m2109,DCE,3500,3490,3700,3300,1000,09:30:40,500,3500,10,3501,10,20210104
"""
CODE = "SP m2105&m2109"


@pytest.fixture
def address(tmp_path: Path) -> str:
    return address_of(tmp_path, day=DAY)


@pytest.fixture
def alice(address: str) -> Iterator[Trader]:
    """Two lots long of one month, two short of the other."""
    client = Trader(address).start()
    counter(address).step(2)
    with released(client):
        client.fill("m2105", 3400.0, 2, Direction="0")
        client.fill("m2109", 3500.0, 2, Direction="1", ExchangeID="DCE")
        yield client


def act(client: Trader, **members: Any) -> int:
    """Send a combination action; returns the number of callbacks that had come before."""
    before = len(client.spi.calls)
    client.send("ReqCombActionInsert", **fields(**members))
    return before


def fields(**members: Any) -> dict[str, Any]:
    return {
        "BrokerID": "9999",
        "InvestorID": "alice",
        "UserID": "alice",
        "ExchangeID": "DCE",
        "InstrumentID": CODE,
        "CombActionRef": "1",
        "Direction": "0",
        "Volume": 2,
        "CombDirection": "0",
        "HedgeFlag": "1",
        **members,
    }


def is_action(status: str) -> Any:
    return lambda call: call.name == "OnRtnCombAction" and call.field.ActionStatus == status


def packed(calls: list[Call]) -> list[tuple[str, bytes, bytes]]:
    pack = codec(versions()[-1]).pack
    return [(c.name, pack(c.field), pack(c.info) if c.info is not None else b"") for c in calls]


def of_combinations(client: Trader) -> list[Call]:
    return [call for call in client.private() if "CombAction" in call.name]


def test_an_action_reaches_every_session_and_the_replay(alice: Trader, address: str) -> None:
    second = Trader(address, resume=tdapi.THOST_TERT_RESTART).start()
    with released(second):
        told = alice.spi.wait_for(is_action("b"), after=act(alice)).field
        assert (told.InstrumentID, told.ExchangeID, told.Volume, told.CombDirection) == (CODE, "DCE", 2, "0")
        assert (told.ActionLocalID, told.ComTradeID, told.TradingDay) == ("1".rjust(12), "1".rjust(12), "20210104")
        assert (told.FrontID, told.SessionID) == (alice.login_field.FrontID, alice.login_field.SessionID)
        answer, *_ = alice.ask("ReqCombActionInsert", **fields(Volume=3))
        assert (answer.name, answer.error_id, answer.field.Volume) == ("OnRspCombActionInsert", 30, 3)
        alice.spi.wait_for("OnErrRtnCombActionInsert")
        second.spi.wait_for("OnErrRtnCombActionInsert")
        live = packed(of_combinations(alice))
        assert [name for name, _, _ in live] == ["OnRtnCombAction", "OnRtnCombAction", "OnErrRtnCombActionInsert"]
        assert packed(of_combinations(second)) == live


def test_what_queries_show_of_combinations(alice: Trader, address: str) -> None:
    rate = alice.rows("ReqQryInstrumentMarginRate", InstrumentID="m2105", ExchangeID="DCE")[0]
    assert rate.LongMarginRatioByMoney == rate.ShortMarginRatioByMoney
    ratio = rate.LongMarginRatioByMoney
    alice.spi.wait_for(is_action("b"), after=act(alice, Volume=1))
    rows = {row.InstrumentID: row for row in alice.rows("ReqQryInvestorPosition")}
    assert set(rows) == {"m2105", "m2109", CODE}
    # Multiplier 10: one lot single of each at 34000 and 35000, and the larger leg of the pair at 35000.
    assert rows["m2105"].UseMargin == pytest.approx(34000 * ratio)
    assert rows["m2109"].UseMargin == pytest.approx(35000 * ratio)
    assert rows[CODE].UseMargin == pytest.approx(35000 * ratio)
    assert [rows[code].Position for code in ("m2105", "m2109", CODE)] == [2, 2, 1]
    assert (rows["m2105"].CombPosition, rows[CODE].OpenVolume, rows[CODE].PosiDirection) == (1, 1, "2")
    assert alice.rows("ReqQryTradingAccount")[0].CurrMargin == pytest.approx(104000 * ratio)
    assert [row.InstrumentID for row in alice.rows("ReqQryInvestorPosition", InstrumentID=CODE)] == [CODE]
    legs = alice.rows("ReqQryInvestorPositionCombineDetail", CombInstrumentID=CODE)
    assert [(row.InstrumentID, row.LegID, row.TotalAmt) for row in legs] == [("m2105", 1, 1), ("m2109", 2, 1)]
    assert alice.rows("ReqQryInvestorPositionCombineDetail", CombInstrumentID="SP a&b") == []
    # The action and what it is about; a combination is never among the instruments.
    (action,) = alice.rows("ReqQryCombAction", InstrumentID=CODE)
    assert (action.ActionStatus, action.CombActionRef, action.Volume) == ("b", "1", 1)
    assert alice.rows("ReqQryCombAction", ExchangeID="CZCE") == []
    (guard,) = alice.rows("ReqQryCombInstrumentGuard", InstrumentID=CODE)
    assert (guard.InstrumentID, guard.ExchangeID, guard.GuarantRatio) == (CODE, "DCE", 1.0)
    assert alice.rows("ReqQryCombInstrumentGuard", InstrumentID="SP x&y") == []
    assert alice.rows("ReqQryInstrument", InstrumentID=CODE) == []
    # Half a minute later it can be taken back.
    answer, *_ = alice.ask("ReqCombActionInsert", **fields(Volume=1, CombDirection="2"))
    assert answer.error_id == 152
    counter(address).pause()
    counter(address).step()
    alice.spi.wait_for(is_action("b"), after=act(alice, Volume=1, CombDirection="2"))
    assert alice.rows("ReqQryInvestorPositionCombineDetail") == []


def test_combinations_that_do_not_exist(alice: Trader) -> None:
    for code, number in {"SP m2105&m2107": 16, "SPD m2105&m2109": 16, "SP m2105": 16, "m2105": 82}.items():
        answer, *_ = alice.ask("ReqCombActionInsert", **fields(InstrumentID=code, Volume=1))
        assert (code, answer.error_id) == (code, number)


def test_two_sold_options_need_the_larger_margin_and_the_other_ones_royalty() -> None:
    """Spec 7.3, STD and STG; and they are made by selling only (12.5)."""
    desk = Desk()
    # Margin 20 % and 10 % of the value; royalties at settlement 100 x 10 and 300 x 10 per lot.
    one = desk.instrument("DCE", "c", margin="0.2", settled="100", limits="1..4000")
    two = desk.instrument("DCE", "p", margin="0.1", settled="300", limits="1..4000")
    strangle = Combination("DCE", "STG c&p", "STG", (one, two), (LONG, LONG))
    rows = (PositionRow(one, SHORT, "1", False), PositionRow(two, SHORT, "1", False))
    # 2 lots: 2 x 100 x 10 x 20 % = 400 against 2 x 300 x 10 x 10 % = 600; the smaller leg's royalty is 2 x 1000.
    margins = strangle.leg_margins(rows, (100, 300), 2)
    assert margins.own == (2000_000000, 600_000000)
    assert strangle.side_of(0, "1") == strangle.side_of(1, "1") == SHORT
    assert strangle.rule.directions == "1"


def morning() -> Desk:
    desk = Desk(fills="full")
    for code, price in (("X1", 3000), ("X2", 3100), ("Y1", 2800)):
        desk.instrument("DCE", code, limits="2000..4000", settled=str(price), margin="0.1")
    for code in ("SP X1&X2", "SPC X1&Y1", "SPC X2&Y1"):
        add_combination(desk, code)
    desk.user("alice", "1000000")
    return desk


@pytest.mark.parametrize("seed", range(12))
def test_games_of_combinations(seed: int) -> None:
    """Whatever is combined, parted and closed: sums agree after each step, and the log alone makes the same state."""
    game = random.Random(seed)
    desk = morning()
    events: list[Any] = []
    codes = ("SP X1&X2", "SPC X1&Y1", "SPC X2&Y1")
    for _ in range(120):
        volume, code = game.randint(1, 4), game.choice(("X1", "X2", "Y1"))
        price = game.randrange(2900, 3000)
        events += desk.quote(code, bid=f"{price}x99", ask=f"{price}x99", last=str(price))
        way = game.choice(("buys", "sells"))
        step = game.random()
        if step < 0.35:
            events += desk.insert("alice", way, "open", volume, code, price)
        elif step < 0.6:
            events += desk.insert("alice", way, "close", volume, code, price)
        else:
            verb = "combines" if step < 0.85 else "parts"
            events += comb_action(desk, "alice", verb, volume, game.choice(codes), game.choice(("buy", "sell")))
        desk.now_ns += 1_000_000_000
        check(desk)
    assert any(pair.volume == 0 for pair in desk.state.combos.pairs["alice"])
    assert totals(replayed(morning().state, desk.state, events)) == totals(desk.state)


def check(desk: Desk) -> None:
    """Lots, rows, pairs and the account agree on volumes and margin."""
    account = desk.state.accounts["alice"]
    pairs = desk.state.combos.standing("alice")
    margin = sum(pair.margin for pair in pairs)
    for row in account.rows.values():
        singles = sum(lot.volume + lot.lag - lot.combined for lot in row.lots)
        assert row.position == sum(lot.volume for lot in row.lots)
        assert row.comb_position == sum(pair.volume for pair in pairs for own in pair.rows if own is row)
        assert singles == row.position - row.comb_position >= 0
        for lot in row.lots:
            single = lot.volume + lot.lag - lot.combined
            assert single >= 0
            assert lot.combined >= 0
            assert lot.margin == lot.basis * 10 * single * 100_000  # a tenth, in micro-units
        assert row.margin == sum(lot.margin for lot in row.lots)
        margin += row.margin
    for pair in pairs:
        # The larger leg's value of that many lots, a tenth of it.
        assert pair.margin == max(lot.basis for lot in pair.lots) * 10 * pair.volume * 100_000
    comb_rows = desk.state.combos.rows.get("alice", {}).values()
    assert sum(row.margin for row in comb_rows) == sum(pair.margin for pair in pairs)
    assert account.purse("CNY").curr_margin == margin


def test_listed_legs_become_contracts_when_they_are_named(tmp_path: Path) -> None:
    """Nothing was recorded of them: both months are listed, nobody holds them (30), and quote requests can be heard."""
    address = f"tts://7x24?id=pairs{tmp_path.name}&markets=futures&synthetic=off"
    client, watcher = Trader(address).start(), Watcher(address).login()
    with released(client, watcher):
        listed = [row.InstrumentID for row in client.rows("ReqQryInstrument", ExchangeID="DCE", ProductID="jm")]
        first, second = listed[:2]
        assert watcher.api.SubscribeForQuoteRsp([first], 1) == 0
        watcher.spi.wait_for("OnRspSubForQuoteRsp")
        client.send("ReqForQuoteInsert", BrokerID="9999", InvestorID="alice", ExchangeID="DCE", InstrumentID=first)
        assert watcher.spi.wait_for("OnRtnForQuoteRsp").field.InstrumentID == first
        for code, number in {f"SP {first}&{second}": 30, f"SP {first}&jm9912": 16, second: 82}.items():
            answer, *_ = client.ask("ReqCombActionInsert", **fields(InstrumentID=code, Volume=1))
            assert (code, answer.error_id) == (code, number)


_OPTIONS = "".join(
    f"20210104,{code},DCE,62,60,264,0.5,1000,09:30:00,500,61,10,63,10,20210104\n"
    for code in ("m2105-C-3400", "m2105-P-3400", "m2105-P-3300", "m2109-C-3400", "m2109-P-3400")
)
_CORN = "20210104,c2105,DCE,2700,2690,2900,2500,1000,09:30:00,500,2699,10,2700,10,20210104\n"


@pytest.mark.proves("8.3 ClassifiedInstrument")
def test_combinations_for_actions_are_rows_only_when_they_are_asked_for(tmp_path: Path) -> None:
    """One row per product: SP of the first two months, STD and STG of the first month, SPC once it was named."""
    client = Trader(address_of(tmp_path, day=DAY + _OPTIONS + _CORN)).start()
    with released(client):

        def codes(exchange: str = "DCE", trading: str = "2", kind: str = "3", **members: str) -> list[str]:
            asked = {"ExchangeID": exchange, "TradingType": trading, "ClassType": kind, **members}
            return [row.InstrumentID for row in client.rows("ReqQryClassifiedInstrument", **asked)]

        straddle, strangle = "STD m2105-C-3400&m2105-P-3400", "STG m2105-C-3400&m2105-P-3300"
        assert codes() == [CODE, straddle, strangle]
        assert codes(exchange="") == codes(trading="0") == codes(trading="1") == codes(exchange="CZCE") == []
        assert codes(kind="1") == codes(kind="2") == []
        assert not [code for code in codes(trading="0", kind="0") if "&" in code]
        assert [row for row in client.rows("ReqQryInstrument") if "&" in row.InstrumentID] == []
        assert codes(ProductID="SP m&m") == codes(InstrumentID=CODE) == [CODE]
        (row,) = client.rows(
            "ReqQryClassifiedInstrument", ExchangeID="DCE", TradingType="2", ClassType="3", InstrumentID=straddle
        )
        assert (row.ProductClass, row.IsTrading, row.CombinationType) == ("3", 0, "3")
        client.ask("ReqCombActionInsert", **{**fields(), "InstrumentID": "SPC m2105&c2105"})
        assert codes() == [CODE, straddle, strangle, "SPC m2105&c2105"]
