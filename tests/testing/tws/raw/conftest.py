"""Programs on client libraries, and the stand-in that they connect to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctp2.testing.tws import Script, StandIn, VirtualClock
from tests.testing.tws.conftest import MONDAY_NS
from tests.testing.tws.raw.cases import CASES, Case, Start
from tests.testing.tws.raw.program import Program
from tools import foreign_ib


@pytest.fixture(params=CASES, ids=lambda case: f"{case.library}-{case.offered}")
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    why = foreign_ib.why_not(foreign_ib.LIBRARIES[found.library])
    if why:
        pytest.skip(why)
    return found


@pytest.fixture
def tws(case: Case) -> Iterator[StandIn]:
    """Its clock stands on Monday 2025-11-24 at 11:00 in New York, its quotes too."""
    script = Script(version=case.offered)
    script.market.walks = False
    with StandIn(script=script, clock=VirtualClock(MONDAY_NS, pace=0)) as standin:
        yield standin


@pytest.fixture
def start(case: Case, tws: StandIn, tmp_path: Path) -> Iterator[Start]:
    """Starts programs; at their end none may have complained."""
    with ExitStack() as stack:
        made: list[Program] = []

        def start(client_id: int = 7, *, connects: bool = True) -> Program:
            program = stack.enter_context(Program(case.library, tmp_path))
            made.append(program)
            if connects:
                program.ask("connect", port=tws.port, client_id=client_id)
            return program

        yield start
        for program in made:
            assert program.complaints() == []
