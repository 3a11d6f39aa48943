"""The conformance suite over the wire: the same cards as in process, for clients of four interface versions."""

from __future__ import annotations

import pytest

from ctp2.testing import conformance
from ctp2.testing.conformance import CARDS
from tests.front.conftest import Serve

LACKING = {"6.3.15": {34: "not declared: ReqQryClassifiedInstrument"}}
"""What an old version has no request for. In process every card passes but 7, which needs a front of one kind."""


CLIENTS = ("6.3.15", "6.6.7", "6.7.11", "6.7.13", "6.7.13&compress=on")


@pytest.mark.parametrize("client", CLIENTS)
def test_the_same_cards_as_in_process(serve: Serve, client: str) -> None:
    server = serve(f"tts://7x24?id=front-{CLIENTS.index(client)}&fills=full&speed=20")
    version, layout = client.partition("&")[0], f"?layout={client}"
    report = conformance.check(server.trade + layout, md=server.md + layout)
    assert [(r.card.number, r.expected, r.got) for r in report.of("fail")] == []
    lacking = LACKING.get(version, {})
    assert {r.card.number: r.reason for r in report.of("not supported")} == lacking
    assert len(report.of("pass")) == len(CARDS) - len(lacking)
