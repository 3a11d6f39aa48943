"""Values of the client library as records: unset doubles, escapes, texts (spec ib 5.9, 6.2)."""

from __future__ import annotations

import pytest

from ctp2.ib import client_records as made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        ("12.25", 12.25),
        ("", None),
        (None, None),
        (1.7976931348623157e308, None),
        ("1.7976931348623157E308", None),
        (float("nan"), None),
        (float("inf"), None),
        ("N/A", None),
        (0, 0.0),
        (-3.5, -3.5),
    ],
)
def test_a_double_that_may_be_unset(value: object, expected: float | None) -> None:
    assert made.number(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (r"\u4fdd\u8bc1\u91d1\u4e0d\u8db3", "保证金不足"),
        (r"a \ud83d\ude00 b", "a \U0001f600 b"),
        (r"C:\users", r"C:\users"),
    ],
)
def test_escapes_are_read(text: str, expected: str) -> None:
    assert made.decoded(text) == expected


def test_half_a_letter_is_no_fault() -> None:
    assert made.decoded(r"x\ud83dy").startswith("x")
