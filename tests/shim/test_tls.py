"""ssl:// in native programs, through the system's OpenSSL: who is trusted, what is said when somebody is not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from ctp2.core.clock import LiveClock, ManualClock
from ctp2.front.certificate import make
from ctp2.front.server import Config, ServerThread
from tests.shim.probing import probe

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(sys.platform == "win32", reason="the probe is compiled for POSIX"),
]


class Own(NamedTuple):
    """A certificate of its own and who serves with it."""

    cert: str
    port: str


Served = Callable[..., Own]
YEAR_2000_NS = 946_684_800 * 10**9


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Starts servers with certificates that they sign themselves."""
    with ExitStack() as stack:

        def start(*names: str, clock: LiveClock | ManualClock | None = None) -> Own:
            folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
            cert, key = folder / "own.crt", folder / "own.key"
            make(cert, key, names, clock or LiveClock())
            config = Config("tts://7x24", trade_port=0, md_port=None, tls_cert=str(cert), tls_key=str(key))
            server = stack.enter_context(ServerThread(config))
            return Own(str(cert), str(server.server.ports["trader"]))

        yield start


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_pinned_certificate(served: Served, host: str) -> None:
    own = served("localhost", "127.0.0.1")
    assert probe("tls", host, own.port, own.cert, "3") == ["48 bytes sent, 72 read"]


def test_much_in_both_directions(served: Served) -> None:
    """The network takes it in pieces, and both sides have to wait for the other."""
    own = served("localhost", "127.0.0.1")
    assert probe("tls", "127.0.0.1", own.port, own.cert, "200000") == ["3200000 bytes sent, 4800000 read"]


def test_a_certificate_that_nobody_vouches_for(served: Served) -> None:
    own, other = served("localhost", "127.0.0.1"), served("localhost", "127.0.0.1")
    (line,) = probe("tls", "127.0.0.1", own.port, "", "1")
    assert line.startswith("why: its certificate is not trusted (")
    assert line.endswith("): name the server's certificate with ?ca=FILE")
    (line,) = probe("tls", "127.0.0.1", own.port, other.cert, "1")
    assert line.startswith("why: its certificate is not trusted (")
    assert line.endswith("): it is another than in ?ca=")


@pytest.mark.parametrize(("name", "host"), [("example.org", "localhost"), ("10.0.0.1", "127.0.0.1")])
def test_a_name_that_is_not_in_it(served: Served, name: str, host: str) -> None:
    own = served(name)
    (line,) = probe("tls", host, own.port, own.cert, "1")
    assert "mismatch): write the server's name as it stands in it" in line


def test_one_that_has_expired(served: Served) -> None:
    own = served("localhost", clock=ManualClock(YEAR_2000_NS))
    (line,) = probe("tls", "localhost", own.port, own.cert, "1")
    assert line == "why: its certificate is not trusted (certificate has expired): the server needs a new one"


def test_a_file_that_holds_none(served: Served, tmp_path: Path) -> None:
    own = served("localhost")
    (tmp_path / "empty.crt").touch()
    for path in (tmp_path / "nowhere.crt", tmp_path / "empty.crt"):
        (line,) = probe("tls", "localhost", own.port, str(path), "1")
        assert line == f"why: there is no certificate in the file of ca: {path}"


def test_a_front_without_tls() -> None:
    with ServerThread(Config("tts://7x24", trade_port=0, md_port=None)) as server:
        (line,) = probe("tls", "127.0.0.1", str(server.server.ports["trader"]), "", "1")
    assert line == "why: does not speak TLS: write tcp:// instead of ssl://"


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the libraries are Linux's")
def test_a_system_without_openssl(served: Served, tmp_path: Path) -> None:
    own = served("localhost")
    folder = tmp_path / "empty"
    folder.mkdir()
    for part in ("ssl", "crypto"):
        for version in ("3", "1.1", "10", "1.0.2"):
            (folder / f"lib{part}.so.{version}").touch()  # found first, and no library
    (line,) = probe("tls", "localhost", own.port, own.cert, "1", LD_LIBRARY_PATH=str(folder))
    assert line == (
        "why: ssl:// needs the system's OpenSSL, and none of libssl.so.3, libssl.so.1.1, libssl.so.10, libssl.so.1.0.2"
        " can be loaded: install OpenSSL (1.0.2 or later), or use tcp:// through a tunnel"
    )
