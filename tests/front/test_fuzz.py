"""A short game of ``tests/front/fuzz.py``; ``make fuzz`` plays a million frames."""

from __future__ import annotations

import logging

import pytest

from tests.front import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_links(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "ctp2")
    found = fuzz.run(seed, 6_000)
    assert found["left"][:2] == (1, 1)
    # The server's main task, and the one that looks after the clients.
    assert found["left"][2] == 2
    assert not caplog.records
