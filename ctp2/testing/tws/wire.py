r"""The frames of TWS: ``API\0``, then a length and text fields each ended by NUL (spec ib 6.2).

Numbers are decimal text, booleans 1/0, what is unset is empty. Text that is not ASCII travels as ``\uXXXX``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

HELLO: Final = b"API\0"
LARGEST_FRAME: Final = 16 * 1024 * 1024
"""Bytes; a longer frame is refused (spec ib 6.2)."""
UNSET_DOUBLE: Final = 1.7976931348623157e308
UNSET_INTEGER: Final = 2147483647
PAGE: Final = 4096
"""A burst of exactly so many bytes, or a multiple, is lost by the official clients (spec ib 6.2)."""

_VERSIONS: Final = re.compile(r"v(\d+)(?:\.\.(\d+))?(?: .*)?")


class WireError(Exception):
    """What a client sent is no frame, no greeting, or no field of its kind; the text says what it was."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The versions that a client speaks."""

    low: int
    high: int


class Framer:
    r"""Cuts a client's bytes into payloads. The greeting ``API\0`` comes first and is no payload."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> list[bytes]:
        r"""The payloads that ``data`` completes.

        Raises:
            WireError: no ``API\0`` at the beginning, or a frame above 16 MiB.
        """
        buffer = self._buffer
        buffer += data
        if not self._greeted:
            if len(buffer) < len(HELLO):
                return []
            if not buffer.startswith(HELLO):
                raise WireError(f"the connection begins with {bytes(buffer[:8])!r}, not with API")
            del buffer[: len(HELLO)]
            self._greeted = True
        payloads: list[bytes] = []
        start = 0
        while len(buffer) - start >= 4:
            size = int.from_bytes(buffer[start : start + 4], "big")
            if size > LARGEST_FRAME:
                raise WireError(f"a frame of {size} bytes; the largest has {LARGEST_FRAME}")
            if len(buffer) - start - 4 < size:
                break
            payloads.append(bytes(buffer[start + 4 : start + 4 + size]))
            start += 4 + size
        del buffer[:start]
        return payloads


def parse_hello(payload: bytes) -> Hello:
    """``v157..176``, ``v157``, either with options after a space, which are ignored.

    Raises:
        WireError: any other text.
    """
    found = _VERSIONS.fullmatch(payload.rstrip(b"\0").decode("ascii", "replace"))
    if found is None:
        raise WireError(f"{payload[:40]!r} is no range of versions")
    low = int(found[1])
    return Hello(low, int(found[2] or low))


def negotiated(own: int, hello: Hello) -> int:
    """The version of the connection: the smaller maximum; 0 when the client begins above it (spec ib 6.1).

    158 is never answered: the clients disagree about openOrder there (spec ib 6.6).
    """
    version = min(own, hello.high)
    if version == 158:
        version = 157
    return version if version >= hello.low else 0


def fields_of(payload: bytes) -> list[str]:
    """The fields of a payload; the last NUL ends the last one.

    Raises:
        WireError: the payload does not end in NUL, or is not UTF-8.
    """
    if not payload.endswith(b"\0"):
        raise WireError(f"a payload of {len(payload)} bytes without its last NUL")
    try:
        return payload[:-1].decode("utf-8").split("\0")
    except UnicodeDecodeError as bad:
        raise WireError(f"a payload that is no UTF-8: {bad}") from bad


def frame(fields: Iterable[object]) -> bytes:
    """Length and fields; each one as :func:`text_of` writes it."""
    payload = "".join(f"{text_of(field)}\0" for field in fields).encode("ascii")
    return len(payload).to_bytes(4, "big") + payload


def text_of(value: object) -> str:
    r"""A field: ``True`` 1, ``None`` empty, the shortest decimal of a number, other text with ``\uXXXX``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (float, Decimal)):
        return number_text(value)
    text = str(value)
    if text.isascii():
        return text
    return "".join(_escaped(letter) for letter in text)


def number_text(value: float | Decimal) -> str:
    """The shortest decimal without exponent: ``2.0`` is ``2``; TWS's own text of an unset double stays."""
    if isinstance(value, float):
        if value >= UNSET_DOUBLE:
            return "1.7976931348623157E308"
        if value != value:
            return "NaN"
        value = Decimal(repr(value))
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _escaped(letter: str) -> str:
    if letter.isascii():
        return letter
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04X}" for at in range(0, len(units), 2))
