"""Requests and callbacks as the frames of one CTP version: its slots, its struct layouts.

A slot is the position of a method in the vtable of the client's version (static methods have none), so that a native
client calls ``vtable[slot]`` and needs no table of names.

What a version lacks: a callback it does not have is not sent (in a flow its number still is, ``wire.PASSED``), a member
it does not have is dropped. An instrument code that is too long for the member (31 characters up to 6.3.19) is never
cut, for the rest could name another instrument: the record is left out, see :meth:`Dialect.encode_event`.
"""

from __future__ import annotations

import hashlib
import logging
import struct as struct_module
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from ctp2.core.backend import Event, Kind, Request, Topic
from ctp2.core.errors import BadPacket
from ctp2.core.unsupported import convert
from ctp2.ctp import layout, methods, schema
from ctp2.ctp.methods import Callback, Method
from ctp2.front import wire
from ctp2.front.wire import FIELD, HEADER_SIZE, INFO, LAST, PRIVATE, PUBLIC, Frame

log = logging.getLogger("ctp2.front")

_INFO_STRUCT: Final = "CThostFtdcRspInfoField"
_COUNT: Final = struct_module.Struct("<I")
_CLASSES: Final[dict[Kind, tuple[str, str]]] = {
    "trader": ("CThostFtdcTraderApi", "CThostFtdcTraderSpi"),
    "md": ("CThostFtdcMdApi", "CThostFtdcMdSpi"),
}
_METHODS: Final[dict[Kind, dict[str, Method]]] = {"trader": methods.TRADER, "md": methods.MD}
_CALLBACKS: Final[dict[Kind, dict[str, Callback]]] = {
    "trader": methods.TRADER_CALLBACKS,
    "md": methods.MD_CALLBACKS,
}
_CODES: Final = frozenset(
    (
        *("InstrumentID", "ExchangeInstID", "ProductID", "ExchangeProductID", "ProductGroupID"),
        *("CombInstrumentID", "LegInstrumentID", "UnderlyingInstrID"),
    )
)
"""Members that name something to trade: a shortened one would name something else."""
_MAX_CODES: Final = wire.MAX_FRAME - HEADER_SIZE - _COUNT.size - 8
"""Bytes of names that one subscription frame holds."""


def _slots(version: str, class_name: str) -> list[dict[str, Any]]:
    """The methods of a class in vtable order."""
    return [method for method in schema.load(version)["classes"][class_name] if not method.get("static")]


@cache
def checksum(version: str, kind: Kind) -> int:
    """What proves that two sides mean the same revision: slots, argument types and struct sizes, as 64 bits.

    The first eight bytes, little endian, of the SHA-256 of these lines: ``NAME(TYPE,TYPE)`` for each method in vtable
    order, first of the Api, then of the Spi, then ``STRUCT SIZE`` for each struct in the order of the header.
    """
    digest = hashlib.sha256()
    for class_name in _CLASSES[kind]:
        for method in _slots(version, class_name):
            types = ",".join(argument[1] for argument in method["args"])
            digest.update(f"{method['name']}({types})\n".encode())
    for name, size in schema.load(version)["sizes"].items():
        digest.update(f"{name} {size}\n".encode())
    return int.from_bytes(digest.digest()[:8], "little")


@cache
def dialect(version: str, kind: Kind) -> Dialect:
    """The frames of a version; ``ValueError`` when there is no such version."""
    return Dialect(version, kind)


class _Out:
    """A callback on its way out."""

    __slots__ = ("codes", "pad", "size", "slot", "struct")

    def __init__(self, slot: int, struct: str, size: int, codes: tuple[tuple[str, int], ...]) -> None:
        self.slot = slot
        self.struct = struct
        self.size = size
        self.pad = wire.padding(size)
        self.codes = codes
        """Members that must fit whole, with the most bytes they hold."""


class _In:
    """A callback, or a request, that comes in."""

    __slots__ = ("is_number", "method", "name", "size", "unpack")

    def __init__(
        self, name: str, size: int, unpack: Callable[[Any], Any] | None, is_number: bool, method: Method | None = None
    ) -> None:
        self.name = name
        self.size = size
        self.unpack = unpack
        self.is_number = is_number
        self.method = method


class Dialect:
    """One version and one side of it. Used by any thread: what is built on first use is the same whoever builds it."""

    def __init__(self, version: str, kind: Kind) -> None:
        self.version = version
        self.kind: Kind = kind
        self.codec = layout.codec(version)
        self.checksum = checksum(version, kind)
        self._api = [method["name"] for method in _slots(version, _CLASSES[kind][0])]
        self._spi = [method["name"] for method in _slots(version, _CLASSES[kind][1])]
        self._request_slots = {name: slot for slot, name in enumerate(self._api) if name in _METHODS[kind]}
        self._query_slots = {slot for name, slot in self._request_slots.items() if _METHODS[kind][name].is_query}
        self._out: dict[str, _Out] = {}
        for slot, name in enumerate(self._spi):
            if name in _CALLBACKS[kind]:
                struct = _CALLBACKS[kind][name].struct
                size = self.codec.size(struct) if struct else 0
                self._out[name] = _Out(slot, struct, size, self._codes_of(struct) if struct else ())
        self._callbacks: dict[int, _In] = {}
        self._requests: dict[tuple[int, bool], _In] = {}
        self._told: set[str] = set()

    @property
    def requests(self) -> frozenset[str]:
        """The requests that this version has."""
        return frozenset(self._request_slots)

    def is_query(self, slot: int) -> bool:
        """Whether the request of a slot is a query."""
        return slot in self._query_slots

    @property
    def callbacks(self) -> frozenset[str]:
        """The callbacks that this version has."""
        return frozenset(self._out)

    def outgoing(self, callback: str) -> tuple[int, str, int]:
        """Slot, struct and its size of a callback that this version has."""
        out = self._out[callback]
        return out.slot, out.struct, out.size

    def fits(self, callback: str, struct: Any) -> bool:
        """Whether the codes of a callback's struct can be told whole; said once in the log if not."""
        out = self._out[callback]
        return not out.codes or self._fits(struct, out)

    def _codes_of(self, struct: str) -> tuple[tuple[str, int], ...]:
        newest = layout.codec(layout.NEWEST)
        if struct not in newest.names():
            return ()
        longest = {field.name: field.length for field in newest.fields(struct)}
        return tuple(
            (field.name, field.length - 1)
            for field in self.codec.fields(struct)
            if field.name in _CODES and field.length < longest.get(field.name, 0)
        )

    # ------------------------------------------------------------------ callbacks
    def encode_event(self, event: Event) -> bytes:
        """The frame of an event; empty when there is nothing to send.

        An event that this version cannot be told (no such callback, or a code that does not fit) leaves its number in
        the flow, or, for the last row of an answer, an empty last row.
        """
        out = self._out.get(event.callback)
        if out is None:
            return self._left_out(event, None)
        topic = event.topic
        flags = LAST if event.is_last else 0
        if topic is not None:
            flags |= PRIVATE if topic == "private" else PUBLIC
        slot, aux = out.slot, event.sequence
        if not out.size:
            return self._without_struct(event, slot, flags)
        body = b""
        struct = event.struct()
        if struct is not None:
            if out.codes and not self._fits(struct, out):
                return self._left_out(event, out)
            body = self.codec.pack(struct)
            if len(body) != out.size:
                # A backend handed in a similar struct.
                body = self.codec.pack(convert(struct, out.struct))
            body += out.pad
            flags |= FIELD
        if event.info is not None:
            body += self.codec.pack(event.info)
            flags |= INFO
        header = wire.HEADER.pack(HEADER_SIZE + len(body), wire.CALLBACK, flags, slot, event.request_id, aux)
        return header + body

    def _without_struct(self, event: Event, slot: int, flags: int) -> bytes:
        if event.info is not None:
            info = self.codec.pack(event.info)
            return wire.frame(wire.CALLBACK, info, flags | INFO, slot, event.request_id, event.sequence)
        # OnFrontDisconnected and its like carry their number where an answer has the request's.
        return wire.frame(wire.CALLBACK, b"", flags, slot, 0, event.request_id)

    def _fits(self, struct: Any, out: _Out) -> bool:
        for name, limit in out.codes:
            code = getattr(struct, name, "")
            if len(code) > limit or not (code.isascii() or len(code.encode("gb18030", "replace")) <= limit):
                self._tell(f"{out.struct}.{name}", code, limit)
                return False
        return True

    def _left_out(self, event: Event, out: _Out | None) -> bytes:
        if event.topic is not None:
            return wire.passed(event.topic, event.sequence)
        if out is None or not event.callback.startswith("OnRspQry") or not event.is_last:
            return b""
        return wire.frame(wire.CALLBACK, b"", LAST, out.slot, event.request_id)

    def _tell(self, member: str, code: str, limit: int) -> None:
        """Once for each member: which codes there are is a client's choice, and not to fill a log."""
        if member not in self._told:
            self._told.add(member)
            log.warning("left out: %s %r does not fit into the %d characters of %s", member, code, limit, self.version)

    def decode_event(self, said: Frame) -> Event | None:
        """The event of a callback frame; None for a slot that this version does not have. Its struct is built late.

        Raises:
            BadPacket: the body is shorter than its parts.
        """
        entry = self._callbacks.get(said.slot) or self._callback(said.slot)
        if entry is None:
            return None
        flags, body = said.flags, said.body
        topic: Topic | None = None
        if flags & (PRIVATE | PUBLIC):
            topic = "private" if flags & PRIVATE else "public"
        if entry.is_number:
            return Event(entry.name, None, None, said.aux, True)
        field, build, end = None, None, 0
        if flags & FIELD and entry.unpack is not None:
            field, build, end = bytes(body[: entry.size]), entry.unpack, entry.size + -entry.size % 8
            if len(field) < entry.size:
                raise BadPacket(f"{entry.name} with {len(field)} bytes of {entry.size}")
        info = self._info(entry.name, body[end:]) if flags & INFO else None
        sequence = said.aux if topic is not None else 0
        return Event(entry.name, field, info, said.request_id, flags & LAST != 0, topic, sequence, build)

    def _info(self, name: str, body: memoryview) -> Any:
        size = self.codec.size(_INFO_STRUCT)
        if len(body) < size:
            raise BadPacket(f"{name} without the RspInfo that it announces")
        return self.codec.unpack(_INFO_STRUCT, body[:size])

    def _callback(self, slot: int) -> _In | None:
        name = self._spi[slot] if slot < len(self._spi) else ""
        out = self._out.get(name)
        if out is None:
            return None
        unpack = self.codec.unpacker(out.struct) if out.struct else None
        shape = _CALLBACKS[self.kind][name].shape
        entry = self._callbacks[slot] = _In(name, out.size, unpack, shape == "number")
        return entry

    # ------------------------------------------------------------------ requests
    def encode_request(self, request: Request, link: int) -> list[bytes]:
        """The frames of a request (several for a long list of codes: the last of them says so).

        ``link`` counts the ``OnFrontConnected`` that the client has seen on this TCP link.

        Raises:
            ValueError: this version has no such request.
        """
        name = request.method.name
        slot = self._request_slots.get(name, -1)
        if slot < 0:
            raise ValueError(f"CTP {self.version} has no {name}")
        number = request.request_id
        if isinstance(request.field, tuple):
            bodies = list(_packed_codes(request.field))
            flags = [FIELD] * (len(bodies) - 1) + [FIELD | LAST]
            return [
                wire.frame(wire.REQUEST, body, flag, slot, number, link)
                for body, flag in zip(bodies, flags, strict=True)
            ]
        body = self.codec.pack(request.field)
        return [wire.frame(wire.REQUEST, body, FIELD | LAST, slot, number, link)]

    def decode_request(self, said: Frame, is_gb18030: bool = False) -> Request | None:
        """The request of a frame; None for a slot that is no request of this version.

        ``is_gb18030``: the client's texts are certainly so.

        Raises:
            BadPacket: no struct, or one that is too short.
        """
        entry = self._requests.get((said.slot, is_gb18030)) or self._request(said.slot, is_gb18030)
        if entry is None:
            return None
        assert entry.method is not None
        if not said.flags & FIELD:
            raise BadPacket(f"{entry.name} without its struct")
        body = said.body
        if entry.unpack is None:
            return Request(entry.method, _read_codes(entry.name, body, is_gb18030), said.request_id, said.aux)
        if len(body) < entry.size:
            raise BadPacket(f"{entry.name} with {len(body)} bytes of {entry.size}")
        return Request(entry.method, entry.unpack(body[: entry.size]), said.request_id, said.aux)

    def _request(self, slot: int, is_gb18030: bool) -> _In | None:
        name = self._api[slot] if slot < len(self._api) else ""
        if name not in self._request_slots:
            return None
        method = _METHODS[self.kind][name]
        unpack = self.codec.unpacker(method.struct, foreign=not is_gb18030) if method.struct else None
        size = self.codec.size(method.struct) if method.struct else 0
        entry = self._requests[slot, is_gb18030] = _In(name, size, unpack, False, method)
        return entry


# --- lists of codes --------------------------------------------------------------------------------------------------


def _packed_codes(codes: Sequence[str]) -> Iterator[bytes]:
    """The bodies of a subscription: a count, then each code with its NUL."""
    part: list[bytes] = []
    size = 0
    for code in codes:
        data = code.encode("gb18030", "replace") + b"\0"
        if size + len(data) > _MAX_CODES:
            yield _COUNT.pack(len(part)) + b"".join(part)
            part, size = [], 0
        part.append(data)
        size += len(data)
    yield _COUNT.pack(len(part)) + b"".join(part)


def _read_codes(name: str, body: memoryview, is_gb18030: bool) -> tuple[str, ...]:
    if len(body) < _COUNT.size:
        raise BadPacket(f"{name} without its count")
    (number,) = _COUNT.unpack_from(body)
    # One more piece than NULs: the last one is padding.
    pieces = bytes(body[_COUNT.size :]).split(b"\0", number) if number <= len(body) else []
    if len(pieces) <= number:
        raise BadPacket(f"{name} with fewer than its {number} codes")
    decode = layout.decode_text if is_gb18030 else layout.decode_foreign
    return tuple(decode(piece) for piece in pieces[:number])
