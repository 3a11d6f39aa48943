"""Byte layouts of every struct of every version."""

from __future__ import annotations

import ctypes
import math
import random
import struct as struct_module
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.ctp import layout, schema, structs
from ctp2.ctp.layout import Codec, Field, codec
from ctp2.ctp.structs import (
    CThostFtdcDepthMarketDataField,
    CThostFtdcDisseminationField,
    CThostFtdcInputOrderField,
    CThostFtdcOrderField,
    CThostFtdcRspInfoField,
)
from ctp2.ctp.text import encode_cut

DBL_MAX = sys.float_info.max


def test_versions() -> None:
    assert layout.versions() == schema.VERSIONS
    assert len(layout.versions()) == 16
    assert layout.NEWEST == layout.versions()[-1] == "6.7.13"
    assert codec("6.7.9") is codec("6.7.9")


@pytest.mark.parametrize("version", layout.versions())
def test_sizes(version: str) -> None:
    sizes = schema.load(version)["sizes"]
    assert {name: codec(version).size(name) for name in codec(version).names()} == sizes


C_TYPES: dict[str, Any] = {
    "char": ctypes.c_char,
    "int": ctypes.c_int32,
    "short": ctypes.c_int16,
    "double": ctypes.c_double,
}


@pytest.mark.parametrize("version", layout.versions())
def test_offsets_are_those_of_a_c_compiler(version: str) -> None:
    facts = schema.load(version)
    for name, members in facts["structs"].items():
        c_fields = []
        for field, typedef in members:
            c_type = facts["types"].get(typedef, typedef)
            array = c_type.startswith("char[")
            c_fields.append((field, ctypes.c_char * int(c_type[5:-1]) if array else C_TYPES[c_type]))
        c_struct: Any = type(name, (ctypes.Structure,), {"_fields_": c_fields})
        places = [(field.name, field.offset, field.length) for field in codec(version).fields(name)]
        assert places == [(f, getattr(c_struct, f).offset, getattr(c_struct, f).size) for f, _ in c_fields]


# --- round trips: hypothesis draws a pool of values, every field of every struct takes one ---

# Characters of one, two and four bytes in GB18030.
TEXTS = st.text(
    st.one_of(st.characters(min_codepoint=1, max_codepoint=126), st.sampled_from("中文价格€𠀀é")), max_size=40
)
POOLS = st.fixed_dictionaries(
    {
        "text": st.lists(TEXTS, min_size=3, max_size=9),
        "piece": st.lists(st.binary(max_size=600), min_size=1, max_size=5),
        "char": st.lists(st.sampled_from(["", "0", "a", "~", "\x01"]), min_size=1, max_size=5),
        "int": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5),
        "short": st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=3),
        "double": st.lists(st.one_of(st.floats(), st.sampled_from([DBL_MAX, -0.0])), min_size=1, max_size=5),
    }
)


def filled(struct: str, fields: tuple[Field, ...], pool: dict[str, list[Any]]) -> tuple[Any, dict[str, Any]]:
    """A struct with values of the pool, and what it must come back as."""
    choose = random.Random(struct).choice
    given_values = {field.name: choose(pool[field.kind]) for field in fields}
    kept = dict(given_values)
    for field in fields:
        if field.kind == "text":
            kept[field.name] = encode_cut(kept[field.name], field.length - 1).decode("gb18030")
        elif field.kind == "piece":
            kept[field.name] = kept[field.name].partition(b"\0")[0][: field.length - 1]
    return getattr(structs, struct)(**given_values), kept


def same(left: Any, right: Any) -> bool:
    """Equal, NaN and the sign of zero included."""
    if isinstance(left, float) and isinstance(right, float):
        return struct_module.pack("d", left) == struct_module.pack("d", right) or (
            math.isnan(left) and math.isnan(right)
        )
    return bool(left == right)


@pytest.mark.parametrize("version", layout.versions())
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(pool=POOLS)
def test_round_trip_of_every_struct(version: str, pool: dict[str, list[Any]]) -> None:
    here = codec(version)
    for name in here.names():
        fields = here.fields(name)
        struct, kept = filled(name, fields, pool)
        data = here.pack(struct)
        assert len(data) == here.size(name)
        back = here.unpack(name, data)
        assert all(same(getattr(back, field), value) for field, value in kept.items()), name
        assert here.pack(back) == data, name
        for field in fields:
            if field.kind in ("text", "piece"):
                assert data[field.offset + field.length - 1] == 0, (name, field)


def test_a_piece_of_a_text_is_bytes_both_ways_and_a_text_is_taken() -> None:
    """A statement's chunk may end within a character; 结 is BDE1 in GB18030."""
    here = codec("6.7.13")
    name = "CThostFtdcSettlementInfoField"
    half = structs.CThostFtdcSettlementInfoField(Content=b"x\xbd")
    assert here.unpack(name, here.pack(half)).Content == b"x\xbd"
    whole: Any = structs.CThostFtdcSettlementInfoField()
    whole.Content = "x结"
    assert here.unpack(name, here.pack(whole)).Content == b"x\xbd\xe1"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(data=st.binary(min_size=484, max_size=484), version=st.sampled_from(layout.versions()))
def test_any_bytes_unpack(data: bytes, version: str) -> None:
    here = codec(version)
    size = here.size("CThostFtdcInputOrderField")
    data = (data * 2)[:size]
    back = here.unpack("CThostFtdcInputOrderField", data)
    again = here.unpack("CThostFtdcInputOrderField", here.pack(back))
    assert len(here.pack(again)) == size


# --- single points ---


def place(here: Codec, name: str, field: str) -> Field:
    return next(entry for entry in here.fields(name) if entry.name == field)


def raw(here: Codec, struct: Any, field: str) -> bytes:
    """The bytes of one field of a packed struct."""
    where = place(here, type(struct).__name__, field)
    return here.pack(struct)[where.offset : where.offset + where.length]


NEWEST = codec(layout.NEWEST)


def test_fields() -> None:
    assert NEWEST.fields("CThostFtdcDisseminationField") == (
        Field("SequenceSeries", "short", 0, 2),
        Field("SequenceNo", "int", 4, 4),
    )


def test_bytes_are_little_endian_at_their_places() -> None:
    assert NEWEST.pack(CThostFtdcDisseminationField(SequenceSeries=-2, SequenceNo=258)) == bytes.fromhex(
        "feff 0000 02010000"
    )


def test_old_versions_hold_short_instruments() -> None:
    order = CThostFtdcInputOrderField(InstrumentID="SP a2101&m2105" * 4, OrderMemo="memo")
    old = codec("6.3.15")
    assert old.unpack("CThostFtdcInputOrderField", old.pack(order)).InstrumentID == order.InstrumentID[:30]
    assert old.unpack("CThostFtdcInputOrderField", old.pack(order)).OrderMemo == ""
    assert NEWEST.unpack("CThostFtdcInputOrderField", NEWEST.pack(order)) == order


def test_text_is_cut_between_characters_and_ends_with_nul() -> None:
    assert raw(NEWEST, CThostFtdcRspInfoField(ErrorMsg="a" + "资" * 60), "ErrorMsg") == (
        ("a" + "资" * 39).encode("gb18030") + b"\0\0"
    )
    assert raw(NEWEST, CThostFtdcRspInfoField(ErrorMsg="x" * 200), "ErrorMsg") == b"x" * 80 + b"\0"


def test_text_beyond_gb18030_becomes_a_question_mark() -> None:
    assert raw(NEWEST, CThostFtdcRspInfoField(ErrorMsg="a\ud800b"), "ErrorMsg").rstrip(b"\0") == b"a?b"


def test_text_ends_at_a_nul() -> None:
    assert raw(NEWEST, CThostFtdcRspInfoField(ErrorMsg="ab\0cd"), "ErrorMsg").rstrip(b"\0") == b"ab"


def test_a_char_holds_one_byte_or_nothing() -> None:
    assert raw(NEWEST, CThostFtdcInputOrderField(Direction="1"), "Direction") == b"1"
    assert raw(NEWEST, CThostFtdcInputOrderField(Direction=""), "Direction") == b"\0"
    assert raw(NEWEST, CThostFtdcInputOrderField(Direction="10"), "Direction") == b"1"
    assert raw(NEWEST, CThostFtdcInputOrderField(Direction="买"), "Direction") == b"\0"


MESSAGES = [
    (b"abc\0\xff\xff rubbish", "abc"),
    (b"\0" * 81, ""),
    ("未成交".encode("gb18030"), "未成交"),
    (b"y" * 81, "y" * 81),  # a vendor that forgot the NUL
    (b"ab\xff", "ab\ufffd"),
    (b"ab\xd6", "ab\ufffd"),
]


@pytest.mark.parametrize(("data", "text"), MESSAGES)
def test_reading_text(data: bytes, text: str) -> None:
    packed = struct_module.pack("<i", 3) + data.ljust(81, b"\0") + b"\0" * 3
    assert NEWEST.unpack("CThostFtdcRspInfoField", packed) == CThostFtdcRspInfoField(ErrorID=3, ErrorMsg=text)


def test_numbers_beyond_the_field_are_clamped() -> None:
    numbers = CThostFtdcDisseminationField(SequenceSeries=40_000, SequenceNo=-(2**40))
    assert NEWEST.pack(numbers) == struct_module.pack("<hxxi", 2**15 - 1, -(2**31))
    assert numbers.SequenceNo == -(2**40)  # the caller's struct stays as it was
    price = CThostFtdcInputOrderField(LimitPrice=10**400, VolumeTotalOriginal=2**31)
    back = NEWEST.unpack("CThostFtdcInputOrderField", NEWEST.pack(price))
    assert (back.LimitPrice, back.VolumeTotalOriginal) == (math.inf, 2**31 - 1)


def test_a_wrong_type_is_named() -> None:
    wrong: Any = "3500"
    with pytest.raises(TypeError, match=r"CThostFtdcInputOrderField\.LimitPrice: a number is needed, not str"):
        NEWEST.pack(CThostFtdcInputOrderField(LimitPrice=wrong))


def test_absent_prices() -> None:
    tick = CThostFtdcDepthMarketDataField(LastPrice=DBL_MAX, BidPrice1=math.nan)
    back = NEWEST.unpack("CThostFtdcDepthMarketDataField", NEWEST.pack(tick))
    assert back.LastPrice == DBL_MAX
    assert math.isnan(back.BidPrice1)


def test_other_buffers() -> None:
    data = NEWEST.pack(CThostFtdcOrderField(StatusMsg="未成交", FrontID=-1))
    for buffer in (data, bytearray(data), memoryview(data)):
        assert NEWEST.unpack("CThostFtdcOrderField", buffer).StatusMsg == "未成交"


def test_a_wrong_length() -> None:
    with pytest.raises(ValueError, match=r"CThostFtdcRspInfoField has 88 bytes in 6\.7\.13, not 3"):
        NEWEST.unpack("CThostFtdcRspInfoField", b"abc")


def test_a_struct_the_version_lacks() -> None:
    with pytest.raises(ValueError, match=r"CTP 6\.3\.15 has no struct CThostFtdcSpdApplyField"):
        codec("6.3.15").pack(structs.CThostFtdcSpdApplyField())
    with pytest.raises(ValueError, match="has no struct Nonsense"):
        NEWEST.unpack("Nonsense", b"")
    with pytest.raises(ValueError, match=r"unknown CTP version '7\.0'"):
        codec("7.0")


def test_only_structs_are_packed() -> None:
    not_a_struct: Any = {"InstrumentID": "IF2101"}
    with pytest.raises(TypeError, match="a CTP struct is needed, not dict"):
        NEWEST.pack(not_a_struct)


def test_a_users_subclass_counts_as_its_base() -> None:
    class MyInfo(CThostFtdcRspInfoField):
        pass

    assert NEWEST.pack(MyInfo(ErrorID=3)) == NEWEST.pack(CThostFtdcRspInfoField(ErrorID=3))


def test_tables_of_texts_stay_bounded() -> None:
    for number in range(10_000):
        data = NEWEST.pack(CThostFtdcRspInfoField(ErrorMsg=f"message {number}"))
        assert NEWEST.unpack("CThostFtdcRspInfoField", data).ErrorMsg == f"message {number}"
    assert len(layout._decoded) <= layout._TABLE_SIZE
    assert all(len(table) <= layout._TABLE_SIZE for table in layout._encoded.values())


def test_secrets_are_in_no_table() -> None:
    login = structs.CThostFtdcReqUserLoginField(Password="open sesame")
    assert NEWEST.unpack("CThostFtdcReqUserLoginField", NEWEST.pack(login)) == login
    assert "open sesame" not in layout._decoded.values()
    assert not any("open sesame" in table for table in layout._encoded.values())
