"""``ReqBatchOrderAction`` (spec ctp-semantics 4): the right of a market maker of DCE, refused to investors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tts.programs import Trader, address_of, released


@pytest.mark.proves("4 ReqBatchOrderAction")
@pytest.mark.parametrize(
    ("members", "error_id"),
    [
        ({}, 103),
        ({"ExchangeID": "SHFE"}, 103),
        ({"ExchangeID": ""}, 147),
        ({"ExchangeID": "XX"}, 148),
        ({"InvestorID": ""}, 146),
        ({"InvestorID": "nobody"}, 13),
    ],
    ids=str,
)
def test_refused(tmp_path: Path, members: dict[str, Any], error_id: int) -> None:
    address = address_of(tmp_path)
    first, second = Trader(address).start(), Trader(address).start()
    with released(first, second):
        asked = {"BrokerID": "9999", "InvestorID": "alice", "ExchangeID": "DCE", "FrontID": 1, "SessionID": 1}
        (answer,) = first.ask("ReqBatchOrderAction", **{**asked, **members})
        assert (answer.name, answer.error_id) == ("OnRspBatchOrderAction", error_id)
        for client in (first, second):
            assert client.spi.wait_for("OnErrRtnBatchOrderAction").error_id == error_id


def test_not_before_the_statement_is_confirmed(tmp_path: Path) -> None:
    client = Trader(address_of(tmp_path)).login()
    with released(client):
        (answer,) = client.ask("ReqBatchOrderAction", BrokerID="9999", InvestorID="alice", ExchangeID="DCE")
        assert answer.error_id == 42
