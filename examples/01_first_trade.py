"""01 · The first trade: buy when the price turns up, sell when it turns down, on a recorded day.

The plain form of what `ctp2 demo` does. Copy it, and change the address to trade elsewhere.
"""

from __future__ import annotations

import queue
import sys
from collections import deque
from typing import Any

from ctp2 import mdapi, tdapi

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24?speed=200"
WHO: Any = {"BrokerID": "9999", "InvestorID": "demo"}

inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()


class Quotes(mdapi.CThostFtdcMdSpi):
    """Callbacks come on the api's own thread: they only hand over."""

    def OnFrontConnected(self) -> None:
        inbox.put(("md connected", None))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("md login", pRspUserLogin))

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        inbox.put(("quote", pDepthMarketData))


class Trader(tdapi.CThostFtdcTraderSpi):
    """The same for orders, trades and answers."""

    def OnFrontConnected(self) -> None:
        inbox.put(("td connected", None))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("td login", pRspUserLogin))

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("confirmed", pConfirm))

    def OnRspQryInstrument(self, pInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("instrument", pInstrument))

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("refused", pRspInfo))

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        print(f"order {pOrder.OrderRef}: {pOrder.StatusMsg}")

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        inbox.put(("trade", pTrade))

    def OnRspQryTradingAccount(self, pAccount: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("account", pAccount))


def wait_for(name: str) -> Any:
    """The next message of that name; a counter that stays silent for ten seconds ends the program."""
    while True:
        arrived, content = inbox.get(timeout=10)
        if arrived == "refused":
            sys.exit(f"refused: {content.ErrorID} {content.ErrorMsg}")
        if arrived == name:
            return content


def send(direction: str, offset: str, price: float, order_ref: int) -> None:
    """One lot, limit, good for the day."""
    order = tdapi.CThostFtdcInputOrderField(**WHO, InstrumentID=instrument.InstrumentID, ExchangeID="CFFEX")
    order.OrderRef = str(order_ref)
    order.Direction = direction
    order.CombOffsetFlag = offset
    order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
    order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
    order.LimitPrice = price
    order.VolumeTotalOriginal = 1
    order.TimeCondition = tdapi.THOST_FTDC_TC_GFD
    order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
    order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
    order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
    order.MinVolume = 1
    trader.ReqOrderInsert(order, order_ref)


trader_spi, quotes_spi = Trader(), Quotes()
trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
trader.RegisterSpi(trader_spi)
trader.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
trader.RegisterFront(ADDRESS)
trader.Init()
wait_for("td connected")
trader.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo", Password="demo"), 1)
wait_for("td login")
trader.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2)
wait_for("confirmed")
# The code of a futures contract changes with the months, so ask for the product.
trader.ReqQryInstrument(tdapi.CThostFtdcQryInstrumentField(ExchangeID="CFFEX", ProductID="IF"), 3)
instrument = wait_for("instrument")
print("trading", instrument.InstrumentID)

quotes = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
quotes.RegisterSpi(quotes_spi)
quotes.RegisterFront(ADDRESS)
quotes.Init()
wait_for("md connected")
quotes.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo"), 1)
wait_for("md login")
quotes.SubscribeMarketData([instrument.InstrumentID], 1)

prices: deque[float] = deque(maxlen=240)
held = 0
for order_ref in range(1, 5):  # buy, sell, buy, sell
    while True:
        quote = wait_for("quote")
        if not (quote.BidVolume1 and quote.AskVolume1):
            continue
        prices.append((quote.BidPrice1 + quote.AskPrice1) / 2)
        turn = sum(list(prices)[-20:]) / 20 - sum(prices) / len(prices)
        if len(prices) == prices.maxlen and (turn > 0.4 if held == 0 else turn < -0.4):
            break
    # A few ticks beyond the other side: it fills at the market's price.
    if held == 0:
        send(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, round(quote.AskPrice1 + 2, 1), order_ref)
    else:
        send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, round(quote.BidPrice1 - 2, 1), order_ref)
    trade = wait_for("trade")
    held = 1 - held
    print(f"trade {trade.TradeTime} {'bought' if held else 'sold'} {trade.Volume} at {trade.Price:g}")

trader.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(**WHO), 100)
account = wait_for("account")
print(
    f"balance {account.Balance:,.2f}: {account.PreBalance:,.2f}"
    f" {account.CloseProfit:+,.2f} close profit {-account.Commission:+,.2f} commission"
)
quotes.Release()
trader.Release()
