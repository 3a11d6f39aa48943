"""One Api object in the hands of a card: connect, log in, ask, trade, and look at what came back."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from ctp2 import mdapi, tdapi
from ctp2.core.backend import Capabilities
from ctp2.core.flow import Resume
from ctp2.ctp import layout, methods, structs
from ctp2.testing.conformance.model import Mismatch, expect
from ctp2.testing.recorder import Call, Condition, MdRecorder, TraderRecorder

QUERY_TOO_SOON: Final = 90
_RETRIES: Final = 8
_request_ids: Final = count(1001)

PUBLIC_STREAM: Final = frozenset(("OnRtnInstrumentStatus", "OnRtnBulletin"))
PRIVATE_STREAM: Final = frozenset(
    name
    for name, callback in methods.TRADER_CALLBACKS.items()
    if callback.shape in ("rtn", "errrtn") and name not in PUBLIC_STREAM
)
_codec: Final = layout.codec(layout.NEWEST)


def packed(call: Call) -> tuple[str, bytes, bytes]:
    """A call of a stream as the bytes that travel."""
    info = b"" if call.info is None else _codec.pack(call.info)
    return call.name, b"" if call.field is None else _codec.pack(call.field), info


def new_request_id() -> int:
    """A number no request of this process had."""
    return next(_request_ids)


class Client:
    """What trader and market data clients share."""

    kind = ""

    def __init__(self, address: str, api: Any, spi: Any, timeout: float) -> None:
        self.address = address
        self.api = api
        self.spi = spi
        self.timeout = timeout
        self.sent: list[tuple[int, str]] = []
        """Number and method of every request that was taken."""

    @property
    def calls(self) -> list[Call]:
        """Every callback so far."""
        return list(self.spi.calls)

    def mark(self) -> int:
        """How many callbacks there were: where to look from."""
        return len(self.spi.calls)

    @property
    def capabilities(self) -> Capabilities | None:
        """What the backend behind the link declares; None when it does not tell (a front elsewhere)."""
        link = self.api._link
        found = getattr(link.backend, "capabilities", None) if link is not None else None
        return found if isinstance(found, Capabilities) else None

    def connect(self, timeout: float | None = None) -> Call:
        """Start, and wait for ``OnFrontConnected``."""
        self.api.RegisterSpi(self.spi)
        self.api.RegisterFront(self.address)
        self.api.Init()
        return self.wait("OnFrontConnected after Init", "OnFrontConnected", timeout=timeout)

    def wait(self, what: str, condition: Condition, after: int = 0, timeout: float | None = None) -> Call:
        """The first callback behind ``after`` that fits, or :class:`Mismatch`."""
        limit = self.timeout if timeout is None else timeout
        try:
            return self.spi.wait_for(condition, limit, after=after)  # type: ignore[no-any-return]
        except TimeoutError:
            names = [call.name for call in self.calls[after:]]
            came = ", ".join(names[-12:]) or "nothing"
            raise Mismatch(what, f"within {limit:g} s", f"not; came: {came}") from None

    def silent(self, what: str, condition: Condition, after: int, seconds: float) -> None:
        """Nothing that fits may come for so long."""
        try:
            call = self.spi.wait_for(condition, seconds, after=after)
        except TimeoutError:
            return
        raise Mismatch(what, "silence", f"{call.name} {call.field!r}")

    def catch_up(self) -> None:
        """Wait for a moment in which no callback is on its way, for the time-out at most.

        After it ``calls`` is what the Api has got.
        """
        dispatcher, deadline = self.api._dispatcher, time.monotonic() + self.timeout
        while dispatcher.done < dispatcher.queued and time.monotonic() < deadline:
            self.pause(0.001)

    def pause(self, seconds: float) -> None:
        """Let time pass, unless the link breaks."""
        after = self.mark()
        try:
            self.spi.wait_for("OnFrontDisconnected", seconds, after=after)
        except TimeoutError:
            return

    def build(self, name: str, values: dict[str, Any]) -> Any:
        """The struct of a request."""
        table = methods.TRADER if self.kind == "trader" else methods.MD
        return getattr(structs, table[name].struct)(**values)

    def response(self, name: str) -> str:
        """The callback that answers a request."""
        return (methods.TRADER if self.kind == "trader" else methods.MD)[name].response

    def call(self, name: str, field: Any, request_id: int) -> int:
        """Send one request and return what the Api returns."""
        return int(getattr(self.api, name)(field, request_id))

    def send(self, name: str, field: Any = None, **values: Any) -> int:
        """Send one request that must be taken; returns its number."""
        request_id = new_request_id()
        field = self.build(name, values) if field is None else field
        expect(f"{name} returns", self.call(name, field, request_id), 0)
        self.sent.append((request_id, name))
        return request_id

    def answered(self, name: str, request_id: int, after: int) -> list[Call]:
        """All callbacks of the answer to a request, once the last one is there."""
        response = self.response(name)

        def answers(call: Call) -> bool:
            return call.request_id == request_id and call.name in (response, "OnRspError")

        # A front may list tens of thousands of instruments: as long as rows come, the last one is not late.
        seen = -1
        while True:
            try:
                self.wait(f"{response} with bIsLast", lambda call: answers(call) and call.is_last, after)
            except Mismatch:
                came = sum(1 for call in self.calls[after:] if answers(call))
                if came in (0, seen):
                    raise
                seen = came
            else:
                return [call for call in self.calls[after:] if answers(call)]

    def ask(self, name: str, **values: Any) -> list[Call]:
        """Send a request and return all callbacks of its answer; a query that came too soon is sent again."""
        for _ in range(_RETRIES):
            after = self.mark()
            calls = self.answered(name, self.send(name, **values), after)
            if not (calls[-1].name == "OnRspError" and calls[-1].error_id == QUERY_TOO_SOON):
                return calls
            self.pause(1.0)
        return calls

    def rows(self, name: str, **values: Any) -> list[Any]:
        """The rows of a query; the chain must obey the rules (spec 8.1)."""
        calls = self.ask(name, **values)
        check_chain(name, self.response(name), calls)
        return [call.field for call in calls if call.field is not None]

    def release(self) -> None:
        """End the Api object."""
        self.api.Release()


def check_chain(name: str, response: str, calls: list[Call]) -> None:
    """Spec 8.1 and 1.10: RspInfo NULL, ``bIsLast`` on the last row alone, an empty result is one callback."""
    for index, call in enumerate(calls):
        what = f"{name} row {index + 1} of {len(calls)}"
        expect(f"{what}: callback", call.name, response)
        if call.info is not None:
            raise Mismatch(f"{what}: pRspInfo", "NULL", f"{call.error_id} {call.info.ErrorMsg}")
        expect(f"{what}: bIsLast", call.is_last, index == len(calls) - 1)
        if call.field is None and len(calls) > 1:
            raise Mismatch(f"{what}: data", "a row (NULL only in an empty result)", "NULL")


class Md(Client):
    """A market data client; ``latest`` holds the newest snapshot per instrument."""

    kind = "md"

    def __init__(self, address: str, timeout: float, flow: str = "") -> None:
        self.latest: dict[str, Any] = {}
        spi = MdRecorder(self._keep)
        super().__init__(address, mdapi.CThostFtdcMdApi.CreateFtdcMdApi(flow), spi, timeout)

    def _keep(self, call: Call) -> None:
        if call.name == "OnRtnDepthMarketData":
            self.latest[call.field.InstrumentID] = call.field

    def login(self, **values: Any) -> Call:
        """Log in; anybody may."""
        return self.ask("ReqUserLogin", **values)[-1]

    def subscribe(self, *codes: str) -> int:
        """Subscribe; returns the mark from before."""
        after = self.mark()
        expect("SubscribeMarketData returns", self.api.SubscribeMarketData(list(codes), len(codes)), 0)
        return after

    def unsubscribe(self, *codes: str) -> int:
        """End a subscription; returns the mark from before."""
        after = self.mark()
        expect("UnSubscribeMarketData returns", self.api.UnSubscribeMarketData(list(codes), len(codes)), 0)
        return after

    def snapshots(self, code: str, after: int = 0) -> list[Any]:
        """All snapshots of an instrument behind ``after``."""
        return [call.field for call in self.calls[after:] if is_snapshot(call, code)]

    def forget(self) -> None:
        """Drop what was recorded, so that a fast market does not fill the memory."""
        self.spi.calls.clear()


def is_snapshot(call: Call, code: str) -> bool:
    """Whether a call is a snapshot of ``code``."""
    return call.name == "OnRtnDepthMarketData" and call.field.InstrumentID == code


class Trader(Client):
    """A trading client."""

    kind = "trader"

    def __init__(
        self,
        address: str,
        timeout: float,
        flow: str = "",
        private: Resume = Resume.RESTART,
        public: Resume = Resume.RESTART,
    ) -> None:
        self.hook: Callable[[Call], object] | None = None
        """Called inside each callback, after it was recorded."""
        spi = TraderRecorder(self._on_call)
        super().__init__(address, tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(flow), spi, timeout)
        self.api.SubscribePrivateTopic(int(private))
        self.api.SubscribePublicTopic(int(public))
        self.broker = self.user = ""
        self.front_id = self.session_id = self.last_ref = 0

    def _on_call(self, call: Call) -> None:
        if self.hook is not None:
            self.hook(call)

    @property
    def who(self) -> dict[str, Any]:
        """Broker and investor."""
        return {"BrokerID": self.broker, "InvestorID": self.user}

    def log_in(self, broker: str, user: str, password: str) -> Call:
        """Log in, successfully."""
        answer = self.ask("ReqUserLogin", BrokerID=broker, UserID=user, Password=password)[-1]
        if answer.field is None or answer.error_id:
            raise Mismatch("OnRspUserLogin", "a login", f"{answer.error_id} {getattr(answer.info, 'ErrorMsg', '')}")
        self.broker, self.user = broker, user
        self.front_id, self.session_id = answer.field.FrontID, answer.field.SessionID
        first = answer.field.MaxOrderRef.strip()
        self.last_ref = int(first) if first.isdigit() else 0
        return answer

    def confirm(self) -> Call:
        """Confirm the statement."""
        answer = self.ask("ReqSettlementInfoConfirm", **self.who)[-1]
        expect("OnRspSettlementInfoConfirm ErrorID", answer.error_id, 0)
        return answer

    def private(self, after: int = 0) -> list[Call]:
        """What came of the private stream."""
        return [call for call in self.calls[after:] if call.name in PRIVATE_STREAM]

    def next_ref(self) -> str:
        """An OrderRef greater than all before."""
        self.last_ref += 1
        return str(self.last_ref)

    def barrier(self) -> None:
        """Ask something and wait for the answer: what was on its way before has come."""
        self.ask("ReqQryOrder", **self.who, OrderSysID="0")

    def idle(self, seconds: float) -> None:
        """Wait until nothing has come for ``seconds``, at most ten times as long."""
        deadline = time.monotonic() + 10 * seconds
        while time.monotonic() < deadline:
            try:
                self.spi.wait_for(lambda call: True, seconds, after=self.mark())
            except TimeoutError:
                return
