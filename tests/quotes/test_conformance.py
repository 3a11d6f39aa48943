"""The conformance suite at a web front: what differs from a futures front is declared, and the other rule is tried."""

from __future__ import annotations

import pytest

from ctp2.core.backend import Capabilities
from ctp2.front.server import Config, ServerThread
from ctp2.quotes import backend
from ctp2.testing import conformance
from ctp2.testing.quotehost import QuoteHost
from tests.quotes import rows

CARDS = {170, 171, 172, 174, 178, 184, 187, 188}
"""Those that need no market that moves: the test runs at any hour."""


def run(host: QuoteHost) -> conformance.Report:
    host.rows["sh600000"] = rows.SINA_CN
    return conformance.check(host.address("sina"), instrument="600000", cards=CARDS, timeout=30.0)


def test_the_cards_pass() -> None:
    with QuoteHost(7) as host:
        report = run(host)
    assert [(result.card.number, result.got) for result in report.results if result.outcome != "pass"] == []


def test_a_front_of_serve_passes_on_what_differs() -> None:
    with QuoteHost(7) as host:
        host.rows["sh600000"] = rows.SINA_CN
        with ServerThread(Config(host.address("sina"), md_port=0)) as server:
            report = conformance.check(server.md, instrument="600000", cards=CARDS, timeout=30.0)
    assert [(result.card.number, result.got) for result in report.results if result.outcome != "pass"] == []


def test_a_front_that_declares_nothing_is_held_to_the_rules_of_a_futures_front(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = backend.CAPABILITIES
    monkeypatch.setattr(backend, "CAPABILITIES", Capabilities(told.kinds, told.requests))
    with QuoteHost(7) as host:
        report = run(host)
    assert {result.card.number for result in report.results if result.outcome == "fail"} == {170, 172, 174, 178, 187}
