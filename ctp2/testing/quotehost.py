"""A stand-in for the hosts of Sina and Tencent, on loopback: HTTP and Sina's push, with faults that can be switched.

    with QuoteHost(seed=7, clock=clock) as host:
        api.RegisterFront(host.address("sina"))

It serves a seeded day (:mod:`ctp2.testing.quoteday`), or rows that a test puts into :attr:`QuoteHost.rows`, at the
paths of both sources, and is as strict as they are: Sina's need their Referer and, for the push, their Origin. Every
request is kept in :attr:`QuoteHost.seen`. The faults stand in :class:`Faults`; change them at any time.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, Self

from ctp2.core.clock import LiveClock
from ctp2.refdata.calendar import NS_PER_SECOND
from ctp2.testing.quoteday import QuoteDay

if TYPE_CHECKING:
    from aiohttp import web

    from ctp2.core.clock import Clock

_WAIT_S: Final = 30.0
_PUSH_S: Final = 0.5
_FORBIDDEN: Final = b"Kinsoku jikou desu!"


@dataclass
class Faults:
    """What goes wrong. Everything is off at first but what the real hosts do: gzip, and refusing strangers."""

    status: int = 0
    """Answer with this status."""
    hangs: bool = False
    """Never answer."""
    resets: bool = False
    """Cut the connection."""
    slow_s: float = 0.0
    """Answer so late (seconds of the machine)."""
    truncated: bool = False
    """Send half of the body and cut the connection."""
    body: bytes | None = None
    """Answer with this: another page, or nothing."""
    gzip: bool = True
    """Pack where the client can unpack."""
    encoding: str = "gb18030"
    """Of the body; what is said about it stays GB18030."""
    empty: set[str] = field(default_factory=set)
    """Keys without a row."""
    illegal: set[str] = field(default_factory=set)
    """Keys that spoil the whole batch."""
    short_rows: bool = False
    """Tencent answers full keys with short rows."""
    late_s: int = 0
    """Every second reply to the same keys is so much older."""
    stopped_ns: int = 0
    """Rows stand at this instant."""
    longest_line: int = 8000
    """Longer request lines get 414."""
    silent: bool = False
    """The push sends nothing after its snapshot."""
    refuses_push: bool = False
    """The push answers with sys_auth=FAILED."""


@dataclass(frozen=True)
class Seen:
    """A request."""

    source: str
    keys: tuple[str, ...]
    headers: dict[str, str]
    connection: int
    """Equal for requests of one connection."""
    at_ns: int
    """By the server's clock."""
    at_s: float
    """Seconds of the machine."""
    line: int
    """Bytes of the request line."""


class QuoteHost:
    """The server; a thread of its own while it is open."""

    def __init__(self, seed: int = 1, clock: Clock | None = None, port: int = 0) -> None:
        self.day = QuoteDay(seed)
        self.clock: Clock = clock or LiveClock()
        self.faults = Faults()
        self.rows: dict[str, str] = {}
        """Key → row, instead of the seeded one; ``tencent/KEY`` for Tencent alone, empty: unknown."""
        self.seen: list[Seen] = []
        self.beats = 0
        """Heartbeats of push clients."""
        self.sockets: list[tuple[str, ...]] = []
        """Keys of the push connections that are open."""
        self.port = port
        self._changed = threading.Condition()
        self._opened: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="quote-host", daemon=True)
        self._pushed: asyncio.Event
        self._stop: asyncio.Event
        self._turns: dict[tuple[str, ...], int] = {}
        self._connections: dict[object, int] = {}
        self._live: list[web.WebSocketResponse] = []

    # ------------------------------------------------------------------ for tests
    def address(self, scheme: str = "quotes", **options: object) -> str:
        """A front address that leads here."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"{scheme}://127.0.0.1:{self.port}{'?' if query else ''}{query}"

    def wait(self, condition: Callable[[], bool], timeout_s: float = _WAIT_S) -> None:
        """Until ``condition`` holds; looked at after every request and push.

        Raises:
            TimeoutError: it does not.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not condition():
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError(f"not within {timeout_s:.0f} s; {len(self.seen)} requests were seen")
                self._changed.wait(min(left_s, 0.2))

    def requests(self, source: str = "") -> list[Seen]:
        """The requests so far, of one source or of all."""
        return [seen for seen in list(self.seen) if source in ("", seen.source)]

    def push_now(self) -> None:
        """Send what has changed to the push clients now."""
        self._loop.call_soon_threadsafe(self._pushed.set)

    def cut_pushes(self) -> None:
        """Cut all push connections."""
        for response in list(self._live):
            self._loop.call_soon_threadsafe(_cut, response)

    # ------------------------------------------------------------------ life
    def __enter__(self) -> Self:
        """Listen."""
        ready = threading.Event()
        self._opened = ready
        self._thread.start()
        if not ready.wait(_WAIT_S):
            raise TimeoutError("the stand-in web server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_WAIT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        from aiohttp import web

        self._pushed, self._stop = asyncio.Event(), asyncio.Event()
        self.clock.watch(self.push_now)
        app = web.Application()
        app.router.add_get("/wskt", self._push)
        app.router.add_get("/{tail:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        server: Any = site._server
        self.port = server.sockets[0].getsockname()[1]
        ticker = asyncio.ensure_future(self._tick())
        self._opened.set()
        await self._stop.wait()
        self.clock.unwatch(self.push_now)
        ticker.cancel()
        for response in list(self._live):
            _cut(response)
        await runner.cleanup()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_PUSH_S)
            if self.clock.pace:
                self._pushed.set()

    # ------------------------------------------------------------------ HTTP
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        source, keys = _asked(request.path)
        self._note(source, keys, request)
        faults = self.faults
        if faults.hangs:
            await asyncio.Event().wait()
        if faults.slow_s:
            await asyncio.sleep(faults.slow_s)
        if faults.resets:
            return _abort(request)
        if source == "sina" and "sina.com.cn" not in request.headers.get("Referer", ""):
            return web.Response(status=403, body=_FORBIDDEN, headers=self._date())
        if faults.status or len(request.path_qs) > faults.longest_line:
            return web.Response(status=faults.status or 414, body=b"refused", headers=self._date())
        body = self._body(source, keys) if faults.body is None else faults.body
        headers = self._date()
        headers["Content-Type"] = "application/javascript; charset=GB18030"
        if faults.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        if faults.truncated:
            return await _send_half(request, body, headers)
        return web.Response(body=body, headers=headers)

    def _date(self) -> dict[str, str]:
        return {"Date": formatdate(self.clock.now_ns() / NS_PER_SECOND, usegmt=True)}

    def _body(self, source: str, keys: tuple[str, ...]) -> bytes:
        self._turns[keys] = turn = self._turns.get(keys, 0) + 1
        now_ns = self.faults.stopped_ns or self.clock.now_ns()
        if self.faults.late_s and turn % 2 == 0:
            now_ns -= self.faults.late_s * NS_PER_SECOND
        if self.faults.illegal.intersection(keys):
            return b"sys_auth=FAILED" if source == "sina" else b'v_pv_none_match="1";\n'
        text = "".join(self._statement(source, key, now_ns) for key in keys)
        return (text or 'v_pv_none_match="1";\n').encode(self.faults.encoding, errors="replace")

    def _statement(self, source: str, key: str, now_ns: int) -> str:
        if key == "marketStat":
            states = self.rows.get("marketStat", "HK_open_交易中|SH_open_交易中|SZ_open_交易中|US_open_交易中")
            return f'v_marketStat="{formatdate(now_ns / NS_PER_SECOND)}|{states}";\n'
        row = self.row(source, key, now_ns)
        if source == "sina":
            return f'var hq_str_{key}="{row}";\n'
        if self.faults.short_rows:
            return f'v_s_{key}="1~测试~{key[2:]}~1.00~0.00~0.00~0~0~~";\n'
        return f'v_{key}="{row}";\n' if row else ""

    def row(self, source: str, key: str, now_ns: int) -> str:
        """What a key shows."""
        if key in self.faults.empty:
            return ""
        given = self.rows.get(f"tencent/{key}") if source == "tencent" else None
        given = self.rows.get(key) if given is None else given
        if given is not None:
            return given
        return self.day.sina(key, now_ns) if source == "sina" else self.day.tencent(key, now_ns)

    def _note(self, source: str, keys: tuple[str, ...], request: web.Request) -> None:
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        connection = self._connections.setdefault(peer, len(self._connections))
        line = len(request.raw_path)
        seen = Seen(source, keys, dict(request.headers), connection, self.clock.now_ns(), time.monotonic(), line)
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    # ------------------------------------------------------------------ push
    async def _push(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import WSMsgType, web

        if "sina.c" not in request.headers.get("Origin", ""):
            return web.Response(status=403)
        response = web.WebSocketResponse()
        await response.prepare(request)
        keys = tuple(request.query.get("list", "").split(","))
        self._note("push", keys, request)
        self._live.append(response)
        self.sockets.append(keys)
        feeder = asyncio.ensure_future(self._feed(response, keys))
        try:
            async for message in response:
                if message.type == WSMsgType.TEXT:
                    with self._changed:
                        self.beats += 1
                        self._changed.notify_all()
        finally:
            feeder.cancel()
            self._live.remove(response)
            self.sockets.remove(keys)
        return response

    async def _feed(self, response: web.WebSocketResponse, keys: tuple[str, ...]) -> None:
        if self.faults.refuses_push:
            await response.send_str("sys_auth=FAILED")
            return
        shown: dict[str, str] = {}
        while True:
            now_ns = self.faults.stopped_ns or self.clock.now_ns()
            rows = {key: self.row("sina", key, now_ns) for key in keys}
            changed = {key: row for key, row in rows.items() if row and shown.get(key) != row}
            lines = [f"{key}={row}" for key, row in changed.items()]
            if not shown:
                lines.insert(0, "sys_ver=1")
            if lines and not (self.faults.silent and shown):
                await response.send_str("\n".join(lines) + "\n")
            shown.update(changed or {"": ""})
            self._pushed.clear()
            await self._pushed.wait()


def _asked(path: str) -> tuple[str, tuple[str, ...]]:
    """Source and keys of ``/list=…``, ``/rn=…&list=…``, ``/q=…`` and ``/utf8/q=…``."""
    for name, mark in (("sina", "list="), ("tencent", "q=")):
        _, found, keys = path.partition(mark)
        if found:
            return name, tuple(key for key in keys.split(",") if key)
    return "", ()


def _cut(response: web.WebSocketResponse) -> None:
    transport: Any = response._req.transport if response._req is not None else None
    if transport is not None:
        transport.abort()


def _abort(request: web.Request) -> web.StreamResponse:
    from aiohttp import web

    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _send_half(request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    from aiohttp import web

    response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
