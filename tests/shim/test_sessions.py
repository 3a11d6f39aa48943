"""What a binding's program keeps and shares: flow files over its restarts, two libraries in one process, another front.

The counter stands still; its server is in this process (test_clients.py has a server of its own).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctp2 import tdapi
from ctp2.front.server import Config, ServerThread
from ctp2.testing import Call
from ctp2.tts import counter
from tests.shim.bindings import CLIENTS, FOREIGN, Client, chinese, environment_of, original_of, path_of, start
from tests.shim.child import TIMEOUT, Child, ChildMd, ChildTrader
from tests.tts.programs import FIRST, Trader, address_of, is_order, is_private

FROM_SEQUENCE = 4
"""THOST_TERT_RESUME_FROM_SEQ_NO, since 6.7.13."""


@pytest.fixture
def server(tmp_path: Path, stack: ExitStack) -> ServerThread:
    address = address_of(tmp_path)
    running = stack.enter_context(ServerThread(Config(address, trade_port=0, md_port=0)))
    counter(address).step(FIRST)
    return running


def told(client: Trader) -> list[tuple[str, str, str]]:
    """Which returns came, in order."""
    return [(call.name, call.field.OrderRef, getattr(call.field, "OrderStatus", "")) for call in private(client)]


def private(client: Trader) -> list[Call]:
    return client.spi.of(is_private)


def fence(client: Trader) -> None:
    """Everything that the flows had to say has come."""
    client.ask("ReqQryTradingAccount", BrokerID="9999", InvestorID=client.user)


def trader(stack: ExitStack, address: str, user: str) -> Trader:
    """The Python API, in this process."""
    made = Trader(address, user)
    stack.callback(made.api.Release)
    return made.start()


def test_resumes_over_restarts_of_the_program(
    client: Client, server: ServerThread, tmp_path: Path, stack: ExitStack
) -> None:
    """What came before it ended does not come again; what happened meanwhile does."""
    flow = tmp_path / "flow"
    flow.mkdir()
    other = trader(stack, server.trade, "alice")
    first = start(client, tmp_path, stack)
    alice = ChildTrader(first, server.trade, flow=f"{flow}/", resume=tdapi.THOST_TERT_RESUME)
    alice.start()
    alice.rest(price=4280.0, OrderRef="1")
    fence(alice)
    assert {ref.strip() for _, ref, _ in told(alice)} == {"1"}
    assert first.end() == 0
    other.rest(price=4281.0, OrderRef="2")
    second = start(client, tmp_path, stack)
    again = ChildTrader(second, server.trade, flow=f"{flow}/", resume=tdapi.THOST_TERT_RESUME)
    again.start()
    fence(again)
    assert {ref.strip() for _, ref, _ in told(again)} == {"2"}
    again.api.Release()
    # From the beginning of the day, whatever the files say; and only what is to come.
    for resume, refs in ((tdapi.THOST_TERT_RESTART, {"1", "2"}), (tdapi.THOST_TERT_QUICK, set())):
        third = ChildTrader(second, server.trade, name=f"third{resume}", flow=f"{flow}/", resume=resume)
        third.start()
        fence(third)
        assert {ref.strip() for _, ref, _ in told(third)} == refs
        third.api.Release()
    assert second.end() == 0


NUMBERED = [pytest.param(one, id=one.name, marks=one.marks) for one in CLIENTS if one.revision == "6.7.13"]


@pytest.mark.parametrize("client", NUMBERED, indirect=True)
def test_resumes_from_a_number(client: Client, server: ServerThread, tmp_path: Path, stack: ExitStack) -> None:
    """6.7.13: a flow begins at any return, and the number of each is told to who asks for one."""
    child = start(client, tmp_path, stack)
    alice = ChildTrader(child, server.trade, resume=tdapi.THOST_TERT_RESTART).start()
    for ref in ("1", "2", "3"):
        alice.rest(OrderRef=ref)
    fence(alice)
    assert alice.spi.of("OnRtnPrivateSeqNo") == []
    wanted = private(alice)[3:]
    late = ChildTrader(child, server.trade, name="late")
    late.api.SubscribePrivateTopic(FROM_SEQUENCE, 4)
    late.start()
    fence(late)
    assert [vars(call.field) for call in private(late)] == [vars(call.field) for call in wanted]
    numbers = [call.number for call in late.spi.of("OnRtnPrivateSeqNo")]
    assert numbers == list(range(4, 4 + len(wanted)))
    alice.api.Release()
    late.api.Release()
    assert child.end() == 0


# --- two libraries in one process ------------------------------------------------------------------------------------

PAIRS = [("openctp-6.3.15", "ctp-python-6.7.13"), ("openctp-6.7.11", "ctp-python-6.7.13")]


def client_of(name: str) -> Client:
    (found,) = (one for one in FOREIGN if one.name == name)
    return found


@pytest.mark.foreign
@pytest.mark.parametrize("names", PAIRS, ids="+".join)
@pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])
def test_two_revisions_in_one_process(
    server: ServerThread, tmp_path: Path, stack: ExitStack, names: tuple[str, str], order: int
) -> None:
    """Each has its own library, its own threads and its own layout; both hear of the same order."""
    one, two = [client_of(name) for name in names][::order]
    child = Child(one.imports, [*path_of(one), *path_of(two)], tmp_path, **chinese())
    stack.callback(child.close)
    first = ChildTrader(child, server.trade, name="first").start()
    second = ChildTrader(child, server.trade, name="second", binding=two.imports).start()
    assert one.says(first.api.version)
    assert two.says(second.api.version)
    order_sent = first.rest()
    heard = second.spi.wait_for(is_order("3")).field
    assert (heard.OrderSysID, heard.InstrumentID) == (order_sent.OrderSysID, "rb2105")
    first.api.Release()
    fence(second)
    second.api.Release()
    assert child.end() == 0


@pytest.mark.foreign
@pytest.mark.parametrize("order", [1, -1], ids=["ours first", "the vendor's first"])
def test_beside_the_vendors_own_library(server: ServerThread, tmp_path: Path, stack: ExitStack, order: int) -> None:
    """The vendor's keeps trying to reach a port at which nobody listens; ours trades."""
    ours, theirs = client_of("openctp-6.7.2"), client_of("ctp-python-6.7.13")
    paths = [*path_of(ours), original_of(theirs)]
    child = Child((ours, theirs)[::order][0].imports, paths, tmp_path, **chinese())
    stack.callback(child.close)

    def vendor() -> ChildTrader:
        return ChildTrader(child, "tcp://127.0.0.1:1", name="theirs", binding=theirs.imports)

    def own() -> ChildTrader:
        return ChildTrader(child, server.trade, name="ours", binding=ours.imports)

    made = [make() for make in (own, vendor)[::order]][::order]
    alice, other = made
    other.api.Init()
    alice.start()
    assert ours.says(alice.api.version)
    assert "ctp2" not in other.api.version
    assert theirs.revision in other.api.version
    alice.rest()
    other.api.Release()
    fence(alice)
    alice.api.Release()
    assert child.end() == 0


# --- a script as it is -----------------------------------------------------------------------------------------------

SCRIPT = Path(__file__).parents[1] / "data" / "scripts" / "md_demo.py"
OPENCTP = [pytest.param(one, id=one.name, marks=one.marks) for one in FOREIGN if one.imports == "openctp_ctp"]


@pytest.mark.parametrize("client", OPENCTP, indirect=True)
def test_a_script_that_releases_in_a_callback_and_joins(client: Client, server: ServerThread, tmp_path: Path) -> None:
    environment = {**os.environ, **environment_of(client), "PYTHONPATH": str(path_of(client)[0])}
    command = [sys.executable, str(SCRIPT), server.md, "1", "rb2105"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    version, *lines = done.stdout.splitlines()
    assert client.says(version.removeprefix("ApiVersion: "))
    assert lines == [
        "OnFrontConnected",
        "OnRspUserLogin 20210104",
        "OnRspSubMarketData rb2105 0",
        "rb2105 09:30:00 4300.0 4299.0 4301.0 1000",
        "done",
    ]


# --- another front ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [pytest.param(one, id=one.name, marks=one.marks) for one in FOREIGN], indirect=True)
def test_the_environment_overrides_what_a_program_registers(
    client: Client, server: ServerThread, tmp_path: Path, stack: ExitStack
) -> None:
    child = start(client, tmp_path, stack, CTP2_FRONT=f"td {server.trade} md {server.md}")
    alice = ChildTrader(child, "tcp://180.168.146.187:10130").start()
    market = ChildMd(child, "tcp://180.168.146.187:10131")
    market.login().subscribe("rb2105")
    assert market.spi.wait_for("OnRtnDepthMarketData").field.BidPrice1 == 4299.0
    for one in (market, alice):
        one.api.Release()
    assert child.end() == 0
