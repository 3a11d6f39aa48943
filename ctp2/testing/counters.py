"""A counter of a test's own: in memory, alone in its process, and gone at the end of the test."""

from __future__ import annotations

import logging
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.testing.clients import MdClient, TraderClient
from ctp2.testing.days import Days
from ctp2.tts import counter as running_counter

if TYPE_CHECKING:
    from ctp2.tts.control import Control
    from ctp2.tts.fault_control import FaultControl

_numbers = count(1)
_LONGEST: Final = 100_000
"""Entries of the day that are played at most until every instrument has a quote."""


class LocalCounter:
    """One embedded counter, opened at the first use. Its market stands behind the first quote of every instrument.

    ``counter(fills="random", faults="drop:order=2")`` makes another counter with these options of its address;
    ``environment="7x24"`` one that does not replay a day.
    """

    def __init__(self, days: Days, environment: str = "replay", **options: Any) -> None:
        self._days = days
        self._environment = environment
        self._options = options
        self._address = ""
        self._backend: Any = None
        self._made: list[LocalCounter] = []
        self._clients: list[TraderClient | MdClient] = []

    def __call__(self, environment: str = "replay", **options: Any) -> LocalCounter:
        """Another counter, closed with this one."""
        self._made.append(LocalCounter(self._days, environment, **options))
        return self._made[-1]

    # ------------------------------------------------------------------ the counter
    @property
    def address(self) -> str:
        """The front address; asking for it opens the counter."""
        return self.open()._address

    def open(self) -> LocalCounter:
        """Open it now.

        Raises:
            ValueError: an option that the address cannot have.
        """
        if self._backend is not None:
            return self
        options = {"id": f"test-{next(_numbers)}", **self._options}
        is_replay = self._environment == "replay"
        if is_replay:
            options = {"fills": "full", **options}
            if "data" not in options:
                options["data"] = self._days()
        text = "&".join(f"{name}={quote(str(value), safe=':/,;=~')}" for name, value in options.items())
        address = f"tts://{self._environment}?{text}"
        parsed = parse(address)
        registry.check(parsed)
        self._backend = registry.acquire(parsed)
        self._address = address
        if is_replay:
            self.control.pause()
            self.step_to_quotes()
        return self

    @property
    def control(self) -> Control:
        """Its market and accounts, as a Python program holds them."""
        return running_counter(self.address)

    @property
    def faults(self) -> FaultControl:
        """What goes wrong on purpose."""
        return self.control.faults

    def step(self, count: int = 1) -> int:
        """Play ``count`` entries of the day; returns how many there were."""
        return self.control.step(count)

    def run(self) -> None:
        """Let the market run."""
        self.control.run()

    def step_to_quotes(self) -> None:
        """Play until every instrument of the day has had a snapshot."""
        world = self._backend.world
        first = dict(world.ticks)
        places = [contract.index for contract in world.day_contracts]
        for _ in range(_LONGEST):
            if all(world.ticks[place] is not first[place] for place in places) or not self.control.step():
                return

    # ------------------------------------------------------------------ its clients
    def trader(self, user: str = "demo", **options: Any) -> TraderClient:
        """A trader: connected, logged in, confirmed; released with the counter."""
        return self.client(user, **options).start()

    def client(self, user: str = "demo", **options: Any) -> TraderClient:
        """A trader that does nothing yet."""
        client = TraderClient(self.address, user, **options)
        self._clients.append(client)
        return client

    def md(self, *codes: str) -> MdClient:
        """A market data client: connected, logged in, and subscribed to ``codes``."""
        client = MdClient(self.address)
        self._clients.append(client)
        client.start()
        return client.subscribe(*codes) if codes else client

    def close(self) -> None:
        """Release the clients, and the counter with those that were made of it."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        for made in self._made:
            made.close()
        if self._backend is not None:
            backend, self._backend = self._backend, None
            registry.release(backend)


class Complaints(logging.Handler):
    """What ctp2 logs as an error: exceptions in callbacks, failures of a counter."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []
        self._logger = logging.getLogger("ctp2")

    def __enter__(self) -> Complaints:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *unused: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self.texts.append(text)


def open_counter(folder: Path, environment: str = "replay", **options: Any) -> LocalCounter:
    """A counter without pytest; ``close`` it at the end. ``folder`` takes the day that it plays."""
    return LocalCounter(Days(folder), environment, **options)
