"""The fingerprint of a state: complete, and the same wherever it is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.tts import counter, statehash
from ctp2.tts.contract import Contract
from ctp2.tts.orders import Order
from tests.tts.programs import FIRST, Trader, address_of

_COMPILED = not hasattr(Order, "__slots__")


@pytest.mark.skipif(_COMPILED, reason="compiled classes do not tell their slots")
def test_nothing_of_a_record_is_forgotten() -> None:
    for kind, written in statehash.TABLES.items():
        named = [*written.split(), *statehash.MARKS.get(kind, "").split(), *statehash.LEFT_OUT.get(kind, "").split()]
        assert len(named) == len(set(named)), f"{kind.__name__}: named twice"
        slots = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}
        assert set(named) == slots, f"{kind.__name__}: {set(named) ^ slots}"


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not in the tables"):
        statehash._text(object())


def played(folder: Path) -> str:
    """Fills, a resting order, a cancel, a refusal, a parked and a conditional order; the fingerprint after them."""
    address = address_of(folder).replace("speed=0.001", "speed=max")
    trader = Trader(address).connect()
    try:
        counter(address).pause()  # the clock stands between steps
        trader.ask("ReqUserLogin", BrokerID="9999", UserID=trader.user, Password="secret")
        trader.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=trader.user)
        counter(address).step(FIRST)
        trader.fill()
        trader.fill("IF2101", 5240.0, Direction="0")
        trader.cancel(trader.rest())
        trader.rest("m2105", 3300.0)
        trader.spi.wait_for("OnErrRtnOrderInsert", after=trader.insert("rb2105", 4300.0, 0))
        trader.ask("ReqParkedOrderInsert", **members(trader.order("rb2105", 4200.0)))
        before = trader.insert("rb2105", 4400.0, ContingentCondition="5", StopPrice=4350.0)
        trader.spi.wait_for("OnRtnOrder", after=before)
        trader.rows("ReqQryOrder")
        backend: Any = registry.running(parse(address))
        state = backend.engine.state
        assert statehash.state_hash(state) != statehash.state_hash(state, with_marks=False)
        return "\n".join([statehash.state_hash(state, marks) for marks in (True, False)])
    finally:
        trader.api.Release()


def members(field: Any) -> dict[str, Any]:
    names = ("OrderMemo", "SessionReqSeq")
    return {name: getattr(field, name) for name in field.__struct_fields__ if name not in names}


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    made = set()
    for seed in ("0", "1"):
        folder = tmp_path / seed
        folder.mkdir()
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from tests.tts.test_statehash import played; from pathlib import Path;"
                "print(played(Path(sys.argv[1])))",
                str(folder),
            ],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        made.add(run.stdout)
    assert len(made) == 1


def test_marks_are_what_market_data_changes(tmp_path: Path) -> None:
    """A snapshot changes last prices and profits, not what events decided."""
    address = address_of(tmp_path)
    trader = Trader(address).start()
    try:
        control = counter(address)
        control.step(FIRST)
        trader.fill()
        backend: Any = registry.running(parse(address))
        state = backend.engine.state
        before = [statehash.state_hash(state, marks) for marks in (True, False)]
        control.step(2)
        after = [statehash.state_hash(state, marks) for marks in (True, False)]
        assert before[0] != after[0] and before[1] == after[1]
        assert any(isinstance(one, Contract) and one.last != 0 for one in state.contracts)
    finally:
        trader.api.Release()
