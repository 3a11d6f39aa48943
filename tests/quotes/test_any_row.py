"""Whatever a row holds: a possible record, no record, or one refused row. Never another exception."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctp2.quotes import sources, symbols, translate
from ctp2.quotes.numbers import Damaged
from ctp2.quotes.sources import Layout, sina, tencent
from tests.quotes import possible, rows

KEYS = [*rows.ROWS, ("sina", "sz399001"), ("sina", "sh204001"), ("tencent", "sh688981"), ("sina", "nf_TA2609")]
KEYS += [
    ("sina", "sh113050"),
    ("tencent", "sh113050"),
    ("sina", "rt_hkHSI"),
    ("tencent", "hkHSI"),
    ("tencent", "usDJI"),
]
#: What a field may be made of.
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "-",
            "--",
            "0",
            "-1",
            "1e308",
            "9" * 40,
            "9" * 400,
            "nan",
            "inf",
            "0.0000001",
            "999999999",
            "-0.0",
            "1/2/3",
        ]
    ),
    st.sampled_from(["2026-02-30", "99:99:99", "24:00:00", "20261332", "Feb 30 01:00PM EST", "235960", "00:00:00"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.integers(-(10**20), 10**20).map(str),
)


def read(layout: Layout, key: str, row: str) -> None:
    symbol = symbols.native(key, "20260928")
    assert symbol is not None
    try:
        reading = translate.tick_to_ctp(layout, symbol, row)
    except Damaged:
        return
    if reading is not None:
        possible.check(reading.field, may_be_negative=symbol.market in ("nf", "hf"))
        assert reading.volume >= 0


def base(layout: Layout, key: str) -> str:
    found = rows.ROWS.get((layout, key))
    if found is not None:
        return found
    if key.startswith(("hk", "rt_hk")):
        return rows.SINA_HK if layout == "sina" else rows.changed(rows.TENCENT_HK, f2="HSI")
    if key == "nf_TA2609":
        return rows.SINA_FUTURE
    if key == "usDJI":
        return rows.changed(rows.TENCENT_US, f2=".DJI")
    return rows.SINA_CN if layout == "sina" else rows.changed(rows.TENCENT_CN, f2=key[2:])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KEYS), st.lists(st.tuples(st.integers(0, 60), TEXTS), max_size=6), st.integers(-1, 60))
@example(("sina", "sh600000"), [(8, "9" * 15)], -1)
@example(("tencent", "sh600000"), [(6, "99999999999999")], -1)
def test_changed_fields(which: tuple[Layout, str], changes: list[tuple[int, str]], cut: int) -> None:
    layout, key = which
    separator = "~" if layout == "tencent" and not key.startswith("hf") else ","
    fields = base(layout, key).split(separator)
    for index, text in changes:
        fields[index % len(fields)] = text
    if cut >= 0:
        fields = fields[:cut]
    read(layout, key, separator.join(fields))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KEYS), st.text(max_size=200))
def test_any_text(which: tuple[Layout, str], text: str) -> None:
    read(which[0], which[1], text)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([key for key in KEYS if key[1] in ("sh600000", "gb_aapl", "nf_RB0", "nf_IF0", "usAAPL")]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=4)), max_size=4),
)
def test_bytes_of_a_body_overwritten(which: tuple[Layout, str], changes: list[tuple[int, bytes]]) -> None:
    layout, key = which
    neighbour = rows.statement(layout, "sh600001", base(layout, "sh600000"))
    body = bytearray(rows.statement(layout, key, base(layout, key)).encode("gb18030"))
    for index, content in changes:
        at = index % len(body)
        body[at : at + len(content)] = content
    parse = tencent.parse if layout == "tencent" else sina.parse
    # A line break is put behind it, as overwriting may have removed its own: then the neighbour must survive.
    reply = parse(sources.decoded(bytes(body) + b'";\n' + neighbour.encode("gb18030")))
    assert reply.rows.get("sh600001") == base(layout, "sh600000")
    for found, row in reply.rows.items():
        if found == key:
            read(layout, key, row)
