"""A client of Interactive Brokers as its users write them, told what to do line by line: ``ib_client.py LIBRARY``.

``LIBRARY`` is ``ibapi`` (the official client), ``ib_async`` or ``ib_insync``; it knows nothing of ctp2. Each line of its
input is a JSON object: ``id``, ``do`` (a verb, a method of the two classes below) and ``with`` (its arguments). For each
it prints a line ``{"id", "result"}`` or ``{"id", "error"}``. Everything that the server sends is printed before it as
``{"event": name, "args": [...]}``, name and order of arguments being those of the official wrapper.

Structures are printed as objects without their empty members (0, "", None, the libraries' unset numbers), and given as
objects of their members.
"""

import asyncio
import datetime
import importlib
import json
import logging
import os
import queue
import sys
import threading

TIMEOUT = 60
EVENTS = """nextValidId managedAccounts error marketDataType tickPrice tickSize tickString tickGeneric tickSnapshotEnd
tickOptionComputation tickReqParams orderStatus openOrder openOrderEnd completedOrder completedOrdersEnd execDetails
execDetailsEnd commissionReport position positionEnd positionMulti positionMultiEnd updateAccountValue updatePortfolio
updateAccountTime accountDownloadEnd accountUpdateMulti accountUpdateMultiEnd accountSummary accountSummaryEnd
contractDetails bondContractDetails contractDetailsEnd symbolSamples marketRule mktDepthExchanges updateMktDepth
updateMktDepthL2 historicalData historicalDataEnd historicalDataUpdate realtimeBar securityDefinitionOptionParameter
securityDefinitionOptionParameterEnd currentTime pnl pnlSingle orderBound connectionClosed""".split()
UNSET = (1.7976931348623157e308, 2**31 - 1)
_WRITING = threading.Lock()


def tell(**said):
    data = (json.dumps(said) + "\n").encode()
    with _WRITING:
        while data:
            data = data[os.write(1, data) :]


def shown(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return None if value in UNSET else value
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): shown(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [shown(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(shown(one) for one in value)
    members = value._asdict() if hasattr(value, "_asdict") else vars(value)
    said = {name: shown(one) for name, one in members.items() if not name.endswith("Event")}
    return {name: one for name, one in said.items() if one not in (None, "", 0, False, [], {})}


def filled(made, members):
    for name, value in members.items():
        if not hasattr(made, name):
            raise AttributeError(f"{type(made).__name__} has no {name}")
        setattr(made, name, value)
    return made


class Failed(Exception):
    """The server answered with an error."""


class Official:
    """ibapi: requests return nothing, answers come to a wrapper on the thread that runs ``run``."""

    def __init__(self):
        client = importlib.import_module("ibapi.client")
        wrapper = importlib.import_module("ibapi.wrapper")
        self.contract = importlib.import_module("ibapi.contract").Contract
        self.order = importlib.import_module("ibapi.order").Order
        self.filter = importlib.import_module("ibapi.execution").ExecutionFilter
        program = self
        self._heard = queue.SimpleQueue()

        class App(wrapper.EWrapper, client.EClient):
            def __init__(self):
                wrapper.EWrapper.__init__(self)
                client.EClient.__init__(self, wrapper=self)

        for name in EVENTS:
            if hasattr(wrapper.EWrapper, name):
                setattr(App, name, self._teller(name))
        self.app = App()
        self._placed = {}
        self._next = 0
        self._thread = None
        del program

    def _teller(self, name):
        def told(app, *args):
            said = [shown(one) for one in args]
            if name == "tickPrice":
                del said[3:]
            tell(event=name, args=said)
            self._heard.put((name, said))

        return told

    def _number(self):
        self._next += 1
        return self._next - 1

    def _until(self, end, number=None, row=None):
        """The arguments of the ``row`` events until ``end``; an error of the request ends it too."""
        rows = []
        while True:
            try:
                name, said = self._heard.get(timeout=TIMEOUT)
            except queue.Empty:
                raise TimeoutError(f"no {end}") from None
            if name == "connectionClosed" and end != name:
                raise ConnectionError("closed")
            if name == "error" and number is not None and said[0] == number:
                raise Failed(f"{said[1]}: {said[2]}")
            if number is not None and name in (row, end) and said and said[0] != number:
                continue
            if name == row:
                rows.append(said)
            if name == end:
                return rows or [said] if row in (None, end) else rows

    def _ask(self, send, end, *args, row=None, numbered=True):
        while not self._heard.empty():
            self._heard.get()
        number = self._number() if numbered else None
        send(*(() if number is None else (number,)), *args)
        return self._until(end, number, row)

    def connect(self, port, client_id, account="", readonly=False):
        self.app.connect("127.0.0.1", port, client_id)
        if not self.app.isConnected():
            raise ConnectionError("not connected")
        self._thread = threading.Thread(target=self.app.run, daemon=True)
        self._thread.start()
        seen = {}
        while len(seen) < 2:
            name, said = self._heard.get(timeout=TIMEOUT)
            if name == "connectionClosed":
                raise ConnectionError("closed")
            if name in ("nextValidId", "managedAccounts"):
                seen[name] = said[0]
        self._next = max(self._next, seen["nextValidId"])
        accounts = [one for one in seen["managedAccounts"].split(",") if one]
        return {"version": self.app.serverVersion(), "accounts": accounts, "next": seen["nextValidId"]}

    def disconnect(self):
        self.app.disconnect()
        if self._thread is not None:
            self._thread.join(TIMEOUT)
        return self.app.isConnected() or False

    def connected(self):
        return bool(self.app.isConnected())

    def time(self):
        return self._ask(self.app.reqCurrentTime, "currentTime", numbered=False)[0][0]

    def details(self, contract):
        ask = filled(self.contract(), contract)
        return [one[1] for one in self._ask(self.app.reqContractDetails, "contractDetailsEnd", ask, row="contractDetails")]

    def matching(self, pattern):
        return self._ask(self.app.reqMatchingSymbols, "symbolSamples", pattern)[0][1]

    def chain(self, symbol, exchange, sec_type, con_id):
        end, row = "securityDefinitionOptionParameterEnd", "securityDefinitionOptionParameter"
        return [one[1:] for one in self._ask(self.app.reqSecDefOptParams, end, symbol, exchange, sec_type, con_id, row=row)]

    def rule(self, number):
        return self._ask(self.app.reqMarketRule, "marketRule", number, numbered=False)[0][1]

    def data_type(self, number):
        self.app.reqMarketDataType(number)

    def market(self, contract, generic="", snapshot=False):
        number = self._number()
        self.app.reqMktData(number, filled(self.contract(), contract), generic, snapshot, False, [])
        return number

    def stop_market(self, number):
        self.app.cancelMktData(number)

    def depth(self, contract, rows=5, smart=False):
        number = self._number()
        self.app.reqMktDepth(number, filled(self.contract(), contract), rows, smart, [])
        return number

    def stop_depth(self, number, smart=False):
        self.app.cancelMktDepth(number, smart)

    def history(self, contract, duration="5 D", bar="1 day", what="TRADES", end=""):
        asked = filled(self.contract(), contract)
        row, last = "historicalData", "historicalDataEnd"
        rows = self._ask(self.app.reqHistoricalData, last, asked, end, duration, bar, what, 1, 1, False, [], row=row)
        return [one[1] for one in rows]

    def bars(self, contract):
        number = self._number()
        self.app.reqRealTimeBars(number, filled(self.contract(), contract), 5, "TRADES", False, [])
        return number

    def stop_bars(self, number):
        self.app.cancelRealTimeBars(number)

    def place(self, contract, order, number=None):
        number = self._number() if number is None else number
        self._next = max(self._next, number + 1)
        # The two flags that this client sets by itself and that the server refuses.
        made = filled(self.order(), {"eTradeOnly": False, "firmQuoteOnly": False, **order})
        self._placed[number] = (contract, order)
        self.app.placeOrder(number, filled(self.contract(), contract), made)
        return number

    def modify(self, number, changes):
        contract, order = self._placed[number]
        return self.place(contract, {**order, **changes}, number)

    def what_if(self, contract, order):
        while not self._heard.empty():
            self._heard.get()
        number = self.place(contract, {**order, "whatIf": True})
        return self._until("openOrder", number)[0][3]

    def cancel(self, number):
        self.app.cancelOrder(number)

    def open_orders(self):
        return self._orders(self.app.reqOpenOrders)

    def all_open_orders(self):
        return self._orders(self.app.reqAllOpenOrders)

    def _orders(self, send):
        return [one[1:] for one in self._ask(send, "openOrderEnd", row="openOrder", numbered=False)]

    def completed_orders(self):
        return self._ask(self.app.reqCompletedOrders, "completedOrdersEnd", False, row="completedOrder", numbered=False)

    def executions(self, wanted=None):
        wanted = filled(self.filter(), wanted or {})
        return [one[1:] for one in self._ask(self.app.reqExecutions, "execDetailsEnd", wanted, row="execDetails")]

    def positions(self):
        return self._ask(self.app.reqPositions, "positionEnd", row="position", numbered=False)

    def stop_positions(self):
        self.app.cancelPositions()

    def summary(self, tags="NetLiquidation,AvailableFunds", group="All"):
        return [one[1:] for one in self._ask(self.app.reqAccountSummary, "accountSummaryEnd", group, tags, row="accountSummary")]

    def updates(self, account):
        return self._ask(self.app.reqAccountUpdates, "accountDownloadEnd", True, account, row="updateAccountValue", numbered=False)


class Asyncio:
    """ib_async and ib_insync, used as their documents say: coroutines on one loop, events as they come."""

    def __init__(self, library):
        self.lib = importlib.import_module(library)
        self.ib = self.lib.IB()
        self.ib.RaiseRequestErrors = True
        self._tickers = {}
        self._trades = {}
        self._bars = {}
        for name in (*EVENTS, "priceSizeTick"):
            if hasattr(self.ib.wrapper, name):
                setattr(self.ib.wrapper, name, self._teller(name, getattr(self.ib.wrapper, name)))
        self.ib.disconnectedEvent += lambda: tell(event="connectionClosed", args=[])
        # An attribute that the client has looked up when it was made.
        self.ib.client._priceSizeTick = self.ib.wrapper.priceSizeTick

    def _teller(self, name, original):
        def told(*args):
            said = [shown(one) for one in args]
            if name == "priceSizeTick":
                # The official client splits this message so.
                tell(event="tickPrice", args=said[:3])
                tell(event="tickSize", args=[said[0], SIZE_OF.get(said[1]), said[3]])
            elif name != "connectionClosed":
                tell(event=name, args=said[:3] if name == "error" else said)
            return original(*args)

        return told

    def contract(self, members):
        return filled(self.lib.Contract(), members)

    async def connect(self, port, client_id, account="", readonly=False):
        await self.ib.connectAsync("127.0.0.1", port, client_id, timeout=20, readonly=readonly, account=account)
        client = self.ib.client
        return {"version": client.serverVersion(), "accounts": client.getAccounts(), "next": client._reqIdSeq}

    async def disconnect(self):
        self.ib.disconnect()
        return self.ib.isConnected()

    async def connected(self):
        return self.ib.isConnected()

    async def time(self):
        return int((await self.ib.reqCurrentTimeAsync()).timestamp())

    async def details(self, contract):
        return shown(await self.ib.reqContractDetailsAsync(self.contract(contract)))

    async def qualify(self, contract):
        return shown(await self.ib.qualifyContractsAsync(self.contract(contract)))

    async def matching(self, pattern):
        return shown(await self.ib.reqMatchingSymbolsAsync(pattern))

    async def chain(self, symbol, exchange, sec_type, con_id):
        rows = await self.ib.reqSecDefOptParamsAsync(symbol, exchange, sec_type, con_id)
        return [[one.exchange, int(one.underlyingConId), one.tradingClass, one.multiplier, sorted(one.expirations), sorted(one.strikes)] for one in rows]

    async def rule(self, number):
        return shown(await self.ib.reqMarketRuleAsync(number))

    async def data_type(self, number):
        self.ib.reqMarketDataType(number)

    async def market(self, contract, generic="", snapshot=False):
        number = self.ib.client._reqIdSeq
        self._tickers[number] = self.ib.reqMktData(self.contract(contract), generic, snapshot)
        return number

    async def stop_market(self, number):
        self.ib.cancelMktData(self._tickers[number].contract)

    async def ticker(self, number):
        """What the library has made of the ticks; only the asyncio libraries keep it."""
        one = self._tickers[number]
        names = "bid bidSize ask askSize last lastSize volume open high low close marketDataType halted vwap".split()
        return {name: getattr(one, name) for name in names if getattr(one, name) == getattr(one, name)}

    async def depth(self, contract, rows=5, smart=False):
        number = self.ib.client._reqIdSeq
        self._tickers[number] = self.ib.reqMktDepth(self.contract(contract), rows, smart)
        return number

    async def stop_depth(self, number, smart=False):
        self.ib.cancelMktDepth(self._tickers[number].contract, smart)

    async def book(self, number):
        one = self._tickers[number]
        return {"bids": [[r.price, r.size] for r in one.domBids], "asks": [[r.price, r.size] for r in one.domAsks]}

    async def history(self, contract, duration="5 D", bar="1 day", what="TRADES", end=""):
        bars = await self.ib.reqHistoricalDataAsync(self.contract(contract), end, duration, bar, what, True, timeout=TIMEOUT)
        return shown(list(bars))

    async def bars(self, contract):
        number = self.ib.client._reqIdSeq
        self._bars[number] = self.ib.reqRealTimeBars(self.contract(contract), 5, "TRADES", False)
        return number

    async def stop_bars(self, number):
        self.ib.cancelRealTimeBars(self._bars[number])

    async def place(self, contract, order, number=None):
        made = filled(self.lib.Order(), order)
        if number is not None:
            made.orderId = number
        trade = self.ib.placeOrder(self.contract(contract), made)
        self._trades[trade.order.orderId] = (trade, contract, order)
        return trade.order.orderId

    async def modify(self, number, changes):
        trade, contract, order = self._trades[number]
        self._trades[number] = (trade, contract, {**order, **changes})
        made = filled(self.lib.Order(), {**order, **changes, "orderId": number})
        made.clientId = trade.order.clientId
        made.permId = trade.order.permId
        self.ib.client.placeOrder(number, self.contract(contract), made)
        return number

    async def what_if(self, contract, order):
        return shown(await self.ib.whatIfOrderAsync(self.contract(contract), filled(self.lib.Order(), order)))

    async def cancel(self, number):
        if number in self._trades:
            self.ib.cancelOrder(self._trades[number][0].order)
        else:
            self.ib.client.cancelOrder(number, "")

    async def trade(self, number):
        """What the library makes of an order."""
        trade = self._trades[number][0]
        return {"status": trade.orderStatus.status, "filled": trade.filled(), "remaining": trade.remaining(), "fills": len(trade.fills)}

    async def open_orders(self):
        return [[shown(t.contract), shown(t.order), {"status": t.orderStatus.status}] for t in await self.ib.reqOpenOrdersAsync()]

    async def all_open_orders(self):
        return [[shown(t.contract), shown(t.order), {"status": t.orderStatus.status}] for t in await self.ib.reqAllOpenOrdersAsync()]

    async def completed_orders(self):
        return [[shown(t.contract), shown(t.order), {"status": t.orderStatus.status}] for t in await self.ib.reqCompletedOrdersAsync(False)]

    async def executions(self, wanted=None):
        wanted = filled(self.lib.ExecutionFilter(), wanted or {})
        return [[shown(one.contract), shown(one.execution)] for one in await self.ib.reqExecutionsAsync(wanted)]

    async def positions(self):
        return [[p.account, shown(p.contract), p.position, p.avgCost] for p in await self.ib.reqPositionsAsync()]

    async def stop_positions(self):
        self.ib.client.cancelPositions()

    async def summary(self, tags="NetLiquidation,AvailableFunds", group="All"):
        number = self.ib.client.getReqId()
        future = self.ib.wrapper.startReq(number)
        self.ib.client.reqAccountSummary(number, group, tags)
        await asyncio.wait_for(future, TIMEOUT)
        return [list(one[:4]) for one in self.ib.wrapper.acctSummary.values()]

    async def updates(self, account):
        await asyncio.wait_for(self.ib.reqAccountUpdatesAsync(account), TIMEOUT)
        return [[v.tag, v.value, v.currency, v.account] for v in self.ib.accountValues(account)]

    async def portfolio(self):
        return shown(self.ib.portfolio())


SIZE_OF = {1: 0, 2: 3, 4: 5, 66: 69, 67: 70, 68: 71}
"""Price tick → the tick of the size that comes in the same message."""


def answer(line, call):
    try:
        tell(id=line["id"], result=call())
    except Exception as error:
        tell(id=line["id"], error=f"{type(error).__name__}: {error}")


def run_official():
    program = Official()
    for text in sys.stdin:
        line = json.loads(text)
        if line["do"] == "end":
            break
        answer(line, lambda: getattr(program, line["do"])(**line["with"]))
    program.disconnect()


async def one_answer(program, line):
    try:
        tell(id=line["id"], result=await getattr(program, line["do"])(**line["with"]))
    except Exception as error:
        text = f"{error.code}: {error.message}" if hasattr(error, "code") else f"{error}"
        tell(id=line["id"], error=f"{type(error).__name__}: {text}")


async def run_asyncio(library):
    program = Asyncio(library)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tasks = set()

    def start(line):
        if line["do"] == "end":
            ended.set()
            return
        task = asyncio.ensure_future(one_answer(program, line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def read():
        for text in sys.stdin:
            loop.call_soon_threadsafe(start, json.loads(text))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()
    program.ib.disconnect()
    del program.ib


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if sys.argv[1] == "ibapi":
        run_official()
    else:
        asyncio.run(run_asyncio(sys.argv[1]))
    os._exit(0)
