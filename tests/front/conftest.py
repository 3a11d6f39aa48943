"""Fronts on free ports, and clients that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.front.limits import Limits
from ctp2.front.server import Config, ServerThread
from tests.front import fake
from tests.tts.programs import Trader, Watcher, address_of

Serve = Callable[..., ServerThread]
Make = Callable[..., Trader]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers; they stop with the test."""
    with ExitStack() as stack:

        def start(backend: str, limits: Limits | None = None, **options: Any) -> ServerThread:
            options = {"trade_port": 0, "md_port": 0, **options}
            return stack.enter_context(ServerThread(Config(backend, limits=limits or Limits(), **options)))

        yield start


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> fake.Backend:
    """The backend of ``fake://``."""
    made = fake.Backend()
    monkeypatch.setitem(registry._modules, "fake", fake.Module(made))
    return made


@pytest.fixture
def counter_address(tmp_path: Path) -> str:
    """A counter with a small recorded day that stands until it is stepped."""
    return address_of(tmp_path)


@pytest.fixture
def server(serve: Serve, counter_address: str) -> ServerThread:
    """A server of that counter."""
    return serve(counter_address)


@pytest.fixture
def trader() -> Iterator[Make]:
    """Makes traders; released with the test."""
    made: list[Trader] = []

    def make(address: str, user: str = "alice", **options: Any) -> Trader:
        made.append(Trader(address, user, **options))
        return made[-1]

    yield make
    for client in made:
        client.api.Release()


@pytest.fixture
def watcher() -> Iterator[Callable[[str], Watcher]]:
    """Makes market data clients; released with the test."""
    made: list[Watcher] = []

    def make(address: str) -> Watcher:
        made.append(Watcher(address))
        return made[-1]

    yield make
    for client in made:
        client.api.Release()
