"""The frames between a front and its clients, byte by byte as docs/protocol.md has them. No CTP struct is known here.

A link carries frames of 16 bytes of header and a body that is padded to a multiple of eight, so every part of a stream
lies where a C program may read it in place. All numbers are little endian. What is unknown (a kind of frame, a flag,
what follows the known part of a body) is skipped; only another major version is refused.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, Literal, NamedTuple

from ctp2.core.backend import Kind, Topic
from ctp2.core.errors import BadPacket

MAGIC: Final = b"CTP2WIRE"
MAJOR: Final = 1
MINOR: Final = 0

HEADER_FORM: Final = "IBBHii"
HEADER: Final = struct.Struct(f"<{HEADER_FORM}")
"""Length of the whole frame, kind, flags, slot, request id, aux."""
HEADER_SIZE: Final = HEADER.size
MAX_FRAME: Final = 65_536
"""Largest frame, header and padding included, in either direction."""
MAX_HELLO: Final = 4_096
"""Largest frame before a client was accepted."""
MAX_PACKED: Final = 49_152
"""Bytes of frames that are packed at once: packed they fit into one frame even if nothing repeats."""
MAX_UNPACKED: Final = 1 << 20
"""Largest sum of the frames inside one packed frame."""

# --- kinds -----------------------------------------------------------------------------------------------------------
HELLO: Final = 1
WELCOME: Final = 2
REFUSED: Final = 3
REQUEST: Final = 4
CALLBACK: Final = 5
TOPIC: Final = 6
HEARTBEAT: Final = 7
PING: Final = 8
PONG: Final = 9
PACKED: Final = 10
CAPABILITIES: Final = 11
GOODBYE: Final = 12
PASSED: Final = 13

KINDS: Final[dict[int, str]] = {
    HELLO: "hello",
    WELCOME: "welcome",
    REFUSED: "refused",
    REQUEST: "request",
    CALLBACK: "callback",
    TOPIC: "topic",
    HEARTBEAT: "heartbeat",
    PING: "ping",
    PONG: "pong",
    PACKED: "packed",
    CAPABILITIES: "capabilities",
    GOODBYE: "goodbye",
    PASSED: "passed",
}

# --- flags -----------------------------------------------------------------------------------------------------------
LAST: Final = 1
FIELD: Final = 2
INFO: Final = 4
PRIVATE: Final = 8
PUBLIC: Final = 16

FLAG_OF_TOPIC: Final[dict[Topic | None, int]] = {None: 0, "private": PRIVATE, "public": PUBLIC}
TOPIC_OF_FLAG: Final[dict[int, Topic | None]] = {0: None, PRIVATE: "private", PUBLIC: "public"}
SLOT_OF_TOPIC: Final[dict[Topic, int]] = {"private": 1, "public": 2}
TOPIC_OF_SLOT: Final[dict[int, Topic]] = {1: "private", 2: "public"}

# --- features --------------------------------------------------------------------------------------------------------
PACKING: Final = 1
"""Market data may come packed."""
TEXT_GB18030: Final = 2
"""Every text of the client is GB18030; without it a text that is not ASCII is tried as UTF-8 first."""
FEATURES: Final = PACKING | TEXT_GB18030
"""What this side knows."""

SIDES: Final[dict[int, Kind]] = {1: "trader", 2: "md"}
NUMBER_OF_SIDE: Final[dict[Kind, int]] = {"trader": 1, "md": 2}

HEARTBEAT_OF_FRONT: Final = 53.0
"""Seconds between two heartbeats of a front (spec ctp-semantics 1.5), and the other three beats of a link."""
HEARTBEAT_OF_CLIENT: Final = 15.0
SILENCE_WARNING: Final = 60.0
SILENCE_LIMIT: Final = 120.0
SEND_LIMIT: Final = 40.0
"""Seconds in which a client could send nothing although it had to: 8194."""

VERSION_ERROR: Final = 4040
VERSION_TEXT: Final = "CTP:API Front shake hand err : {what} err"
"""Text of 4040; ``what`` is ``version`` or ``decode``."""

_PADDING: Final = tuple(bytes(-length % 8) for length in range(8))


class Frame(NamedTuple):
    """One frame; ``body`` is everything behind the header, padding included."""

    kind: int
    flags: int
    slot: int
    request_id: int
    aux: int
    body: memoryview


def padding(length: int) -> bytes:
    """What follows ``length`` bytes up to the next multiple of eight."""
    return _PADDING[length % 8]


def frame(kind: int, body: bytes = b"", flags: int = 0, slot: int = 0, request_id: int = 0, aux: int = 0) -> bytes:
    """The bytes of one frame."""
    pad = _PADDING[len(body) % 8]
    return HEADER.pack(HEADER_SIZE + len(body) + len(pad), kind, flags, slot, request_id, aux) + body + pad


class Cutter:
    """Cuts a stream into frames, however it arrives. Frames look into the bytes they came in: copy what you keep."""

    __slots__ = ("_broken", "_needed", "_rest", "limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self._rest = bytearray()
        self._needed = HEADER_SIZE
        self._broken = ""

    def check(self) -> None:
        """Raise when the stream cannot be read any further; call it when the frames before that are served.

        Raises:
            BadPacket: a length that no frame can have; nothing behind it can be read.
        """
        if self._broken:
            raise BadPacket(self._broken)

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes; then ask :meth:`check` whether all of it could be read."""
        if self._broken:
            return []
        rest = self._rest
        if rest:
            # A frame that trickles in is put together without looking at it again for each piece.
            rest += data
            if len(rest) < self._needed:
                return []
            data = bytes(rest)
            self._rest = bytearray()
        frames: list[Frame] = []
        view = memoryview(data)
        at, end = 0, len(data)
        needed = HEADER_SIZE
        while end - at >= HEADER_SIZE:
            length, kind, flags, slot, request_id, aux = HEADER.unpack_from(data, at)
            if length < HEADER_SIZE or length > self.limit or length % 8:
                self._broken = f"a frame of {length} bytes: 16 to {self.limit}, by eights, are possible"
                return frames
            if end - at < length:
                needed = length
                break
            frames.append(Frame(kind, flags, slot, request_id, aux, view[at + HEADER_SIZE : at + length]))
            at += length
        if at < end:
            self._rest += view[at:]
        self._needed = needed
        return frames


# --- handshake -------------------------------------------------------------------------------------------------------

_HELLO: Final = struct.Struct("<8sHHBBHII24sQ24s24s24s")
_TOKEN: Final = struct.Struct("<64s")
"""Behind the hello of a client of a private server; no other client has it."""
_WELCOME: Final = struct.Struct("<HHBBHIIIIIIIIIIqQ16s40s32s")
_INFO: Final = struct.Struct("<i81s3x")
"""``CThostFtdcRspInfoField``, the same in every version."""
_DAY: Final = struct.Struct("<16s")
_TIME: Final = struct.Struct("<q")
HELLO_SIZE: Final = _HELLO.size
WELCOME_SIZE: Final = _WELCOME.size


class Hello(NamedTuple):
    """What a client says first.

    ``revision`` names the layout of its structs (``6.7.13``), ``checksum`` proves it (0: not proven). ``client_id`` is
    the same at each reconnect of one Api object; the server writes it into its log. ``token`` opens a private server
    (:mod:`ctp2.front.private`), other fronts do not look at it.
    """

    side: Kind
    revision: str
    checksum: int = 0
    features: int = FEATURES
    pointer_size: int = 8
    factory: int = 0
    platform: str = ""
    library: str = ""
    client_id: str = ""
    major: int = MAJOR
    minor: int = MINOR
    token: str = ""

    def __repr__(self) -> str:
        return f"<Hello {self.side} {self.revision} of {self.library}>"  # a token is a secret


class Welcome(NamedTuple):
    """What a front answers. Times are milliseconds, ``now_ns`` UTC nanoseconds; a limit of 0 is none."""

    side: Kind
    features: int
    heartbeat_ms: int
    client_heartbeat_ms: int
    warning_ms: int
    silence_ms: int
    now_ns: int
    connection: int
    trading_day: str = ""
    flow_identity: str = ""
    server: str = ""
    queries_in_flight: int = 1
    queries_per_second: int = 0
    requests_per_second: int = 0
    subscriptions: int = 0
    max_frame: int = MAX_FRAME
    major: int = MAJOR
    minor: int = MINOR


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace")


def hello(said: Hello) -> bytes:
    """The frame of a client's first words."""
    body = _HELLO.pack(
        MAGIC,
        said.major,
        said.minor,
        NUMBER_OF_SIDE[said.side],
        said.pointer_size,
        said.factory,
        said.features,
        0,
        said.revision.encode()[:23],
        said.checksum,
        said.platform.encode()[:23],
        said.library.encode()[:23],
        said.client_id.encode()[:23],
    )
    return frame(HELLO, body + _TOKEN.pack(said.token.encode()[:63]) if said.token else body)


def read_hello(said: Frame) -> Hello:
    """What a client said first.

    Raises:
        BadPacket: no hello, or one of another protocol; its text tells the difference (``version`` or ``decode``).
    """
    if said.kind != HELLO or len(said.body) < 12 or bytes(said.body[:8]) != MAGIC:
        raise BadPacket("decode: the first frame is no hello")
    major = int.from_bytes(said.body[8:10], "little")
    if major != MAJOR:
        raise BadPacket(f"version: this front speaks protocol {MAJOR}.{MINOR}, the client {major}")
    if len(said.body) < HELLO_SIZE:
        raise BadPacket(f"decode: a hello of {len(said.body)} bytes, {HELLO_SIZE} are needed")
    _, major, minor, side, pointer, factory, features, _, revision, checksum, platform, library, client = (
        _HELLO.unpack_from(said.body)
    )
    if side not in SIDES:
        raise BadPacket(f"decode: side {side} is neither 1 (trader) nor 2 (md)")
    names = (_text(revision), checksum, features, pointer, factory, _text(platform), _text(library), _text(client))
    has_token = len(said.body) >= HELLO_SIZE + _TOKEN.size
    token = _text(_TOKEN.unpack_from(said.body, HELLO_SIZE)[0]) if has_token else ""
    return Hello(SIDES[side], *names, major, minor, token)


def welcome(said: Welcome) -> bytes:
    """The frame that accepts a client."""
    body = _WELCOME.pack(
        said.major,
        said.minor,
        NUMBER_OF_SIDE[said.side],
        0,
        0,
        said.features,
        said.heartbeat_ms,
        said.client_heartbeat_ms,
        said.warning_ms,
        said.silence_ms,
        said.max_frame,
        said.queries_in_flight,
        said.queries_per_second,
        said.requests_per_second,
        said.subscriptions,
        said.now_ns,
        said.connection,
        said.trading_day.encode()[:15],
        said.flow_identity.encode()[:39],
        said.server.encode()[:31],
    )
    return frame(WELCOME, body)


def read_welcome(said: Frame) -> Welcome:
    """A front's answer.

    Raises:
        BadPacket: it is none.
    """
    if said.kind != WELCOME or len(said.body) < WELCOME_SIZE:
        raise BadPacket("the front's first frame is no welcome: is this a ctp2 front?")
    major, minor, side, _, _, features, *numbers, now_ns, connection, day, identity, server = _WELCOME.unpack_from(
        said.body
    )
    if side not in SIDES:
        raise BadPacket(f"the front says it is side {side}, which is none")
    heartbeat, client_heartbeat, warning, silence, max_frame, queries, query_rate, request_rate, subscriptions = numbers
    return Welcome(
        SIDES[side],
        features,
        heartbeat,
        client_heartbeat,
        warning,
        silence,
        now_ns,
        connection,
        _text(day),
        _text(identity),
        _text(server),
        queries,
        query_rate,
        request_rate,
        subscriptions,
        max_frame,
        major,
        minor,
    )


class Refusal(NamedTuple):
    """Why a front does not accept a client: a CTP error, and what to do about it in words."""

    error_id: int
    message: str
    detail: str


def refused(why: Refusal) -> bytes:
    """The frame that refuses a client; the front closes the link behind it."""
    body = _INFO.pack(why.error_id, why.message.encode("gb18030")[:80]) + why.detail.encode()[:1024]
    return frame(REFUSED, body, INFO, aux=why.error_id)


def read_refused(said: Frame) -> Refusal:
    """Why a front refused.

    Raises:
        BadPacket: the frame is too short.
    """
    if len(said.body) < _INFO.size:
        raise BadPacket("a refusal without its reason")
    error_id, message = _INFO.unpack_from(said.body)
    text = message.partition(b"\0")[0].decode("gb18030", "replace")
    return Refusal(error_id, text, _text(bytes(said.body[_INFO.size :])))


# --- the small frames ------------------------------------------------------------------------------------------------


def heartbeat() -> bytes:
    """I am here."""
    return frame(HEARTBEAT)


def topic(name: Topic, trading_day: str, after: int) -> bytes:
    """Where a flow is to start at the next login: behind sequence ``after`` of ``trading_day`` (-1 now, -2 never)."""
    return frame(TOPIC, _DAY.pack(trading_day.encode()[:15]), slot=SLOT_OF_TOPIC[name], aux=after)


def read_topic(said: Frame) -> tuple[Topic, str, int]:
    """The arguments of ``Session.subscribe_topic``.

    Raises:
        BadPacket: another topic, or no day.
    """
    if said.slot not in TOPIC_OF_SLOT or len(said.body) < _DAY.size or said.aux < -2:
        raise BadPacket(f"no topic {said.slot} behind {said.aux}")
    return TOPIC_OF_SLOT[said.slot], _text(bytes(said.body[: _DAY.size])), said.aux


def passed(name: Topic, sequence: int) -> bytes:
    """An event of a flow that this client's version has no callback for: only its number goes on."""
    return frame(PASSED, flags=FLAG_OF_TOPIC[name], aux=sequence)


def ping(number: int) -> bytes:
    """Answered at once with the same number and the other side's time."""
    return frame(PING, request_id=number)


def pong(asked: Frame, now_ns: int) -> bytes:
    """The answer to a ping."""
    return frame(PONG, _TIME.pack(now_ns), request_id=asked.request_id)


def read_pong(said: Frame) -> tuple[int, int]:
    """The ping's number, and the other side's UTC nanoseconds."""
    if len(said.body) < _TIME.size:
        raise BadPacket("a pong without a time")
    return said.request_id, _TIME.unpack_from(said.body)[0]


def goodbye(reason: int, text: str) -> bytes:
    """The link ends on purpose; ``reason`` as in ``OnFrontDisconnected``."""
    return frame(GOODBYE, text.encode()[:1024], aux=reason)


def read_text(said: Frame) -> str:
    """The text of a goodbye or of the capabilities."""
    return _text(bytes(said.body))


# --- packing ---------------------------------------------------------------------------------------------------------


class Packer:
    """Packs runs of frames into single ones; one stream per link, so that what repeats costs next to nothing."""

    __slots__ = ("_stream",)

    def __init__(self, level: Literal[1, 6, 9] = 1) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)

    def pack(self, frames: bytes) -> bytes:
        """One packed frame; ``frames`` is at most :data:`MAX_PACKED` bytes of whole frames."""
        data = self._stream.compress(frames) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return frame(PACKED, data, aux=len(data))


class Unpacker:
    """The other end of a :class:`Packer`."""

    __slots__ = ("_cutter", "_stream")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._cutter = Cutter()

    def unpack(self, said: Frame) -> list[Frame]:
        """The frames inside a packed one.

        Raises:
            BadPacket: not packed, too large, or not whole frames.
        """
        if not 0 <= said.aux <= len(said.body):
            raise BadPacket(f"a packed frame of {said.aux} bytes")
        try:
            data = self._stream.decompress(said.body[: said.aux], MAX_UNPACKED)
        except zlib.error as error:
            raise BadPacket(f"a packed frame that cannot be unpacked: {error}") from None
        if self._stream.unconsumed_tail:
            raise BadPacket(f"a packed frame of more than {MAX_UNPACKED} bytes")
        frames = self._cutter.feed(data)
        self._cutter.check()
        if self._cutter.pending:
            raise BadPacket("a packed frame that ends within a frame")
        return frames
