"""Bars of the past and growing ones, chains, depth, and the limits of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from ctp2.testing.tws import StandIn, documented
from ctp2.testing.tws.bars import BadBars, before, count_of, ending, shown_date
from ctp2.testing.tws.blackscholes import Option
from ctp2.testing.tws.depth import changes
from ctp2.testing.tws.limits import Limits, MessageRate, Pacing
from tests.testing.tws.wire_client import AAPL, Client, Fields

Connect = Callable[..., Client]
NOW = dt.datetime(2025, 11, 24, 16, tzinfo=dt.UTC)


def history(
    client: Client, number: int, duration: str = "2 D", size: str = "1 day", kind: str = "TRADES", keep: int = 0
) -> list[Fields]:
    """Request bars; what came."""
    client.send(20, number, *AAPL, 0, "", size, duration, 1, kind, 1, keep, "")
    return client.settle()


# ------------------------------------------------------------------ bars
@pytest.mark.parametrize(
    ("duration", "size", "count"),
    [
        ("1 D", "1 hour", 24),
        ("2 D", "1 day", 2),
        ("1 W", "1 day", 5),
        ("1 Y", "1 day", 260),  # 365 x 5 / 7
        ("1 M", "1 week", 4),  # 21 weekdays, five a week
        ("3600 S", "5 mins", 12),
        ("1 S", "1 hour", 1),
    ],
)
def test_how_many_bars(duration: str, size: str, count: int) -> None:
    assert count_of(duration, size)[0] == count


@pytest.mark.parametrize(
    ("duration", "size", "why"),
    [
        ("1 X", "1 day", "use a number and one of S D W M Y"),
        ("0 D", "1 hour", "is empty"),
        ("1 D", "7 mins", "legal ones are: 1 secs, 5 secs"),
        ("1 Y", "1 secs", "31536000 bars; at most 20000"),
    ],
)
def test_durations_that_cannot_be(duration: str, size: str, why: str) -> None:
    with pytest.raises(BadBars, match=why):
        count_of(duration, size)


def test_ends() -> None:
    assert ending("", "US/Eastern", NOW) == NOW
    assert ending("20251124-15:00:00", "US/Eastern", NOW) == NOW - dt.timedelta(hours=1)
    assert ending("20251124 10:00:00", "US/Eastern", NOW) == NOW - dt.timedelta(hours=1)
    assert ending("20251124 23:00:00 Asia/Hong_Kong", "US/Eastern", NOW) == NOW - dt.timedelta(hours=1)
    for bad in ("noon", "20251399 10:00:00", "20251124 10:00:00 Mars/Olympus", "20251124 10:00:00 ../x"):
        with pytest.raises(BadBars):
            ending(bad, "US/Eastern", NOW)


def test_any_two_requests_agree() -> None:
    (apple,) = [one for one in documented(NOW.date()) if (one.symbol, one.sec_type) == ("AAPL", "STK")]
    hour = dt.timedelta(hours=1)
    long, short = (before(apple, 1, NOW, count, hour, "TRADES") for count in (30, 7))
    assert long[-7:] == short
    assert all(one[4] == next_[1] for one, next_ in zip(long, long[1:], strict=False))  # close, then open
    assert all(one[3] <= min(one[1], one[4]) <= max(one[1], one[4]) <= one[2] for one in long)
    assert long[-1][0] == str(int(NOW.timestamp()) - 3600)
    (bid,) = before(apple, 1, NOW, 1, hour, "BID")
    assert bid[1] == pytest.approx(long[-1][1] - 0.01)
    assert bid[5:] == (-1, -1.0, -1)
    days = before(apple, 1, NOW, 3, dt.timedelta(days=1), "TRADES")
    assert [one[0] for one in days] == ["20251120", "20251121", "20251124"]  # no weekend


def test_dates_as_asked() -> None:
    zone = ZoneInfo("US/Eastern")
    assert shown_date("1764000000", 1, zone) == "20251124 11:00:00 US/Eastern"
    assert shown_date("1764000000", 2, zone) == "1764000000"
    assert shown_date("20251124", 2, zone) == "20251124"


def test_history_on_the_wire(connect: Connect) -> None:
    client = connect()
    (told,) = history(client, 30)
    assert told[:5] == ("17", "30", "20251121", "20251124", "2")
    assert len(told) == 5 + 2 * 8
    assert told[5] == "20251121"
    assert told[13] == "20251124"
    assert history(client, 31, "2 X")[0][3] == "321"
    assert history(client, 32, kind="RUMOURS")[0][3] == "162"
    client.send(20, 33, 0, "NOPE", *AAPL[2:], 0, "", "1 day", "1 D", 1, "TRADES", 1, 0, "")
    assert client.error(33)[0] == 200


def test_history_is_paced(tws: StandIn, connect: Connect) -> None:
    client = connect()
    assert history(client, 30)[0][0] == "17"
    assert history(client, 31)[0][3:] == (
        "162",
        "Historical Market Data Service error message:Historical data request pacing violation",
    )
    tws.control.advance(15)
    assert history(client, 32)[0][0] == "17"


def test_history_kept_up_to_date(tws: StandIn, connect: Connect) -> None:
    client = connect()
    history(client, 30, "3600 S", "5 mins", keep=1)
    tws.control.set_quote("AAPL", last=200.5, last_size=100)
    (bar,) = [one for one in client.settle() if one[0] == "90"]
    assert bar[1] == "30"
    assert "20251124 11:00:00 US/Eastern" in bar
    client.send(25, 1, 30)
    assert client.error(30)[0] == 162
    client.send(25, 1, 30)
    assert client.error(30)[0] == 366


def test_five_second_bars(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_quote("AAPL", last=200.0, last_size=1)
    client.send(50, 3, 40, *AAPL, 5, "TRADES", 0, "")
    client.settle()
    tws.control.set_quote("AAPL", last=201.0, last_size=100)
    tws.control.set_quote("AAPL", last=199.0, last_size=300)
    tws.control.advance(5)
    told = client.until(lambda one: one[0] == "50")
    # Begin, open, high, low, close, volume, average (201 x 100 + 199 x 300) / 400, trades.
    assert told == ("50", "3", "40", "1764000000", "200", "201", "199", "199", "400", "199.5", "2")
    tws.control.advance(5)
    assert client.until(lambda one: one[0] == "50")[3:] == ("1764000005", *["199"] * 4, "0", "199", "0")
    client.send(51, 1, 40)
    client.send(51, 1, 40)
    assert client.error(40)[0] == 300
    client.send(50, 3, 41, *AAPL, 10, "TRADES", 0, "")
    assert client.error(41)[0] == 321


def test_option_chain(tws: StandIn, connect: Connect) -> None:
    client = connect()
    client.send(78, 50, "AAPL", "", "STK", 265598)
    told = client.settle()
    assert ("75", "50", "SMART", "265598", "AAPL", "100", "1", "20260116", "1", "200") in told
    assert told[-1] == ("76", "50")
    client.send(78, 51, "MSFT", "", "STK", 272093)
    assert client.settle() == [("76", "51")]


# ------------------------------------------------------------------ depth
def test_depth_behind_the_quote(tws: StandIn, connect: Connect) -> None:
    tws.control.change_market(depth_rows=2)
    tws.control.set_quote("AAPL", bid=199.5, bid_size=300, ask=199.75, ask_size=100)
    client = connect()
    client.send(10, 5, 20, *AAPL, 5, 0, "")
    assert client.settle() == [
        ("12", "1", "20", "0", "0", "1", "199.5", "300"),
        ("12", "1", "20", "1", "0", "1", "199.49", "600"),
        ("12", "1", "20", "0", "0", "0", "199.75", "100"),
        ("12", "1", "20", "1", "0", "0", "199.76", "200"),
    ]
    tws.control.set_quote("AAPL", ask_size=50)
    assert client.settle() == [
        ("12", "1", "20", "0", "1", "0", "199.75", "50"),
        ("12", "1", "20", "1", "1", "0", "199.76", "100"),
    ]
    client.send(11, 1, 20, 0)
    assert client.settle() == []
    tws.control.set_quote("AAPL", ask_size=51)
    assert client.settle() == []
    client.send(11, 1, 20, 0)
    assert client.error(20)[0] == 310


def test_smart_depth_has_a_row_per_venue(tws: StandIn, connect: Connect) -> None:
    tws.control.change_market(depth_rows=1)
    tws.control.set_quote("AAPL", bid=199.5, bid_size=300, ask=199.75, ask_size=100)
    client = connect()
    client.send(10, 5, 20, *AAPL, 5, 1, "")
    told = client.settle()
    assert told[0][:4] == ("4", "2", "20", "2152")
    assert told[1:] == [
        ("13", "1", "20", "0", "NASDAQ", "0", "1", "199.5", "300", "1"),
        ("13", "1", "20", "1", "ARCA", "0", "1", "199.5", "300", "1"),
        ("13", "1", "20", "0", "NASDAQ", "0", "0", "199.75", "100", "1"),
        ("13", "1", "20", "1", "ARCA", "0", "0", "199.75", "100", "1"),
    ]


def test_depth_is_limited(tws: StandIn, connect: Connect) -> None:
    client = connect()
    for number in (20, 21, 22):
        client.send(10, 5, number, *AAPL, 1, 0, "")
    client.settle()
    client.send(10, 5, 23, *AAPL, 1, 0, "")
    assert client.error(23) == (309, "Max number (3) of market depth requests has been reached")
    client.send(11, 1, 20, 0)
    tws.control.permit("AAPL", "delayed")
    client.send(10, 5, 24, *AAPL, 1, 0, "")
    assert client.error(24)[0] == 354
    client.send(10, 5, 25, 0, "NOPE", *AAPL[2:], 1, 0, "")
    assert client.error(25)[0] == 200
    client.send(82)
    assert client.settle()[0][0] == "80"


def test_rows_go_from_the_end() -> None:
    one, two, three = ("", 1.0, 5.0), ("", 2.0, 5.0), ("", 3.0, 5.0)
    assert list(changes([one, two, three], [three])) == [
        (1, 0, three),
        (2, 2, ("", 0.0, 0.0)),
        (2, 1, ("", 0.0, 0.0)),
    ]
    assert list(changes([one], [one, two])) == [(0, 1, two)]
    assert list(changes([one], [one])) == []


# ------------------------------------------------------------------ limits and prices by hand
def test_message_rate() -> None:
    rate = MessageRate(Limits())
    assert all(rate.takes(0.0) for _ in range(50))
    assert not rate.takes(0.9)
    assert not rate.exhausted
    rate = MessageRate(Limits(messages=4))
    assert all(rate.takes(number / 4) for number in range(50))  # four in every second
    for _ in range(3):
        while rate.takes(20.0):
            pass
    assert rate.exhausted


def test_pacing() -> None:
    pacing = Pacing(Limits())
    assert pacing.takes(0.0, "a", "AAPL")
    assert not pacing.takes(14.9, "a", "AAPL")  # the same within 15 s
    assert pacing.takes(15.0, "a", "AAPL")
    assert all(pacing.takes(20.0, number, "MSFT") for number in range(6))
    assert not pacing.takes(21.9, 6, "MSFT")  # the seventh of a contract within 2 s
    assert pacing.takes(22.0, 6, "MSFT")
    assert all(pacing.takes(30.0 + 3 * number, ("x", number), "SPY") for number in range(60 - 9))
    assert not pacing.takes(300.0, "last", "SPY")  # the sixty-first within 10 min
    assert pacing.takes(600.0, "last", "SPY")  # the first one was at 0


def test_black_scholes() -> None:
    """At the money, a year, 20 %: d1 = 0.1, d2 = -0.1, N(0.1) = 0.5398278, n(0.1) = 0.3969525."""
    call = Option(100.0, 100.0, 1.0, True, 0.2)
    put = Option(100.0, 100.0, 1.0, False, 0.2)
    assert call.price() == pytest.approx(7.96557, abs=1e-5)
    assert put.price() == pytest.approx(7.96557, abs=1e-5)  # parity without interest
    assert call.delta() == pytest.approx(0.5398278, abs=1e-7)
    assert put.delta() == pytest.approx(-0.4601722, abs=1e-7)
    assert call.gamma() == pytest.approx(0.3969525 / 20, abs=1e-8)
    assert call.vega() == pytest.approx(0.3969525, abs=1e-7)
    assert call.theta() == pytest.approx(-3.969525 / 365, abs=1e-8)
    found = call.at_price(7.96557)
    assert found is not None
    assert found.volatility == pytest.approx(0.2, abs=1e-5)
    assert call.at_price(101.0) is None  # worth more than the stock
    assert Option(120.0, 100.0, 1.0, True, 0.2).at_price(19.0) is None  # less than exercising
