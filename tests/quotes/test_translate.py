"""Rows → records: what the captures do not show (units, states, times, damage), worked out by hand."""

from __future__ import annotations

import pytest

from ctp2.quotes import symbols, translate, translate_futures, translate_world
from ctp2.quotes.numbers import Damaged
from ctp2.quotes.sources import Layout
from ctp2.quotes.translate import Reading
from ctp2.refdata.ticks import DBL_MAX
from tests.quotes import rows
from tests.quotes.rows import changed

INT32_MAX = 2_147_483_647


def read(layout: Layout, key: str, row: str) -> Reading | None:
    symbol = symbols.native(key, "20260928")
    assert symbol is not None
    return translate.tick_to_ctp(layout, symbol, row)


def some(layout: Layout, key: str, row: str) -> Reading:
    reading = read(layout, key, row)
    assert reading is not None
    return reading


@pytest.mark.parametrize(("layout", "key"), list(rows.ROWS))
def test_every_layout_reads_its_row(layout: Layout, key: str) -> None:
    reading = some(layout, key, rows.ROWS[layout, key])
    assert reading.field.LastPrice != DBL_MAX
    assert reading.field.ActionDay == reading.field.TradingDay == "20260928"
    assert reading.field.UpdateTime == "10:15:03"
    assert reading.moment == 20260928_101503_000 + reading.field.UpdateMillisec
    assert reading.remark == ""


@pytest.mark.parametrize(("layout", "key"), list(rows.ROWS))
def test_a_row_cut_anywhere_is_a_record_or_damaged(layout: Layout, key: str) -> None:
    row = rows.ROWS[layout, key]
    for end in range(len(row)):
        try:
            read(layout, key, row[:end])
        except Damaged:
            continue


@pytest.mark.parametrize("text", ["abc", "1e308", "nan", "inf", "1_000", "٣", "9" * 40, "0x10", "1,5"])
@pytest.mark.parametrize(("layout", "key", "field"), [("sina", "sh600000", "f3"), ("tencent", "sh600000", "f3")])
def test_what_is_no_price_damages_the_row(layout: Layout, key: str, field: str, text: str) -> None:
    with pytest.raises(Damaged):
        read(layout, key, changed(rows.ROWS[layout, key], **{field: text}))


@pytest.mark.parametrize("text", ["", " ", "-", "--", "0", "0.000", "-0"])
def test_nothing_is_no_price(text: str) -> None:
    reading = some("sina", "sh600000", changed(rows.SINA_CN, f3=text))
    assert reading.field.LastPrice == DBL_MAX


def test_negative_prices_are_for_futures_only() -> None:
    with pytest.raises(Damaged):
        read("sina", "sh600000", changed(rows.SINA_CN, f3="-10.2"))
    assert some("sina", "hf_CL", changed(rows.OVERSEAS, f0="-37.63")).field.LastPrice == -37.63
    assert some("sina", "nf_RB0", changed(rows.SINA_FUTURE, f8="-1.000")).field.LastPrice == -1.0


# ------------------------------------------------------------------ mainland
def test_a_blank_side_has_neither_price_nor_size() -> None:
    row = changed(rows.SINA_CN, f7="0.000", **{f"f{index}": "0" for index in range(20, 30)})
    field = some("sina", "sh600000", row).field
    assert (field.AskPrice1, field.AskVolume1, field.BidPrice1, field.BidVolume1) == (DBL_MAX, 0, 10.19, 100)
    assert field.BidPrice5 == 10.15


def test_a_size_without_price_counts_only_in_the_second_level_of_an_auction() -> None:
    row = changed(rows.SINA_CN, f13="0", f15="0", f17="0", f19="0")
    field = some("sina", "sh600000", row).field
    assert (field.BidPrice2, field.BidVolume2) == (DBL_MAX, 0)
    auction = changed(row, f6="10.200", f11="10.200", f7="10.200", f21="10.200", f23="0", f25="0", f27="0", f29="0")
    field = some("sina", "sh600000", auction).field
    assert (field.BidPrice1, field.AskPrice1) == (10.2, 10.2)
    assert (field.BidPrice2, field.BidVolume2, field.BidVolume3) == (DBL_MAX, 200, 0)


@pytest.mark.parametrize("change", [{"f6": "10.100"}, {"f7": "10.300"}, {"f13": "10.195"}, {"f29": "10.225"}])
def test_a_book_that_contradicts_itself_is_left_out(change: dict[str, str]) -> None:
    reading = some("sina", "sh600000", changed(rows.SINA_CN, **change))
    assert reading.field.BidPrice1 == reading.field.AskPrice1 == DBL_MAX
    assert reading.field.LastPrice == 10.2
    assert "contradicts" in reading.remark


@pytest.mark.parametrize(
    ("volume", "published"), [("1000000", 1_000_000), ("10000", 1_000_000), ("100000000", 1_000_000)]
)
def test_a_volume_in_another_unit_is_noticed(volume: str, published: int) -> None:
    reading = some("sina", "sh600000", changed(rows.SINA_CN, f8=volume))
    assert reading.field.Volume == published
    assert reading.field.AveragePrice == 10.2
    assert bool(reading.remark) is (volume != "1000000")


def test_a_volume_that_fits_in_no_unit_is_left_to_the_row_before() -> None:
    reading = some("sina", "sh600000", changed(rows.SINA_CN, f8="300000"))
    assert reading.keeps_volume
    assert reading.field.LastPrice == 10.2
    assert reading.field.Volume == 0


def test_a_fund_beyond_32_bits_is_clamped_and_its_average_is_not() -> None:
    # 30,236,017 lots of 100 at about 2 yuan.
    row = changed(rows.SINA_CN, f1="2.0", f2="2.0", f3="2.0", f4="2.1", f5="1.9", f8="3023601700", f9="6047203400.000")
    reading = some("sina", "sz159915", row)
    assert reading.field.Volume == INT32_MAX
    assert reading.volume == 3_023_601_700
    assert reading.field.AveragePrice == 2.0


@pytest.mark.parametrize(
    ("key", "volume", "published"),
    [
        ("sh000001", "452350675", 452_350_675),
        ("sz399001", "83591133533", 835_911_335),
        ("sh204001", "20643832300", 2_064_383_230),
    ],
)
def test_indexes_in_lots_and_repos_in_thousands_of_yuan(key: str, volume: str, published: int) -> None:
    row = changed(rows.SINA_CN, f8=volume, f9="804543704708")
    field = some("sina", key, row).field
    assert (field.Volume, field.AveragePrice, field.Turnover) == (published, 0.0, 804_543_704_708.0)


def test_sizes_of_repos() -> None:
    field = some("sina", "sh204001", changed(rows.SINA_CN, f10="423640", f20="1000")).field
    assert (field.BidVolume1, field.AskVolume1) == (42_364, 100)


def test_star_counts_its_volume_in_shares_and_its_sizes_in_lots_at_tencent() -> None:
    row = changed(rows.TENCENT_CN, f2="688001", f6="1000000", f35="10.20/1000000/10200000")
    field = some("tencent", "sh688001", row).field
    assert (field.Volume, field.BidVolume1) == (1_000_000, 100)
    assert some("tencent", "sh600000", rows.TENCENT_CN).field.Volume == 1_000_000


def test_turnover_of_tencent_is_exact_or_the_best_column_that_fits() -> None:
    columns = rows.TENCENT_CN.split("~")
    full = "~".join([*columns, *[""] * (57 - len(columns)), "1020.0003", "0", "0", " ", "GP-A"])
    assert some("tencent", "sh600000", full).field.Turnover == 10_200_000.0
    late = changed(full, f35="10.20/9999/10198980")
    assert some("tencent", "sh600000", late).field.Turnover == 10_200_003.0
    short = changed(rows.TENCENT_CN, f35="10.20/9999/10198980")
    assert some("tencent", "sh600000", short).field.Turnover == 10_200_000.0


def test_limits_of_minus_one_are_none() -> None:
    field = some("tencent", "sh600000", rows.TENCENT_CN).field
    assert (field.UpperLimitPrice, field.LowerLimitPrice) == (11.0, 9.0)
    field = some("tencent", "sh600000", changed(rows.TENCENT_CN, f47="-1", f48="-1")).field
    assert (field.UpperLimitPrice, field.LowerLimitPrice) == (DBL_MAX, DBL_MAX)


@pytest.mark.parametrize("status", ["-1", "-2", "-3"])
def test_delisted_and_not_yet_listed_have_no_record(status: str) -> None:
    blank = changed(rows.SINA_CN, f6="0", f7="0", f32=status, **{f"f{index}": "0" for index in range(10, 30)})
    assert read("sina", "sh600000", blank) is None
    assert read("sina", "sh600000", changed(rows.SINA_CN, f32=status)) is not None  # a quote overrides the status
    assert read("tencent", "sh600000", changed(rows.TENCENT_CN, f40="D")) is None


def test_a_suspended_share_is_a_record() -> None:
    for status in ("02", "03", "07"):
        blank = changed(rows.SINA_CN, f1="0", f3="0", f4="0", f5="0", f6="0", f7="0", f8="0", f9="0", f32=status)
        field = some("sina", "sh600000", changed(blank, **{f"f{index}": "0" for index in range(10, 30)})).field
        assert (field.LastPrice, field.PreClosePrice, field.Volume) == (DBL_MAX, 10.0, 0)


def test_states_that_no_capture_shows_are_remarked() -> None:
    blank = changed(rows.SINA_CN, f6="0", f7="0", **{f"f{index}": "0" for index in range(10, 30)})
    assert some("sina", "sh600000", blank).remark == ""
    assert some("sina", "sh600000", changed(blank, f32="02")).remark == "status: suspended"
    assert "unknown" in some("sina", "sh600000", changed(blank, f32="99")).remark


def test_a_row_of_another_instrument_is_damaged() -> None:
    with pytest.raises(Damaged):
        read("tencent", "sh600001", rows.TENCENT_CN)
    with pytest.raises(Damaged):
        read("tencent", "usMSFT", rows.TENCENT_US)


# ------------------------------------------------------------------ elsewhere
def test_the_52_weeks_of_hong_kong_and_new_york_are_no_limits() -> None:
    for layout, key in rows.ROWS:
        if key not in ("rt_hk00700", "r_hk00700", "gb_aapl", "usAAPL"):
            continue
        field = some(layout, key, rows.ROWS[layout, key]).field
        assert (field.UpperLimitPrice, field.LowerLimitPrice) == (DBL_MAX, DBL_MAX)


def test_a_price_without_size_is_no_quote_at_tencents_hong_kong() -> None:
    field = some("tencent", "r_hk00700", rows.TENCENT_HK).field
    assert (field.BidPrice1, field.AskPrice1) == (DBL_MAX, DBL_MAX)
    field = some("tencent", "usAAPL", rows.TENCENT_US).field
    assert (field.BidPrice1, field.BidVolume1, field.AskPrice1, field.AskVolume1) == (100.49, 40, 100.51, 80)


@pytest.mark.parametrize(
    ("text", "code", "exchange"),
    [
        ("AAPL.OQ", "AAPL", "NASD"),
        ("BRK.B.N", "BRK.B", "NYSE"),
        ("SPY.AM", "SPY", "AMEX"),
        ("XYZ.PS", "XYZ", "OTC"),
        ("BRK.B", "BRK.B", "NASD"),
        (".DJI", ".DJI", "NASD"),
    ],
)
def test_the_exchange_behind_a_ticker(text: str, code: str, exchange: str) -> None:
    assert translate_world.us_exchange(text) == (code, exchange)


@pytest.mark.parametrize(
    ("updated", "extended", "stamp", "year", "shown"),
    [
        ("2026-09-29 01:08:08", "", "Sep 28 01:08PM EDT", "2026", "20260928 13:08:08"),
        ("2026-09-29 01:09:59", "", "Sep 28 01:08PM EDT", "2026", "20260928 13:09:59"),
        ("2026-09-29 01:10:00", "", "Sep 28 01:08PM EDT", "2026", "20260928 13:08:00"),  # 120 s: too far
        ("2026-07-09 04:15:28", "Jul 08 04:15PM EDT", "Jul 08 04:00PM EDT", "2026", "20260708 16:00:00"),
        # The clock goes back on 1 November 2026: at 16:00 New York it is 05:00 in Beijing, the day before still 04:00.
        ("2026-10-31 04:00:05", "", "Oct 30 04:00PM EDT", "2026", "20261030 16:00:05"),
        ("2026-11-03 05:00:05", "", "Nov 02 04:00PM EST", "2026", "20261102 16:00:05"),
        # and forward on 14 March 2027
        ("2027-03-13 05:00:01", "", "Mar 12 04:00PM EST", "2027", "20270312 16:00:01"),
        ("2027-03-16 04:00:01", "", "Mar 15 04:00PM EDT", "2027", "20270315 16:00:01"),
        # New Year: the year column may already be the next one
        ("2027-01-01 05:00:00", "", "Dec 31 04:00PM EST", "2026", "20261231 16:00:00"),
        ("2027-01-02 08:00:00", "Jan 01 07:00PM EST", "Dec 31 04:00PM EST", "2027", "20261231 16:00:00"),
        ("2026-09-28 12:00:00", "", "Sep 28 12:00AM EDT", "2026", "20260928 00:00:00"),
    ],
)
def test_new_yorks_time_of_a_sina_row(updated: str, extended: str, stamp: str, year: str, shown: str) -> None:
    assert translate_world.sina_us_time(updated, extended, stamp, year).strftime("%Y%m%d %H:%M:%S") == shown


def test_the_extended_price_where_there_is_one() -> None:
    row = changed(
        rows.SINA_US, f3="2026-09-29 06:30:10", f21="100.9", f24="Sep 28 06:30PM EDT", f25="Sep 28 04:00PM EDT"
    )
    reading = translate_world.extended(some("sina", "gb_aapl", row), row)
    assert (reading.field.LastPrice, reading.field.UpdateTime) == (100.9, "18:30:00")
    assert reading.field.TradingDay == "20260928"
    plain = translate_world.extended(some("sina", "gb_aapl", rows.SINA_US), rows.SINA_US)
    assert (plain.field.LastPrice, plain.field.UpdateTime) == (100.5, "10:15:03")


# ------------------------------------------------------------------ futures
@pytest.mark.parametrize(
    ("action_day", "time", "trading_day"),
    [
        ("20260828", "23:00:00", "20260831"),  # Friday night
        ("20260829", "02:30:00", "20260831"),  # its small hours, on a Saturday
        ("20260831", "10:00:00", "20260831"),
        ("20260831", "21:00:00", "20260901"),
        ("20260901", "02:30:00", "20260901"),
        ("20250127", "21:00:00", "20250205"),  # before the Spring Festival of 2025 (28 January to 4 February)
        ("20300104", "21:00:00", "20300107"),  # beyond the calendar: weekends only
    ],
)
def test_the_trading_day_of_a_night(action_day: str, time: str, trading_day: str) -> None:
    assert translate_futures.night_day(action_day, time) == trading_day


@pytest.mark.parametrize(
    ("action_day", "time", "trading_day"),
    [
        ("20260829", "04:59:58", "20260828"),
        ("20260829", "08:00:00", "20260828"),  # Saturday belongs to Friday
        ("20260826", "05:59:59", "20260825"),
        ("20260826", "06:00:00", "20260826"),
        ("20260114", "06:30:00", "20260113"),  # winter in New York: the day ends at seven
        ("20260114", "07:00:00", "20260114"),
        ("20260831", "05:00:00", "20260828"),  # before Monday's beginning
    ],
)
def test_the_trading_day_overseas(action_day: str, time: str, trading_day: str) -> None:
    assert translate_futures.overseas_day(action_day, time) == trading_day


def test_turnover_and_average_of_a_commodity() -> None:
    field = some("sina", "nf_RB0", rows.SINA_FUTURE).field
    # 3115.5 yuan a ton, 10 tons a lot, 20,000 lots.
    assert (field.AveragePrice, field.Turnover) == (31_155.0, 623_100_000.0)
    field = some("sina", "nf_TA2609", rows.SINA_FUTURE).field
    assert (field.AveragePrice, field.Turnover) == (3115.5, 311_550_000.0)  # CZCE: per ton, 5 tons a lot
    outside = some("sina", "nf_RB0", changed(rows.SINA_FUTURE, f27="9.660")).field
    assert (outside.AveragePrice, outside.Turnover) == (0.0, 0.0)


def test_ta_is_no_bond_future() -> None:
    for key, kind in (("nf_TA2609", "future"), ("nf_T2609", "cffex")):
        symbol = symbols.native(key, "20260928")
        assert symbol is not None
        assert symbol.kind == kind


def test_the_old_shape_of_cffex_is_refused() -> None:
    with pytest.raises(Damaged):
        read("sina", "nf_IF0", ",".join(rows.SINA_CFFEX.split(",")[:39]))


def test_milliseconds_of_cffex() -> None:
    assert some("sina", "nf_IF0", rows.SINA_CFFEX).field.UpdateMillisec == 500
    with pytest.raises(Damaged):
        read("sina", "nf_IF0", changed(rows.SINA_CFFEX, f38="1000"))
