"""A backtest in lock-step: a whole day at full speed with a strategy that trades on it.

Method: the day of :mod:`benchmarks.ticks` with ``speed=max`` and a trader at the same counter, which makes the counter
wait at each snapshot until the strategy has finished with it. The strategy, called in ``OnRtnDepthMarketData``, buys a
lot at the ask every 200 snapshots and sells it at the bid 100 snapshots later (about 270 orders over the day). Seconds
from before ``SubscribeMarketData`` to the last snapshot. Each run is a fresh counter. Checked: every snapshot arrived
in order, every order traded once at the very price that its snapshot quoted (lock-step: the market cannot run ahead),
close profit and fees are those of the trades, the Balance identity, nothing left held or frozen, and every run of the
deterministic backtest gave the same trades.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Final

from benchmarks.desk import Desk, DeskSpi
from benchmarks.figures import Figure, Plan, figure, require
from benchmarks.ticks import Day, Quotes, QuoteSpi
from ctp2 import mdapi, tdapi

EVERY: Final = 200
HOLD: Final = 100
HOURS: Final = (("09:31:00", "11:29:00"), ("13:01:00", "14:58:00"))


class TradeSpi(DeskSpi):
    """Keeps direction and price of each trade."""

    def __init__(self) -> None:
        super().__init__()
        self.trades: list[tuple[str, float]] = []

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        pass

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.trades.append((pTrade.Direction, pTrade.Price))


class Strategy(QuoteSpi):
    """Buys and sells by the count of snapshots."""

    def __init__(self, expected: int, desk: Desk) -> None:
        super().__init__(expected)
        self.desk = desk
        self.sent: list[tuple[str, float]] = []
        self.holds_until = 0

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        quote = pDepthMarketData
        number = len(self.seen)
        if self.holds_until:
            if number >= self.holds_until and quote.BidVolume1:
                self._send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, quote.BidPrice1)
                self.holds_until = 0
        elif number % EVERY == 0 and quote.AskVolume1 and any(a <= quote.UpdateTime < b for a, b in HOURS):
            self._send(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, quote.AskPrice1)
            self.holds_until = number + HOLD
        super().OnRtnDepthMarketData(quote)

    def _send(self, direction: str, offset: str, price: float) -> None:
        self.desk.flood((self.desk.order(direction, offset, price),), 1)
        self.sent.append((direction, price))


def backtest(day: Day) -> tuple[float, list[tuple[str, float]]]:
    """Seconds, and the trades."""
    spi = TradeSpi()
    with Desk(spi, str(day.path), "max") as desk:
        strategy = Strategy(len(day.seen) + 1, desk)
        with Quotes(strategy, desk.address) as quotes:
            seconds = quotes.play()
            quotes.check(day)
        facts = desk.facts()
        account = desk.account()
        require(spi.refused == 0 and len(strategy.sent) >= 100, f"{len(strategy.sent)} orders, {spi.refused} refused")
        require(spi.trades == strategy.sent, "an order did not trade at the price of its snapshot")
        bought = sum(price for direction, price in spi.trades if direction == tdapi.THOST_FTDC_D_Buy)
        sold = sum(price for direction, price in spi.trades if direction == tdapi.THOST_FTDC_D_Sell)
        profit = (sold - bought) * facts.multiple
        fees = (bought * facts.open_rate + sold * facts.close_today_rate) * facts.multiple
        require(abs(account.CloseProfit - profit) < 0.01, f"CloseProfit {account.CloseProfit} is not {profit}")
        require(abs(account.Commission - fees) < 0.01, f"Commission {account.Commission} is not {fees}")
        require(account.CurrMargin == account.FrozenMargin == account.PositionProfit == 0, "lots are still held")
    return seconds, spi.trades


def measure(plan: Plan) -> Iterator[Figure]:
    """Seconds for the day."""
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        day = Day(folder)
        known: list[list[tuple[str, float]]] = []

        def one_run() -> list[float]:
            seconds, trades = backtest(day)
            known.append(trades)
            require(trades == known[0], "two runs of the same backtest differ")
            return [seconds]

        runs = plan.repeat(one_run)
    note = f"{len(day.seen):,} snapshots, {len(known[0])} orders"
    yield figure("lock-step backtest of one day", "s", (run[0] for run in runs), "2", "0.3", note)
