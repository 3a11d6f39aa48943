"""Bad input from programs and from servers: what was done → what the C++ program sees, one table each.

The program and the libraries are under the checker for addresses and undefined behaviour: a crash, a hang or a report
fails the row. Behind each row of calls the same object still trades.
"""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.limits import Limits
from ctp2.front.server import Config, ServerThread
from ctp2.testing import Call
from ctp2.tts import counter
from tests.shim import cxx
from tests.shim.child import TIMEOUT, Child, ChildMd, ChildTrader
from tests.shim.scripted import Front, Link
from tests.test_bad_input import BAD_FIELD, REFUSED, REJECTED
from tests.tts.programs import FIRST, address_of, is_order

pytestmark = [pytest.mark.foreign]

CHECK: Final[cxx.Check] = "address"
QUICK: Final = 5.0
"""Seconds for what must not wait, on a busy machine."""


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def raw(struct: str, fill: int = 0, **members: Any) -> Any:
    """A struct whose memory is ``fill`` where nothing is set; texts may be bytes."""
    shown = {name: {"bytes": value.hex()} if isinstance(value, bytes) else value for name, value in members.items()}
    return _Raw({"struct": struct, "fill": fill, "set": shown})


class _Raw(dict[str, Any]):
    """As ``cxx_program.cpp`` takes it."""


# --- calls of a program, at a real counter ---------------------------------------------------------------------------


class Desk:
    """A confirmed trader and a logged-in MdApi of the C++ program at a front of a counter that stands."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        address = address_of(folder)
        server = stack.enter_context(ServerThread(Config(address, trade_port=0, md_port=0, limits=Limits())))
        self.child = cxx.start(CHECK, folder, stack)
        self.td: Any = ChildTrader(self.child, server.trade, flow=f"{folder}/td-").start()
        self.md: Any = ChildMd(self.child, server.md, flow=f"{folder}/md-").login()
        counter(address).step(FIRST)

    def insert(self, field: Any) -> tuple[int, list[Call]]:
        """The return code of an order, and the callbacks up to the answer to a query behind it."""
        before = len(self.td.spi.calls)
        result = self.td.api.ReqOrderInsert(field, 77)
        self.td.ask("ReqQryTradingAccount", InvestorID="alice")
        return result, [call for call in self.td.spi.calls[before:] if call.name != "OnRspQryTradingAccount"]

    def still_works(self) -> None:
        self.td.fill()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, stack: ExitStack) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"), stack)


@pytest.mark.parametrize("case", REFUSED)
def test_ctp_refuses(desk: Desk, case: str) -> None:
    """The table of the embedded counter, member for member, from C++."""
    members, (number, text) = REFUSED[case]
    result, calls = desk.insert(desk.td.order(**members))
    assert result == 0
    assert [(call.name, call.error_id, call.info.ErrorMsg) for call in calls] == [
        ("OnRspOrderInsert", number, text),
        ("OnErrRtnOrderInsert", number, text),
    ]
    assert (calls[0].request_id, calls[0].is_last) == (77, True)


@pytest.mark.parametrize("case", REJECTED)
def test_the_exchange_rejects(desk: Desk, case: str) -> None:
    members, text = REJECTED[case]
    before = desk.td.insert(**members)
    record = desk.td.spi.wait_for(is_order("5"), after=before).field
    assert (record.OrderSubmitStatus, record.StatusMsg) == ("4", f"已撤单报单被拒绝{text}")


GOOD: Final = {
    "BrokerID": "9999", "InvestorID": "alice", "UserID": "alice", "ExchangeID": "SHFE", "InstrumentID": "rb2105",
    "Direction": "0", "CombOffsetFlag": "0", "CombHedgeFlag": "1", "OrderPriceType": "2", "LimitPrice": 4280.0,
    "VolumeTotalOriginal": 1, "TimeCondition": "3", "VolumeCondition": "1", "MinVolume": 1,
    "ContingentCondition": "1", "ForceCloseReason": "0",
}  # fmt: skip
ORDER: Final = "CThostFtdcInputOrderField"
ORDERS: Final[dict[str, tuple[Any, tuple[int, str]]]] = {
    "no struct": (None, BAD_FIELD),
    "zeros": (raw(ORDER), BAD_FIELD),
    "memory that nobody initialised": (raw(ORDER, 0xFF), BAD_FIELD),
    "text without a NUL in every member": (raw(ORDER, 0x41), BAD_FIELD),
    "text without a NUL in the instrument": (
        raw(ORDER, 0, **{**GOOD, "InstrumentID": b"r" * 81}),
        (16, "CTP:找不到合约"),
    ),
    "an enum that is no letter": (raw(ORDER, 0, **{**GOOD, "Direction": b"\xd6"}), BAD_FIELD),
    "an enum of control characters": (raw(ORDER, 0, **{**GOOD, "OrderPriceType": b"\x01"}), BAD_FIELD),
    "bytes that are no character": (raw(ORDER, 0, **{**GOOD, "InstrumentID": b"\xff\xfe\x80"}), (16, "CTP:找不到合约")),
    "a price of all bits": (raw(ORDER, 0, **{**GOOD, "LimitPrice": math.nan}), (95, "CTP：不支持的价格")),
}
"""Case → struct, error."""


@pytest.mark.parametrize("case", ORDERS)
def test_orders_of_any_bytes(desk: Desk, case: str) -> None:
    field, error = ORDERS[case]
    result, calls = desk.insert(field)
    assert result == 0
    assert calls[0].name == "OnRspOrderInsert"
    assert (calls[0].error_id, calls[0].info.ErrorMsg) == error
    desk.still_works()


def test_rubbish_around_a_good_order(desk: Desk) -> None:
    """What stands behind a NUL is not read, and a member that nobody set may hold anything that it is not asked for."""
    texts = {name: value.encode() + b"\0" for name, value in GOOD.items() if isinstance(value, str) and len(value) > 1}
    members: dict[str, Any] = {
        **GOOD,
        **texts,
        "OrderRef": b"12345678\0",
        "CombOffsetFlag": b"0\0",
        "CombHedgeFlag": b"1\0",
    }
    members |= {"GTDDate": b"\0", "BusinessUnit": b"\0", "InvestUnitID": b"\0", "AccountID": b"\0", "CurrencyID": b"\0"}
    members |= {"ClientID": b"\0", "MacAddress": b"\0", "IPAddress": b"\0", "IsAutoSuspend": 0, "IsSwapOrder": 0}
    members |= {"UserForceClose": 0, "StopPrice": 0.0}
    result, calls = desk.insert(raw(ORDER, 0xEE, **members))
    assert result == 0
    assert [call.field.OrderStatus for call in calls if call.name == "OnRtnOrder"][-1] == "3", calls
    desk.still_works()


def names(*codes: Any) -> list[Any]:
    return list(codes)


CALLS: Final[dict[str, tuple[str, str, tuple[Any, ...], Any]]] = {
    "a front without an address": ("td", "RegisterFront", (None,), None),
    "a name server without an address": ("td", "RegisterNameServer", (None,), None),
    "no user of a name server": ("td", "RegisterFensUserInfo", (None,), None),
    "an address of 2,000 characters": ("td", "RegisterFront", ("tcp://" + "a" * 2000 + ":1",), None),
    "an address of a million": ("td", "RegisterFront", ("x" * 1_000_000,), None),
    "an empty address": ("td", "RegisterFront", ("",), None),
    "no place for the front's data": ("td", "GetFrontInfo", (None,), None),
    "a mode that there is not": ("td", "SubscribePrivateTopic", (99,), None),
    "a negative mode": ("td", "SubscribePublicTopic", (-1,), None),
    "Init once more": ("td", "Init", (), None),
    "a query without a struct": ("td", "ReqQryInvestorPosition", (None, 5), 0),
    "no list of codes": ("md", "SubscribeMarketData", (None, 3), 0),
    "a list of none": ("md", "SubscribeMarketData", (names("rb2105"), 0), 0),
    "less than none": ("md", "SubscribeMarketData", (names("rb2105"), -7), 0),
    "a code that is none": ("md", "SubscribeMarketData", (names(None, "rb2105", None), 3), 0),
    "nothing but such": ("md", "UnSubscribeMarketData", (names(None, None), 2), 0),
    "an empty code": ("md", "SubscribeMarketData", (names(""), 1), 0),
    "a code of 100,000 characters": ("md", "SubscribeMarketData", (names("r" * 100_000, "rb2105"), 2), 0),
    "100,000 codes": ("md", "UnSubscribeMarketData", (names(*["zz9999"] * 100_000), 100_000), 0),
    "codes of any bytes": ("md", "SubscribeForQuoteRsp", (names(b"\xff\xfe\x01"), 1), 0),
}
"""What is done → whose method, arguments, what it returns."""


@pytest.mark.parametrize("case", CALLS)
def test_calls(desk: Desk, case: str) -> None:
    who, name, arguments, result = CALLS[case]
    api = getattr(desk, who).api
    assert api.call(name, *arguments) == result
    if name == "ReqQryInvestorPosition":
        desk.td.spi.answer(5)
    desk.still_works()
    before = len(desk.md.spi.calls)
    desk.md.subscribe("m2105")
    assert desk.md.spi.wait_for("OnRspSubMarketData", after=before)


def test_nobody_complains(desk: Desk) -> None:
    """After all of the above: the lines that it led to, and no other."""
    told = set(desk.child.stderr.splitlines())
    assert told <= {
        "ctp2: a front address of more than 1,023 characters is left out",
        "ctp2: an instrument code of more than 4,095 characters is left out",
    }


# --- before Init, after Release --------------------------------------------------------------------------------------


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A program that must end without a report."""
    with ExitStack() as opened:
        made = cxx.start(CHECK, tmp_path, opened)
        yield made
        assert made.end() == 0, made.stderr


WITHOUT_A_LINK: Final[dict[str, tuple[tuple[Any, ...], Any]]] = {
    "ReqUserLogin": ((None, 1), -1),
    "ReqOrderInsert": ((raw(ORDER, 0xFF), 1), -1),
    "ReqQryInstrument": ((raw("CThostFtdcQryInstrumentField"), 1), -1),
    "RegisterUserSystemInfo": ((None,), 0),
    "GetTradingDay": ((), ""),
    "Join": ((), 0),
    "RegisterSpi": ((None,), None),
    "GetFrontInfo": ((raw("CThostFtdcFrontInfoField", 0xFF),), None),
    "SubscribePublicTopic": ((2,), None),
    "RegisterFront": (("tcp://127.0.0.1:9",), None),
}


@pytest.mark.parametrize("when", ["before Init", "after Release"])
def test_without_a_link(child: Child, when: str) -> None:
    client = ChildTrader(child, "tcp://127.0.0.1:1", flow="")
    if when == "after Release":
        client.api.Release()
    for name, (arguments, result) in WITHOUT_A_LINK.items():
        assert client.api.call(name, *arguments) == result, name
    client.api.Release()
    assert client.spi.calls == []


def test_no_flow_path(child: Child) -> None:
    """NULL is the current folder, as ""."""
    front = Front(cxx.REVISION)
    client = ChildTrader(child, front.address, flow=None)  # type: ignore[arg-type]
    client.api.Init()
    front.start()
    client.spi.wait_for("OnFrontConnected")
    client.api.Release()
    front.close()


# --- what servers do -------------------------------------------------------------------------------------------------

Sends = Callable[[Link], Any]


class Scene:
    """A program whose front the test is."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.front = Front(cxx.REVISION)
        self.client: Any = ChildTrader(child, self.front.address)
        self.client.api.Init()

    def saw(self, count: int = 0) -> list[Any]:
        """The callbacks so far, once there are so many: name, or name and number."""
        if count:
            self.client.spi.wait_for(lambda call: True, count=count)
        return [(call.name, call.number) if call.number else call.name for call in self.client.spi.calls]

    def ends(self) -> None:
        """Release, which never waits for a server."""
        began = time.monotonic()
        self.client.api.Release()
        assert time.monotonic() - began < QUICK
        self.front.close()


@pytest.fixture
def scene(child: Child) -> Iterator[Scene]:
    made = Scene(child)
    yield made
    made.ends()


UP: Final = "OnFrontConnected"
ORDER_SLOT: Final = "OnRtnOrder"


def down(reason: int) -> tuple[str, int]:
    return "OnFrontDisconnected", reason


def order_frame(link: Link, code: str = "rb2605") -> bytes:
    return link.dialect.encode_event(Event(ORDER_SLOT, structs.CThostFtdcOrderField(InstrumentID=code)))


def with_length(length: int) -> bytes:
    return length.to_bytes(4, "little") + bytes(60)


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def resized(link: Link, by: int) -> bytes:
    """An order whose struct is longer or shorter than ours."""
    whole = order_frame(link)
    body = whole[16:] + bytes(by) if by > 0 else whole[16:by]
    return (16 + len(body)).to_bytes(4, "little") + whole[4:16] + body


LINKS: Final[dict[str, tuple[Sends, list[Any]]]] = {
    "killed between frames": (lambda link: link.close(), [UP, down(4097)]),
    "killed in a header": (lambda link: link.send(order_frame(link)[:9]).close(), [UP, down(4097)]),
    "killed in a struct": (lambda link: link.send(order_frame(link)[:500]).close(), [UP, down(4097)]),
    "an order, then killed": (lambda link: link.send(order_frame(link)).close(), [UP, ORDER_SLOT, down(4097)]),
    "zeros": (lambda link: link.send(bytes(64)), [UP, down(8195)]),
    "a frame of 8 bytes": (lambda link: link.send(with_length(8)), [UP, down(8195)]),
    "a frame of 20 bytes": (lambda link: link.send(with_length(20)), [UP, down(8195)]),
    "a frame of 65,544 bytes": (lambda link: link.send(with_length(65_544)), [UP, down(8195)]),
    "a frame of 4 GiB": (lambda link: link.send(with_length(2**32 - 8)), [UP, down(8195)]),
    "text": (lambda link: link.send(b"hello, world: this is no frame at all"), [UP, down(8195)]),
    "a struct that is too short": (lambda link: link.send(resized(link, -8)), [UP, down(8195)]),
    "a struct that is longer": (lambda link: link.send(resized(link, 64)).close(), [UP, ORDER_SLOT, down(4097)]),
    "a return without its struct": (
        lambda link: link.send(changed(order_frame(link), 5, wire.LAST)),
        [UP, down(8195)],
    ),
    "an error without its text": (
        lambda link: link.send(wire.frame(wire.CALLBACK, bytes(16), wire.INFO | wire.LAST, 1_000, 1)).close(),
        [UP, down(4097)],
    ),
    "a slot behind the vtable": (
        lambda link: link.send(wire.frame(wire.CALLBACK, bytes(8), 3, 60_000), order_frame(link)).close(),
        [UP, ORDER_SLOT, down(4097)],
    ),
    "kinds of later versions": (
        lambda link: link.send(*(wire.frame(kind, b"x" * 40, 255) for kind in (0, 14, 200, 255))).close(),
        [UP, down(4097)],
    ),
    "goodbye": (lambda link: link.send(wire.goodbye(4097, "bye\n\x1b[31m")).close(), [UP, down(4097)]),
    "a welcome once more": (
        lambda link: link.send(wire.frame(wire.WELCOME, bytes(152)), order_frame(link)).close(),
        [UP, ORDER_SLOT, down(4097)],
    ),
    "connected, twice": (lambda link: link.call(UP).close(), [UP, UP, down(4097)]),
    "disconnected and back on the same link": (
        lambda link: link.send(wire.frame(wire.CALLBACK, b"", wire.LAST, 1, 0, 8194)).call(UP).close(),
        [UP, down(8194), UP, down(4097)],
    ),
    "silent within a frame": (lambda link: link.send(order_frame(link)[:500]), [UP, down(8193)]),
}
"""What the server does on an open link → what the program is told."""
SILENCE: Final = 1500
"""ms, in every row."""


@pytest.mark.parametrize("case", LINKS)
def test_a_server(scene: Scene, case: str) -> None:
    does, seen = LINKS[case]
    does(scene.front.start(silence_ms=SILENCE, warning_ms=0))
    assert scene.saw(len(seen)) == seen
    # The same object, and a server that is back: as ever.
    link = scene.front.start()
    link.send(order_frame(link, "back"))
    assert scene.saw(len(seen) + 2) == [*seen, UP, ORDER_SLOT]
    assert scene.client.spi.calls[-1].field.InstrumentID == "back"


def welcome(**changes: Any) -> bytes:
    said = wire.Welcome("trader", 0, 53_000, 15_000, 60_000, 120_000, 0, 1, "20260105", "logs", "a test")
    return wire.welcome(said._replace(**changes))


REFUSAL: Final = wire.refused(wire.Refusal(4040, "CTP:API Front shake hand err : version err", "speak 1.0"))
HELLOS: Final[dict[str, tuple[bytes | None, str]]] = {
    "an HTTP server": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "is no ctp2 front"),
    "an SSH server": (b"SSH-2.0-OpenSSH_9.2\r\n" * 3, "is no ctp2 front"),
    "a server that wants TLS": (bytes.fromhex("15030100020246"), "expects TLS: write ssl:// instead of tcp://"),
    "another protocol": (changed(welcome(), 16, 2), "speaks protocol 2"),
    "a refusal": (REFUSAL, "CTP:API Front shake hand err : version err (4040): speak 1.0"),
    "a refusal cut short": (wire.frame(wire.REFUSED, bytes(8)), "refuses this program"),
    "a welcome cut short": (wire.frame(wire.WELCOME, bytes(144)), "its first frame is no welcome"),
    "a callback at once": (wire.frame(wire.CALLBACK, b"", 1, 0), "its first frame is no welcome"),
    "nothing, and closes": (b"", "closed the link without a word"),
    "half a welcome, and closes": (welcome()[:80], "closed the link without a word"),
    "garbage": (bytes(range(255, 0, -1)), "is no ctp2 front"),
}
"""What answers hello → what the program's stderr has; it is called back by nothing."""


@pytest.mark.parametrize("case", HELLOS)
def test_what_is_no_front(scene: Scene, case: str) -> None:
    answer, words = HELLOS[case]
    assert answer is not None
    link = scene.front.accept()
    link.frame()
    link.send(answer)
    link.socket.shutdown(socket.SHUT_WR)
    assert link.ends()
    # It tries again by itself, and a real front is welcome.
    link = scene.front.start()
    assert scene.saw(1) == [UP]
    assert words in scene.child.stderr
    assert all(line.startswith("ctp2: ") for line in scene.child.stderr.splitlines())


def test_a_server_that_never_answers(scene: Scene) -> None:
    """Ten seconds, then it is tried again; Release does not wait for it (``Scene.ends``)."""
    link = scene.front.accept()
    began = time.monotonic()
    link.frame()
    assert link.ends()
    assert time.monotonic() - began > 9
    scene.front.accept().frame()
    assert scene.saw() == []


def flood(link: socket.socket, data: bytes) -> None:
    """Until the other side is gone."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        link.sendall(data)
    raise AssertionError("the program reads on")


def test_a_server_that_sends_anything_but_a_welcome(child: Child) -> None:
    """Without end: the program gives up, and Release ends it at once."""
    scene = Scene(child)
    link = scene.front.accept()
    link.frame()
    beats = wire.heartbeat() * 4000
    link.send(beats)
    began = time.monotonic()
    scene.client.api.Release()
    assert time.monotonic() - began < QUICK
    with pytest.raises(ConnectionError):
        flood(link.socket, beats)
    scene.front.close()


def test_a_server_that_disconnects_in_a_loop(scene: Scene) -> None:
    """Not reached, it is asked after 1, 2 and 4 s; cut after it was up, once a second, told of both each time."""
    times = []
    for _ in range(4):
        scene.front.accept().close()
        times.append(time.monotonic())
    for pause, (before, after) in zip((1, 2, 4), zip(times, times[1:], strict=False), strict=True):
        assert pause - 0.1 < after - before
    assert scene.saw() == []
    times = []
    for number in range(3):
        link = scene.front.start()
        times.append(time.monotonic())
        # The callbacks are told over a pipe, the closing over the network.
        assert scene.saw(2 * number + 1)[-1] == UP
        link.close()
        assert scene.saw(2 * number + 2)[-1] == down(4097)
    assert all(after - before > 0.9 for before, after in zip(times, times[1:], strict=False))


def test_a_server_that_takes_nothing(scene: Scene) -> None:
    """What the system and the library keep is bounded; then requests return -1, and Release does not wait."""
    link = scene.front.start()
    scene.saw(1)
    field = {"struct": ORDER, "set": {}}
    results: list[int] = []
    for number in range(40_000):
        results.append(scene.client.api.call("ReqOrderInsert", _Raw(field), number))
        if results[-1]:
            break
    assert results[-1] == -1
    assert set(results[:-1]) == {0}
    assert scene.saw() == [UP]
    assert link.request("ReqOrderInsert").request_id == 0


def test_members_of_any_bytes(scene: Scene) -> None:
    """Text without a NUL, NaN, any enum: the program reads each member and nothing beyond."""
    link = scene.front.start()
    for byte in (0x00, 0x41, 0x7F, 0x80, 0xFF):
        for name, struct, flags in (
            ("OnRtnOrder", "CThostFtdcOrderField", 3),
            ("OnRtnTrade", "CThostFtdcTradeField", 3),
        ):
            slot, _, _ = link.dialect.outgoing(name)
            body = bytes([byte]) * link.dialect.codec.size(struct)
            link.send(wire.frame(wire.CALLBACK, body, flags, slot))
    link.call("OnRspError", None, rsp_info(27), 3)
    assert scene.saw(12) == [UP, *["OnRtnOrder", "OnRtnTrade"] * 5, "OnRspError"]
    orders = scene.client.spi.of("OnRtnOrder")
    assert orders[1].field.InstrumentID == "A" * 81
    assert math.isnan(orders[4].field.LimitPrice)
    assert json.dumps(vars(orders[2].field))
