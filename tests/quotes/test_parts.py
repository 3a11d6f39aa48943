"""The parts that need no server: hours, the token bucket, batches, places in addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.address import parse as parse_address
from ctp2.quotes import config, hours
from ctp2.quotes.batches import LINE_LIMIT, Batches, Bucket
from ctp2.quotes.codes import MARKETS, Market
from ctp2.quotes.tracks import in_beijing, moment_ns
from ctp2.testing.clocks import instant_ns

NS = 1_000_000_000


@pytest.mark.parametrize(
    ("market", "beijing", "is_open", "until"),
    [
        ("cn", "2026-09-28 09:09:59", False, "2026-09-28 09:10:00"),
        ("cn", "2026-09-28 09:10:00", True, "2026-09-28 11:32:00"),
        ("cn", "2026-09-28 12:00:00", False, "2026-09-28 12:58:00"),
        ("cn", "2026-09-26 10:00:00", False, None),  # a Saturday
        ("cn", "2026-10-01 10:00:00", False, None),  # National Day
        ("hk", "2026-09-28 16:10:00", True, "2026-09-28 16:14:00"),
        ("us", "2026-09-28 21:25:00", True, "2026-09-29 04:10:00"),
        ("us", "2026-11-02 21:25:00", False, "2026-11-02 22:25:00"),  # winter time
        ("us", "2026-11-28 03:00:00", False, None),  # the day after Thanksgiving ends at 13:00
        ("nf", "2026-08-28 23:00:00", True, "2026-08-29 02:32:00"),
        ("nf", "2026-08-29 02:31:00", True, "2026-08-29 02:32:00"),
        ("nf", "2026-08-29 10:00:00", False, None),
        ("hf", "2026-08-29 05:59:00", True, "2026-08-29 06:00:00"),
        ("hf", "2026-08-29 06:00:00", False, None),
        ("hf", "2026-08-31 06:00:00", True, "2026-09-01 06:00:00"),
        ("cn", "2031-03-03 10:00:00", True, "2031-03-03 11:32:00"),  # beyond the calendar: a Monday
        ("cn", "2031-03-01 10:00:00", False, None),
    ],
)
def test_hours(market: Market, beijing: str, is_open: bool, until: str | None) -> None:
    found, until_ns = hours.state(market, instant_ns(beijing))
    assert found is is_open
    if until is not None:
        assert until_ns == instant_ns(until)
    else:
        assert until_ns > instant_ns(beijing)


def test_the_extended_hours_of_new_york() -> None:
    at_ns = instant_ns("2026-09-28 17:00:00")  # 05:00 there
    assert hours.state("us", at_ns)[0] is False
    assert hours.state("us", at_ns, is_extended=True)[0] is True


def test_the_bucket_lets_two_go_at_once_and_then_five_in_a_second() -> None:
    bucket = Bucket(5.0)
    at_ns = 1_000 * NS
    assert bucket.take(at_ns) == 0
    assert bucket.take(at_ns) == 0
    sent = 2
    while at_ns < 1_010 * NS:
        free_ns = bucket.take(at_ns)
        if free_ns:
            assert free_ns > at_ns
            at_ns = free_ns
        else:
            sent += 1
    assert 51 <= sent <= 53


def test_a_batch_stays_below_the_request_line() -> None:
    batches = Batches()
    for number in range(2_000):
        batches.add(f"gb_verylongname{number:06d}", "us", 400, 0)
    assert max(batch.size_bytes for batch in batches.regular) <= LINE_LIMIT
    assert batches.places == 2_000


def test_batches_grow_until_all_markets_fit_into_an_interval() -> None:
    batches = Batches()
    markets: dict[str, Market] = {f"sh{number:06d}": "cn" for number in range(2999)}
    for key in markets:
        batches.add(key, "cn", 200, 0)
    markets["gb_aapl"] = "us"
    assert batches.size_for(15, 200, 400) == 200
    batches.add("gb_aapl", "us", 200, 0)
    # 15 requests: 200 of the mainland each would leave none for New York, 14 of 220 do it in one less.
    assert batches.size_for(15, 200, 400) == 220
    batches.rebuild(markets, 220, 0, 3)
    assert len(batches.regular) == 15
    assert batches.size_for(15, 200, 210) == 210
    batches.remove("gb_aapl")
    assert batches.size_for(15, 200, 400) == 200
    assert batches.size_for(15, 100, 100) == 100


def test_markets_do_not_mix_and_holes_stay_until_there_are_many() -> None:
    batches = Batches()
    for number in range(8):
        batches.add(f"cn{number}", "cn", 4, 0)
        batches.add(f"us{number}", "us", 4, 0)
    assert [batch.market for batch in batches.regular] == ["cn", "us", "cn", "us"]
    batches.remove("cn1")
    assert batches.regular[0].keys == ["cn0", "", "cn2", "cn3"]
    assert not batches.is_holed
    for key in ("cn2", "cn5", "us1", "us2"):
        batches.remove(key)
    assert batches.is_holed
    markets: dict[str, Market] = {f"{market}{n}": market for market in ("cn", "us") for n in range(8)}
    batches.rebuild(markets, 4, 0, 3 * NS)
    assert not batches.is_holed
    assert batches.places == 11
    dues = [batch.due_ns for batch in batches.regular]
    assert dues == sorted(dues)
    assert dues[-1] < 3 * NS


@pytest.mark.parametrize(
    ("address", "source", "base"),
    [
        ("sina://127.0.0.1:8080", "sina", "http://127.0.0.1:8080"),
        ("sina://127.0.0.1:8080?tls=1", "sina", "https://127.0.0.1:8080"),
        ("tencent://localhost:80", "tencent", "http://localhost:80"),
        ("sina://[::1]:8080", "sina", "http://[::1]:8080"),
        ("sina://mirror.example", "sina", "https://mirror.example"),
        ("sina://mirror.example:8443?tls=0", "sina", "http://mirror.example:8443"),
        ("quotes://mirror.example:1", "tencent", "https://mirror.example:1"),
        ("quotes://mirror.example:1?sina=10.0.0.1:2", "sina", "https://10.0.0.1:2"),
    ],
)
def test_places(address: str, source: str, base: str) -> None:
    found = config.parse(parse_address(address))
    assert config.base_of(found.hosts[source], found.options.tls) == base


def test_every_option_has_a_meaning_and_is_explained() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "zh" / "sina-tencent.md").read_text(encoding="utf-8")
    table = page.split("| 选项 |")[1]
    for name, _, meaning in config.help_table():
        assert len(meaning) > 10, name
        assert f"`{name}`" in table, name


def test_moments() -> None:
    assert moment_ns(20260928_100000_500, "cn") == instant_ns("2026-09-28 10:00:00") + 500_000_000
    assert moment_ns(20260928_100000_000, "us") == instant_ns("2026-09-28 22:00:00")
    assert moment_ns(20261102_100000_000, "us") == instant_ns("2026-11-02 23:00:00")
    assert in_beijing("20260928", "16:00:00") == ("20260929", "04:00:00")


def test_every_hour_of_the_calendar_has_an_answer() -> None:
    from ctp2.refdata.calendar import calendar, plus_days

    first, last = calendar().horizon("CN")
    day = first
    while day <= plus_days(last, 5):
        for market in MARKETS:
            for hour in (1, 7, 11, 16, 22):
                now_ns = instant_ns(f"{day[:4]}-{day[4:6]}-{day[6:]} {hour:02d}:30:00")
                assert hours.state(market, now_ns)[1] > now_ns
                hours.is_moving(market, now_ns)
        day = plus_days(day, 1)
