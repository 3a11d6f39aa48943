"""What ``ib://`` does at the stand-in TWS with ib_async it does with ib_insync, in an environment of its own.

The two cannot be installed side by side: one is prepared by tools/foreign_ib.py and stands first on the path of a
pytest of its own, which does not find the other. The tests are the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import foreign_ib

ROOT = Path(__file__).resolve().parents[2]
TESTS = (
    "tests/ib/scenarios",
    "tests/ib/test_trading.py",
    "tests/ib/test_market_stand.py",
    "tests/ib/test_money_stand.py",
)
TIMEOUT_S = 1200


@pytest.mark.foreign
@pytest.mark.parametrize("tests", TESTS)
def test_the_same_with_ib_insync(tests: str) -> None:
    library = foreign_ib.LIBRARIES["ib_insync"]
    why = foreign_ib.why_not(library)
    if why:
        pytest.skip(why)
    path = os.pathsep.join([str(ROOT), str(foreign_ib.site(library))])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.ib.only",
            "-p",
            "no:cacheprovider",
            "-m",
            "not foreign",
            tests,
        ],
        env={**kept, "PYTHONPATH": path, "CTP2_ONLY_IB": library.name},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:]
