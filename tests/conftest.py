"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's own folders; sub-processes inherit this."""
    before = os.environ.get("CTP2_HOME")
    os.environ["CTP2_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    if before is None:
        del os.environ["CTP2_HOME"]
    else:
        os.environ["CTP2_HOME"] = before


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def openctp_sources() -> Path:
    """The folder with openctp-ctp's ``thosttraderapi.py`` and ``thostmduserapi.py`` (for tests marked ``foreign``)."""
    from tools.foreign import openctp

    return openctp()
