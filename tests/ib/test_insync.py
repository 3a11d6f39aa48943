"""``ib_insync`` instead of ``ib_async``: the same tests, in an environment of its own (each brings an ``eventkit``)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import foreign_ib

PARTS = (
    "tests/ib/scenarios",
    "tests/ib/test_links.py",
    "tests/ib/test_trading.py",
    "tests/ib/test_faces.py",
    "tests/ib/test_market_stand.py",
    "tests/ib/test_money_stand.py",
)


@pytest.mark.foreign
@pytest.mark.parametrize("part", PARTS)
def test_with_ib_insync(root: Path, part: str) -> None:
    library = foreign_ib.LIBRARIES["ib_insync"]
    if reason := foreign_ib.why_not(library):
        pytest.skip(reason)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(root), str(foreign_ib.site(library)))),
        "CTP2_TESTS_IB_LIBRARY": library.name,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", part]
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert " skipped" not in ended.stdout.splitlines()[-1]
