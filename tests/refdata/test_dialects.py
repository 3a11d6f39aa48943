"""Files with vn.py's and WonderTrader's columns, and CZCE's nights: the dates are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.refdata.ticks import DBL_MAX, Tick, TickFileError, TickInstrument, read_days

VNPY = (
    "gateway_name,symbol,exchange,datetime,name,volume,turnover,open_interest,last_price,last_volume,limit_up,limit_down,"
    "open_price,high_price,low_price,pre_close,bid_price_1,bid_price_2,ask_price_1,ask_price_2,bid_volume_1,bid_volume_2,"
    "ask_volume_1,ask_volume_2,localtime"
)
WONDER = (
    "exchg,code,tradingdate,actiondate,actiontime,price,open,high,low,settle,preclose,presettle,preinterest,total_volume,"
    "total_turnover,open_interest,volume,turnover,additional,bidprice1,bidqty1,askprice1,askqty1,bidprice2,bidqty2,"
    "askprice2,askqty2,bidprice6,bidqty6"
)


def read(path: Path, header: str, *lines: str) -> list[tuple[str, list[Tick], list[TickInstrument]]]:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return [(day.trading_day, list(day), day.instruments) for day in read_days(path)]


def vnpy(symbol: str, exchange: str, moment: str, volume: int = 5) -> str:
    prices = "3001.0,1,3300.0,2700.0,3000.0,3002.0,2999.0,0.0,3000.0,0.0,3001.0,0.0"
    return f"CTP,{symbol},{exchange},{moment},x,{volume}.0,150000.0,1000.0,{prices},7.0,0.0,8.0,0.0,"


def test_vnpy(tmp_path: Path) -> None:
    """0 is an absent price; Friday's night is Monday's, also on Saturday; an offset may stand there or not."""
    found = read(
        tmp_path / "a.csv",
        VNPY,
        vnpy("rb2701", "SHFE", "2026-11-20 21:00:00.500000+08:00", 1),
        vnpy("rb2701", "SHFE", "2026-11-21 00:30:00", 2),
        vnpy("rb2701", "Exchange.SHFE", "2026-11-23 09:00:01.25", 3),
        vnpy("rb2701", "SHFE", "2026-11-23T06:30:00+00:00", 4),  # 14:30 in Beijing
    )
    ((trading_day, ticks, instruments),) = found
    assert (trading_day, instruments) == ("20261123", [TickInstrument("SHFE", "rb2701")])
    assert [(tick.action_day, tick.time_of_day, tick.millisec, tick.volume) for tick in ticks] == [
        ("20261120", "21:00:00", 500, 1),
        ("20261121", "00:30:00", 0, 2),
        ("20261123", "09:00:01", 250, 3),
        ("20261123", "14:30:00", 0, 4),
    ]
    tick = ticks[0]
    assert tick.time_ns < 0
    assert (tick.last, tick.open, tick.high, tick.low, tick.pre_close) == (3001.0, 3000.0, 3002.0, 2999.0, DBL_MAX)
    assert (tick.upper_limit, tick.lower_limit, tick.turnover, tick.open_interest) == (3300.0, 2700.0, 150000.0, 1000.0)
    assert (tick.bid1, tick.bid_volume1, tick.ask1, tick.ask_volume1, tick.bid2) == (3000.0, 7, 3001.0, 8, DBL_MAX)
    assert tick.pre_settlement == DBL_MAX  # vn.py has none


def test_vnpy_with_vt_symbol_and_its_names_of_exchanges(tmp_path: Path) -> None:
    header = "datetime,vt_symbol,last_price,volume"
    found = read(
        tmp_path / "a.csv",
        header,
        "2026-11-23 09:30:00,00700.SEHK,600,1",
        "2026-11-23 09:30:00-05:00,AAPL.NASDAQ,200,1",
        "2026-11-23 09:30:00,600519.SSE,1500,1",
    )
    ((_, ticks, instruments),) = found
    assert set(instruments) == {
        TickInstrument("HKEX", "00700"),
        TickInstrument("NASD", "AAPL"),
        TickInstrument("SSE", "600519"),
    }
    assert {tick.time_of_day for tick in ticks} == {"09:30:00"}


def test_wonder_trader(tmp_path: Path) -> None:
    """Times are numbers HHMMSSmmm; the volume of the single tick is not the day's; level 6 is left out."""
    row = "3001,3000,3002,2999,0,2998,2995,900,{total},{money},1000,2,60000,0,3000,7,3001,8,0,0,0,0,0,0"
    found = read(
        tmp_path / "a.csv",
        WONDER,
        "SHFE,rb2701,20261123,20261120,210000500," + row.format(total=1, money=30000),
        "SHFE,rb2701,20261123,20261123,90000000," + row.format(total=3, money=90000),
    )
    ((trading_day, ticks, instruments),) = found
    assert (trading_day, instruments) == ("20261123", [TickInstrument("SHFE", "rb2701")])
    assert [(tick.action_day, tick.time_of_day, tick.millisec, tick.volume) for tick in ticks] == [
        ("20261120", "21:00:00", 500, 1),
        ("20261123", "09:00:00", 0, 3),
    ]
    tick = ticks[1]
    assert (tick.pre_settlement, tick.pre_close, tick.pre_open_interest, tick.settlement) == (
        2995.0,
        2998.0,
        900,
        DBL_MAX,
    )
    assert (tick.bid1, tick.bid_volume1, tick.ask1, tick.ask_volume1, tick.bid2) == (3000.0, 7, 3001.0, 8, DBL_MAX)
    assert tick.turnover == 90000.0


def test_wonder_trader_with_underscores_and_levels_from_0(tmp_path: Path) -> None:
    header = "code,trading_date,action_date,action_time,price,total_volume,bid_price_0,bid_qty_0,bid_price_1,bid_qty_1"
    ((_, ticks, instruments),) = read(
        tmp_path / "a.csv", header, "CFFEX.IF.2612,20261123,20261123,93000000,4600,1,4599,2,4598,3"
    )
    assert instruments == [TickInstrument("CFFEX", "IF2612")]
    assert (ticks[0].bid1, ticks[0].bid_volume1, ticks[0].bid2, ticks[0].bid_volume2) == (4599.0, 2, 4598.0, 3)


BROKEN = [
    (VNPY, vnpy("rb2701", "SHFE", "yesterday"), r"a\.csv:2: UpdateTime: 'yesterday' is not a time"),
    (VNPY, vnpy("rb2701", "SHFE", "2026-02-30 09:00:00"), r"a\.csv:2: UpdateTime"),
    (
        WONDER,
        "SHFE,rb2701,20261123,20261123,9h00," + ",".join(["1"] * 24),
        r"a\.csv:2: UpdateTime: '9h00' is not a time",
    ),
    (
        "time,price",
        "1,2",
        r"missing column InstrumentID, UpdateTime, LastPrice \(CTP's names, vn\.py's or WonderTrader's",
    ),
]


@pytest.mark.parametrize(("header", "line", "message"), BROKEN)
def test_broken_cells_are_named(tmp_path: Path, header: str, line: str, message: str) -> None:
    with pytest.raises(TickFileError, match=message):
        read(tmp_path / "a.csv", header, line)


CTP = "TradingDay,InstrumentID,LastPrice,Volume,UpdateTime,ActionDay"


def test_a_night_of_czce_in_a_plain_file_goes_to_its_trading_day(tmp_path: Path) -> None:
    """Both dates are Friday's (ctp-semantics 9.3); the next weekday is Monday."""
    found = read(
        tmp_path / "a.csv",
        CTP,
        "20190830,SR001,5390,10,14:59:59,20190830",
        "20190830,SR001,5391,3,21:00:00,20190830",
        "20190902,SR001,5392,4,23:29:59,20190902",  # told again on Monday morning, with rolled dates
        "20190902,SR001,5393,5,09:00:00,20190902",
    )
    assert [(day, [tick.volume for tick in ticks]) for day, ticks, _ in found] == [
        ("20190830", [10]),
        ("20190902", [3, 4, 5]),
    ]


@pytest.mark.parametrize("code", ["m2001", "rb2001", "600519"])
def test_evenings_of_others_stay(tmp_path: Path, code: str) -> None:
    ((day, _, _),) = read(tmp_path / "a.csv", CTP, f"20190830,{code},5390,10,21:00:00,20190830")
    assert day == "20190830"
