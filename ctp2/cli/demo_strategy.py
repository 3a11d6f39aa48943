"""The strategy of ``ctp2 demo``: buys when the price turns up, sells when it turns down, keeps one lot at the end.

It is written as a program for any CTP counter would be. Only the front address says that this is the embedded one. Both
Spi classes put what they receive into one inbox, so that the strategy itself runs on a single thread.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any, Final, Protocol

from ctp2 import mdapi, tdapi

BROKER: Final = "9999"
USER: Final = "demo"
PASSWORD: Final = "demo"

Message = tuple[str, Any]
"""What the Spi classes put into the inbox: what it is, and the struct."""

ORDER_ENDED: Final = (tdapi.THOST_FTDC_OST_AllTraded, tdapi.THOST_FTDC_OST_Canceled)


class TradingError(Exception):
    """The counter refused something the strategy needs, or did not answer in time."""


class QuoteSpi(mdapi.CThostFtdcMdSpi):
    """Market data into the inbox."""

    def __init__(self, inbox: queue.SimpleQueue[Message]) -> None:
        super().__init__()
        self.inbox = inbox

    def OnFrontConnected(self) -> None:
        self.inbox.put(("quotes connected", None))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("quotes ready", None))

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        self.inbox.put(("quote", pDepthMarketData))


class TraderSpi(tdapi.CThostFtdcTraderSpi):
    """Orders and trades into the inbox; the answers to requests into a queue of their own."""

    def __init__(self, inbox: queue.SimpleQueue[Message]) -> None:
        super().__init__()
        self.inbox = inbox
        self.answers: queue.SimpleQueue[tuple[int, Any, Any, bool]] = queue.SimpleQueue()

    def OnFrontConnected(self) -> None:
        self.answers.put((0, None, None, True))

    def _answer(self, *answer: Any, **_: Any) -> None:
        # All answers have one form: the struct, the error, the request's number, whether this is the last row.
        field, info, request_id, is_last = answer
        self.answers.put((request_id, field, info, is_last))

    OnRspAuthenticate = _answer
    OnRspUserLogin = _answer
    OnRspSettlementInfoConfirm = _answer
    OnRspQryInstrument = _answer
    OnRspQryInstrumentCommissionRate = _answer
    OnRspQryInstrumentMarginRate = _answer
    OnRspQryBrokerTradingParams = _answer
    OnRspQryInvestorPosition = _answer
    OnRspQryTradingAccount = _answer

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("refused", pRspInfo))

    def OnRspOrderAction(self, pInputOrderAction: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("cancel refused", pRspInfo))

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        self.inbox.put(("order", pOrder))

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.inbox.put(("trade", pTrade))


class Desk:
    """A logged-in trader and its quotes: the few calls that the strategy needs."""

    def __init__(self, address: str, answer_timeout_s: float = 10.0) -> None:
        self.inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.answer_timeout_s = answer_timeout_s
        self.request_id = 0
        self.order_ref = 0
        self.quote_spi = QuoteSpi(self.inbox)
        self.trader_spi = TraderSpi(self.inbox)
        self.quotes = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        self.trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.quotes.RegisterSpi(self.quote_spi)
        self.trader.RegisterSpi(self.trader_spi)
        self.trader.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
        self.trader.SubscribePublicTopic(tdapi.THOST_TERT_QUICK)
        self.trader.RegisterFront(address)
        self.quotes.RegisterFront(address)

    def log_in(self) -> None:
        """Connect, authenticate, log in, confirm the settlement: CTP's order of things."""
        self.trader.Init()
        self._collect(0)
        who: Any = {"BrokerID": BROKER, "UserID": USER}
        self.ask(self.trader.ReqAuthenticate, tdapi.CThostFtdcReqAuthenticateField(**who))
        (login,) = self.ask(self.trader.ReqUserLogin, tdapi.CThostFtdcReqUserLoginField(**who, Password=PASSWORD))
        self.order_ref = int(login.MaxOrderRef or 0)
        self.front_id, self.session_id = login.FrontID, login.SessionID
        confirm = tdapi.CThostFtdcSettlementInfoConfirmField(BrokerID=BROKER, InvestorID=USER)
        self.ask(self.trader.ReqSettlementInfoConfirm, confirm)

    def subscribe(self, instruments: list[str]) -> None:
        """Log the quotes in and subscribe; from here the recorded day runs."""
        self.quotes.Init()
        self._await("quotes connected")
        self.quotes.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=USER), 1)
        self._await("quotes ready")
        self.quotes.SubscribeMarketData(instruments, len(instruments))

    def ask(self, method: Any, field: Any) -> list[Any]:
        """Send a request and wait for all rows of its answer; a second query in flight (-2) is tried again."""
        self.request_id += 1
        deadline = time.monotonic() + self.answer_timeout_s
        while (code := method(field, self.request_id)) != 0:
            if code == -1 or time.monotonic() > deadline:
                raise TradingError(f"{method.__name__} could not be sent ({code})")
            time.sleep(0.01)
        return self._collect(self.request_id)

    def send(self, instrument: str, exchange: str, direction: str, offset: str, volume: int, price: float) -> str:
        """Place a limit order for the day; returns its OrderRef."""
        self.order_ref += 1
        order = tdapi.CThostFtdcInputOrderField(
            BrokerID=BROKER,
            InvestorID=USER,
            InstrumentID=instrument,
            ExchangeID=exchange,
            OrderRef=str(self.order_ref),
            Direction=direction,
            CombOffsetFlag=offset,
            CombHedgeFlag=tdapi.THOST_FTDC_HF_Speculation,
            OrderPriceType=tdapi.THOST_FTDC_OPT_LimitPrice,
            LimitPrice=price,
            VolumeTotalOriginal=volume,
            TimeCondition=tdapi.THOST_FTDC_TC_GFD,
            VolumeCondition=tdapi.THOST_FTDC_VC_AV,
            MinVolume=1,
            ContingentCondition=tdapi.THOST_FTDC_CC_Immediately,
            ForceCloseReason=tdapi.THOST_FTDC_FCC_NotForceClose,
        )
        self.request_id += 1
        if (code := self.trader.ReqOrderInsert(order, self.request_id)) != 0:
            raise TradingError(f"ReqOrderInsert could not be sent ({code})")
        return order.OrderRef

    def cancel(self, instrument: str, exchange: str, order_ref: str) -> None:
        """Ask for an order's cancellation."""
        self.request_id += 1
        action = tdapi.CThostFtdcInputOrderActionField(
            BrokerID=BROKER,
            InvestorID=USER,
            InstrumentID=instrument,
            ExchangeID=exchange,
            FrontID=self.front_id,
            SessionID=self.session_id,
            OrderRef=order_ref,
            ActionFlag=tdapi.THOST_FTDC_AF_Delete,
        )
        self.trader.ReqOrderAction(action, self.request_id)

    def close(self) -> None:
        """Release both Api objects."""
        self.quotes.Release()
        self.trader.Release()

    def _collect(self, request_id: int) -> list[Any]:
        rows: list[Any] = []
        while True:
            try:
                answered, field, info, last = self.trader_spi.answers.get(timeout=self.answer_timeout_s)
            except queue.Empty:
                raise TradingError("the counter did not answer in time") from None
            if answered != request_id:
                continue
            if info is not None and info.ErrorID:
                raise TradingError(f"{info.ErrorID} {info.ErrorMsg}")
            if field is not None:
                rows.append(field)
            if last:
                return rows

    def _await(self, name: str) -> None:
        try:
            while self.inbox.get(timeout=self.answer_timeout_s)[0] != name:
                pass
        except queue.Empty:
            raise TradingError(f"market data: no answer while waiting for '{name}'") from None


class Trend:
    """Up (1) or down (-1) when the average of the last prices leaves the long average by a threshold, else 0."""

    def __init__(self, fast: int = 20, slow: int = 240, threshold: float = 0.4) -> None:
        self.prices: deque[float] = deque(maxlen=slow)
        self.fast = fast
        self.threshold = threshold

    @property
    def seen(self) -> int:
        """Prices taken, as far as they are kept."""
        return len(self.prices)

    def update(self, price: float) -> int:
        """Take the next price; 0 also until there are enough of them."""
        self.prices.append(price)
        if len(self.prices) < (self.prices.maxlen or 0):
            return 0
        recent = list(self.prices)[-self.fast :]
        distance = sum(recent) / len(recent) - sum(self.prices) / len(self.prices)
        return (distance > self.threshold) - (distance < -self.threshold)


class Market(Protocol):
    """Where the strategy sends its orders: a :class:`Desk`, or a stand-in in a test."""

    def send(self, instrument: str, exchange: str, direction: str, offset: str, volume: int, price: float) -> str:
        """Place a limit order; returns its OrderRef."""

    def cancel(self, instrument: str, exchange: str, order_ref: str) -> None:
        """Ask for an order's cancellation."""


class FirstTrade:
    """Two lots at each upward turn, out at the downward turn; the last time one lot stays.

    Before that it leaves one order far below the market and takes it back, and an order that the market ran away from
    is cancelled after ``patience`` quotes. One order is in the market at a time.
    """

    def __init__(self, market: Market, instrument: str, exchange: str, tick: float, rounds: int = 3) -> None:
        self.market = market
        self.instrument = instrument
        self.exchange = exchange
        self.tick = tick
        self.rounds = rounds
        self.patience = 20
        self.trend = Trend()
        self.held = 0
        self.working = ""
        self.waited = 0
        self.probed = False
        self.cancelled = 0
        self.refused = 0
        self.trades: list[tdapi.CThostFtdcTradeField] = []
        self._traded = 0
        self._traded_at_end = -1

    @property
    def done(self) -> bool:
        """All rounds are played and nothing is in the market."""
        return self.rounds == 0 and not self.working

    def on_quote(self, quote: mdapi.CThostFtdcDepthMarketDataField) -> None:
        """Decide. A side without volume has no price."""
        if quote.InstrumentID != self.instrument or not (quote.BidVolume1 and quote.AskVolume1):
            return
        bid, ask = quote.BidPrice1, quote.AskPrice1
        turn = self.trend.update((bid + ask) / 2)
        if self.working:
            self.waited += 1
            if self.waited % self.patience == 0:
                self.market.cancel(self.instrument, self.exchange, self.working)
        elif self.trend.seen < self.patience:
            pass  # the first quotes can come before the exchange takes orders
        elif not self.probed:
            self.probed = True
            self._send(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, 1, bid - 100 * self.tick)
        elif self.rounds and turn > 0 and self.held == 0:
            self._send(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, 2, ask)
        elif self.rounds and turn < 0 and self.held > 0:
            volume = self.held - 1 if self.rounds == 1 else self.held
            if volume == 0:
                self.rounds = 0  # a purchase filled in part: the one lot is already what should stay
            else:
                self._send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, volume, bid)

    def on_order(self, order: tdapi.CThostFtdcOrderField) -> None:
        """Follow the working order to its end."""
        if order.OrderRef != self.working or order.OrderStatus not in ORDER_ENDED:
            return
        if order.OrderStatus == tdapi.THOST_FTDC_OST_Canceled:
            if order.OrderSubmitStatus == tdapi.THOST_FTDC_OSS_InsertRejected:
                self.refused += 1
            else:
                self.cancelled += 1
        self._traded_at_end = order.VolumeTraded
        self._end_order()

    def on_trade(self, trade: tdapi.CThostFtdcTradeField) -> None:
        """Count lots; a round ends with its sale."""
        self.trades.append(trade)
        self.held += trade.Volume if trade.Direction == tdapi.THOST_FTDC_D_Buy else -trade.Volume
        if trade.Direction == tdapi.THOST_FTDC_D_Sell and self.held == (1 if self.rounds == 1 else 0):
            self.rounds -= 1
        self._traded += trade.Volume
        self._end_order()

    def _end_order(self) -> None:
        # An order's last report comes before its trades, and a quote may come between the two: only when the trades
        # add up to what the report said is the number of lots known.
        if self._traded == self._traded_at_end:
            self.working = ""

    def stop(self) -> None:
        """No further rounds; what is in the market is cancelled."""
        self.rounds = 0
        if self.working:
            self.market.cancel(self.instrument, self.exchange, self.working)

    def _send(self, direction: str, offset: str, volume: int, price: float) -> None:
        # The counter may answer before send returns, but only into the inbox: this thread reads it afterwards.
        self.waited = self._traded = 0
        self._traded_at_end = -1
        self.working = self.market.send(self.instrument, self.exchange, direction, offset, volume, round(price, 6))
