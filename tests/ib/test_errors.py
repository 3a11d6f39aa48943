"""TWS's codes as CTP's, read off the table of spec ib 5.9 row by row, and the texts that refine two of them."""

from __future__ import annotations

import pytest

from ctp2.ib.errors import decode, error_to_ctp, is_notice, message

INSERT: dict[int, str] = {
    9: "354 10089 10168 10186 10092 10189 10197 430",
    13: "332 435",
    15: "107 132 140 144 145 151 158 159 160 434 320 321 322 323 334 336 337 338 347 350 351 411 355 388 405 406 407"
    " 421 424 436 437 10006 10149 10314",
    16: "200",
    17: "116 154 166 392 412",
    22: "103",
    27: "114 115 117 131 312 313 314 315 325 327 10268 10269 10270 10274 10311",
    28: "203 460",
    30: "426",
    41: "100",
    78: "106 133 439 512",
    80: "111 113 146 387",
    91: "201 383 451 9999",
    95: "109 110 141 163 168 361 403",
}
ACTION: dict[int, str] = {
    23: "105 134 329 422 440",
    25: "135 10147",
    26: "104 136 161 10148 2102",
    41: "100",
    79: "515",
}
QUERY: dict[int, str] = {
    9: "354 10089 10168 10186 10092 10189 10197 430",
    16: "200",
    40: "101 309 10190 322",
    41: "100",
    90: "162 366 420 300 310 316 10225 9999",
}
CONNECTION: dict[int, str] = {
    5: "326 501",
    8: "502 504 507 509 1100 1300 2110 10182 10328",
    7: "503 505 506 357",
    0: "9999",
}
NOTICES = "165 202 399 404 492 10167 10090 10349 2104 2106 2109 2137 2152 2158 2168 2169 2174 2176"


@pytest.mark.parametrize(
    ("use", "rows"),
    [("i", INSERT), ("a", ACTION), ("q", QUERY), ("c", CONNECTION)],
    ids=["insert", "action", "query", "c"],
)
def test_the_table(use: str, rows: dict[int, str]) -> None:
    wanted = {int(code): error_id for error_id, codes in rows.items() for code in codes.split()}
    assert {code: error_to_ctp(code, "", use) for code in wanted} == wanted  # type: ignore[arg-type]


def test_notices_are_no_errors() -> None:
    codes = [int(code) for code in NOTICES.split()]
    assert all(is_notice(code) for code in codes)
    assert {error_to_ctp(code, "", use) for code in codes for use in ("i", "a", "q", "c")} == {0}


@pytest.mark.parametrize(
    ("code", "text", "error_id"),
    [
        (201, "Order rejected - reason: Available settled cash of 0 is insufficient", 31),
        (201, "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY ... MARGIN", 31),
        (201, "Order rejected - reason: insufficient buying power", 31),
        (201, "Order rejected - reason: No trading permission for this product", 28),
        (201, "Order rejected - reason: sell quantity exceeds position", 30),
        (201, "Order rejected - reason: the contract is not available for short sale", 37),
        (201, "Order rejected - reason: short sales are not possible in a cash account", 37),
        (201, "Order rejected - reason: something else", 91),
        (201, "报单被拒绝", 91),
        (321, "Error validating request:-'bW' : cause - The API interface is currently in Read-Only mode.", 9),
        (321, "Error validating request:-'b8' : cause - Invalid account code 'X'", 13),
        (321, "Error validating request", 15),
        (110, "margin", 95),  # texts of other codes are never read
    ],
)
def test_texts_refine_201_and_321(code: int, text: str, error_id: int) -> None:
    assert error_to_ctp(code, text, "i") == error_id


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("\\u62D2\\u7edd: no", "拒绝: no"),
        ("\\ud83d\\ude00", "😀"),
        ("\\ud83d alone", "? alone"),
        ("\\u12 is none", "\\u12 is none"),
    ],
)
def test_escapes(text: str, wanted: str) -> None:
    assert decode(text) == wanted


def test_a_message_is_cut_at_a_character() -> None:
    # "IB201:" has 6 bytes, each Chinese character 2: 37 of them make 80.
    assert message(201, "\\u62d2" * 300) == "IB201:" + "拒" * 37
    assert message(201, "a" + "\\u62d2" * 300) == "IB201:a" + "拒" * 36
