"""No test may leave an exception of our own in the log, or wait as long as real troubles take."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctp2.ib import client, links


@pytest.fixture(autouse=True)
def _no_errors_of_our_own(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR and record.exc_info]
    assert [record.getMessage() for record in errors if record.name.startswith("ctp2")] == []


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a tenth; what a test measures it sets itself."""
    monkeypatch.setattr(links, "TROUBLES", {})
    monkeypatch.setattr(links, "TIMES", links.Times(retry=(0.1, 0.2, 0.5)))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a server is kept by its port, and the system hands ports out again."""
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))


LIBRARY = os.environ.get("CTP2_TESTS_IB_LIBRARY")
"""Set by test_insync.py, whose tests run with the older library in an environment of its own."""


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    if LIBRARY:
        monkeypatch.setattr(client, "LIBRARIES", (LIBRARY,))
