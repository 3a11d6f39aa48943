"""The pytest plugin, registered by the entry point ``ctp2``: fixtures for tests of programs that use ctp2.

::

    def test_a_fill(ctp2_trader):
        order = ctp2_trader.order("rb2605", "buy", "open", 1, 4310).filled()
        assert order.trades[0].Price == 4301

Guide: docs/zh/testing.md. Nothing of ctp2 is imported before a fixture is used, so other tests do not pay for this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ctp2.testing.clients import MdClient, TraderClient
    from ctp2.testing.clocks import HandClock
    from ctp2.testing.counters import LocalCounter
    from ctp2.testing.days import Days
    from ctp2.testing.tws import StandIn


@pytest.fixture
def ctp2_day(tmp_path: Path) -> Days:
    """A day of market data: ``ctp2_day("09:30:00 rb2605 4299 4301")``, ``.synthetic("rb2605")`` or ``.sample``."""
    from ctp2.testing.days import Days

    return Days(tmp_path)


@pytest.fixture
def ctp2_clock() -> Iterator[HandClock]:
    """A clock that stands at half past eight in Beijing on Monday 2026-03-02, for what is opened during the test.

    ``ctp2_clock.move("21:00:00")`` or ``.advance(60)`` sets it forward. Replays have their day's own time.
    """
    from ctp2.testing.clocks import HandClock, use

    with use(HandClock("2026-03-02 08:30:00")) as clock:
        yield clock


@pytest.fixture
def ctp2_counter(
    request: pytest.FixtureRequest, ctp2_day: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalCounter]:
    """A counter of the test's own, in memory; ``ctp2_counter(faults="drop:order=2")`` makes another.

    Exceptions in callbacks, which ctp2 only logs, fail the test at its end.
    """
    from ctp2.testing.counters import Complaints, LocalCounter

    if "ctp2_clock" in request.fixturenames:
        request.getfixturevalue("ctp2_clock")  # before anything is opened
    # Flow files and whatever else goes into the user's folders stay with the test.
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "ctp2-home"))
    counter = LocalCounter(ctp2_day)
    with Complaints() as complaints:
        try:
            yield counter
        finally:
            counter.close()
    if complaints.texts:
        pytest.fail("ctp2 logged errors during this test:\n\n" + "\n\n".join(complaints.texts), pytrace=False)


@pytest.fixture
def ctp2_trader(ctp2_counter: LocalCounter) -> TraderClient:
    """A trader on ``ctp2_counter``, user ``demo``: connected, logged in, confirmed, and everything recorded."""
    return ctp2_counter.trader()


@pytest.fixture
def ctp2_md(ctp2_counter: LocalCounter) -> MdClient:
    """A market data client on ``ctp2_counter``: connected and logged in; ``.subscribe("rb2605")`` goes on."""
    return ctp2_counter.md()


@pytest.fixture
def ctp2_recorder(ctp2_counter: LocalCounter) -> Callable[..., TraderClient]:
    """A second session of a user, beside the program under test: it sees all that the private flow tells that user.

    ``seen = ctp2_recorder("alice")``, then ``seen.wait_for("OnRtnTrade")`` and ``seen.spi.of(…)``.
    """

    def record(user: str = "demo") -> TraderClient:
        return ctp2_counter.client(user).connect().login()

    return record


@pytest.fixture
def ctp2_tws() -> Iterator[StandIn]:
    """A stand-in TWS of the test's own on loopback: ``.port`` to connect to, ``.control`` to change it."""
    from ctp2.testing.tws import StandIn

    with StandIn() as standin:
        yield standin
