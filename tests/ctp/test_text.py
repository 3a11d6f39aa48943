"""Cutting text between two characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.ctp.text import cut, encode_cut

CASES = [
    ("", 5, ""),
    ("abc", 0, ""),
    ("abc", 3, "abc"),
    ("abcd", 3, "abc"),
    ("中文", 4, "中文"),
    ("中文", 3, "中"),
    ("中文", 1, ""),
    ("a中", 2, "a"),
    ("𠀀b", 5, "𠀀b"),  # four bytes; the second and fourth look like digits
    ("𠀀b", 3, ""),
    ("𠀀b", 2, ""),
    ("€uro", 1, ""),
    ("\ud800x", 9, "?x"),
]


@pytest.mark.parametrize(("text", "limit", "result"), CASES)
def test_cut(text: str, limit: int, result: str) -> None:
    assert encode_cut(text, limit) == result.encode("gb18030")
    if "\ud800" not in text:
        assert cut(text, limit) == result


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=30), st.integers(0, 40))
def test_cut_is_the_longest_prefix_that_fits(text: str, limit: int) -> None:
    data = encode_cut(text, limit)
    prefixes = [text[:n].encode("gb18030", "replace") for n in range(len(text) + 1)]
    assert data == max((prefix for prefix in prefixes if len(prefix) <= limit), key=len)
