"""Errors: numbers, names and the struct that carries them."""

from __future__ import annotations

import pytest

from ctp2.ctp import errors, schema
from ctp2.ctp.errors import ERRORS, rsp_info


def test_every_error() -> None:
    rows = schema.load_errors()
    assert {row["id"]: (row["name"], row["prompt"]) for row in rows} == ERRORS
    for row in rows:
        assert getattr(errors, row["name"]) == row["id"]
    assert errors.NOT_LOGIN_YET == 6


CASES = [
    (0, None, "正确"),
    (6, None, "CTP:还没有登录"),
    (6, "CTP:先登录", "CTP:先登录"),
    (6, "", ""),
    (31, "资金不足" * 10, "资金不足" * 10),  # 80 bytes: just fits
    (31, "a" + "资" * 40, "a" + "资" * 39),  # 81 bytes: the last character would be halved
    (31, "x" * 81, "x" * 80),
    (123456, None, "CTP:未知错误 123456"),
]


@pytest.mark.parametrize(("number", "message", "text"), CASES)
def test_rsp_info(number: int, message: str | None, text: str) -> None:
    info = rsp_info(number, message)
    assert (info.ErrorID, info.ErrorMsg) == (number, text)
    assert len(info.ErrorMsg.encode("gb18030")) <= 80
