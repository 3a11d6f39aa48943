"""A connection to TWS through ``ib_async``, or ``ib_insync`` where that is installed instead.

With ``client_*.py`` the only place that knows the library. Of it, its ``Client`` (sockets, wire format) is used with
our own wrapper; not its ``IB``, whose state is wrong after many codes (spec ib 2; docs/decisions/0188). Everything here
runs on the loop's thread; nothing here blocks.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.core.errors import BadPacket, MissingExtra, OpenFailed, ReadFailed, WriteFailed
from ctp2.core.errors import LinkLost as CoreLinkLost
from ctp2.ib import client_records as made
from ctp2.ib import records
from ctp2.ib.client_ticks import TICKS
from ctp2.ib.client_wrapper import COMPLETED, OPEN_ORDERS, POSITIONS, TIME, Wrapper
from ctp2.ib.pacing import Pacer, Priority
from ctp2.ib.records import Contract, LinkLost, OrderSpec, Record, Refused

if TYPE_CHECKING:
    from ctp2.ib.link import Timers

log = logging.getLogger("ctp2.ib")

LIBRARIES: Final = ("ib_async", "ib_insync")
"""In the order of choice; never both in one environment."""
ANSWER_S: Final = 30.0
"""How long a request waits for its answer."""
CONNECT_S: Final = 8.0
"""How long the handshake may take after the connection was accepted."""
MAX_FRAME: Final = 16 << 20
_EXECUTION: Final = 11
_VITAL: Final = frozenset((3, 5, 9, 11, 15, 101))
"""Messages without which the state of orders would be wrong: the link is cut when one cannot be read."""
_TIME_FIELD: Final = 15
_BOND: Final = 18
_COUPON: Final = 5
_WITHOUT_VERSION: Final = 164
"""From this server version on, details of contracts and bonds come without the version of their message."""
_SOME_TIME: Final = "20000101 00:00:00 UTC"


def library() -> ModuleType:
    """The client library. On the loop's thread, whose loop must be the current one (ib_insync asks for it).

    Raises:
        MissingExtra: neither is installed.
    """
    for name in LIBRARIES:
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != name:
                raise MissingExtra(_missing(f"{name} is broken, {error.name} is missing")) from error
    raise MissingExtra(_missing("neither is installed"))


def _missing(why: str) -> str:
    return (
        f"ib:// needs the package ib_async or ib_insync ({why}): pip install 'ctp2[ib]'"
        " (or 'ctp2[ib-legacy]' in an environment of its own, never both)"
    )


def check_library() -> None:
    """Whether there is a library, without importing it.

    Raises:
        MissingExtra: there is none.
    """
    from importlib.util import find_spec

    if not any(name in sys.modules or find_spec(name) is not None for name in LIBRARIES):
        raise MissingExtra(_missing("neither is installed"))


class _Quiet:
    """Stands for a logger of the library: what it calls errors is for us to judge and to tell."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def isEnabledFor(self, level: int) -> bool:
        """Nothing of it is worth making texts for."""
        return False

    def debug(self, text: str, *args: object) -> None:
        """Every frame."""

    def info(self, text: str, *args: object) -> None:
        """Connecting and the like."""
        log.debug(text, *args)

    warning = info
    error = info

    def exception(self, text: str, *args: object) -> None:
        """A message could not be decoded."""
        self._note(text % args if args else text)


class Connection:
    """One TCP connection to TWS at a time, under one client id; made anew by :meth:`open` after it was lost.

    ``tell`` hears every record; ``lost`` is called once with the reason when an open connection is gone. It is closed
    for good by :meth:`close`.
    """

    def __init__(
        self,
        timers: Timers,
        client_id: int,
        tws_tz: str,
        tell: Callable[[Record], None],
        lost: Callable[[CoreLinkLost], None],
    ) -> None:
        self._timers = timers
        self._lost = lost
        self.client_id = client_id
        self.library = library()
        self.wrapper = Wrapper(ZoneInfo(tws_tz), tell, timers.now_ns)
        self.wrapper.on_refused_connection = self._on_connection_problem
        self.wrapper.on_closed = self._on_closed
        self.pacer = Pacer(timers)
        self.wrapper.on_rate = self.pacer.back_off
        self._client = self.library.Client(self.wrapper)
        self._client.MaxRequests = 0  # ctp2.ib.pacing has the limit
        self._client._logger = _Quiet(self._on_undecodable)
        self._client.decoder.logger = self._client._logger
        self._client.decoder.interpret = self._interpret
        self._handlers: dict[int, Callable[[list[str]], None]] = self._client.decoder.handlers
        self._decoding = 0
        self._bad_ticks = 0
        """Only the first one is worth a line in the log."""
        protocol = self._client.conn
        self._data_received: Callable[[bytes], None] = protocol.data_received
        self._connection_lost: Callable[[Exception | None], None] = protocol.connection_lost
        protocol.data_received = self._on_data
        protocol.connection_lost = self._on_connection_lost
        self._why: CoreLinkLost | None = None
        """Why the link is going, when that is known before the socket says so."""
        self._failed: asyncio.Future[OpenFailed] | None = None
        """Set while connecting."""
        self._gone: asyncio.Future[None] | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        self.is_open = False

    # ------------------------------------------------------------------ connecting
    async def open(self, host: str, port: int) -> None:
        """Connect and shake hands, until TWS has told the next order id and the accounts.

        Raises:
            OpenFailed: it cannot be had now; ``why`` is ``refused``, ``in use`` (326), ``timeout``, ``closed`` or
                ``not TWS``, ``detail`` what was said.
        """
        loop = asyncio.get_running_loop()
        self._why = None
        failed = self._failed = loop.create_future()
        self._gone = loop.create_future()
        self.pacer.clear()
        work = loop.create_task(self._client.connectAsync(host, port, self.client_id, CONNECT_S))
        try:
            await asyncio.wait({work, failed}, return_when=asyncio.FIRST_COMPLETED)
            if not failed.done():
                failure = _failure(work.exception(), host, port)
                if failure is None:
                    self.is_open = True
                    self.pacer.count_one()
                    return
                raise failure
            raise failed.result()
        finally:
            self._failed = None
            if not self.is_open:
                await self._abandon(work)

    async def _abandon(self, work: asyncio.Task[None]) -> None:
        """End an attempt: nothing of it may run on, or be told."""
        work.cancel()
        with suppress(asyncio.CancelledError, Exception):  # it failed: open() says so
            await work
        self._client.disconnect()
        transport = self._client.conn.transport
        if transport is not None:
            transport.abort()

    async def close(self) -> None:
        """Disconnect and wait until the socket is gone."""
        was_open, self.is_open = self.is_open, False
        self.wrapper.fail_all(LinkLost("released"))
        self.pacer.clear()
        if not was_open:
            return
        self._client.disconnect()
        if self._gone is not None:
            done, _ = await asyncio.wait({self._gone}, timeout=1.0)
            if not done and self._client.conn.transport is not None:
                self._client.conn.transport.abort()

    def cut(self, why: CoreLinkLost) -> None:
        """Break the link for a reason of our own; ``lost`` hears it."""
        self._why = self._why or why
        transport = self._client.conn.transport
        if transport is not None:
            transport.abort()

    @property
    def server_version(self) -> int:
        """What the two sides agreed on."""
        return int(self._client.serverVersion())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The managed accounts of the handshake."""
        return tuple(self._client.getAccounts())

    def raise_ids(self, at_least: int) -> int:
        """No id below this from now on; the next one."""
        self._client.updateReqId(at_least)
        return int(self._client._reqIdSeq)

    def next_id(self) -> int:
        """A fresh id, for orders and requests alike (spec ib 3.3).

        Raises:
            LinkLost: the link is down.
        """
        self._check()
        return int(self._client.getReqId())

    # ------------------------------------------------------------------ what the socket says
    def _on_data(self, data: bytes) -> None:
        self.wrapper.heard = self._timers.monotonic()
        if self._client.isReady():
            self._read(data)
        else:
            try:
                self._data_received(data)
            except Exception as error:
                # Of the library's framing, before it has a message: what answers is not TWS.
                log.debug("data that cannot be framed", exc_info=True)
                self._fail_or_cut("not TWS", f"{type(error).__name__}: {error}")
                return
        pending = self._client._data
        if len(pending) >= 4 and int.from_bytes(pending[:4], "big") > MAX_FRAME:
            self._fail_or_cut("not TWS", f"it began with {bytes(pending[:16])!r}")

    def _read(self, data: bytes) -> None:
        """All messages of a packet, behind the handshake.

        In place of the library's own, which copies all that is left of a packet once for every message in it.
        """
        client, wrapper = self._client, self.wrapper
        client._numBytesRecv += len(data)
        if client._data:
            data = client._data + data
        at, end = 0, len(data)
        while end - at > 4:
            begin = at + 4
            stop = begin + int.from_bytes(data[at:begin], "big")
            if stop > end:
                break
            at = stop
            fields = data[begin:stop].decode(errors="backslashreplace").split("\0")
            fields.pop()  # behind the last NUL
            client._numMsgRecv += 1
            tick = TICKS.get(fields[0]) if fields else None
            if tick is None:
                self._interpret(fields)
                continue
            try:
                record = tick(fields)
            except ValueError as error:
                self._bad_ticks += 1
                level = logging.WARNING if self._bad_ticks == 1 else logging.DEBUG
                log.log(level, "a tick of TWS (%s) cannot be read, it is left out: %s", ",".join(fields)[:80], error)
                continue
            if record is not None:
                try:
                    wrapper.tell(record)
                except Exception:
                    self._decoding = int(fields[0])
                    self._on_undecodable("")
        client._data = data[at:] if client.isReady() else b""
        try:
            wrapper.tcpDataProcessed()
        except Exception:
            # An exception that leaves here would cost the connection.
            log.exception("what a packet changed could not be told")

    def _fail_or_cut(self, why: str, detail: str) -> None:
        if self._failed is not None:
            self._fail(OpenFailed("what answers there is not TWS", why=why, detail=detail))
        else:
            self.cut(BadPacket(detail))

    def _fail(self, error: OpenFailed) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(error)

    def _interpret(self, fields: list[str]) -> None:
        """Decode a message (in place of the decoder's own method, which only logs what goes wrong)."""
        try:
            self._decoding = int(fields[0])
        except (ValueError, IndexError):
            self._fail_or_cut("not TWS", f"a frame that begins with {fields[:1]!r}")
            return
        handler = self._handlers.get(self._decoding)
        if handler is None:
            log.debug("TWS sent a message of unknown type %d", self._decoding)
            return
        try:
            if self._decoding == _EXECUTION:
                # The libraries read two of the three forms of this time wrong (spec ib 5.5).
                self.wrapper.execution_time, fields[_TIME_FIELD] = fields[_TIME_FIELD], _SOME_TIME
            elif self._decoding == _BOND:
                # The libraries take it for an integer, and lose a bond that pays 2.25; nobody asks for it.
                fields[_COUPON if self.server_version >= _WITHOUT_VERSION else _COUPON + 1] = ""
            handler(fields)
        except Exception:
            self._on_undecodable("")

    def _on_undecodable(self, text: str) -> None:
        """A message that does not fit; called where the exception is being handled."""
        log.error("a message of TWS (type %d) cannot be read %s", self._decoding, text[:200], exc_info=True)
        if self._decoding in _VITAL:
            self.cut(BadPacket(f"a message of type {self._decoding} cannot be read"))

    def _on_connection_problem(self, problem: records.Problem) -> None:
        if problem.code == 326:
            self._fail(OpenFailed(f"client id {self.client_id} is in use", why="in use", detail=problem.text))
        elif problem.code in (501, 502, 503, 506, 507):
            self._fail(OpenFailed("TWS refuses the connection", why="refused", detail=f"{problem.code} {problem.text}"))

    def _on_connection_lost(self, error: Exception | None) -> None:
        if self._why is None:
            what = WriteFailed if isinstance(error, BrokenPipeError) else ReadFailed
            self._why = what(str(error) if error else "TWS closed the connection")
        if self._failed is not None:
            self._fail(
                OpenFailed(
                    "TWS accepted the connection and closed it: is this address trusted there, does a window wait to"
                    f" be answered, is client id {self.client_id} in use?",
                    why="closed",
                    detail=str(self._why),
                )
            )
        self._connection_lost(error)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _on_closed(self) -> None:
        """The library calls this when a link that was ready is gone."""
        if not self.is_open:
            return
        self.is_open = False
        why = self._why or ReadFailed("TWS closed the connection")
        self.pacer.clear()
        self.wrapper.fail_all(LinkLost(str(why)))
        self._lost(why)

    # ------------------------------------------------------------------ sending
    def _check(self) -> None:
        if not self.is_open:
            raise LinkLost("there is no connection to TWS now")

    def send(self, priority: Priority, call: Callable[[Any], object], key: Hashable = None) -> None:
        """Have a message sent in its turn.

        Raises:
            LinkLost: the link is down.
        """
        self._check()
        self.pacer.put(priority, lambda: self._send(call), key)

    def _send(self, call: Callable[[Any], object]) -> None:
        try:
            call(self._client)
        except ConnectionError as error:
            # Between the break and the news of it: what is under way fails with that news.
            log.debug("not sent: %s", error)

    def contract(self, wanted: Contract) -> Any:
        """A contract of the library."""
        return made.library_contract(self.library, wanted)

    def order(self, wanted: OrderSpec) -> Any:
        """An order of the library."""
        return made.library_order(self.library, wanted)

    # ------------------------------------------------------------------ asking
    async def ask(self, key: Hashable, priority: Priority, call: Callable[[Any], object]) -> list[Any]:
        """Send a request and wait for the rows of its answer.

        Raises:
            LinkLost: the link is, or goes, down.
            Refused: TWS refused it, or (code 0) did not answer.
        """
        self._check()
        waiting = self.wrapper.expect(key)
        try:
            self.send(priority, call, key)
            return await asyncio.wait_for(waiting.answer, ANSWER_S)
        except TimeoutError:
            raise Refused(0, f"no answer to {key} within {ANSWER_S:.0f} s") from None
        finally:
            self.pacer.discard(key)
            self.wrapper.forget(key, waiting)

    async def one(self, kind: str, work: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        """One request of a kind at a time: those without a number would take each other's answers."""
        lock = self._locks.setdefault(kind, asyncio.Lock())
        async with lock:
            return await work()

    async def ask_kind(self, kind: str, call: Callable[[Any], object], lock: str = "") -> list[Any]:
        """As :meth:`ask`, of a kind without a number."""
        return await self.one(lock or kind, lambda: self.ask(kind, Priority.QUERY, call))

    async def ask_numbered(self, call: Callable[[Any, int], object]) -> tuple[int, list[Any]]:
        """As :meth:`ask`, with a fresh number → it, and the rows."""
        number = self.next_id()
        return number, await self.ask(number, Priority.QUERY, lambda client: call(client, number))


KINDS: Final = (OPEN_ORDERS, COMPLETED, POSITIONS, TIME)


def _failure(error: BaseException | None, host: str, port: int) -> OpenFailed | None:
    """What a failed attempt of the library means."""
    if error is None:
        return None
    if isinstance(error, ConnectionRefusedError):
        return OpenFailed(
            f"nothing listens at {host}:{port}: is TWS or IB Gateway running, is its API enabled, is this its port?",
            why="refused",
            detail=str(error),
        )
    if isinstance(error, TimeoutError):
        return OpenFailed(
            f"{host}:{port} does not answer as TWS does within {CONNECT_S:.0f} s", why="timeout", detail=str(error)
        )
    return OpenFailed(f"{host}:{port}: {type(error).__name__}: {error}", why="refused", detail=str(error))
