"""Orders that rest, and their cancels, per second, end to end in one process.

Method: one trader on a counter of its own whose market stands. The main thread sends buys far below the market, at
prices drawn with a fixed seed, in a tight loop; orders/s from the first ``ReqOrderInsert`` to the last report of
"queueing" at the Spi. Then it cancels all of them by FrontID, SessionID and OrderRef in a tight loop; cancels/s up to
the last report of "cancelled". Each run is a fresh counter. Checked: as many reports of each kind as orders, the money
frozen while they rest, nothing frozen and nothing spent after their cancels, the Balance identity.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from benchmarks.desk import BALANCE, BROKER, EXCHANGE, INSTRUMENT, USER, WAIT_S, CountingSpi, Desk
from benchmarks.figures import Figure, Plan, figure, require
from ctp2 import tdapi

WARM_UP: Final = 500
ORDERS: Final = 8_000


def insert(desk: Desk, spi: CountingSpi, orders: list[tdapi.CThostFtdcInputOrderField], number: int) -> float:
    """Seconds until ``number`` more orders rest."""
    spi.expect(resting=spi.resting + number)
    begin = time.perf_counter()
    desk.flood(orders, number)
    require(spi.done.wait(WAIT_S), f"{spi.resting} of {spi.target} orders rest")
    return time.perf_counter() - begin


def cancel(desk: Desk, spi: CountingSpi, first: int, number: int) -> float:
    """Seconds until the orders from OrderRef ``first`` on are cancelled."""
    action = tdapi.CThostFtdcInputOrderActionField(
        BrokerID=BROKER,
        InvestorID=USER,
        UserID=USER,
        ExchangeID=EXCHANGE,
        InstrumentID=INSTRUMENT,
        FrontID=desk.front_id,
        SessionID=desk.session_id,
        ActionFlag=tdapi.THOST_FTDC_AF_Delete,
    )
    request = desk.api.ReqOrderAction
    spi.expect(cancelled=spi.cancelled + number)
    begin = time.perf_counter()
    for reference in range(first, first + number):
        action.OrderRef = str(reference)
        while request(action, reference) != 0:
            time.sleep(0.001)
    require(spi.done.wait(WAIT_S), f"{spi.cancelled} of {spi.target} orders are cancelled")
    return time.perf_counter() - begin


def one_run() -> list[float]:
    """Inserts/s and cancels/s."""
    spi = CountingSpi()
    with Desk(spi) as desk:
        orders = desk.far_away(desk.open_market())
        insert(desk, spi, orders, WARM_UP)
        cancel(desk, spi, 1, WARM_UP)
        inserting = insert(desk, spi, orders, ORDERS)
        account = desk.account()
        require(account.FrozenMargin > 0 and account.FrozenCommission > 0, "resting orders freeze nothing")
        require(account.Balance == BALANCE, f"resting orders changed the balance to {account.Balance}")
        cancelling = cancel(desk, spi, WARM_UP + 1, ORDERS)
        account = desk.account()
        require(account.FrozenMargin == account.FrozenCommission == account.Commission == 0, "something stayed frozen")
        require(account.Available == account.Balance == BALANCE, f"{account.Available} of {BALANCE} is available")
        total = WARM_UP + ORDERS
        require((spi.resting, spi.cancelled, spi.trades, spi.refused) == (total, total, 0, 0), "wrong reports")
    return [ORDERS / inserting, ORDERS / cancelling]


def measure(plan: Plan) -> Iterator[Figure]:
    """Inserts/s and cancels/s."""
    runs = plan.repeat(one_run)
    yield figure("resting orders inserted, full path", "/s", (run[0] for run in runs), "40,000", "150,000")
    yield figure("resting orders cancelled, full path", "/s", (run[1] for run in runs), "85,000", "300,000")
