"""Structured log lines: ``event key=value key="two words"``, the same keys everywhere, never a secret.

``link`` is the number of a connection, ``user`` the login, ``session`` CTP's SessionID, ``request`` the client's own
number. As JSON a line is one object with these keys beside ``time``, ``level``, ``logger`` and ``event``.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final, Self, TextIO

log: Final = logging.getLogger("ctp2.front")

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_/+@[]")
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_PARTS: Final = "ctp2_parts"
"""The attribute of a log record that holds the event and its values."""


def say(level: int, event: str, **values: object) -> None:
    """Write one line."""
    if log.isEnabledFor(level):
        told = {key: value for key, value in values.items() if value not in ("", None)}
        shown = (f"{key}={_shown(value)}" for key, value in told.items())
        log.log(level, "%s", " ".join((event, *shown)), extra={_PARTS: (event, told)})


def _shown(value: object) -> str:
    """Plain, or quoted so that a client's text can forge no second line."""
    text = str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)


class JsonLines(logging.Formatter):
    """One JSON object a line; lines that are no events of ours have their text under ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        event, values = getattr(record, _PARTS, ("", {}))
        if event:
            told |= {"event": event, **{key: _plain(value) for key, value in values.items()}}
        else:
            told["message"] = record.getMessage()
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) else str(value)


class Written:
    """While it is entered, the process's log lines are written to standard error, ``text`` or ``json``."""

    def __init__(self, level: str, line_format: str, stream: TextIO | None = None) -> None:
        """``stream`` takes the place of standard error."""
        self._handler = logging.StreamHandler(stream)
        self._level = logging.getLogger().level
        self.change(level, line_format)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)

    def change(self, level: str, line_format: str) -> None:
        """From now on so."""
        logging.getLogger().setLevel(level.upper())
        self._handler.setFormatter(JsonLines() if line_format == "json" else logging.Formatter(_TEXT))
