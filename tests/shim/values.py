"""A value for every member of every struct, worked out from its name: what one end sets the other end must read.

Texts in requests are short and partly Chinese, or fill the member to its last byte; texts in callbacks fill it in
GB18030. All characters are in GBK, which is what ctp-python decodes.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

from ctp2.ctp import layout

HANZI: Final = "上海期货交易所螺纹钢合约报单被拒绝结算单已确认投资者"
NUMBERS: Final = (0, 1, -1, 2_147_483_647, -2_147_483_648, 65_536, -65_535)
SHORTS: Final = (0, 1, -1, 32_767, -32_768)
DOUBLES: Final = (0.0, -37.63, 1.7976931348623157e308, 0.1, -0.0005, 5e-324, 300_000.01)


def _seed(struct: str, name: str) -> int:
    return zlib.crc32(f"{struct}.{name}".encode())


def _ascii(seed: int, length: int) -> str:
    return "".join(chr(0x41 + (seed + index) % 26) for index in range(length))


def _hanzi(seed: int, count: int) -> str:
    return "".join(HANZI[(seed + index) % len(HANZI)] for index in range(count))


def request_text(seed: int, room: int, *, full: bool) -> str:
    """A text that has room in UTF-8, in which bindings send it, and in GB18030."""
    if full or room < 4:
        return _ascii(seed, room)
    return _hanzi(seed, min(room // 3, 20)) + _ascii(seed, min(room % 3, 1))


def callback_text(seed: int, room: int) -> str:
    """A text of exactly so many bytes in GB18030, half of them Chinese."""
    hanzi = _hanzi(seed, room // 4)
    return hanzi + _ascii(seed, room - 2 * len(hanzi))


def _value(field: layout.Field, seed: int, text: str) -> Any:
    match field.kind:
        case "char":
            return _ascii(seed, 1)
        case "int":
            return NUMBERS[seed % len(NUMBERS)]
        case "short":
            return SHORTS[seed % len(SHORTS)]
        case "double":
            return DOUBLES[seed % len(DOUBLES)]
        case "piece":
            return text.encode("gb18030")
        case _:
            return text


def of_request(revision: str, struct: str, *, full: bool) -> dict[str, Any]:
    """Members of a request's struct, in the lengths of a revision."""
    members = {}
    for field in layout.codec(revision).fields(struct):
        seed = _seed(struct, field.name)
        members[field.name] = _value(field, seed, request_text(seed, field.length - 1, full=full))
    return members


def of_callback(revision: str, struct: str) -> dict[str, Any]:
    """Members of a callback's struct, in the lengths of a revision."""
    members = {}
    for field in layout.codec(revision).fields(struct):
        seed = _seed(struct, field.name)
        members[field.name] = _value(field, seed, callback_text(seed, field.length - 1))
    return members
