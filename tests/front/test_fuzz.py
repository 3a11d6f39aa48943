"""A short game of ``tests/front/fuzz.py``; ``make fuzz`` plays a million frames."""

from __future__ import annotations

import pytest

from tests.front import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_links(seed: int) -> None:
    found = fuzz.run(seed, 6_000)
    assert found.frames >= 6_000
    # The healthy client and the witness; the server's main task, and the one that looks after the clients.
    assert [left[:3] for left in found.left] == [(2, 2, 2)] * fuzz.ROUNDS
    assert not found.errors
    assert found.before
    assert found.quiet
    assert found.loud
