"""The way to the web: one event loop for all quote sources of the process, HTTP by aiohttp, push by websockets.

The only file that knows either library. Both are imported when they are first used. What goes wrong on the way is one
exception, :class:`WebFailed`; a status other than 200 is an answer, because what it means is the poller's business.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ctp2.core.clock import process_clock
from ctp2.core.errors import OpenFailed
from ctp2.core.loop import Loop

if TYPE_CHECKING:
    import aiohttp
    from websockets.asyncio.client import ClientConnection

log = logging.getLogger("ctp2.quotes")

CONNECT_S: Final = 3.0
TOTAL_S: Final = 5.0
CONNECTIONS: Final = 4
"""Connections to one host (spec quotes 8.1)."""
_BODY_LIMIT: Final = 16 * 1024 * 1024
"""No reply is as large as this; more is another page."""
_CLOSE_S: Final = 5.0
"""How long closing waits for the loop."""


class WebFailed(Exception):
    """No answer: no connection, a broken one, or none in time."""


class Answer(NamedTuple):
    """What a host answered. ``server_s`` is its Date as seconds since 1970, 0 without one."""

    status: int
    body: bytes
    server_s: float
    is_whole: bool = True
    """False when the body broke off."""


class Web:
    """HTTP to one host: connections that are kept, gzip, a time limit for everything together. On the loop."""

    def __init__(self, headers: Mapping[str, str], *, is_local: bool = False) -> None:
        self._is_local = is_local
        self._headers = {**headers, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> Answer:
        """Fetch a page.

        Raises:
            WebFailed: there is no answer, or not within :data:`TOTAL_S` seconds.
        """
        import aiohttp
        from yarl import URL

        try:
            # The URL goes out as it is: `$`, `,` and `=` of the keys must not be quoted.
            async with self._open().get(URL(url, encoded=True), allow_redirects=False) as response:
                body, is_whole = await _body(response)
                return Answer(response.status, body, _seconds(response.headers.get("Date")), is_whole)
        except TimeoutError as error:
            raise WebFailed(f"no answer within {TOTAL_S:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise WebFailed(f"{type(error).__name__}: {error}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=TOTAL_S, connect=CONNECT_S),
                # Proxies as the system has them (HTTPS_PROXY and the like), but not to this machine itself.
                trust_env=not self._is_local,
            )
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


async def _body(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """The body and whether it is whole; of one that breaks off the complete statements still count (spec quotes 7)."""
    import aiohttp

    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > _BODY_LIMIT:
                raise WebFailed(f"a body of more than {_BODY_LIMIT} bytes")
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionError) as error:
        if not parts:
            raise
        log.debug("a body broke off after %d bytes: %s", size, error)
        return b"".join(parts), False
    return b"".join(parts), True


def _seconds(date: str | None) -> float:
    if not date:
        return 0.0
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0.0  # not a date: then the host's clock is unknown


class Socket:
    """An open push connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def frame(self, timeout_s: float) -> str | None:
        """The next frame; None when none came in time.

        Raises:
            WebFailed: the connection is gone.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            # Not wait_for: before Python 3.12 it forgets a cancellation that comes together with a frame.
            async with asyncio.timeout(timeout_s):
                content = await self._connection.recv()
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError) as error:
            raise WebFailed(f"{type(error).__name__}: {error}") from error
        return content if isinstance(content, str) else bytes(content).decode("utf-8", errors="replace")

    async def beat(self) -> None:
        """Send the empty message that keeps the connection."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send("")
        except (ConnectionClosed, OSError) as error:
            raise WebFailed(f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def socket(url: str, origin: str, headers: Mapping[str, str], *, is_local: bool = False) -> AsyncIterator[Socket]:
    """Open a push connection for the time of a block.

    Raises:
        WebFailed: it is refused, or not there in time.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException
    from websockets.typing import Origin

    try:
        connection = await connect(
            url,
            origin=Origin(origin),
            additional_headers={name: value for name, value in headers.items() if name != "User-Agent"},
            user_agent_header=headers.get("User-Agent"),
            open_timeout=TOTAL_S,
            close_timeout=1,
            # The source has a heartbeat of its own and is not known to answer the protocol's.
            ping_interval=None,
            proxy=None if is_local else True,
        )
    except (WebSocketException, OSError, ValueError, TimeoutError) as error:
        raise WebFailed(f"{type(error).__name__}: {error}") from error
    try:
        yield Socket(connection)
    finally:
        await connection.close()


# ------------------------------------------------------------------ the loop
_lock: Final = threading.Lock()
_loop: Loop | None = None
_users = 0


def join_loop() -> Loop:
    """The loop of the process, started by its first user; each call needs one :func:`leave_loop`."""
    global _loop, _users
    with _lock:
        if _loop is None:
            _check_packages()
            _loop = Loop(process_clock(), "ctp2-quotes")
        _users += 1
        return _loop


def leave_loop() -> None:
    """The last user ends the loop."""
    global _loop, _users
    with _lock:
        _users -= 1
        ended, _loop = (_loop, None) if _users == 0 else (None, _loop)
    if ended is not None:
        ended.close()


def _check_packages() -> None:
    try:
        import aiohttp  # noqa: F401
    except ImportError as error:
        raise OpenFailed(f"quotes from the web need aiohttp: pip install 'ctp2[quotes]' ({error})") from error


def jitter() -> float:
    """A number from -1 to 1 for spreading requests; nothing that a test relies on."""
    return random.uniform(-1.0, 1.0)
