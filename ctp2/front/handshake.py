"""Connecting to a front, blocking and with deadlines: socket, TLS, hello and welcome, and in words what is wrong.

``why`` of an ``OpenFailed`` is one of :data:`WHYS`.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from typing import Final, NamedTuple

from ctp2 import __version__
from ctp2.core.backend import Kind
from ctp2.core.errors import BadPacket, OpenFailed, VersionRefused
from ctp2.front import wire
from ctp2.front.dialect import dialect

CONNECT_SECONDS: Final = 3.0
"""How long connecting may take, TLS included, and then again the handshake."""
WHYS: Final = frozenset(
    (
        *("no_answer", "nobody", "unreachable", "untrusted", "no_tls", "tls_failed", "tls_expected"),
        *("closed", "silent", "no_front", "busy", "refused", "version"),
    )
)
BUSY: Final = 5002
"""CTP's error of a front that takes no more links now."""
_READ: Final = 65_536
_TLS_ALERT: Final = 0x15
_ASIDE: Final = frozenset({wire.HEARTBEAT, wire.PONG})


class Target(NamedTuple):
    """Where to connect, and how to speak there.

    ``ca`` is a file of certificates to trust, empty for the system's; ``token`` opens a private server.
    """

    host: str
    port: int
    revision: str
    tls: bool = False
    ca: str = ""
    packs: bool = False
    token: str = ""
    is_v6: bool = False
    """Whether only an IPv6 address of the host will do (``tcp6://``)."""

    def __repr__(self) -> str:
        return f"<Target {self.place}>"  # a token is a secret

    @property
    def place(self) -> str:
        """For messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Greeted(NamedTuple):
    """What came of a handshake; ``cutter`` and ``frames`` hold what the front sent right behind its welcome."""

    welcome: wire.Welcome
    cutter: wire.Cutter
    frames: list[wire.Frame]


def connect(target: Target, timeout: float = CONNECT_SECONDS) -> socket.socket:
    """A connected socket, with TLS if the target wants it.

    Raises:
        OpenFailed: nobody there, no route, no trust; the text says which and what to do.
    """
    place = target.place
    try:
        link = socket.create_connection((_address_of(target), target.port), timeout)
    except TimeoutError:
        text = f"{place} does not answer within {timeout:g} s: host down, or a firewall in between"
        raise OpenFailed(text, "no_answer") from None
    except ConnectionRefusedError:
        text = f"nobody listens at {place}: is the server running, and is this its port?"
        raise OpenFailed(text, "nobody") from None
    except OSError as error:
        raise OpenFailed(f"cannot connect to {place}: {error}", "unreachable", str(error)) from error
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not target.tls:
        return link
    try:
        return _wrapped(link, target)
    except OSError as error:  # an ssl.SSLError is one
        link.close()
        raise _tls_failure(target, error) from error


def _address_of(target: Target) -> str:
    if not target.is_v6 or ":" in target.host:
        return target.host
    found = socket.getaddrinfo(target.host, target.port, socket.AF_INET6, socket.SOCK_STREAM)
    return str(found[0][4][0])


def _wrapped(link: socket.socket, target: Target) -> socket.socket:
    # Imported late: plain links need none of it.
    import ssl

    context = ssl.create_default_context(cafile=target.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context.wrap_socket(link, server_hostname=target.host)


def _tls_failure(target: Target, error: OSError) -> OpenFailed:
    import ssl

    place, detail = target.place, str(error)

    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "it is another than in ?ca=" if target.ca else "name the server's certificate with ?ca=FILE"
        detail = error.verify_message
        return OpenFailed(f"the certificate of {place} is not trusted ({detail}): {remedy}", "untrusted", detail)
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return OpenFailed(f"{place} does not speak TLS: write tcp:// instead of ssl://", "no_tls", detail)
    if isinstance(error, TimeoutError | ConnectionError | ssl.SSLEOFError):
        text = f"{place} broke off the TLS handshake: if it does not speak TLS, write tcp:// instead of ssl://"
        return OpenFailed(text, "no_tls", detail)
    return OpenFailed(f"no TLS with {place}: {detail}", "tls_failed", detail)


def greet(link: socket.socket, target: Target, kind: Kind) -> Greeted:
    """Say hello and read the welcome.

    Raises:
        VersionRefused: the front speaks another version.
        OpenFailed: refused, or no front at all.
    """
    cutter = wire.Cutter()
    frames: list[wire.Frame] = []
    is_first = True
    deadline = time.monotonic() + CONNECT_SECONDS
    try:
        link.settimeout(CONNECT_SECONDS)
        link.sendall(wire.hello(_hello(target, kind)))
        while not frames:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            link.settimeout(left)
            data = link.recv(_READ)
            if not data:
                raise OpenFailed(f"{target.place} closed the link without a word{_hint(target)}", "closed")
            if is_first and data[0] == _TLS_ALERT and not target.tls:
                # No frame begins so: its length is a multiple of 8.
                text = f"{target.place} expects TLS: write ssl:// instead of tcp://"
                raise OpenFailed(text, "tls_expected")
            is_first = False
            frames = [frame for frame in cutter.feed(data) if frame.kind not in _ASIDE]
            if not frames:
                cutter.check()
        return _accepted(target, cutter, frames)
    except TimeoutError:
        raise OpenFailed(f"{target.place} does not answer the handshake{_hint(target)}", "silent") from None
    except BadPacket as error:
        raise OpenFailed(f"{target.place} is no ctp2 front: {error}", "no_front", str(error)) from None
    except OSError as error:
        text = f"{target.place} broke off the handshake{_hint(target)} ({error})"
        raise OpenFailed(text, "closed", str(error)) from error


def _hello(target: Target, kind: Kind) -> wire.Hello:
    return wire.Hello(
        kind,
        target.revision,
        dialect(target.revision, kind).checksum,
        wire.TEXT_GB18030 | (wire.PACKING if target.packs else 0),
        platform=f"{sys.platform}-{platform.machine()}",
        library=f"ctp2 {__version__}",
        client_id=str(os.getpid()),
        token=target.token,
    )


def _hint(target: Target) -> str:
    """What may be behind a silent or closing peer."""
    original = "an original CTP front is reached by ctp+tcp://"
    return f": {original}" if target.tls else f": does it expect TLS (ssl://)? {original}"


def _accepted(target: Target, cutter: wire.Cutter, frames: list[wire.Frame]) -> Greeted:
    first = frames[0]
    if first.kind == wire.REFUSED:
        why = wire.read_refused(first)
        text = f"{target.place} refuses this client: {why.message} ({why.error_id}): {why.detail}"
        if why.error_id == wire.VERSION_ERROR:
            raise VersionRefused(text, "version", why.detail)
        raise OpenFailed(text, "busy" if why.error_id == BUSY else "refused", why.detail)
    welcome = wire.read_welcome(first)
    if welcome.major != wire.MAJOR:
        detail = f"protocol {welcome.major}, here {wire.MAJOR}"
        text = f"{target.place} speaks protocol {welcome.major}, this ctp2 speaks {wire.MAJOR}"
        raise VersionRefused(text, "version", detail)
    return Greeted(welcome, cutter, frames[1:])
