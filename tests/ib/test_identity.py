"""Names of orders and trades, both ways (spec ib 5.3)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ctp2.ib.identity import (
    Key,
    Tag,
    can_be_ref,
    foreign_key,
    perm_id_of,
    read_tag,
    split_revision,
    sys_id,
    to_base36,
    trade_id,
)


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (35, "z"), (36, "10"), (1295, "zz"), (2_147_483_647, "zik0zj")])
def test_base_36(number: int, text: str) -> None:
    assert to_base36(number) == text
    assert int(text, 36) == number


def test_the_longest_tag_has_room() -> None:
    tag = Tag(1, 2_147_483_647, "123456789012", "1", "3")
    assert str(tag) == "Q1:1:zik0zj:123456789012:13"
    assert len(str(tag)) <= 32
    assert read_tag(str(tag)) == tag


@pytest.mark.parametrize(
    "text",
    [
        *("", "mine", "Q2:1:1:1:01", "Q1:1:1:1", "Q1:1:1:1:0", "Q1:1:1:1:011", "Q1:x:1:1:01", "Q1:1::1:01"),
        *("Q1:1:A:1:01", "Q1:1:1::01", "Q1:1:1:1 2:01", "Q1:1:1:1:01:", "Q1:١:1:1:01"),
    ],
)
def test_what_is_no_tag(text: str) -> None:
    assert read_tag(text) is None


GOOD_REFERENCES = ("1", "a-b.c", "123456789012")
BAD_REFERENCES = ("1234567890123", "", "a b", "a:b", "é", "单")


@pytest.mark.parametrize("reference", [*GOOD_REFERENCES, *BAD_REFERENCES])
def test_what_can_stand_in_a_tag(reference: str) -> None:
    assert can_be_ref(reference) is (reference in GOOD_REFERENCES)


def test_system_ids() -> None:
    assert sys_id(0) == ""
    assert sys_id(1001) == "        1001"
    assert sys_id(1_234_567_890_123) == "1234567890123"  # beyond 12 digits nothing is cut
    assert [perm_id_of(text) for text in ("        1001", "1001  ", "0001001", "", "x", "-1")] == [
        1001,
        1001,
        1001,
        0,
        0,
        0,
    ]


def test_orders_without_a_tag() -> None:
    assert foreign_key(9, 5, 77) == Key(2, 5, "9")
    for order_id in (0, -3):
        assert foreign_key(order_id, 5, 123_456_789_012_345) == Key(3, 0, "456789012345")


def test_trade_ids() -> None:
    usual = "0001f4e8.65aa0001.01.01"
    assert trade_id(usual) == "0001f4e865aa00010101"
    hashed = "H" + base64.b32encode(hashlib.sha1(b"0000e0d5.6554ab.1").digest()).decode()[:19]
    assert trade_id("0000e0d5.6554ab.1") == hashed
    parts = {trade_id(usual, part) for part in ("", "C", "O")}
    assert len(parts) == 3
    assert all(len(text) == 20 for text in parts)
    assert trade_id(usual, "C") == "H" + base64.b32encode(hashlib.sha1(usual.encode() + b"C").digest()).decode()[:19]


@pytest.mark.parametrize(
    ("exec_id", "wanted"),
    [
        ("0001f4e8.65aa0001.01.01", ("0001f4e8.65aa0001.01", 1)),
        ("0001f4e8.65aa0001.01.02", ("0001f4e8.65aa0001.01", 2)),
        ("nodots", ("nodots", 0)),
        ("a.b", ("a.b", 0)),
    ],
)
def test_revisions(exec_id: str, wanted: tuple[str, int]) -> None:
    assert split_revision(exec_id) == wanted
