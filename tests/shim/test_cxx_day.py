"""A C++ program against the generated header, linked with ``-L -l``: the day of trading of test_clients.

Once as users build it, once with the checkers for addresses and undefined behaviour, once with the one for threads, in
the libraries and in the program. A report of a checker makes the exit code 97, so 0 says that there was none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.shim import test_clients
from tests.shim.bindings import Client
from tests.shim.cxx import REVISION, Check, Checks
from tests.shim.desk import Desk

pytestmark = [pytest.mark.foreign]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("check", Checks)
def test_a_day(check: Check, tmp_path: Path, stack: ExitStack) -> None:
    desk = Desk(tmp_path)
    stack.callback(desk.close)
    desk.start()
    client = Client(f"cxx-{check}", REVISION, "cxx", check=check)
    test_clients.test_a_day(client, desk, tmp_path, stack)
    assert "Sanitizer" not in (tmp_path / "stderr.txt").read_text()
