"""The frames of one version for the clients of one backend; records that repeat a shared one are packed in parts.

The return of an order is most of a busy server's work. A backend that makes such records of a shared one
(``Backend.recipes``) spares the front building and packing what all of them have in common.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from ctp2.core.backend import Builder, Event, Recipe
from ctp2.ctp.patching import Patcher, Pieces
from ctp2.front import wire
from ctp2.front.dialect import Dialect
from ctp2.front.wire import FIELD, FLAG_OF_TOPIC, HEADER_SIZE, LAST

_MOST: Final = 1000
"""Shared records whose bytes are kept per version and callback; when full all go."""


class Frames:
    """Makes frames of events, as :class:`~ctp2.front.dialect.Dialect` does, faster where the backend has a recipe."""

    __slots__ = ("_dialect", "patched")

    def __init__(self, spoken: Dialect, recipes: Mapping[Builder, Recipe]) -> None:
        self._dialect = spoken
        self.patched: Final[dict[Builder | None, Patched]] = {
            build: Patched(spoken, recipe) for build, recipe in recipes.items() if recipe.callback in spoken.callbacks
        }
        """Builders that this version has a recipe of."""

    def encode(self, event: Event) -> bytes:
        """The frame of an event; empty when there is nothing to send."""
        patched = self.patched.get(event.build)
        if patched is None or event.info is not None or event.callback != patched.callback:
            return self._dialect.encode_event(event)
        return patched.encode(event) or self._dialect.encode_event(event)


class Patched:
    """One recipe in one version."""

    __slots__ = ("_dialect", "_known", "_length", "_pack", "_parts", "_patcher", "_slot", "callback")

    def __init__(self, spoken: Dialect, recipe: Recipe) -> None:
        slot, name, size = spoken.outgoing(recipe.callback)
        padded = size + -size % 8
        self.callback = recipe.callback
        self._dialect = spoken
        self._slot = slot
        self._length = HEADER_SIZE + padded
        self._parts = recipe.parts
        self._patcher = Patcher(spoken.codec, name, wire.HEADER_FORM, padded, recipe.members, recipe.own)
        self._pack = self._patcher.pack
        self._known: dict[int, tuple[Any, Pieces | None]] = {}

    def encode(self, event: Event) -> bytes:
        """The frame; empty when its record has to be built."""
        parts = self._parts(event.field)
        if parts is None:
            return b""
        shared, values = parts
        known = self._known.get(id(shared))
        pieces = known[1] if known is not None else self._pieces(shared)
        if pieces is None:
            return b""
        flags = FIELD | FLAG_OF_TOPIC[event.topic] | (LAST if event.is_last else 0)
        try:
            return self._pack(
                self._length, wire.CALLBACK, flags, self._slot, event.request_id, event.sequence, pieces, values
            )
        except (struct.error, OverflowError, UnicodeEncodeError):
            return b""  # a text that is not ASCII, or a number that must be clamped

    def _pieces(self, shared: Any) -> Pieces | None:
        """Of the shared record; None when it holds a code that this version cannot be told."""
        if len(self._known) >= _MOST:
            self._known.clear()
        pieces = None
        if self._dialect.fits(self.callback, shared):
            data = self._dialect.codec.pack(shared)
            pieces = self._patcher.pieces(data + wire.padding(len(data)))
        # The record is kept with them, so that its id is not given to another meanwhile.
        self._known[id(shared)] = (shared, pieces)
        return pieces
