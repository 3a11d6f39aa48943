"""The job that runs tests on another day (tools/future.py) really does, and leaves waits alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUTURE = Path(__file__).resolve().parents[1] / "tools" / "future.py"
PROGRAM = """
import subprocess, sys, threading, time
began = time.monotonic()
print(time.strftime("%Y%m%d %H", time.gmtime()))
threading.Event().wait(0.01)
time.sleep(0.01)
assert time.monotonic() - began < 30
if sys.argv[1:]:
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


@pytest.mark.foreign
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloads a library")
def test_a_process_and_its_children_live_on_another_day() -> None:
    command = [sys.executable, str(FUTURE), "--date", "2027-03-03", sys.executable, "-c", PROGRAM, PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.stdout.splitlines(), result.returncode) == (["20270303 02"] * 2, 0), result.stderr
