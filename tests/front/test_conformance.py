"""The conformance suite over the wire: the same cards as in process, for clients of four interface versions."""

from __future__ import annotations

import pytest

from ctp2.testing import conformance
from ctp2.testing.conformance import Report
from tests.front.conftest import Serve

CLIENTS = ("6.3.15", "6.6.7", "6.7.11", "6.7.13", "6.7.13&compress=on")
MORE = {7: "pass"}
"""A server has a front of the wrong kind; in process there is none."""
LESS = {"6.3.15": {34: "not supported"}}
"""What an old version has no request for: 34 asks ReqQryClassifiedInstrument."""


def outcomes(report: Report) -> dict[int, str]:
    return {result.card.number: result.outcome for result in report.results}


@pytest.fixture(scope="module")
def in_process() -> dict[int, str]:
    return outcomes(conformance.check("tts://7x24?id=front-none&fills=full&speed=20", timeout=30.0))


# The newest alone in make quick.
@pytest.mark.parametrize(
    "client", [name if name == "6.7.13" else pytest.param(name, marks=pytest.mark.slow) for name in CLIENTS]
)
def test_the_same_cards_as_in_process(serve: Serve, client: str, in_process: dict[int, str]) -> None:
    server = serve(f"tts://7x24?id=front-{CLIENTS.index(client)}&fills=full&speed=20")
    version, layout = client.partition("&")[0], f"?layout={client}"
    report = conformance.check(server.trade + layout, md=server.md + layout, timeout=30.0)
    assert [(r.card.number, r.expected, r.got) for r in report.of("fail")] == []
    assert outcomes(report) == {**in_process, **MORE, **LESS.get(version, {})}
