"""Order-by-order truth: a real exchange day comes out trade by trade; what a stream file must hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.testing.stream import StreamError, Trade, read_stream, verify
from tests.shared_data import shared

ORDERS = "BizIndex,Time,Type,Side,OrderNo,Price,Volume\n"
TRADES = "BizIndex,Time,Aggressor,BidOrderNo,AskOrderNo,Price,Volume\n"


def files(folder: Path, orders: str, trades: str) -> tuple[Path, Path]:
    paths = folder / "orders.csv", folder / "trades.csv"
    paths[0].write_text(ORDERS + orders, encoding="utf-8")
    paths[1].write_text(TRADES + trades, encoding="utf-8")
    return paths


def test_all_trades_of_a_real_day_come_out_identical() -> None:
    folder = shared("data/ticks")
    stream = read_stream(folder / "sse_600519_20230207_orders.csv.gz", folder / "sse_600519_20230207_trades.csv.gz")
    report = verify(stream)
    assert (report.ours, report.theirs, report.identical) == (18685, 18685, 18685)
    assert report.agrees
    assert report.first_difference is None


DAY_ORDERS = """\
1,09:15:00.000,A,B,11,10.02,300
2,09:16:00.000,A,S,12,10.00,200
3,09:17:00.000,A,S,13,10.01,100
6,09:31:00.000,A,S,14,10.05,100
8,09:32:00.000,A,B,15,10.05,50
9,09:33:00.000,D,B,15,10.05,50
10,14:58:00.000,A,S,16,10.03,100
11,14:59:00.000,A,B,17,10.04,100
"""
# The auction: 300 cross at 10.01 and 10.02 alike, nothing is left over at either, so the reference decides; without one
# it is the higher. Order 15 arrives with 150: 100 trade, 50 rest.
DAY_TRADES = """\
4,09:25:00.500,N,11,12,10.02,200
5,09:25:00.500,N,11,13,10.02,100
7,09:32:00.000,B,15,14,10.05,100
12,15:00:00.500,N,17,16,10.04,100
"""


def test_auctions_continuous_trading_and_deletes(tmp_path: Path) -> None:
    report = verify(read_stream(*files(tmp_path, DAY_ORDERS, DAY_TRADES)))
    assert report.agrees, report


def test_the_reference_decides_between_equal_auction_prices(tmp_path: Path) -> None:
    report = verify(read_stream(*files(tmp_path, DAY_ORDERS, DAY_TRADES)), reference=10.0)
    assert report.first_difference == (0, Trade("11", "12", 1001, 200), Trade("11", "12", 1002, 200))


def test_a_difference_is_found_and_placed(tmp_path: Path) -> None:
    trades = DAY_TRADES.replace("B,15,14,10.05,100", "B,15,14,10.04,100")
    report = verify(read_stream(*files(tmp_path, DAY_ORDERS, trades)))
    assert not report.agrees
    assert report.identical == 3
    assert report.first_difference == (2, Trade("15", "14", 1005, 100), Trade("15", "14", 1004, 100))


@pytest.mark.parametrize(
    ("orders", "trades", "message"),
    [
        ("1,09:15:00.000,A,B,11,abc,300\n", "", r"orders.csv:2: Price: 'abc' is not a number"),
        ("1,09:15:00.000,A,B,11,10.02,3x\n", "", r"orders.csv:2: Volume: '3x' is not a whole number"),
        ("1,09:15:00.000,A,B,,10.02,300\n", "", r"orders.csv:2: OrderNo: '' is not a whole number"),
        ("1,09:15:00.000,A,B,11,NaN,300\n", "", r"orders.csv:2: Price"),
        ("", "1,09:25:00.000,B,x,2,10,100\n", r"trades.csv:2: BidOrderNo: 'x' is not a whole number"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, orders: str, trades: str, message: str) -> None:
    with pytest.raises(StreamError, match=message):
        read_stream(*files(tmp_path, orders, trades))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    paths = files(tmp_path, "", "")
    paths[0].write_text("BizIndex,Time\n", encoding="utf-8")
    with pytest.raises(StreamError, match=r"orders.csv:1: missing column Type, Side, OrderNo, Price, Volume"):
        read_stream(*paths)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match=r"nowhere.csv: no such file"):
        read_stream(tmp_path / "nowhere.csv", tmp_path / "nowhere.csv")
