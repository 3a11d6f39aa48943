"""``ctp2 quote CODES``: a live price board, or a JSON line per tick."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Final

from ctp2 import mdapi, registry
from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, CliError
from ctp2.cli.messages import text
from ctp2.cli.quote_view import Board
from ctp2.core import address as addresses
from ctp2.core.errors import Ctp2Error
from ctp2.refdata.ticks import DBL_MAX

CONNECT_S: Final = 15.0
_LOOK_S: Final = 0.25


class _Client(mdapi.CThostFtdcMdSpi):
    """Logs in on every link, subscribes, and queues what comes: ``(what, value)``."""

    def __init__(self, address: str, codes: list[str]) -> None:
        self.news: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._codes = codes
        self.api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        self.api.RegisterSpi(self)
        self.api.RegisterFront(address)

    def OnFrontConnected(self) -> None:
        """Log in: a market data front takes anything."""
        self.news.put(("connected", None))
        self.api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)

    def OnFrontDisconnected(self, nReason: int) -> None:
        """Told; the Api comes back by itself."""
        self.news.put(("down", nReason))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        """Subscribe."""
        if pRspInfo is not None and pRspInfo.ErrorID:
            self.news.put(("refused", ("", pRspInfo.ErrorID, pRspInfo.ErrorMsg)))
        else:
            self.api.SubscribeMarketData(self._codes, len(self._codes))

    def OnRspSubMarketData(self, pSpecificInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        """A code that there is no quote of is told."""
        if pRspInfo is not None and pRspInfo.ErrorID:
            self.news.put(("refused", (pSpecificInstrument.InstrumentID, pRspInfo.ErrorID, pRspInfo.ErrorMsg)))

    def OnRtnDepthMarketData(self, pDepthMarketData: Any) -> None:
        """A tick."""
        self.news.put(("tick", pDepthMarketData))


def quote(codes: list[str], source: str, depth: str, limits: tuple[float, int], as_json: bool) -> int:
    """Show quotes until Ctrl-C, SIGTERM or a limit (seconds, ticks)."""
    if depth and depth not in codes:
        codes = [*codes, depth]
    try:
        client = _Client(source, codes)
    except (Ctp2Error, ValueError, OSError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: stop.set())
    client.api.Init()
    try:
        show = _Lines() if as_json else Board(codes, depth, source)
        with show:
            return _follow(client, show, source, codes, limits, stop)
    except BrokenPipeError:  # the reader has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    finally:
        client.api.Release()


class _Lines:
    """A JSON line per tick; absent prices are null."""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def tick(self, field: Any, name: str) -> None:
        """One line."""
        record = {key: _plain(getattr(field, key)) for key in field.__struct_fields__ if not key.startswith("reserve")}
        print(json.dumps({"Name": name, **record}, ensure_ascii=False), flush=True)

    def tell(self, line: str) -> None:
        """Nothing: programs read ticks."""

    def refuse(self, code: str, error: int, message: str) -> None:
        """A line of its own kind."""
        print(json.dumps({"InstrumentID": code, "ErrorID": error, "ErrorMsg": message}, ensure_ascii=False), flush=True)

    def refresh(self) -> None:
        """Lines are out already."""


def _plain(value: Any) -> Any:
    return None if value == DBL_MAX else value


def _follow(
    client: _Client,
    show: _Lines | Board,
    source: str,
    codes: list[str],
    limits: tuple[float, int],
    stop: threading.Event,
) -> int:
    begin = time.monotonic()
    is_connected, ticks, refused = False, 0, set()
    names: dict[str, str] = {}
    while not stop.is_set():
        passed_s = time.monotonic() - begin
        if limits[0] and passed_s >= limits[0]:
            break
        if not is_connected and passed_s >= CONNECT_S:
            raise CliError(text("quote.no_front", address=source, seconds=CONNECT_S), NOT_REACHABLE)
        show.refresh()
        try:
            what, value = client.news.get(timeout=_LOOK_S)
        except Empty:
            continue
        if what == "connected":
            is_connected = True
        elif what == "down":
            show.tell(text("quote.down", address=source, reason=value))
        elif what == "refused":
            show.refuse(*value)
            refused.add(value[0])
            if refused >= set(codes):
                raise CliError(text("quote.none"), FAILED)
        else:
            if value.InstrumentID not in names:
                names |= _names(source)
            show.tick(value, names.get(value.InstrumentID, ""))
            ticks += 1
            if limits[1] and ticks >= limits[1]:
                break
    return DONE


def _names(source: str) -> dict[str, str]:
    """InstrumentID → the source's name for it, where the source has names."""
    backend = registry.running(addresses.parse(source))
    found: dict[str, str] = getattr(backend, "names_of_instruments", {})
    return found
