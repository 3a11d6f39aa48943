"""Mutated streams of fronts against a C++ program under the checkers (``cxx_fuzz.py``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shim import cxx, cxx_fuzz

pytestmark = [pytest.mark.foreign]

STREAMS = 4000


@pytest.mark.parametrize(("check", "streams"), [("address", STREAMS), ("thread", STREAMS // 4)])
def test_mutated_streams(check: cxx.Check, streams: int, tmp_path: Path) -> None:
    found = cxx_fuzz.play(1, streams, tmp_path, check)
    lanes = cxx_fuzz.LANES
    assert found == {"streams": streams, "good": lanes * (streams // lanes // cxx_fuzz.GOOD)}
