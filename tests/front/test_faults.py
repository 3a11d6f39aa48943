"""Faults of a served counter reach programs over the network as they reach those in the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.tts import counter
from tests.front.conftest import Make, Serve
from tests.tts.programs import FIRST, address_of, is_order
from tests.tts.test_faults import CUT, FILLS, LOGIN, RESTS, UP, again, barrier, told

# faults · price of the order · what comes on the old link · what the private flow brings behind the next login
CASES: list[tuple[str, float, list[str], list[str]]] = [
    ("drop:order=1,reconnect=0", 4310.0, [CUT, UP], FILLS),
    ("drop:order=1,reconnect=0,requests=lost", 4310.0, [CUT, UP], []),
    ("drop:return=1,reconnect=20ms,reason=8194", 4280.0, [RESTS[0], "FrontDisconnected 8194", UP], RESTS[1:]),
    ("half_dead:order=1,timeout=50ms,reconnect=0", 4310.0, ["FrontDisconnected 8193", UP], FILLS),
    ("drop:trade=1,reconnect=0;resend:count=2,login=2", 4310.0, [*FILLS, CUT, UP], FILLS[2:]),
]


@pytest.mark.parametrize(("faults", "price", "old", "new"), CASES, ids=[row[0] for row in CASES])
def test_breaks(
    serve: Serve, trader: Make, tmp_path: Path, faults: str, price: float, old: list[str], new: list[str]
) -> None:
    address = address_of(tmp_path, f"&faults={faults}")
    client = trader(serve(address).trade).start()
    counter(address).step(FIRST)
    before = client.insert(price=price)
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == old
    login = again(client, before)
    barrier(client)
    assert told(client, login) == [LOGIN, *new]


def test_refusals(serve: Serve, trader: Make, tmp_path: Path) -> None:
    address = address_of(
        tmp_path, "&faults=refuse:order=1;swap;reject:order=2,text=席位未登录;query_error:query=1,error=154"
    )
    client = trader(serve(address).trade).start()
    counter(address).step(FIRST)
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnRspOrderInsert", after=before)
    assert told(client, before) == ["ErrRtnOrderInsert 31", "RspOrderInsert 31"]
    before = client.insert(price=4310.0)
    assert client.spi.wait_for(is_order("5"), after=before).field.StatusMsg == "已撤单报单被拒绝SHFE:席位未登录"
    assert client.ask("ReqQryTrade")[0].error_id == 154
    assert client.rows("ReqQryTrade") == []
