"""A server that is killed under load: its clients come back by themselves and miss nothing (issue of the server)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctp2 import tdapi
from ctp2.tts.datafolder import DataFolder
from ctp2.tts.directory import Member
from tests.front.conftest import Make
from tests.tts.programs import Trader, is_order, is_private

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")

CLIENTS = 20
ORDERS = 15
"""Orders that each client sends before the kill, without waiting for anything."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


class Server:
    """``ctp2 serve`` on a port that stays the same."""

    def __init__(self, root: Path, options: list[str]) -> None:
        self.root = root
        self.options = options
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "ctp2", "serve", "--json", "--log", "warning", "--web-port", "off"]
        command += ["--trade-port", str(self.port), "--md-port", "0", *self.options]
        env = {**os.environ, "PYTHONPATH": str(self.root)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.root, env=env)
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["trader"] == self.address

    def end(self, number: int) -> int:
        process = self.process
        assert process is not None
        process.send_signal(number)
        code = process.wait(60)
        process.communicate()
        return code


def members(folder: Path) -> list[str]:
    """A data folder in which each client has an account of his own."""
    directory = DataFolder(folder).make()
    for index in range(CLIENTS):
        directory.add(Member("7x24", f"user{index}", f"owner{index}", "", False, False, 1), "secret", checks=False)
    return ["--data", str(folder)]


@pytest.fixture(params=["log alone", "data folder"])
def server(root: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Everybody may come, and a log; or a folder of users and logs."""
    with ExitStack() as stack:
        is_folder = request.param == "data folder"
        options = members(tmp_path) if is_folder else ["--open", "--backend", f"tts://7x24?db={tmp_path / 'db'}"]
        made = Server(root, options)
        made.start()
        stack.callback(lambda: made.process is not None and made.process.poll() is None and made.end(signal.SIGKILL))
        yield made


def numbers(client: Trader) -> list[tuple[str, str]]:
    """What identifies each private return: which order, and how it stood (a trade: its number)."""
    return [
        (c.field.OrderRef, getattr(c.field, "OrderStatus", "") + getattr(c.field, "TradeID", "") + c.name)
        for c in client.private()
    ]


def test_killed_under_load(server: Server, trader: Make) -> None:
    """Twenty users send orders that rest; the server is killed while they do."""
    clients = [
        trader(server.address, f"user{index}", resume=tdapi.THOST_TERT_RESUME).start() for index in range(CLIENTS)
    ]
    for number in range(ORDERS):
        for client in clients:
            client.insert("TEST", 90.0, OrderRef=str(number + 1))
    clients[0].spi.wait_for(is_order("3"))
    marks = [len(client.spi.calls) for client in clients]
    server.end(signal.SIGKILL)
    for client, mark in zip(clients, marks, strict=True):
        assert client.spi.wait_for("OnFrontDisconnected", after=mark).number == 4097
    server.start()
    for client, mark in zip(clients, marks, strict=True):
        client.spi.wait_for("OnFrontConnected", after=mark, timeout=60)
        (answer,) = client.ask("ReqUserLogin", BrokerID="9999", UserID=client.user, Password="secret")
        assert answer.error_id == 0
    for client in clients:
        known = {row.OrderRef: row.OrderStatus for row in client.rows("ReqQryOrder", InvestorID=client.user)}
        # Whoever starts from the beginning hears the whole day: the others have heard exactly that.
        witness = trader(server.address, client.user, resume=tdapi.THOST_TERT_RESTART).login()
        if known:  # killed before the first of its orders came: there is nothing to hear
            witness.spi.wait_for(is_private, count=2 * len(known))
        witness.ask("ReqQryTradingAccount", InvestorID=client.user)
        client.ask("ReqQryTradingAccount", InvestorID=client.user)
        assert numbers(client) == numbers(witness)
        assert len(set(numbers(client))) == len(numbers(client))
        assert set(known.values()) <= {"3"}
        # What was acknowledged before the kill is there.
        acknowledged = {c.field.OrderRef for c in client.private()}
        assert acknowledged == set(known)
    # And the counter goes on.
    clients[0].rest("TEST", 90.0, OrderRef="1000")
    assert server.end(signal.SIGTERM) == 0
