"""What the benchmarks of native clients share: the C++ client with its libraries, and a front that only feeds it.

The libraries are those of ``ctp2 shim build``, of the newest revision; the client (``native_client.cpp``) is compiled
against the header that is generated from the same schema, with ``-O2``. Both are made once per process.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from benchmarks.desk import WAIT_S, Facts, check_account, check_balance
from benchmarks.figures import require
from ctp2.core.backend import Event, Kind
from ctp2.ctp import layout, structs
from ctp2.front import wire
from ctp2.front.dialect import dialect
from ctp2.shim import build, header, linux, names
from ctp2.shim.errors import ShimError

VERSION: Final = layout.NEWEST
SOURCE: Final = Path(__file__).with_name("native_client.cpp")
USER: Final = "native"


def why_not() -> str:
    """Why there can be no native client here; empty if there can."""
    if not sys.platform.startswith("linux"):
        return "native clients are measured on Linux only"
    try:
        _made()
    except ShimError as error:
        return str(error)
    return ""


@cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """The folder that keeps both, and the client in it."""
    kept = tempfile.TemporaryDirectory(prefix="ctp2-bench-native-")
    folder = Path(kept.name)
    build.build(VERSION, folder)
    header.write_headers(VERSION, folder)
    tools = linux.find(None)
    program = folder / "native_client"
    factories = [f'-DCREATE_{side.upper()}="{names.itanium(VERSION, side)[0]}"' for side in names.SIDES]
    command = [*tools.command, "-std=c++17", "-O2", "-pthread", *factories, "-I", str(folder), str(SOURCE)]
    subprocess.run([*command, "-o", str(program), "-ldl"], check=True)
    return kept, program


def client(mode: str, front: str, *arguments: object) -> dict[str, Any]:
    """Run the client in a process of its own; what it found."""
    _, program = _made()
    words = [str(program), str(program.parent), mode, front, *map(str, arguments)]
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-flow-") as folder:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=4 * WAIT_S, check=False)
    require(done.returncode == 0, f"the C++ client ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def trade(mode: str, front: str, facts: Facts, orders: int, warm_up: int, user: str = USER) -> dict[str, Any]:
    """Let the client trade, and check the account that it ends with."""
    prices = (facts.bid, facts.ask, facts.lower_limit, facts.upper_limit)
    found = client(mode, front, user, "flow-", *prices, orders, warm_up)
    require(found["orders"] == orders + warm_up, f"{found['orders']} orders were sent")
    account = SimpleNamespace(**found)
    check_balance(account)
    check_account(account, facts, found["orders"] // 2)
    return found


class Feed:
    """A front that welcomes whoever comes, and sends to each what it is given. Use as a context manager."""

    def __init__(self, kind: Kind, block: bytes = b"", times: int = 0) -> None:
        self.kind: Kind = kind
        self._data = (block, times)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.front = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Feed:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return  # closed: the end
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        said = wire.Welcome(self.kind, 0, 53_000, 15_000, 60_000, 120_000, 0, 1, "20260105", "logs", "a benchmark")
        block, times = self._data
        with link:
            link.recv(4096)
            link.sendall(wire.welcome(said) + wire.frame(wire.CALLBACK, b"", wire.LAST, 0))
            try:
                for _ in range(times):
                    link.sendall(block)
                while link.recv(4096):
                    pass
            except ConnectionError:
                return  # the client has seen enough


def snapshots(volumes: Sequence[int], price: float) -> bytes:
    """A snapshot with each of these volumes, as frames."""
    spoken = dialect(VERSION, "md")
    fields = (
        structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", ExchangeID="SHFE", LastPrice=price, Volume=volume)
        for volume in volumes
    )
    return b"".join(spoken.encode_event(Event("OnRtnDepthMarketData", field)) for field in fields)
