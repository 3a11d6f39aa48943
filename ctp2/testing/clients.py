"""Clients for tests: an Api object with a recorder, and the few steps that every test begins with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from ctp2 import mdapi, tdapi
from ctp2.core.api import BaseApi
from ctp2.ctp import methods, structs
from ctp2.testing.recorder import Call, Condition, MdRecorder, TraderRecorder

BROKER: Final = "9999"

_SIDES: Final = {"buy": tdapi.THOST_FTDC_D_Buy, "sell": tdapi.THOST_FTDC_D_Sell}
_OFFSETS: Final = {
    "open": tdapi.THOST_FTDC_OF_Open,
    "close": tdapi.THOST_FTDC_OF_Close,
    "close_today": tdapi.THOST_FTDC_OF_CloseToday,
    "close_yesterday": tdapi.THOST_FTDC_OF_CloseYesterday,
}
_KINDS: Final[dict[str, dict[str, str]]] = {
    "limit": {"OrderPriceType": "2", "TimeCondition": "3", "VolumeCondition": "1"},
    "FAK": {"OrderPriceType": "2", "TimeCondition": "1", "VolumeCondition": "1"},
    "FOK": {"OrderPriceType": "2", "TimeCondition": "1", "VolumeCondition": "3"},
    "market": {"OrderPriceType": "1", "TimeCondition": "1", "VolumeCondition": "1"},
}
"""Kinds of order: price type, time and volume condition (spec ctp-semantics 3.2)."""
_ENDS: Final = frozenset({"0", "5"})


class Order:
    """An order of a :class:`TraderClient`: what has come of it, and ways to wait for more.

    Returns are recognised by OrderRef and the login's SessionID, trades by the OrderSysID that the returns bring.
    """

    def __init__(self, client: TraderClient, ref: str, request_id: int, before: int) -> None:
        self.client = client
        self.ref = ref
        self.request_id = request_id
        self._session = client.session_id
        self._before = before

    # ------------------------------------------------------------------ what has come
    @property
    def returns(self) -> list[Any]:
        """Its ``OnRtnOrder``, in order."""
        return [call.field for call in self.client.spi.of("OnRtnOrder") if self._is_mine(call)]

    @property
    def trades(self) -> list[Any]:
        """Its ``OnRtnTrade``, in order."""
        return [call.field for call in self.client.spi.of("OnRtnTrade") if self._is_my_trade(call)]

    @property
    def status(self) -> str:
        """OrderStatus of the last return; empty while there is none."""
        returns = self.returns
        return returns[-1].OrderStatus if returns else ""

    @property
    def error(self) -> int:
        """ErrorID of CTP's refusal; 0 for none."""
        refused = [call for call in self.client.spi.of("OnRspOrderInsert") if call.request_id == self.request_id]
        return refused[-1].error_id if refused else 0

    # ------------------------------------------------------------------ waiting; all return the order itself
    def working(self, timeout: float = 10.0) -> Order:
        """Wait until the exchange has it in its book."""
        return self._wait(lambda call: self._is_mine(call) and call.field.OrderStatus in ("1", "3"), timeout)

    def traded(self, volume: int = 1, timeout: float = 10.0) -> Order:
        """Wait until ``volume`` lots are told as trades."""
        return self._wait(lambda call: sum(trade.Volume for trade in self.trades) >= volume, timeout)

    def filled(self, timeout: float = 10.0) -> Order:
        """Wait until it is filled and all of its trades are told."""
        self._wait(lambda call: self._is_mine(call) and call.field.OrderStatus == "0", timeout)
        return self.traded(self.returns[-1].VolumeTotalOriginal, timeout)

    def ended(self, timeout: float = 10.0) -> Order:
        """Wait until it is filled, cancelled, rejected or refused."""
        return self._wait(
            lambda call: (self._is_mine(call) and call.field.OrderStatus in _ENDS) or self._is_refusal(call), timeout
        )

    def cancelled(self, timeout: float = 10.0) -> Order:
        """Wait until it is cancelled (or the exchange rejected it)."""
        return self._wait(lambda call: self._is_mine(call) and call.field.OrderStatus == "5", timeout)

    def refused(self, timeout: float = 10.0) -> Order:
        """Wait for CTP's refusal."""
        return self._wait(self._is_refusal, timeout)

    def cancel(self) -> Order:
        """Send its cancel, by FrontID, SessionID and OrderRef."""
        sent = self.client.sent[self.ref]
        self.client.send(
            "ReqOrderAction",
            BrokerID=BROKER,
            InvestorID=self.client.user,
            ExchangeID=sent.ExchangeID,
            InstrumentID=sent.InstrumentID,
            FrontID=self.client.front_id,
            SessionID=self._session,
            OrderRef=self.ref,
            ActionFlag="0",
        )
        return self

    def _wait(self, condition: Condition, timeout: float) -> Order:
        self.client.spi.wait_for(condition, timeout, after=self._before)
        return self

    def _is_mine(self, call: Call) -> bool:
        field = call.field
        return call.name == "OnRtnOrder" and field.OrderRef == self.ref and field.SessionID == self._session

    def _is_my_trade(self, call: Call) -> bool:
        known = {row.OrderSysID for row in self.returns if row.OrderSysID}
        return call.name == "OnRtnTrade" and call.field.OrderSysID in known

    def _is_refusal(self, call: Call) -> bool:
        return call.name == "OnRspOrderInsert" and call.request_id == self.request_id


class TraderClient:
    """A TraderApi with a recorder as its Spi. Requests raise when they cannot be sent; waits raise ``TimeoutError``."""

    def __init__(self, address: str, user: str = "demo", *, flow: str = "", resume: int | None = None) -> None:
        self.user = user
        self.spi = TraderRecorder()
        self.api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(flow)
        self.api.RegisterSpi(self.spi)
        if resume is not None:
            self.api.SubscribePrivateTopic(resume)
            self.api.SubscribePublicTopic(resume)
        self.api.RegisterFront(address)
        self.sent: dict[str, Any] = {}
        """The orders that were sent, by OrderRef."""
        self.front_id = self.session_id = 0
        self._request_id = 0
        self._order_ref = 0
        self._breaks = 0
        self._exchanges: dict[str, str] = {}

    # ------------------------------------------------------------------ the link
    def connect(self) -> TraderClient:
        """Until ``OnFrontConnected``."""
        self.api.Init()
        self.spi.wait_for("OnFrontConnected")
        return self

    def login(self, password: str = "") -> TraderClient:
        """Log in on the link that is up.

        Raises:
            AssertionError: the login is refused.
        """
        (answer,) = self.ask("ReqUserLogin", BrokerID=BROKER, UserID=self.user, Password=password)
        assert answer.error_id == 0, f"login of {self.user}: {answer.error_id} {answer.info.ErrorMsg}"
        self.front_id, self.session_id = answer.field.FrontID, answer.field.SessionID
        return self

    def start(self) -> TraderClient:
        """Connected, logged in, and the settlement confirmed."""
        self.connect().login()
        (answer,) = self.ask("ReqSettlementInfoConfirm", BrokerID=BROKER, InvestorID=self.user)
        assert answer.error_id == 0, f"confirmation of {self.user}: {answer.error_id} {answer.info.ErrorMsg}"
        return self

    def relogin(self, timeout: float = 10.0) -> TraderClient:
        """Wait for the next break of the link (the last one, if it came already) and its end, and log in."""
        self.spi.wait_for("OnFrontDisconnected", timeout, count=self._breaks + 1)
        self._breaks = len(self.spi.of("OnFrontDisconnected"))
        self.spi.wait_for("OnFrontConnected", timeout, count=self._breaks + 1)
        return self.login()

    def close(self) -> None:
        """Release the Api object."""
        self.api.Release()

    # ------------------------------------------------------------------ requests
    def send(self, request: str, /, **members: Any) -> int:
        """Send a request, such as ``send("ReqQryOrder", InvestorID="demo")``; returns its number.

        Raises:
            ConnectionError: it could not be sent; the message has the code.
        """
        field = getattr(structs, methods.TRADER[request].struct)(**members)
        return self._send(request, field)

    def _send(self, request: str, field: Any) -> int:
        self._request_id += 1
        code = getattr(self.api, request)(field, self._request_id)
        if code:
            raise ConnectionError(f"{request} could not be sent: {code}")
        return self._request_id

    def ask(self, request: str, /, **members: Any) -> list[Call]:
        """Send a request and wait for its whole answer."""
        return self.spi.answer(self.send(request, **members))

    def rows(self, request: str, /, **members: Any) -> list[Any]:
        """The rows of a query."""
        return [call.field for call in self.ask(request, **members) if call.field is not None]

    def order(
        self,
        code: str,
        side: str,
        offset: str,
        volume: int,
        price: float | None = None,
        kind: str = "",
        **members: Any,
    ) -> Order:
        """Send an order: ``order("rb2605", "buy", "open", 1, 4300)``; without a price it is a market order.

        ``kind`` is ``limit``, ``FAK``, ``FOK`` or ``market``; ``members`` change any member of the request.

        Raises:
            ConnectionError: it could not be sent.
            KeyError: a word that is none of those.
        """
        self._order_ref += 1
        conditions: Any = _KINDS[kind or ("market" if price is None else "limit")]
        field = structs.CThostFtdcInputOrderField(
            BrokerID=BROKER,
            InvestorID=self.user,
            UserID=self.user,
            ExchangeID=members.pop("ExchangeID", None) or self.exchange_of(code),
            InstrumentID=code,
            OrderRef=str(self._order_ref),
            Direction=_SIDES[side],
            CombOffsetFlag=_OFFSETS[offset],
            CombHedgeFlag=tdapi.THOST_FTDC_HF_Speculation,
            LimitPrice=0.0 if price is None else price,
            VolumeTotalOriginal=volume,
            MinVolume=1,
            ContingentCondition=tdapi.THOST_FTDC_CC_Immediately,
            ForceCloseReason=tdapi.THOST_FTDC_FCC_NotForceClose,
            **conditions,
        )
        for name, value in members.items():
            setattr(field, name, value)
        before = len(self.spi.calls)
        self.sent[field.OrderRef] = field
        return Order(self, field.OrderRef, self._send("ReqOrderInsert", field), before)

    def exchange_of(self, code: str) -> str:
        """The exchange that lists a code; asked once.

        Raises:
            LookupError: none does.
        """
        if code not in self._exchanges:
            rows = [row for row in self.rows("ReqQryInstrument", InstrumentID=code) if row.InstrumentID == code]
            if not rows:
                raise LookupError(f"{code}: the counter lists no such instrument")
            self._exchanges[code] = rows[0].ExchangeID
        return self._exchanges[code]

    # ------------------------------------------------------------------ looking
    def position(self, code: str) -> Mapping[str, int]:
        """Lots held of an instrument: ``{"long": 2, "short": 0}``, asked now."""
        held = {"long": 0, "short": 0}
        for row in self.rows("ReqQryInvestorPosition", BrokerID=BROKER, InvestorID=self.user, InstrumentID=code):
            held["long" if row.PosiDirection == tdapi.THOST_FTDC_PD_Long else "short"] += row.Position
        return held

    def account(self, currency: str = "") -> Any:
        """The money now: a ``TradingAccount`` row."""
        members = {"BrokerID": BROKER, "InvestorID": self.user, "CurrencyID": currency}
        return self.rows("ReqQryTradingAccount", **members)[0]

    def wait_for(self, condition: Condition, timeout: float = 10.0, *, after: int = 0, count: int = 1) -> Call:
        """As the recorder's own :meth:`~ctp2.testing.TraderRecorder.wait_for`."""
        return self.spi.wait_for(condition, timeout, after=after, count=count)


def delivered(api: Any, timeout: float = 30.0) -> None:
    """Wait until ``api`` has called back for everything that has reached it.

    Does nothing inside a callback, nor with an Api of another make, whose inside is not ours.

    Raises:
        TimeoutError: it has not, after ``timeout`` seconds.
    """
    if not isinstance(api, BaseApi):
        return
    dispatcher = api._dispatcher
    if dispatcher.is_current:
        return
    reached, deadline = dispatcher.queued, time.monotonic() + timeout
    while dispatcher.done < reached:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{reached - dispatcher.done} callbacks have not been made after {timeout:.0f} s")
        if dispatcher.stopping.wait(0.001):
            return


class MdClient:
    """An MdApi with a recorder as its Spi."""

    def __init__(self, address: str, user: str = "") -> None:
        self.user = user
        self.spi = MdRecorder()
        self.api: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        self.api.RegisterSpi(self.spi)
        self.api.RegisterFront(address)

    def start(self) -> MdClient:
        """Connected and logged in."""
        self.api.Init()
        self.spi.wait_for("OnFrontConnected")
        return self.login()

    def login(self) -> MdClient:
        """Log in on the link that is up."""
        before = len(self.spi.calls)
        code = self.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=self.user), 1)
        if code:
            raise ConnectionError(f"ReqUserLogin could not be sent: {code}")
        answer = self.spi.wait_for("OnRspUserLogin", after=before)
        assert answer.error_id == 0, f"login: {answer.error_id} {answer.info.ErrorMsg}"
        return self

    def subscribe(self, *codes: str) -> MdClient:
        """Subscribe, and wait for the answers."""
        before = len(self.spi.calls)
        code = self.api.SubscribeMarketData(list(codes), len(codes))
        if code:
            raise ConnectionError(f"SubscribeMarketData could not be sent: {code}")
        self.spi.wait_for("OnRspSubMarketData", after=before, count=len(codes))
        return self

    def ticks(self, code: str = "") -> list[Any]:
        """The snapshots that came, also those that wait for their callback while this is called."""
        delivered(self.api)
        fields = [call.field for call in self.spi.of("OnRtnDepthMarketData")]
        return [field for field in fields if code in ("", field.InstrumentID)]

    def wait_for(self, condition: Condition, timeout: float = 10.0, *, after: int = 0, count: int = 1) -> Call:
        """As the recorder's own :meth:`~ctp2.testing.MdRecorder.wait_for`."""
        return self.spi.wait_for(condition, timeout, after=after, count=count)

    def close(self) -> None:
        """Release the Api object."""
        self.api.Release()
