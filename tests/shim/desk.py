"""What the clients trade on: ``ctp2 serve --data`` in a process of its own, on a recorded day that runs by the second.

Two days are recorded. The first is over before the server starts: alice has traded, so there is a statement. On the
second the quote of ``rb2105`` never moves and comes twice a second with two more lots traded; ``m2105`` is matched
between users. So everything that a client is told follows from what the test sends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ctp2.tts import counter
from ctp2.tts.datafolder import DataFolder
from ctp2.tts.directory import Member
from tests.front.test_restart import free_port
from tests.shim.child import TIMEOUT
from tests.tts.programs import FIRST, Trader

PASSWORD: Final = "Good-Pass1"
USERS: Final = ("alice", "bob")
YESTERDAY, TODAY = "20210104", "20210105"
HEAD: Final = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
"""
FIRST_VOLUME: Final = 1000
MINUTES: Final = 40
"""Of quotes: no test takes so long."""


def _rebar(day: str, index: int) -> str:
    """The ``index``-th half second from 09:30 on."""
    seconds, half = divmod(index, 2)
    minute, second = divmod(seconds, 60)
    volume = FIRST_VOLUME + 2 * index
    when = f"09:{30 + minute:02d}:{second:02d}" if minute < 30 else f"10:{minute - 30:02d}:{second:02d}"
    amount = volume * 43_000
    return (
        f"{day},rb2105,SHFE,4300,4290,4295,4600,4000,{volume},{amount},500000,{when},{500 * half},"
        f"4299,10,4301,10,{day}\n"
    )


def _others(day: str) -> str:
    return (
        f"{day},m2105,DCE,3400,3390,3395,3600,3200,1000,34000000,500000,09:30:00,500,3399,10,3401,10,{day}\n"
        f"{day},TA105,CZCE,3800,3790,3795,4100,3500,1000,19000000,500000,09:30:00,500,3798,10,3802,10,{day}\n"
        f"{day},IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,240,376560000,90767,09:30:00,400,5229.8,5,5230.2,5,{day}\n"
    )


def days() -> Iterator[str]:
    """The recording, line by line."""
    yield HEAD
    yield _rebar(YESTERDAY, 0) + _others(YESTERDAY) + _rebar(YESTERDAY, 1)
    yield _rebar(TODAY, 0) + _others(TODAY)
    yield from (_rebar(TODAY, index) for index in range(1, 120 * MINUTES))


class Desk:
    """The server, its folder and what happened there on the day before."""

    def __init__(self, folder: Path, markets: str = "futures") -> None:
        self.folder = folder
        self.data = DataFolder(folder / "data")
        recording = folder / "days.csv"
        recording.write_text("".join(days()), encoding="utf-8")
        self.backend = f"tts://replay?data={recording}&fills=full&match=m2105&markets={markets}"
        directory = self.data.make()
        for user in USERS:
            directory.add(
                Member("replay", user, user, balance="", is_operator=False, is_locked=False, created_ns=1), PASSWORD
            )
        self.statement = self._trade_yesterday()
        self.trade_port, self.md_port = free_port(), free_port()
        self.trade = f"tcp://127.0.0.1:{self.trade_port}"
        self.md = f"tcp://127.0.0.1:{self.md_port}"
        self.process: subprocess.Popen[str] | None = None

    def _trade_yesterday(self) -> str:
        """Alice buys ten and sells four; the day is settled; her statement."""
        address = self.data.address(self.backend + "&speed=0.001")
        alice = Trader(address)
        try:
            login(alice.connect())
            confirm(alice)
            counter(address).step(FIRST)
            alice.fill("rb2105", 4301.0, 10)
            alice.fill("rb2105", 4299.0, 4, Direction="1", CombOffsetFlag="3")
            counter(address).settle()
            return counter(address).statement("alice", YESTERDAY)
        finally:
            alice.api.Release()

    def start(self) -> None:
        """Serve, on the same ports each time."""
        command = [sys.executable, "-m", "ctp2", "serve", "--json", "--log", "warning", "--web-port", "off"]
        command += ["--trade-port", str(self.trade_port), "--md-port", str(self.md_port)]
        command += ["--data", str(self.data.path), "--backend", self.backend]
        root = Path(__file__).resolve().parents[2]
        env = {**os.environ, "PYTHONPATH": str(root)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=env)
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["trader"] == self.trade

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; its exit code."""
        process = self.process
        assert process is not None
        process.send_signal(number)
        code = process.wait(TIMEOUT)
        process.communicate()
        self.process = None
        return code

    def close(self) -> None:
        """Whatever it does."""
        if self.process is not None:
            self.stop(signal.SIGKILL)


def login(client: Any, password: str = PASSWORD, **members: Any) -> Any:
    """Log in on a connected client; the answer."""
    values = {"BrokerID": "9999", "UserID": client.user, "Password": password, **members}
    (answer,) = client.ask("ReqUserLogin", **values)
    client.login_field = answer.field
    return answer


def confirm(client: Any) -> None:
    """Confirm the settlement."""
    (answer,) = client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=client.user)
    assert answer.error_id == 0, answer
