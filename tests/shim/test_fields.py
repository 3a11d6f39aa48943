"""Every request and every callback of a binding, with every member of every struct set (spec native 12.3).

The binding's program fills its own structs; what arrives at the backend of a front is compared member by member. Then
the backend calls everything back, and what the program saw is compared. The front reads and writes the layout of the
binding's revision, the binding was compiled from the vendor's header: where they agree the library copied right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import methods, schema, structs
from ctp2.ctp.methods import Callback, Method
from ctp2.front.server import ServerThread
from ctp2.testing import Call
from tests.shim import values
from tests.shim.bindings import Client, start
from tests.shim.child import Api, Child, ChildMd, ChildTrader
from tests.shim.front import Backend

RESULT: Final[dict[str, Any]] = {"ErrorID": 2_147_483_647, "ErrorMsg": values.callback_text(7, 80)}
LOCAL: Final = ("SystemInfo",)
"""Methods whose names end so tell the vendor's counter about the machine; they are never sent (docs/protocol.md)."""


@pytest.fixture
def child(client: Client, tmp_path: Path) -> Iterator[Child]:
    with ExitStack() as stack:
        yield start(client, tmp_path, stack)


def names_of(revision: str, class_name: str) -> list[str]:
    """The methods of a class in the order of its vtable."""
    return [method["name"] for method in schema.load(revision)["classes"][class_name] if not method.get("static")]


def mean(value: Any) -> Any:
    """A value as both ends mean it: ctp-python has pieces of text as text."""
    return value.encode("gb18030") if isinstance(value, str) else value


def assert_members(got: dict[str, Any], wanted: dict[str, Any], where: str) -> int:
    """Each member as it was set, and no other; how many."""
    wrong = {name: (got.get(name), value) for name, value in wanted.items() if mean(got.get(name)) != mean(value)}
    assert not wrong, f"{where}: (read, set) {wrong}"
    assert set(got) == set(wanted), where
    return len(wanted)


def arguments_of(revision: str, name: str) -> list[list[str]]:
    """The arguments of a trader's method."""
    (method,) = (one for one in schema.load(revision)["classes"]["CThostFtdcTraderApi"] if one["name"] == name)
    return method["args"]  # type: ignore[no-any-return]


_COUNTS: Final = (84, 84, 86, 88, 89, 97, 97, 101, 113, 114, 115, 116, 119, 121, 122, 129)
METHODS: Final = dict(zip(schema.VERSIONS, _COUNTS, strict=True))
"""Methods of a trader that take a struct (spec native 8; 6.7.1, 6.7.9, 6.7.10 by their differences, spec native 2)."""

# --- requests --------------------------------------------------------------------------------------------------------


def send(api: Api, method: Method, members: dict[str, Any], request_id: int) -> None:
    """Call a request with its struct, whose members are set there one by one."""
    struct = {"struct": method.struct, "set": members}
    api.child.send(do="call", api=api.name, name=method.name, number=0, arguments=[struct, request_id])
    assert api.child.answer(api.name)["result"] == 0, method.name


def test_requests_arrive(client: Client, child: Child, server: ServerThread, backend: Backend) -> None:
    trader = ChildTrader(child, server.trade)
    trader.connect()
    session = backend.next()
    api = trader.api
    sent = compared = 0
    for name in names_of(client.revision, "CThostFtdcTraderApi"):
        method = methods.TRADER.get(name)
        if method is None or name.endswith(LOCAL):
            continue
        for is_full in (False, True):
            sent += 1
            members = values.of_request(client.revision, method.struct, full=is_full)
            send(api, method, members, sent)
            request = session.next(name)
            assert request.request_id == sent
            members.pop("SessionReqSeq", None)  # the api's own count of its requests, see test_count_of_requests
            compared += assert_members({key: getattr(request.field, key) for key in members}, members, name)
            if method.is_query:
                trader.spi.answer(sent)
    unsent = [name for name in names_of(client.revision, "CThostFtdcTraderApi") if name.endswith(LOCAL)]
    for name in unsent:
        struct = {args[1].strip(" *") for args in arguments_of(client.revision, name)}.pop()
        api.child.send(do="call", api=api.name, name=name, arguments=[{"struct": struct, "set": {}}])
        assert api.child.answer(api.name)["result"] == 0, name
    assert sent // 2 + len(unsent) == METHODS[client.revision]
    assert compared > 1000
    assert session.requests.empty()
    api.Release()
    assert child.end() == 0


def test_subscriptions_arrive(client: Client, child: Child, server: ServerThread, backend: Backend) -> None:
    market = ChildMd(child, server.md).connect()
    session = backend.next()
    assert isinstance(market, ChildMd)
    codes = ("rb2605", "SP m2605&m2609", "IF2601-C-4000")
    for name in ("SubscribeMarketData", "UnSubscribeMarketData", "SubscribeForQuoteRsp", "UnSubscribeForQuoteRsp"):
        assert market.ask_for(name, *codes) == 0
        assert session.next(name).field == codes
    many = tuple(f"code{number:06d}" for number in range(20_000))
    assert market.ask_for("SubscribeMarketData", *many) == 0
    got: list[str] = []
    while len(got) < len(many):
        got += session.next("SubscribeMarketData").field
    assert tuple(got) == many
    market.api.Release()
    assert child.end() == 0


def test_count_of_requests(client: Client, child: Child, server: ServerThread, backend: Backend) -> None:
    """The api numbers the requests that have a place for it, in a copy of the program's struct (spec semantics 3.1)."""
    trader = ChildTrader(child, server.trade).connect()
    session = backend.next()
    has_place = "SessionReqSeq" in values.of_request(client.revision, "CThostFtdcInputOrderField", full=True)
    assert has_place == client.is_since("6.7.7")
    for number in (1, 2, 3):
        trader.send("ReqOrderInsert", OrderRef=str(number))
        trader.send("ReqOrderAction", OrderRef=str(number))
        if has_place:
            assert session.next("ReqOrderInsert").field.SessionReqSeq == 2 * number - 1
            assert session.next("ReqOrderAction").field.SessionReqSeq == 2 * number
    trader.api.Release()
    assert child.end() == 0


# --- callbacks -------------------------------------------------------------------------------------------------------


def events(revision: str, kind: str, tables: dict[str, Callback]) -> Iterator[Event]:
    """All callbacks of a revision with everything set, and answers also with nothing."""
    info = structs.CThostFtdcRspInfoField(**RESULT)
    # The end of the link comes last.
    names = names_of(revision, {"trader": "CThostFtdcTraderSpi", "md": "CThostFtdcMdSpi"}[kind])
    last = ("OnFrontConnected", "OnFrontDisconnected")
    for number, name in enumerate(sorted(names, key=lambda one: one in last), 1):
        callback = tables[name]
        field = None
        if callback.struct:
            field = getattr(structs, callback.struct)(**values.of_callback(revision, callback.struct))
        match callback.shape:
            case "plain":
                yield Event("OnFrontDisconnected", request_id=0x2001)
                yield Event("OnFrontConnected")
            case "number":
                if name != "OnFrontDisconnected":
                    yield Event(name, request_id=number)
            case "rsp":
                yield Event(name, field, info, -number, False)
                yield Event(name, None, None, number, True)
            case "rtn":
                yield Event(name, field)
            case "errrtn":
                yield Event(name, field, info)
            case "error":
                yield Event(name, None, info, number, True)


def assert_told(call: Call, event: Event, revision: str, callback: Callback) -> int:
    """The callback has what the event had; how many members."""
    assert call.name == event.callback
    if callback.shape == "number":
        assert call.number == event.request_id
        return 1
    if callback.shape in ("rsp", "error"):
        assert (call.request_id, call.is_last) == (event.request_id, event.is_last), call.name
    assert (call.info is None) == (event.info is None), call.name
    compared = 0
    if call.info is not None:
        compared += assert_members(vars(call.info), RESULT, f"{call.name}.pRspInfo")
    assert (call.field is None) == (event.field is None), call.name
    if call.field is not None:
        wanted = values.of_callback(revision, callback.struct)
        compared += assert_members(vars(call.field), wanted, call.name)
    return compared


@pytest.mark.parametrize("kind", ["trader", "md"])
def test_callbacks_arrive(client: Client, child: Child, server: ServerThread, backend: Backend, kind: str) -> None:
    tables = methods.TRADER_CALLBACKS if kind == "trader" else methods.MD_CALLBACKS
    made: Any = ChildTrader(child, server.trade) if kind == "trader" else ChildMd(child, server.md)
    made.connect()
    session = backend.next()
    put = list(events(client.revision, kind, tables))
    session.put(*put)
    made.spi.wait_for("OnFrontConnected", count=2)
    calls = made.spi.calls[1:]
    assert [call.name for call in calls] == [event.callback for event in put]
    compared = sum(
        assert_told(call, event, client.revision, tables[call.name]) for call, event in zip(calls, put, strict=True)
    )
    assert compared > (2000 if kind == "trader" else 80)
    assert len(made.api.threads) == 1
    made.api.Release()
    assert child.end() == 0
