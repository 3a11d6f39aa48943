"""A program over a native library and a front that is the test's; the bindings of others, and a server for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ctp2.core.backend import Kind
from ctp2.front.server import Config, ServerThread
from tests.shim.bindings import CLIENTS, Client
from tests.shim.caller import Api, Spi
from tests.shim.front import Backend, installed
from tests.shim.native import libraries
from tests.shim.scripted import Front


class Program(NamedTuple):
    api: Api
    spi: Spi
    front: Front


Start = Callable[..., Program]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of a revision and side against a front; what it registers more comes before ``Init``."""
    with ExitStack() as stack:

        def start(
            version: str = "6.7.11",
            kind: Kind = "trader",
            *,
            flow: str = "",
            before: Callable[[Api], Any] | None = None,
            front: Front | None = None,
            flags: tuple[bool, ...] = (),
        ) -> Program:
            if front is None:
                front = Front(version, kind)
                stack.callback(front.close)
            api = Api(libraries(version)[kind], version, kind, flow or f"{tmp_path}/{kind}", *flags)
            spi = Spi(version, kind)
            stack.callback(lambda: api.call("Release"))
            api.call("RegisterSpi", spi.address)
            api.call("RegisterFront", front.address.encode())
            if before is not None:
                before(api)
            api.call("Init")
            return Program(api, spi, front)

        yield start


@pytest.fixture(params=[pytest.param(one, id=one.name, marks=one.marks) for one in CLIENTS])
def client(request: pytest.FixtureRequest) -> Client:
    """Each binding of others, and our own Python face."""
    chosen: Client = request.param
    return chosen


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opened, last first."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Does what a test says."""
    return installed(monkeypatch)


@pytest.fixture
def server(backend: Backend) -> Iterator[ServerThread]:
    """A server of that backend."""
    with ServerThread(Config("fake://x", trade_port=0, md_port=0)) as running:
        yield running
