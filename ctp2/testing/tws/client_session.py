"""One connection: greeting, versions, START_API, and the requests after it, each handed to the part that answers it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.requests import BadRequest, Request, read_request
from ctp2.testing.tws.wire import PAGE, Framer, WireError, fields_of, frame, negotiated, parse_hello, text_of
from ctp2.testing.tws.world import LAST_VERSION, Frame, World

if TYPE_CHECKING:
    from ctp2.testing.tws.replies import Fields

Handler = Callable[["ClientSession", Request], None]

_log = logging.getLogger("ctp2.testing.tws")
_numbers = itertools.count(1)
_REST_S: Final = 0.003
"""How long the last byte of a burst waits whose length the official clients would lose (spec ib 6.2)."""


class ClientSession(asyncio.Protocol):
    """A client's connection. ``client_id`` is None until START_API; ``version`` 0 until the greeting."""

    def __init__(self, world: World, handlers: dict[str, Handler]) -> None:
        self.world = world
        self.handlers = handlers
        self.number = next(_numbers)
        self.version = 0
        self.client_id: int | None = None
        self.state: dict[str, Any] = {}
        """What the parts remember of this connection, by their own names."""
        self.is_muted = False
        """Nothing is sent any more: replies vanish (faults)."""
        self.is_paused = False
        """What is to be sent waits until :meth:`resume` (faults)."""
        self.cut_after: int | None = None
        """Bytes after which the connection breaks (faults); None never."""
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._out = bytearray()
        self._is_planned = False
        self._rest: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ the connection
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; it speaks first."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.world.sessions.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._transport = None
        if self in self.world.sessions:
            self.world.sessions.remove(self)
        for call in list(self.world.on_close):
            call(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        try:
            for payload in self._framer.feed(data):
                if not self.is_open:
                    return
                self._payload(payload)
        except WireError as bad:
            _log.info("client %s is cut: %s", self.number, bad)
            self.close()

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection at once; what waits is lost."""
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        """Whether the client is still there."""
        return self._transport is not None and not self._transport.is_closing()

    # ------------------------------------------------------------------ sending
    def send(self, fields: Fields) -> None:
        """A message, sent with all others of this turn of the loop."""
        if self.is_muted or self._transport is None:
            return
        self.world.note(self._noted(tuple(text_of(one) for one in fields), False))
        self._out += frame(fields)
        self._plan()

    def error(self, number: int, code: int, text: str, advanced: str = "") -> None:
        """An error or notice; number -1 is that of the connection."""
        self.send(replies.error(self.version, number, code, text, advanced))

    def resume(self) -> None:
        """Send what waited while :attr:`is_paused`."""
        self.is_paused = False
        self._plan()

    def _plan(self) -> None:
        if not self._is_planned and not self.is_paused and self._out:
            self._is_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_planned = False
        if self.is_paused or self._transport is None or self._rest is not None or not self._out:
            return
        data = bytes(self._out)
        self._out.clear()
        if self.cut_after is not None:
            if len(data) >= self.cut_after:
                self._transport.write(data[: self.cut_after])
                self._transport.close()
                return
            self.cut_after -= len(data)
        if len(data) % PAGE == 0:
            # The last byte follows by itself, so that no burst is a multiple of a page.
            self._out += data[-1:]
            data = data[:-1]
            self._rest = asyncio.get_running_loop().call_later(_REST_S, self._send_rest)
        self._transport.write(data)

    def _send_rest(self) -> None:
        self._rest = None
        self._flush()

    def _noted(self, fields: tuple[str, ...], is_from_client: bool) -> Frame:
        client_id = -1 if self.client_id is None else self.client_id
        return Frame(self.world.clock.now_ns(), self.number, client_id, is_from_client, fields)

    # ------------------------------------------------------------------ receiving
    def _payload(self, payload: bytes) -> None:
        if not self.version:
            self._greet(payload)
            return
        fields = fields_of(payload)
        self.world.note(self._noted(tuple(fields), True))
        try:
            request = read_request(fields, self.version)
        except BadRequest as bad:
            self.error(bad.req_id, 320, f"Error reading request. {bad}")
            return
        if self.client_id is None:
            self._start(request)
            return
        for gate in list(self.world.gates):
            if not gate(self, request):
                return
        handler = self.handlers.get(request.name)
        if handler is None:
            self.error(request.req_id, 321, f"Error validating request: {request.name} is not served by the stand-in")
            return
        handler(self, request)

    def _greet(self, payload: bytes) -> None:
        hello = parse_hello(payload)
        version = negotiated(min(self.world.script.version, LAST_VERSION), hello)
        if not version:
            raise WireError(f"it speaks {hello.low}..{hello.high}, the stand-in up to {self.world.script.version}")
        self.version = version
        local = self.world.local()
        self.send((version, f"{local:%Y%m%d %H:%M:%S} {_zone_name(local.tzname())}"))

    def _start(self, request: Request) -> None:
        if request.name != "startApi":
            self.error(request.req_id, 504, "Not connected: START_API comes first")
            return
        client_id = request.integer("clientId")
        if self.world.session_of(client_id) is not None:
            self.error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.")
            self.close()
            return
        self.client_id = client_id
        self.send(replies.managed_accounts(list(self.world.script.accounts)))
        self.send(replies.next_valid_id(self.world.parts["orders"].next_valid_id(client_id)))
        for code, text in self.world.script.notices:
            self.error(-1, code, text)
        for call in list(self.world.on_connect):
            call(self)


def _zone_name(name: str | None) -> str:
    return name or "UTC"
