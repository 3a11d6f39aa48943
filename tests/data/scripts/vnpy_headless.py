"""A user's program on vn.py without its windows: ``vnpy_headless.py SETTINGS``, a JSON file.

It knows nothing of ctp2; its last line is what it saw, as JSON. Its working folder has a ``.vntrader``, so that vn.py keeps its files there.
"""

import json
import sys
import threading
import time

from vnpy.event import EVENT_TIMER, EventEngine
from vnpy.trader.constant import Direction, Exchange, Offset, OrderType, Status
from vnpy.trader.engine import MainEngine
from vnpy.trader.event import EVENT_LOG, EVENT_ORDER, EVENT_TICK, EVENT_TRADE
from vnpy.trader.object import OrderRequest, SubscribeRequest
from vnpy_ctp import CtpGateway

PATIENCE = 60
QUIET = 1.0
"""Seconds without a tick after which none is on its way."""


class Program:
    def __init__(self, setting):
        self.changed = threading.Condition()
        self.logs, self.orders, self.trades, self.ticks = [], [], [], []
        self.events = EventEngine()
        self.engine = MainEngine(self.events)
        self.gateway = self.engine.add_gateway(CtpGateway)
        for name, kept in (
            (EVENT_LOG, self.logs),
            (EVENT_ORDER, self.orders),
            (EVENT_TRADE, self.trades),
            (EVENT_TICK, self.ticks),
        ):
            self.events.register(name, self.keep(kept))
        self.engine.connect(setting, "CTP")

    def keep(self, kept):
        def handle(event):
            with self.changed:
                kept.append(event.data)
                self.changed.notify_all()

        return handle

    def until(self, what, is_so):
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not is_so():
                if not self.changed.wait(deadline - time.monotonic()):
                    logs = [log.msg for log in self.logs]
                    sys.exit(f"waited for {what}; logs: {logs}")

    def order(self, price, volume):
        request = OrderRequest(
            symbol="rb2105",
            exchange=Exchange.SHFE,
            direction=Direction.LONG,
            type=OrderType.LIMIT,
            volume=volume,
            price=price,
            offset=Offset.OPEN,
        )
        return self.engine.send_order(request, "CTP")

    def status(self, order_id):
        order = self.engine.get_order(order_id)
        return order and order.status

    def ends_as(self, order_id, status):
        self.until(f"{order_id} {status}", lambda: self.status(order_id) == status)
        return {"traded": self.engine.get_order(order_id).traded, "status": status.name}

    def trade(self):
        said = {}
        filled = self.order(4301.0, 2)
        said["filled"] = self.ends_as(filled, Status.ALLTRADED)
        self.until("its trade", lambda: sum(one.volume for one in self.trades) == 2)
        resting = self.order(4200.0, 3)
        said["resting"] = self.ends_as(resting, Status.NOTTRADED)
        self.engine.cancel_order(self.engine.get_order(resting).create_cancel_request(), "CTP")
        said["cancelled"] = self.ends_as(resting, Status.CANCELLED)
        said["rejected"] = self.ends_as(self.order(5000.0, 1), Status.REJECTED)
        said["refused"] = self.ends_as(self.order(4301.0, 100_000), Status.REJECTED)
        self.until("what was said of it", lambda: any("交易委托失败" in log.msg for log in self.logs))
        return said

    def watch(self):
        self.engine.subscribe(SubscribeRequest(symbol="rb2105", exchange=Exchange.SHFE), "CTP")
        self.until("ticks", lambda: len(self.ticks) >= 5)
        return [
            [tick.symbol, tick.name, tick.volume, tick.last_price, tick.bid_price_1, tick.ask_price_1]
            for tick in self.ticks[:5]
        ]

    def close(self):
        """As its gateway wants it: with nothing on its way, for it waits for its own thread with Python's lock held."""
        self.events.unregister(EVENT_TIMER, self.gateway.process_timer_event)
        self.gateway.md_api.unSubscribeMarketData("rb2105")
        with self.changed:
            while self.changed.wait(QUIET):
                pass
        self.engine.close()

    def run(self):
        self.until("the contracts", lambda: any(log.msg == "合约信息查询成功" for log in self.logs))
        said = {"ticks": self.watch(), **self.trade()}
        held = f"CTP.rb2105.SHFE.{Direction.LONG.value}"
        self.until("the position", lambda: (one := self.engine.get_position(held)) and one.volume == 8)
        (account,) = self.engine.get_all_accounts()
        position = self.engine.get_position(held)
        self.close()
        said.update(
            contracts=len(self.engine.get_all_contracts()),
            name=self.engine.get_contract("rb2105.SHFE").name,
            account=account.accountid,
            balance=account.balance,
            position=[position.volume, position.yd_volume],
            trades=[[one.price, one.volume, one.tradeid.strip() != ""] for one in self.trades],
            logs=[log.msg for log in self.logs],
        )
        print(json.dumps(said))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        Program(json.load(file)).run()
