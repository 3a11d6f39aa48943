"""Bodies → rows, and URLs: both hosts' forms, damage, control statements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctp2.quotes import sources
from ctp2.quotes.sources import Layout, sina, sina_push, tencent
from tests.quotes import rows
from tests.quotes.rows import statement

PARSERS = {"sina": sina.parse, "tencent": tencent.parse, "push": sina_push.parse}


def body_of(layout: Layout, *keys: str) -> str:
    row = rows.ROWS[layout, "sh600000"]
    return "".join(statement(layout, key, row) for key in keys)


@pytest.mark.parametrize("layout", ["sina", "tencent"])
@pytest.mark.parametrize(
    "change", [lambda body: body, lambda body: body.replace("\n", "\r\n"), lambda body: body.rstrip()]
)
def test_statements_in_order(layout: Layout, change: object) -> None:
    assert callable(change)
    reply = PARSERS[layout](change(body_of(layout, "sh600000", "sh600001", "sh600002")))
    assert list(reply.rows) == ["sh600000", "sh600001", "sh600002"]
    assert set(reply.rows.values()) == {rows.ROWS[layout, "sh600000"]}
    assert reply.is_whole


def test_tencent_on_one_line_and_without_the_last_semicolon() -> None:
    line = body_of("tencent", "sh600000", "sh600001").replace(";\n", "; ").rstrip("; ")
    assert list(tencent.parse(line).rows) == ["sh600000", "sh600001"]


@pytest.mark.parametrize("layout", ["sina", "tencent"])
def test_a_body_cut_anywhere_loses_only_its_end(layout: Layout) -> None:
    whole = body_of(layout, "sh600000", "sh600001")
    first = len(body_of(layout, "sh600000"))
    for end in range(len(whole)):
        reply = PARSERS[layout](whole[:end])
        assert ("sh600000" in reply.rows) is (end >= first - 2), end  # the quote closes it; `;` and LF may be missing
        assert set(reply.rows.values()) <= {rows.ROWS[layout, "sh600000"]}


@pytest.mark.parametrize("layout", ["sina", "tencent"])
def test_a_missing_semicolon_spoils_no_neighbour(layout: Layout) -> None:
    whole = body_of(layout, "sh600000", "sh600001", "sh600002").replace('";', '"', 1)
    assert list(PARSERS[layout](whole).rows) == ["sh600000", "sh600001", "sh600002"]


def test_of_equal_keys_the_last_counts() -> None:
    body = 'var hq_str_sh600000="a";\nvar hq_str_sh600000="b";\n'
    assert sina.parse(body).rows == {"sh600000": "b"}


def test_an_unknown_key_is_an_empty_row_at_sina_and_none_at_tencent() -> None:
    assert sina.parse('var hq_str_sh999999="";\n').rows == {"sh999999": ""}
    reply = tencent.parse('v_pv_none_match="1";')
    assert (reply.rows, reply.control, reply.is_empty) == ({}, {"pv_none_match": "1"}, False)
    assert not tencent.parse("pv_none_match=1;").is_empty


@pytest.mark.parametrize("text", ["", "\n", "<html><body>busy</body></html>", '{"code": 1}', "Kinsoku jikou desu!"])
@pytest.mark.parametrize("name", ["sina", "tencent"])
def test_another_page_is_an_empty_reply(name: str, text: str) -> None:
    assert PARSERS[name](text).is_empty


@pytest.mark.parametrize("text", ["sys_auth=FAILED", 'var sys_auth="FAILED";', "sys_auth=INVALID\n"])
def test_a_refused_batch(text: str) -> None:
    assert sina.parse(text).is_refused


def test_short_rows_mean_throttling() -> None:
    reply = tencent.parse('v_s_sh600000="1~a~600000~1~2~3~4~5~~6~GP-A";\n')
    assert reply.is_throttled
    assert not reply.rows


def test_market_stat() -> None:
    text = "2026-07-20 15:24:19|HK_open_交易中|SH_close_已收盘|KCB_open_盘后交易中|odd|XX_half_?"
    assert tencent.open_markets(text) == ("2026-07-20 15:24:19", {"HK": True, "SH": False, "KCB": True})


def test_frames_of_the_push() -> None:
    reply = sina_push.parse("sys_ver=1\nsh600000=a,b\nrt_hk00700=c\nsys_nxkey=SH688047\n")
    assert reply.rows == {"sh600000": "a,b", "rt_hk00700": "c"}
    assert reply.control == {"sys_ver": "1", "sys_nxkey": "SH688047"}
    assert sina_push.parse("sys_auth=FAILED").is_refused


# ------------------------------------------------------------------ bytes
def test_bytes_are_read_as_what_they_are_not_as_what_they_are_called() -> None:
    text = body_of("tencent", "sh600000")
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        assert sources.decoded(text.encode(encoding)).splitlines() == text.splitlines()


@pytest.mark.parametrize("layout", ["sina", "tencent"])
@pytest.mark.parametrize("front", [b"\xef\xbb\xbf", "\ufeff".encode("gb18030"), b" ", b"\r\n"])
def test_what_stands_in_front_of_a_body_costs_no_row(layout: Layout, front: bytes) -> None:
    body = body_of(layout, "sh600000", "sh600001").encode("gb18030")
    reply = PARSERS[layout](sources.decoded(front + body))
    assert list(reply.rows) == ["sh600000", "sh600001"]


@pytest.mark.parametrize("layout", ["sina", "tencent"])
@pytest.mark.parametrize("bad", [b"\xff", b"\x81", b"\xff\xff", b"\x81\x30", b"\xe7\xa0\x00"])
def test_undecodable_bytes_spoil_one_row_at_most(layout: Layout, bad: bytes) -> None:
    separator = b"~" if layout == "tencent" else b","
    first, *others = body_of(layout, "sh600000", "sh600001").encode("gb18030").splitlines(keepends=True)
    name = "甲乙".encode("gb18030")
    for changed in (first.replace(name, name + bad), first.replace(separator, bad + separator, 1)):
        reply = PARSERS[layout](sources.decoded(changed + b"".join(others)))
        assert reply.rows["sh600001"] == rows.ROWS[layout, "sh600000"]


# ------------------------------------------------------------------ URLs
def test_urls() -> None:
    keys = ("sh600000", "gb_brk$b")
    assert sina.Sina().url("https://hq.sinajs.cn", keys) == "https://hq.sinajs.cn/list=sh600000,gb_brk$b"
    assert tencent.Tencent().url("https://qt.gtimg.cn", keys) == "https://qt.gtimg.cn/q=sh600000,gb_brk$b"
    assert sina_push.url("wss://hq.sinajs.cn", keys) == "wss://hq.sinajs.cn/wskt?list=sh600000,gb_brk$b"
    assert sina.Sina().headers["Referer"].startswith("https://finance.sina.com.cn")
    assert "Referer" not in tencent.Tencent().headers


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply(content: bytes) -> None:
    for parse in PARSERS.values():
        parse(sources.decoded(content))
