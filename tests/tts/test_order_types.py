"""Which kinds of order each exchange takes: spec ctp-semantics 3.2, a line per row and a word per column."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.tts.events import InsertRefused, OrderReport
from ctp2.tts.order_types import COLUMNS

# taken: CTP and the exchange take it. exchange: a/0 and 5/4 不被支持的报单类型. A number: CTP's refusal.
# Read off the table: ✓ taken; ✗ of a market type at SHFE and INE the exchange's refusal; ✗ of a price type that the
# exchange does not have at all 80; every other ✗ and – 15, of a swap 65.
TABLE = """
price/time/volume/contingent   SHFE     INE      CFFEX    DCE      GFEX     CZCE     TTS
2/3/1/1                        taken    taken    taken    taken    taken    taken    taken
2/3/2/1                        taken    taken    taken    taken    taken    taken    taken
2/3/3/1                        exchange exchange exchange exchange exchange exchange exchange
2/1/1/1                        taken    taken    taken    taken    taken    taken    taken
2/1/2/1                        taken    taken    taken    taken    taken    taken    taken
2/1/3/1                        taken    taken    taken    taken    taken    taken    taken
1/1/1/1                        exchange exchange 80       taken    taken    15       taken
1/1/3/1                        exchange exchange 80       taken    taken    15       taken
1/3/1/1                        exchange exchange 80       15       15       taken    taken
1/3/3/1                        exchange exchange 80       15       15       taken    taken
1/1/2/1                        15       15       15       15       15       15       15
3/1/1/1                        exchange exchange taken    80       80       80       taken
3/3/1/1                        exchange exchange taken    80       80       80       taken
3/1/3/1                        15       15       15       15       15       15       15
G/1/1/1                        exchange exchange taken    80       80       80       taken
G/3/1/1                        exchange exchange taken    80       80       80       taken
G/3/2/1                        15       15       15       15       15       15       15
2/2/1/1                        15       15       15       15       15       15       15
1/2/1/1                        15       15       15       15       15       15       15
2/3/1/2                        15       15       15       taken    taken    15       15
2/3/1/3                        15       15       15       taken    taken    15       15
1/3/1/2                        15       15       15       taken    taken    15       15
1/3/1/3                        15       15       15       taken    taken    15       15
2/1/1/2                        15       15       15       15       15       15       15
2/3/1/4                        15       15       15       15       15       15       15
swap                           65       65       65       taken    65       taken    65
swap-opening                   65       65       65       65       65       65       65
swap-FAK                       65       65       65       65       65       65       65
2/4/1/1                        15       15       15       15       15       15       15
2/5/1/1                        15       15       15       15       15       15       15
2/6/1/1                        15       15       15       15       15       15       15
1/4/1/1                        15       15       15       15       15       15       15
4/3/1/1                        80       80       80       80       80       80       80
5/3/1/1                        80       80       80       80       80       80       80
6/3/1/1                        80       80       80       80       80       80       80
7/3/1/1                        80       80       80       80       80       80       80
8/1/1/1                        80       80       80       80       80       80       80
9/3/1/1                        80       80       80       80       80       80       80
A/3/1/1                        80       80       80       80       80       80       80
B/3/1/1                        80       80       80       80       80       80       80
C/3/1/1                        80       80       80       80       80       80       80
D/3/1/1                        80       80       80       80       80       80       80
E/3/1/1                        80       80       80       80       80       80       80
F/1/1/1                        80       80       80       80       80       80       80
"""
HEADER, *LINES = (line.split() for line in TABLE.strip().splitlines())
CASES = [
    pytest.param(kind, column, verdict, id=f"{kind} {column}")
    for kind, *verdicts in LINES
    for column, verdict in zip(HEADER[1:], verdicts, strict=True)
]
SWAPS: dict[str, tuple[str, str, str]] = {
    "swap": ("2/3/2/1", "sells", "close"),
    "swap-opening": ("2/3/2/1", "buys", "open"),
    "swap-FAK": ("2/1/2/1", "sells", "close"),
}


def desk_of(column: str) -> Desk:
    """One instrument X at 3499/3501 of the column's exchange, and alice with 5 lots bought yesterday."""
    desk = Desk(fills="full", order_types="tts" if column == "TTS" else "exchange")
    desk.instrument("SHFE" if column == "TTS" else column, "X", limits="3000..4000", settled="3500")
    desk.user("alice", "1000000")
    desk.carry("alice", "2", 5, "X", "3500")
    desk.quote("X", "3499x10", "3501x10", "3500")
    return desk


def send(desk: Desk, kind: str) -> list[Any]:
    codes, direction, offset = SWAPS.get(kind, (kind, "buys", "open"))
    price_type, time_condition, volume_condition, contingent = codes.split("/")
    return desk.insert(
        "alice",
        direction,
        offset,
        1,
        "X",
        3500.0,
        price_type=price_type,
        time_condition=time_condition,
        volume_condition=volume_condition,
        contingent=contingent,
        stop_price=3600.0 if contingent in "23" else 0.0,
        is_swap=int(kind.startswith("swap")),
    )


def verdict_of(events: list[Any]) -> str:
    if isinstance(events[0], InsertRefused):
        return str(events[0].error_id)
    reports = [event for event in events if isinstance(event, OrderReport)]
    assert (reports[0].status, reports[0].submit) == ("a", "0")
    return "exchange" if (reports[-1].status, reports[-1].submit) == ("5", "4") else "taken"


def test_the_table_has_every_column() -> None:
    assert tuple(HEADER[1:]) == COLUMNS


@pytest.mark.parametrize(("kind", "column", "verdict"), CASES)
def test_verdict(kind: str, column: str, verdict: str) -> None:
    desk = desk_of(column)
    events = send(desk, kind)
    assert verdict_of(events) == verdict
    lines = [line for _, line in desk.told(events)]
    if verdict == "exchange":
        exchange = desk.contract("X").exchange
        assert re.search(rf"已撤单报单被拒绝{exchange}:不被支持的报单类型$", lines[-1])


@pytest.mark.parametrize(("kind", "column", "verdict"), [case for case in CASES if str(case.values[0]).endswith("/1")])
def test_a_condition_before_it_changes_nothing_of_the_verdict(kind: str, column: str, verdict: str) -> None:
    """CTP conditional orders: any kind above with Contingent 5…H; the exchange's word comes when it is touched."""
    desk = desk_of(column)
    price_type, time_condition, volume_condition, _ = kind.split("/")
    events = desk.insert(
        "alice",
        "buys",
        "open",
        1,
        "X",
        3500.0,
        price_type=price_type,
        time_condition=time_condition,
        volume_condition=volume_condition,
        contingent="6",
        stop_price=3505.0,
    )
    if verdict not in ("taken", "exchange"):
        assert verdict_of(events) == verdict
        return
    assert [event.status for event in events if isinstance(event, OrderReport)] == ["b"]
    touched = [e for e in desk.quote("X", "3504x10", "3506x10", "3505") if isinstance(e, OrderReport)]
    assert [event.status for event in touched[:2]] == ["c", "a"]
    assert ((touched[-1].status, touched[-1].submit) == ("5", "4")) == (verdict == "exchange")


@pytest.mark.proves("3.2 Spread instrument")
@pytest.mark.parametrize(
    ("exchange", "code", "order_types", "kind", "error"),
    [
        ("CZCE", "STD SR505C6000&SR505P6000", "exchange", "limit", 88),
        ("CZCE", "STG SR505C6000&SR505P6000", "exchange", "limit", 88),
        ("CZCE", "STG SR505C6000&SR505P6000", "exchange", "market-GFD", 88),
        ("CZCE", "STD SR505C6000&SR505P6000", "exchange", "FAK", 0),
        ("CZCE", "STD SR505C6000&SR505P6000", "exchange", "FOK", 0),
        ("CZCE", "STD SR505C6000&SR505P6000", "tts", "limit", 0),
        ("CZCE", "SPD SR505&SR509", "exchange", "limit", 0),
        ("DCE", "SP a2505&a2509", "exchange", "limit", 0),
    ],
)
def test_option_combinations_of_czce_trade_at_once(
    exchange: str, code: str, order_types: str, kind: str, error: int
) -> None:
    desk = Desk(fills="full", order_types=order_types)
    desk.instrument(exchange, code, kind="combination", limits="-4000..4000", settled="0")
    desk.user("alice", "1000000")
    event = desk.insert("alice", "buys", "open", 1, code, 10.0, kind)[0]
    assert (event.error_id if isinstance(event, InsertRefused) else 0) == error


def test_the_swap_shows_what_it_is() -> None:
    desk = desk_of("DCE")
    send(desk, "swap")
    (row,) = desk.orders("alice")
    assert (row.OrderType, row.IsSwapOrder) == ("5", 1)


@pytest.mark.parametrize("exchange", ["SSE", "HKEX", "NASD", "CME"])
def test_exchanges_outside_the_table_have_the_tts_column(exchange: str) -> None:
    desk = Desk(fills="full", order_types="exchange")
    desk.instrument(exchange, "X", limits="3000..4000", settled="3500")
    desk.user("alice", "1000000")
    desk.quote("X", "3499x10", "3501x10", "3500")
    assert verdict_of(desk.insert("alice", "buys", "open", 1, "X", 0.0, "five")) == "taken"
