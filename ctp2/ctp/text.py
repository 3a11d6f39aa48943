"""GB18030 text as CTP carries it."""

from __future__ import annotations

import codecs
from typing import Final

ENCODING: Final = "gb18030"


def encode_cut(text: str, limit: int) -> bytes:
    """``text`` in GB18030, at most ``limit`` bytes, cut between two characters.

    What GB18030 cannot encode (lone surrogates) becomes ``?``.
    """
    data = text.encode(ENCODING, "replace")
    if len(data) <= limit:
        return data
    # A decoder that waits for more input keeps an incomplete last character to itself; cutting by hand would have to
    # know that a second or fourth byte of a GB18030 character may look like an ASCII digit.
    whole = codecs.getincrementaldecoder(ENCODING)("replace").decode(data[:limit])
    return whole.encode(ENCODING, "replace")


def cut(text: str, limit: int) -> str:
    """``text`` shortened to at most ``limit`` GB18030 bytes."""
    if len(text) * 4 <= limit or (text.isascii() and len(text) <= limit):
        return text
    return encode_cut(text, limit).decode(ENCODING, "replace")
