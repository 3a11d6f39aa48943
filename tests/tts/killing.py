"""Kill test: a process trades under load with several clients and is killed at a random moment, again and again.

``python -m tests.tts.killing --rounds 200 --seed 1`` (``make fuzz``). Each client writes what it was told into a pipe,
inside the callback: that is what was acknowledged. After each kill this process opens the counter from its log and
looks whether everything is there, once and unchanged, and whether money is what the trades make of it. The next round
goes on with the same log and the same flow files, so that each client resumes where it was killed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ctp2.core.flow import Position
from ctp2.tts import counter
from ctp2.tts.store import settlements
from tests.tts.programs import DAY, Trader, is_private

USERS = ("ann", "ben", "cat")
RESTART, RESUME = 0, 1
CODES = ("rb2105", "IF2101", "m2105")
PRICES = {"rb2105": (4300, 1), "IF2101": (5230, 0.2), "m2105": (3400, 1)}
MULTIPLIERS = {"rb2105": 10, "IF2101": 300, "m2105": 10}
"""SHFE rebar 10 t, CFFEX IF 300 yuan a point, DCE soybean meal 10 t (reference data)."""
PATIENCE_S = 60.0


def address_of(folder: Path, durability: str) -> str:
    """The counter: users make IF2101's market between each other, the rest trades against quotes."""
    return (
        f"tts://replay?id=kill&data={folder / 'day_20210104.csv'}&speed=1&seed=5&match=IF2101"
        f"&db={folder / 'kill.db'}&durability={durability}"
    )


# ------------------------------------------------------------------ the process that is killed
def trade(folder: str, durability: str, seed: int, pipe: int) -> None:
    """Log in, take up the flows, and send orders until the end."""
    place = Path(folder)
    clients = []
    for number, user in enumerate(USERS):

        def on_call(call: Any, user: str = user) -> None:
            if is_private(call):
                os.write(pipe, f"{user}\t{line_of(call)}\n".encode())

        flow = str(place / f"{user}.")
        client = Trader(address_of(place, durability), user, flow=flow, resume=RESUME, on_call=on_call).start()
        clients.append((client, random.Random(seed * 100 + number)))
    os.write(pipe, b"ready\n")
    threads = [threading.Thread(target=_send, args=one, daemon=True) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(pipe, b"tired\n")
    signal.pause()


def _send(client: Trader, dice: random.Random) -> None:
    """Orders of every kind without waiting for their answers, and cancels of what is resting."""
    for count in range(400):
        code = dice.choice(CODES)
        middle, tick = PRICES[code]
        price = round(middle + dice.randrange(-8, 9) * tick, 1)
        offset = dice.choice("000013")
        members = {"Direction": dice.choice("01"), "CombOffsetFlag": offset}
        if dice.random() < 0.2:
            members |= {"TimeCondition": "1"}
        client.api.ReqOrderInsert(client.order(code, price, dice.randrange(1, 6), **members), count)
        resting = [call.field for call in client.spi.calls[-40:] if call.name == "OnRtnOrder"]
        if resting and dice.random() < 0.3:
            order = dice.choice(resting)
            if order.OrderStatus in "13" and order.OrderSysID:
                client.cancel(order)
        if count % 10 == 9:
            time.sleep(0.002)  # the load of a fast strategy, not a flood


def line_of(call: Any) -> str:
    """What a client was told, every member of it."""
    names = call.field.__struct_fields__
    info = None if call.info is None else call.info.ErrorID
    return json.dumps([call.name, info, [getattr(call.field, name) for name in names]])


def roll(folder: str, durability: str, seed: int, pipe: int) -> None:
    """Put money in, end the day, and so on: what is told into the pipe is acknowledged."""
    del durability, seed
    address = rolling_address(Path(folder))
    trader = Trader(address, "ann").connect()
    control = counter(address)
    while True:
        login = trader.ask("ReqUserLogin", BrokerID="9999", UserID="ann", Password="secret")[0].field
        os.write(pipe, f"day\t{login.TradingDay}\n".encode())
        control.deposit("ann", 1)
        os.write(pipe, b"yuan\t1\n")
        before = len(trader.spi.calls)
        control.settle()
        trader.spi.wait_for("OnFrontConnected", after=before)


def rolling_address(folder: Path) -> str:
    """A counter whose days nobody recorded come by the hand of the program."""
    return f"tts://replay?id=roll&data={folder / 'day_20210104.csv'}&speed=0.001&fills=full&db={folder / 'kill.db'}"


# ------------------------------------------------------------------ the process that looks
@dataclass
class Killing:
    """Rounds on one log."""

    folder: Path
    seed: int
    durability: str = "normal"
    received: dict[str, list[str]] = field(default_factory=lambda: {user: [] for user in USERS})
    """What each client was told, in all rounds."""
    rounds: int = 0
    repeated: int = 0
    """How often the return whose callback was running at the kill came again."""
    _comes_again: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(USERS, False))
    """Whose last return was told and not counted: its callback had not returned at the kill."""
    _sessions: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        (self.folder / "day_20210104.csv").write_text(DAY, encoding="utf-8")

    @property
    def told(self) -> int:
        """How many returns were acknowledged so far."""
        return sum(map(len, self.received.values()))

    def round(self) -> None:
        """Let a process trade, kill it, and look."""
        new = self._killed()
        for user, lines in new.items():
            before = self.received[user]
            if self._comes_again[user] and lines:
                assert lines[0] == before[-1], f"{user}: what was not counted comes again, not {lines[0]}"
                self.repeated += 1
                lines = lines[1:]
            before.extend(lines)
            uncounted = len(before) - self._counted(user)
            assert 0 <= uncounted <= 1, f"{user} was told {len(before)} returns, its flow file counts {-uncounted} more"
            self._comes_again[user] = bool(uncounted)
        self.rounds += 1
        self._look()

    def _counted(self, user: str) -> int:
        """How many returns a client's flow file says were received: the last may be missing (ctp2.core.flow).

        By their content it cannot be seen: CTP tells some states twice in the same words.
        """
        return Position(bytearray((self.folder / f"{user}.Private.con").read_bytes())).count

    def _killed(self) -> dict[str, list[str]]:
        """What the clients of one process were told until it was killed."""
        reading, writing = os.pipe()
        process = _start("trade", str(self.folder), self.durability, str(self._dice.randrange(1 << 30)), pipe=writing)
        os.close(writing)
        until, delay = self._dice.randrange(20, 600), self._dice.random() * 0.004
        data, deadline, lines, is_ready = b"", time.monotonic() + PATIENCE_S, 0, False
        while True:
            part = os.read(reading, 1 << 16)
            data += part
            is_ready = is_ready or b"ready\n" in data
            lines = data.count(b"\n")
            if not part or b"tired\n" in data or (is_ready and lines >= until) or time.monotonic() > deadline:
                break
        time.sleep(delay)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        while part := os.read(reading, 1 << 16):
            data += part
        os.close(reading)
        assert is_ready, data[:200]
        return _by_user(data)

    def _look(self) -> None:
        """Open the counter, and compare everything with what was acknowledged."""
        with opened(address_of(self.folder, self.durability)) as traders:
            for user, trader in traders.items():
                told = [line_of(call) for call in trader.private()]
                mine = self.received[user]
                if told[: len(mine)] != mine:
                    place = next(n for n, pair in enumerate(zip(told, mine, strict=False)) if pair[0] != pair[1])
                    raise AssertionError(
                        f"seed {self.seed}, round {self.rounds}, {user}: return {place + 1} of {len(mine)} (of"
                        f" {len(told)} kept) is not what was told:\n  told {mine[place]}\n  kept {told[place]}"
                    )
                self._sessions.append(trader.login_field.SessionID)
                assert len(set(self._sessions)) == len(self._sessions), "a SessionID was given twice"
                _check_rows(trader, mine)
                check_money(trader)


class Rolling:
    """Rounds of a counter that is killed while it ends its days."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.money = 0
        self.day = ""
        self._dice = random.Random(seed)
        (folder / "day_20210104.csv").write_text(DAY, encoding="utf-8")

    def round(self) -> None:
        """Kill it, most likely within a roll, and look."""
        reading, writing = os.pipe()
        process = _start("roll", str(self.folder), "normal", "0", pipe=writing)
        os.close(writing)
        data, wanted = b"", self._dice.randrange(1, 4)
        while data.count(b"yuan\t") < wanted and (part := os.read(reading, 4096)):
            data += part
        time.sleep(self._dice.random() * 0.05)  # a roll takes about that
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        while part := os.read(reading, 4096):
            data += part
        os.close(reading)
        assert data.count(b"yuan\t") >= wanted, data
        self.money += data.count(b"yuan\t")
        self.day = max(line.split(b"\t")[1].decode() for line in data.splitlines() if line.startswith(b"day"))
        self._look()

    def _look(self) -> None:
        address = rolling_address(self.folder)
        trader = Trader(address, "ann").login()
        try:
            assert trader.login_field.TradingDay >= self.day, "a day that was told is over is there again"
            (account,) = trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID="ann")
            has = round(account.Balance - 10_000_000)
            assert has in (self.money, self.money + 1), f"{has} yuan of {self.money} that were told"
            self.money = has  # one may have come in and not been told any more
            days = list(settlements(str(self.folder / "kill.db")))
            for one, following in itertools.pairwise(days):
                assert one.next_day == following.trading_day
            assert not days or days[-1].next_day == trader.login_field.TradingDay
        finally:
            trader.api.Release()


def _start(what: str, *arguments: str, pipe: int) -> int:
    """A process of its own, with nothing of this one in it but the pipe."""
    script = f"import sys; from tests.tts.killing import {what}; {what}(*sys.argv[1:3], *map(int, sys.argv[3:]))"
    os.set_inheritable(pipe, True)
    words = [sys.executable, "-c", script, *arguments, str(pipe)]
    return os.posix_spawn(sys.executable, words, {**os.environ, "PYTHONPATH": _root()})


def _root() -> str:
    return str(Path(__file__).resolve().parents[2])


def _by_user(data: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {user: [] for user in USERS}
    *lines, torn = data.decode().split("\n")
    assert not torn, "a line is written whole or not at all"
    for line in lines:
        user, _, told = line.partition("\t")
        if told:
            found[user].append(told)
    return found


@contextmanager
def opened(address: str) -> Iterator[dict[str, Trader]]:
    """Every user, with all returns of the day from the first on."""
    traders: dict[str, Trader] = {}
    try:
        for user in USERS:
            traders[user] = Trader(address, user, resume=RESTART).login()
        for trader in traders.values():
            trader.rows("ReqQryTradingAccount")  # what it has to get comes before this answer
        yield traders
    finally:
        for trader in traders.values():
            trader.api.Release()


def _check_rows(trader: Trader, told: list[str]) -> None:
    """Queries show every acknowledged order and trade."""
    orders = {row.OrderSysID: row for row in trader.rows("ReqQryOrder") if row.OrderSysID}
    trades = {row.TradeID + row.Direction for row in trader.rows("ReqQryTrade")}
    for line in told:
        name, _, values = json.loads(line)
        if name == "OnRtnTrade":
            assert _member(name, values, "TradeID") + _member(name, values, "Direction") in trades, line
        elif name == "OnRtnOrder" and _member(name, values, "OrderSysID"):
            row = orders[_member(name, values, "OrderSysID")]
            assert row.VolumeTraded >= _member(name, values, "VolumeTraded"), line


def _member(callback: str, values: list[Any], name: str) -> Any:
    from ctp2.ctp import structs

    kind = structs.CThostFtdcTradeField if callback == "OnRtnTrade" else structs.CThostFtdcOrderField
    return values[kind.__struct_fields__.index(name)]


def check_money(trader: Trader) -> None:
    """Balance and positions by the trades alone: cash paid and brought, what is held at the last price, fees."""
    (account,) = trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID=trader.user)
    held: dict[str, int] = dict.fromkeys(CODES, 0)
    cash = fees = Decimal(0)
    for row in trader.rows("ReqQryTrade"):
        value = Decimal(repr(row.Price)) * row.Volume * MULTIPLIERS[row.InstrumentID]
        sign = 1 if row.Direction == "0" else -1
        held[row.InstrumentID] += sign * row.Volume
        cash -= sign * value
    for code in CODES:
        (tick,) = trader.rows("ReqQryDepthMarketData", InstrumentID=code)
        cash += held[code] * Decimal(repr(tick.LastPrice)) * MULTIPLIERS[code]
        rows = trader.rows("ReqQryInvestorPosition", BrokerID="9999", InvestorID=trader.user, InstrumentID=code)
        net = sum(row.Position if row.PosiDirection == "2" else -row.Position for row in rows)
        assert net == held[code], f"{trader.user} holds {net} of {code}, the trades make {held[code]}"
        fees += sum(Decimal(repr(row.Commission)) for row in rows)
    profit = Decimal(repr(account.CloseProfit)) + Decimal(repr(account.PositionProfit))
    assert abs(profit - cash) < Decimal("0.01"), f"{trader.user}: profit {profit}, the trades make {cash}"
    balance = Decimal(repr(account.PreBalance)) + cash - Decimal(repr(account.Commission))
    assert abs(Decimal(repr(account.Balance)) - balance) < Decimal("0.01")
    assert abs(Decimal(repr(account.Commission)) - fees) < Decimal("0.01")


def main() -> int:
    """Play rounds; 1 when something is missing."""
    parser = argparse.ArgumentParser(description="kill a trading process at random moments")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, rounds, told, repeated = time.monotonic(), 0, 0, 0
    while rounds < arguments.rounds:
        with tempfile.TemporaryDirectory() as folder:
            killing = Killing(Path(folder), arguments.seed * 1000 + rounds)
            try:
                for _ in range(min(10, arguments.rounds - rounds)):
                    killing.round()
            except Exception as error:
                print(f"seed {arguments.seed}, after {rounds} rounds: {error}", file=sys.stderr)
                return 1
        rounds, told, repeated = rounds + killing.rounds, told + killing.told, repeated + killing.repeated
        print(f"{rounds} of {arguments.rounds} kills, {told} returns kept, {repeated} came again", flush=True)
    print(f"seed {arguments.seed}: {rounds} kills in {time.monotonic() - begun:.0f} s, nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
