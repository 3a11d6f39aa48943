"""Input checks: one line per case."""

from __future__ import annotations

import enum
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.ctp import structs
from ctp2.ctp.base import parse
from ctp2.ctp.layout import _examine, check
from ctp2.ctp.structs import CThostFtdcInputOrderField

INT_MAX = 2**31 - 1


class Text(str):
    __slots__ = ()


GOOD = [
    ("InputOrder", {}),
    ("InputOrder", {"InstrumentID": "x" * 80}),
    ("InputOrder", {"InstrumentID": "中" * 40}),
    ("InputOrder", {"InstrumentID": "𠀀" * 20}),
    ("InputOrder", {"InstrumentID": Text("IF2101")}),
    ("InputOrder", {"LimitPrice": 3500}),
    ("InputOrder", {"LimitPrice": True}),
    ("InputOrder", {"LimitPrice": math.nan}),
    ("InputOrder", {"LimitPrice": -math.inf}),
    ("InputOrder", {"LimitPrice": sys.float_info.max}),
    ("InputOrder", {"VolumeTotalOriginal": INT_MAX}),
    ("InputOrder", {"VolumeTotalOriginal": -INT_MAX - 1, "MinVolume": INT_MAX}),
    ("InputOrder", {"VolumeTotalOriginal": -1, "MinVolume": 3}),
    ("InputOrder", {"IsAutoSuspend": True}),
    ("InputOrder", {"Direction": "~"}),
    ("Dissemination", {"SequenceSeries": -(2**15), "SequenceNo": 2**15}),
]

O = "CThostFtdcInputOrderField."  # noqa: E741
BAD = [
    (
        "InputOrder",
        {"InstrumentID": "中" * 45},
        ValueError,
        O + "InstrumentID: 90 bytes in GB18030, the field holds 80",
    ),
    ("InputOrder", {"InstrumentID": "x" * 81}, ValueError, O + "InstrumentID: 81 bytes in GB18030, the field holds 80"),
    ("InputOrder", {"OrderRef": "1" * 13}, ValueError, O + "OrderRef: 13 bytes in GB18030, the field holds 12"),
    ("InputOrder", {"OrderRef": "单" * 7}, ValueError, O + "OrderRef: 14 bytes in GB18030, the field holds 12"),
    ("InputOrder", {"InstrumentID": "a\0b"}, ValueError, O + "InstrumentID: the text contains a NUL character"),
    ("InputOrder", {"InstrumentID": "\0"}, ValueError, O + "InstrumentID: the text contains a NUL character"),
    ("InputOrder", {"UserID": "a\ud800"}, ValueError, O + "UserID: character 2 cannot be encoded in GB18030"),
    ("InputOrder", {"Direction": "00"}, ValueError, O + "Direction: 2 bytes in GB18030, the field holds 1"),
    ("InputOrder", {"Direction": "买"}, ValueError, O + "Direction: 2 bytes in GB18030, the field holds 1"),
    ("InputOrder", {"Direction": 0}, TypeError, O + "Direction: a str is needed, not int"),
    ("InputOrder", {"Direction": b"0"}, TypeError, O + "Direction: a str is needed, not bytes"),
    ("InputOrder", {"InstrumentID": b"IF2101"}, TypeError, O + "InstrumentID: a str is needed, not bytes"),
    ("InputOrder", {"InstrumentID": ["IF2101"]}, TypeError, O + "InstrumentID: a str is needed, not list"),
    ("InputOrder", {"VolumeTotalOriginal": "3"}, TypeError, O + "VolumeTotalOriginal: an int is needed, not str"),
    ("InputOrder", {"VolumeTotalOriginal": 3.0}, TypeError, O + "VolumeTotalOriginal: an int is needed, not float"),
    ("InputOrder", {"MinVolume": None}, TypeError, O + "MinVolume: an int is needed, not NoneType"),
    (
        "InputOrder",
        {"VolumeTotalOriginal": 2**31},
        ValueError,
        O + "VolumeTotalOriginal: the number is out of range, the field holds -2147483648 to 2147483647",
    ),
    (
        "InputOrder",
        {"VolumeTotalOriginal": 2**40, "MinVolume": -1},  # the or of both looks harmless
        ValueError,
        O + "VolumeTotalOriginal: the number is out of range, the field holds -2147483648 to 2147483647",
    ),
    (
        "Dissemination",
        {"SequenceSeries": 2**15},
        ValueError,
        "CThostFtdcDisseminationField.SequenceSeries: the number is out of range, the field holds -32768 to 32767",
    ),
    ("InputOrder", {"LimitPrice": "3500"}, TypeError, O + "LimitPrice: a float is needed, not str"),
    ("InputOrder", {"LimitPrice": None}, TypeError, O + "LimitPrice: a float is needed, not NoneType"),
    (
        "ReqUserLogin",
        {"Password": "p" * 41},
        ValueError,
        "CThostFtdcReqUserLoginField.Password: 41 bytes in GB18030, the field holds 40",
    ),
]


def made(name: str, values: dict[str, Any]) -> Any:
    return getattr(structs, f"CThostFtdc{name}Field")(**values)


@pytest.mark.parametrize(("name", "values"), GOOD)
def test_good(name: str, values: dict[str, Any]) -> None:
    check(made(name, values))


@pytest.mark.parametrize(("name", "values", "error", "message"), BAD)
def test_bad(name: str, values: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        check(made(name, values))
    assert str(raised.value) == message


class Ratio(float):
    __slots__ = ()


class Lots(enum.IntEnum):
    ONE = 1


CONVERTED: list[tuple[str, Any, Any]] = [
    # What SWIG stores: text of nothing, the character of a number, a plain float of numpy.float64, an int of an enum.
    ("InstrumentID", None, ""),
    ("Direction", None, ""),
    ("Direction", "\0", ""),
    ("Direction", ord("1"), "1"),
    ("LimitPrice", Ratio(2.5), 2.5),
    ("LimitPrice", 3500, 3500.0),
    ("LimitPrice", 10**400, math.inf),
]


@pytest.mark.parametrize(("field", "value", "stored"), CONVERTED)
@pytest.mark.parametrize("user", ["u", "中"])  # the second is none for the fast way
def test_what_swig_converts_is_converted(user: str, field: str, value: Any, stored: Any) -> None:
    order = CThostFtdcInputOrderField(UserID=user, **{field: value})
    check(order)
    assert getattr(order, field) == stored
    assert type(getattr(order, field)) is type(stored)


def test_an_enum_for_an_int_becomes_one_when_looked_at() -> None:
    order = CThostFtdcInputOrderField(UserID="中", VolumeTotalOriginal=Lots.ONE)
    check(order)
    assert type(order.VolumeTotalOriginal) is int


@pytest.mark.parametrize("value", [None, 5, "order", object(), CThostFtdcInputOrderField])
def test_no_struct(value: Any) -> None:
    with pytest.raises(TypeError, match="a CTP struct is needed, not "):
        check(value)


def test_every_struct_has_a_check() -> None:
    for name in structs.FIELDS:
        check(getattr(structs, name)())


def test_each_field_of_every_struct_is_checked() -> None:
    wrong = {"i": 2**31, "h": 2**15, "d": "1", "c": "ab"}
    for name, description in structs.FIELDS.items():
        for field, kind in parse(description):
            value = wrong.get(kind) or (b"x" * int(kind[1:]) if kind[0] == "b" else "x" * int(kind))
            with pytest.raises((TypeError, ValueError), match=rf"^{name}\.{field}: "):
                check(getattr(structs, name)(**{field: value}))


def test_a_piece_of_a_text_may_be_bytes_or_text() -> None:
    piece: Any = structs.CThostFtdcSettlementInfoField(Content=b"\xbd" * 500)
    check(piece)
    piece.Content = "结" * 250
    check(piece)
    for wrong, told in [("结" * 251, "502 bytes in GB18030"), (5, "a str or bytes is needed, not int")]:
        piece.Content = wrong
        with pytest.raises((TypeError, ValueError), match=told):
            check(piece)
    piece.Content = None
    check(piece)
    assert piece.Content == b""


VALUES = st.one_of(
    st.text(max_size=4),
    st.integers(-(2**33), 2**33),
    st.sampled_from([0, -1, INT_MAX, INT_MAX + 1, -INT_MAX - 2, 2**63, True]),
    st.floats(),
    st.sampled_from(["", "0", "\0", "中", "x" * 80, "x" * 81, None, b"0"]),
)
FIELDS = [field for field, _ in parse(structs.FIELDS["CThostFtdcInputOrderField"])]


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
def test_the_fast_way_agrees_with_the_plain_one(values: dict[str, Any]) -> None:
    order = CThostFtdcInputOrderField(**values)
    name = "CThostFtdcInputOrderField"
    assert outcome(check, order) == outcome(_examine, order, name, list(parse(structs.FIELDS[name])))


def outcome(function: Any, *arguments: object) -> str:
    try:
        function(*arguments)
    except (TypeError, ValueError) as error:
        return repr(error)
    return "good"
