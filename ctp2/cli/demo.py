"""``ctp2 demo``: the strategy of :mod:`ctp2.cli.demo_strategy` on the recorded day that ships with ctp2."""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any, Final

from rich.console import Console

from ctp2 import tdapi
from ctp2.cli.demo_books import Check, Sums, add_up, check_account, check_activity, check_mark, check_positions
from ctp2.cli.demo_strategy import BROKER, USER, Desk, FirstTrade, TradingError
from ctp2.cli.demo_view import View, open_view, print_json, show_result
from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, CliError
from ctp2.cli.messages import text
from ctp2.core.errors import Ctp2Error

INSTRUMENT: Final = "IF2101"
WATCHED: Final = ["IF2101", "600519", "688293"]
TIME_LIMIT_S: Final = 22.0
"""The strategy's share of the half minute that the demo may take."""


class Rates:
    """What the strategy asked before it traded: all that is needed to work out the books afterwards."""

    def __init__(self, desk: Desk) -> None:
        who: Any = {"BrokerID": BROKER, "InvestorID": USER}
        one: Any = {**who, "InstrumentID": INSTRUMENT}
        (self.instrument,) = desk.ask(
            desk.trader.ReqQryInstrument, tdapi.CThostFtdcQryInstrumentField(InstrumentID=INSTRUMENT)
        )
        (self.commission,) = desk.ask(
            desk.trader.ReqQryInstrumentCommissionRate, tdapi.CThostFtdcQryInstrumentCommissionRateField(**one)
        )
        speculation = tdapi.THOST_FTDC_HF_Speculation
        (self.margin,) = desk.ask(
            desk.trader.ReqQryInstrumentMarginRate,
            tdapi.CThostFtdcQryInstrumentMarginRateField(**one, HedgeFlag=speculation),
        )
        (params,) = desk.ask(desk.trader.ReqQryBrokerTradingParams, tdapi.CThostFtdcQryBrokerTradingParamsField(**who))
        self.algorithm: str = params.Algorithm


class Run:
    """One demo: the main thread takes from the inbox, shows, and lets the strategy decide."""

    def __init__(self, desk: Desk, strategy: FirstTrade, view: View) -> None:
        self.desk = desk
        self.strategy = strategy
        self.view = view
        self.prices: deque[float] = deque(maxlen=2000)

    def play(self) -> None:
        """Until the strategy is done, or out of time with nothing left in the market."""
        deadline = time.monotonic() + TIME_LIMIT_S
        stopped = False
        while not self.strategy.done:
            now = time.monotonic()
            if now > deadline and not stopped:
                self.strategy.stop()
                stopped, deadline = True, now + 3.0
            elif now > deadline:
                raise TradingError(f"order {self.strategy.working} did not end")
            self.take(timeout_s=0.2)

    def take(self, timeout_s: float) -> None:
        """Handle one message, if one comes."""
        try:
            name, content = self.desk.inbox.get(timeout=timeout_s)
        except queue.Empty:
            return
        if name == "quote":
            if content.InstrumentID == INSTRUMENT:
                self.prices.append(content.LastPrice)
            self.view.quote(content)
            self.strategy.on_quote(content)
        elif name == "order":
            self.view.order(content)
            self.strategy.on_order(content)
        elif name == "trade":
            self.view.trade(content)
            self.strategy.on_trade(content)
        elif name == "refused":
            raise TradingError(text("demo.refused", error=f"{content.ErrorID} {content.ErrorMsg}"))

    def final_state(self) -> tuple[Any, list[Any]]:
        """Account and positions, and a moment more of quotes: the counter may have marked to one still on its way."""
        who: Any = {"BrokerID": BROKER, "InvestorID": USER}
        (account,) = self.desk.ask(self.desk.trader.ReqQryTradingAccount, tdapi.CThostFtdcQryTradingAccountField(**who))
        positions = self.desk.ask(
            self.desk.trader.ReqQryInvestorPosition, tdapi.CThostFtdcQryInvestorPositionField(**who)
        )
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            self.take(timeout_s=0.05)
        return account, positions


def check_books(run: Run, rates: Rates, account: Any, positions: list[Any]) -> list[Check]:
    """All checks, in the order shown."""
    multiple = rates.instrument.VolumeMultiple
    sums: Sums = add_up(run.strategy.trades, multiple, rates.commission)
    return [
        *check_activity(sums, run.strategy.cancelled, run.strategy.refused),
        *check_account(account, sums, rates.algorithm),
        check_mark(account, sums, multiple, run.prices),
        *check_positions(positions, sums, multiple, rates.margin, account),
    ]


def demo(speed: int, as_json: bool) -> int:
    """Run the demo; 0 only if orders really filled and the books balance."""
    console = Console()
    started = time.monotonic()
    # A counter of its own, so that the demo's account starts fresh whatever else this process does.
    address = f"tts://replay?data=sample&speed={speed}&id=demo"
    try:
        desk = Desk(address)
    except (Ctp2Error, ValueError, OSError) as error:
        raise CliError(str(error), NOT_REACHABLE) from error
    try:
        desk.log_in()
        rates = Rates(desk)
        instrument = rates.instrument
        strategy = FirstTrade(desk, INSTRUMENT, instrument.ExchangeID, instrument.PriceTick)
        title = text("demo.title", instrument=INSTRUMENT, speed=speed)
        with open_view(console, as_json, INSTRUMENT, title) as view:
            run = Run(desk, strategy, view)
            desk.subscribe(WATCHED)
            run.play()
            account, positions = run.final_state()
    except TradingError as error:
        raise CliError(str(error), FAILED) from error
    finally:
        desk.close()
    checks = check_books(run, rates, account, positions)
    if as_json:
        print_json(console, account, positions, checks, strategy.trades)
    else:
        show_result(console, account, positions, checks)
    failed = [check for check in checks if not check.passed]
    if failed:
        raise CliError(text("demo.failed", count=len(failed)), FAILED)
    if not as_json:
        summary = {"trades": len(strategy.trades), "cancelled": strategy.cancelled, "count": len(checks)}
        console.print(text("demo.passed", **summary, seconds=time.monotonic() - started), highlight=False)
    return DONE
