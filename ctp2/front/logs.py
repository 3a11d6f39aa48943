"""Structured log lines: ``event key=value key="two words"``, the same keys everywhere, never a secret.

``link`` is the number of a connection, ``user`` the login, ``session`` CTP's SessionID, ``request`` the client's own
number.
"""

from __future__ import annotations

import json
import logging
from typing import Final

log: Final = logging.getLogger("ctp2.front")

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_/+@[]")


def say(level: int, event: str, **values: object) -> None:
    """Write one line."""
    if log.isEnabledFor(level):
        shown = (f"{key}={_shown(value)}" for key, value in values.items() if value not in ("", None))
        log.log(level, "%s", " ".join((event, *shown)))


def _shown(value: object) -> str:
    """Plain, or quoted so that a client's text can forge no second line."""
    text = str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)
