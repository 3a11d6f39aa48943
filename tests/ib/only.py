"""A pytest plugin: there is one client library, which ``CTP2_ONLY_IB`` names (tests/ib/test_ib_insync.py)."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

LIBRARIES = ("ib_async", "ib_insync")
WANTED = os.environ["CTP2_ONLY_IB"]

for _name in LIBRARIES:
    if _name != WANTED:
        sys.modules[_name] = None  # type: ignore[assignment]


def pytest_sessionfinish(session: pytest.Session, exitstatus: Any) -> None:
    """Tests that never used it prove nothing."""
    if sys.modules.get(WANTED) is None and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
