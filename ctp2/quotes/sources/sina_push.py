"""Sina's WebSocket push, ``wss://hq.sinajs.cn/wskt`` (spec quotes 1.2): frames of lines ``key=csv``.

The list of keys is fixed by the URL, so a change of subscriptions is a new connection. Rows are those of HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ctp2.quotes.sources import Reply

ORIGIN: Final = "https://finance.sina.com.cn"
"""Without it the handshake is refused."""
MAX_KEYS: Final = 60
"""Keys per socket."""
MAX_SOCKETS: Final = 8
HEARTBEAT_S: Final = 30
"""An empty text message is sent so often."""
SETTLE_S: Final = 0.5
"""Changes of the subscription are collected for so long before a new socket is opened."""
SILENCE_S: Final = 100
"""No frame for so long in a session: the socket is replaced."""
DELAYS_S: Final = (1, 2, 4, 8, 16, 30)
"""Pauses before a lost socket is opened again."""


def url(base: str, keys: Sequence[str]) -> str:
    """``base`` is ``wss://host``."""
    return f"{base}/wskt?list={','.join(keys)}"


def parse(text: str) -> Reply:
    """The rows of a frame; ``sys_nxkey`` is a hint only (a capture names a key that it answers)."""
    reply = Reply()
    for line in text.removeprefix("\ufeff").split("\n"):
        key, equals, value = line.rstrip("\r").partition("=")
        if not equals:
            reply.is_whole = reply.is_whole and not line.strip()
        elif key == "sys_auth":
            reply.is_refused = value.strip().upper() in ("FAILED", "INVALID")
        elif key.startswith("sys_"):
            reply.control[key] = value
        else:
            reply.rows[key] = value
    return reply
