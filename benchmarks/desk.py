"""A trader on an embedded counter of its own, as the benchmarks need it: a user's program through ``tdapi``.

The market stands in continuous trading with a quote (:meth:`Desk.open_market`), so that an order's fate is decided by
its price alone: every buy at the upper limit trades at the ask, every sell at the lower limit at the bid, in full
(``fills=full``), and what stays away from the quote rests. Everything the counter tells can thus be checked against
prices known beforehand (:meth:`Desk.check_books`).
"""

from __future__ import annotations

import itertools
import os
import queue
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import require
from ctp2 import tdapi, tts
from ctp2.tts.control import Control

BROKER: Final = "9999"
USER: Final = "bench"
INSTRUMENT: Final = "IF2101"
EXCHANGE: Final = "CFFEX"
BALANCE: Final = 100_000_000_000
CONTINUOUS_NS: Final = (9 * 3600 + 31 * 60) * 1_000_000_000
"""Beijing time of day at which the market stands: a minute after the opening."""
STANDING: Final = 1e-6
"""Times the recorded speed: a snapshot in five days."""
WAIT_S: Final = 60.0

_numbers = itertools.count(1)


def counter_address(data: str = "sample", speed: str = "1", options: str = "") -> str:
    """The address of a counter that nobody else has; ``options`` are further ones, each with its ``&``."""
    number = f"{os.getpid()}-{next(_numbers)}"
    return f"tts://replay?data={data}&speed={speed}&fills=full&seed=1&balance=CNY:{BALANCE}&id=bench-{number}{options}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What of the instrument decides the books."""

    bid: float
    ask: float
    lower_limit: float
    upper_limit: float
    multiple: int
    open_rate: float
    close_today_rate: float


def stand(control: Control) -> None:
    """Play a recorded day up to 09:31 and let the market stand there."""
    day_ns = 86_400 * 1_000_000_000
    while (control.now_ns + 8 * 3600 * 1_000_000_000) % day_ns < CONTINUOUS_NS:
        require(control.step(50), "the recorded day ended before 09:31")
    control.set_speed(STANDING)


def check_balance(account: Any) -> None:
    """The Balance identity."""
    balance = (
        account.PreBalance
        + account.Deposit
        - account.Withdraw
        + account.CloseProfit
        + account.PositionProfit
        - account.Commission
    )
    require(abs(balance - account.Balance) < 0.01, f"Balance {account.Balance} is not {balance}")


def check_account(account: Any, facts: Facts, pairs: int) -> None:
    """After ``pairs`` buys at the ask and sells at the bid: profit, fees, and nothing held or frozen."""
    profit = pairs * (facts.bid - facts.ask) * facts.multiple
    fees = pairs * (facts.ask * facts.open_rate + facts.bid * facts.close_today_rate) * facts.multiple
    slack = 0.01 + pairs * 2e-6  # each fee is rounded to a millionth
    require(abs(account.CloseProfit - profit) < slack, f"CloseProfit {account.CloseProfit} is not {profit}")
    require(abs(account.Commission - fees) < slack, f"Commission {account.Commission} is not {fees}")
    require(account.PreBalance + account.Deposit == BALANCE, f"the account began with {account.PreBalance}")
    frozen = account.FrozenMargin + account.FrozenCommission + account.FrozenCash
    require(frozen == 0 and account.CurrMargin == 0, "money is still frozen or margin still held")


class DeskSpi(tdapi.CThostFtdcTraderSpi):
    """Answers go into a queue, refusals are counted. Benchmarks derive their own, with the returns they measure."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: queue.SimpleQueue[tuple[int, Any, Any, bool]] = queue.SimpleQueue()
        self.refused = 0

    def OnFrontConnected(self) -> None:
        self.answers.put((0, None, None, True))

    def _answer(self, *answer: Any, **_: Any) -> None:
        row, info, request_id, is_last = answer
        self.answers.put((request_id, row, info, is_last))

    OnRspUserLogin = _answer
    OnRspSettlementInfoConfirm = _answer
    OnRspQryInstrument = _answer
    OnRspQryDepthMarketData = _answer
    OnRspQryInstrumentCommissionRate = _answer
    OnRspQryTradingAccount = _answer
    OnRspQryInvestorPosition = _answer

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.refused += 1

    def OnRspOrderAction(self, pInputOrderAction: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.refused += 1


class CountingSpi(DeskSpi):
    """What a small strategy does with its returns: counts orders, trades and turnover; wakes at a count."""

    def __init__(self) -> None:
        super().__init__()
        self.resting = 0
        self.cancelled = 0
        self.trades = 0
        self.bought = 0.0
        self.sold = 0.0
        self.target = 0
        self.done = threading.Event()
        self._resting_target = self._cancelled_target = self._trades_target = 0

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        status = pOrder.OrderStatus
        if status == tdapi.THOST_FTDC_OST_NoTradeQueueing and not pOrder.ActiveUserID:
            self.resting += 1
            if self.resting == self._resting_target:
                self.done.set()
        elif status == tdapi.THOST_FTDC_OST_Canceled:
            self.cancelled += 1
            if self.cancelled == self._cancelled_target:
                self.done.set()

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.trades += 1
        if pTrade.Direction == tdapi.THOST_FTDC_D_Buy:
            self.bought += pTrade.Price * pTrade.Volume
        else:
            self.sold += pTrade.Price * pTrade.Volume
        if self.trades == self._trades_target:
            self.done.set()

    def expect(self, trades: int = 0, resting: int = 0, cancelled: int = 0) -> None:
        """Let ``done`` be set when there have been so many."""
        self.done.clear()
        self.target = trades or resting or cancelled
        self._trades_target, self._resting_target, self._cancelled_target = trades, resting, cancelled


class Desk:
    """A logged-in trader session. Use as a context manager: leaving it releases the session and ends the counter."""

    def __init__(
        self, spi: DeskSpi, data: str = "sample", speed: str = "1", options: str = "", *, front: str = ""
    ) -> None:
        """``front``: the address of a front elsewhere, instead of a counter of its own."""
        self.spi = spi
        self.address = front or counter_address(data, speed, options)
        self.request_id = 0
        self.order_ref = 0
        self.front_id = 0
        self.session_id = 0
        self._folder = tempfile.TemporaryDirectory(prefix="ctp2-bench-")
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(os.path.join(self._folder.name, "flow-"))
        self.api.RegisterSpi(spi)
        self.api.RegisterFront(self.address)

    def __enter__(self) -> Desk:
        self.api.Init()
        self._collect(0)
        login = tdapi.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=USER, Password="bench")
        (answer,) = self.ask(self.api.ReqUserLogin, login)
        self.front_id, self.session_id = answer.FrontID, answer.SessionID
        confirm = tdapi.CThostFtdcSettlementInfoConfirmField(BrokerID=BROKER, InvestorID=USER)
        self.ask(self.api.ReqSettlementInfoConfirm, confirm)
        return self

    def __exit__(self, *_: object) -> None:
        self.api.Release()
        self._folder.cleanup()

    @property
    def control(self) -> Control:
        """The counter behind this session."""
        return tts.counter(self.address)

    # --- questions ---------------------------------------------------------------------------------------------------

    def ask(self, method: Callable[[Any, int], int], field: Any) -> list[Any]:
        """All rows of the answer."""
        self.request_id += 1
        until = time.monotonic() + WAIT_S
        while (code := method(field, self.request_id)) != 0:
            require(code == -2 and time.monotonic() < until, f"{method.__name__} could not be sent: {code}")
            time.sleep(0.001)
        return self._collect(self.request_id)

    def _collect(self, request_id: int) -> list[Any]:
        rows: list[Any] = []
        while True:
            number, row, info, is_last = self.spi.answers.get(timeout=WAIT_S)
            require(number == request_id, f"answer to request {number} while waiting for {request_id}")
            require(info is None or info.ErrorID == 0, f"refused: {info}")
            if row is not None:
                rows.append(row)
            if is_last:
                return rows

    def open_market(self) -> Facts:
        """Play the recorded day up to 09:31, let it stand there, and learn what the books will be made of."""
        stand(self.control)
        facts = self.facts()
        require(facts.lower_limit < facts.bid < facts.ask < facts.upper_limit, f"the market has no quote: {facts}")
        return facts

    def facts(self) -> Facts:
        """The instrument's quote, limits, multiple and fees, as the counter tells them."""
        who: Any = {"BrokerID": BROKER, "InvestorID": USER, "InstrumentID": INSTRUMENT}
        one: Any = {"InstrumentID": INSTRUMENT}
        (quote,) = self.ask(self.api.ReqQryDepthMarketData, tdapi.CThostFtdcQryDepthMarketDataField(**one))
        (instrument,) = self.ask(self.api.ReqQryInstrument, tdapi.CThostFtdcQryInstrumentField(**one))
        (fee,) = self.ask(
            self.api.ReqQryInstrumentCommissionRate, tdapi.CThostFtdcQryInstrumentCommissionRateField(**who)
        )
        require(fee.OpenRatioByVolume == fee.CloseTodayRatioByVolume == 0, "fees by lot are not reckoned with here")
        return Facts(
            quote.BidPrice1,
            quote.AskPrice1,
            quote.LowerLimitPrice,
            quote.UpperLimitPrice,
            instrument.VolumeMultiple,
            fee.OpenRatioByMoney,
            fee.CloseTodayRatioByMoney,
        )

    # --- orders ------------------------------------------------------------------------------------------------------

    def order(self, direction: str, offset: str, price: float) -> tdapi.CThostFtdcInputOrderField:
        """A limit order of one lot, without its OrderRef."""
        return tdapi.CThostFtdcInputOrderField(
            BrokerID=BROKER,
            InvestorID=USER,
            UserID=USER,
            InstrumentID=INSTRUMENT,
            ExchangeID=EXCHANGE,
            OrderPriceType=tdapi.THOST_FTDC_OPT_LimitPrice,
            Direction=direction,
            CombOffsetFlag=offset,
            CombHedgeFlag=tdapi.THOST_FTDC_HF_Speculation,
            LimitPrice=price,
            VolumeTotalOriginal=1,
            TimeCondition=tdapi.THOST_FTDC_TC_GFD,
            VolumeCondition=tdapi.THOST_FTDC_VC_AV,
            MinVolume=1,
            ContingentCondition=tdapi.THOST_FTDC_CC_Immediately,
            ForceCloseReason=tdapi.THOST_FTDC_FCC_NotForceClose,
        )

    def marketable(self, facts: Facts) -> tuple[tdapi.CThostFtdcInputOrderField, tdapi.CThostFtdcInputOrderField]:
        """A buy that opens and a sell that closes, both at prices that always reach the quote."""
        return (
            self.order(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, facts.upper_limit),
            self.order(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, facts.lower_limit),
        )

    def flood(self, orders: Sequence[Any], number: int) -> None:
        """Send ``number`` orders, the members of ``orders`` in turn, in a tight loop."""
        insert = self.api.ReqOrderInsert
        for order in itertools.islice(itertools.cycle(orders), number):
            self.order_ref += 1
            order.OrderRef = str(self.order_ref)
            while insert(order, self.order_ref) != 0:  # told to wait: the counter's queue is full
                time.sleep(0.001)

    def far_away(self, facts: Facts) -> list[tdapi.CThostFtdcInputOrderField]:
        """Buys that no quote of this morning reaches, at prices drawn with a fixed seed."""
        draw = random.Random(1)
        return [
            self.order(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, facts.lower_limit + draw.randrange(1000) / 5)
            for _ in range(1000)
        ]

    # --- checks ------------------------------------------------------------------------------------------------------

    def account(self) -> Any:
        """The account, with the Balance identity checked."""
        (account,) = self.ask(
            self.api.ReqQryTradingAccount, tdapi.CThostFtdcQryTradingAccountField(BrokerID=BROKER, InvestorID=USER)
        )
        check_balance(account)
        return account

    def check_books(self, facts: Facts, pairs: int) -> None:
        """After ``pairs`` buys at the ask and sells at the bid: profit, fees, and nothing held, frozen or refused."""
        require(self.spi.refused == 0, f"{self.spi.refused} orders were refused")
        check_account(self.account(), facts, pairs)
        field = tdapi.CThostFtdcQryInvestorPositionField(BrokerID=BROKER, InvestorID=USER)
        held = [row.Position for row in self.ask(self.api.ReqQryInvestorPosition, field)]
        require(not any(held), f"lots are still held: {held}")
