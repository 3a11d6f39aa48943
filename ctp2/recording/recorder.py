"""An ``MdApi`` of any front whose market data is written to parts."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from ctp2 import mdapi
from ctp2.core.clock import Clock
from ctp2.core.errors import Ctp2Error
from ctp2.ctp import structs
from ctp2.recording.parts import PartWriter, RecordingFailed
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.tradingday import EVENING_S, natural_day_of, night_trading_day

log = logging.getLogger("ctp2.recording")

_MINUTE_NS: Final = 60_000_000_000
_BATCH: Final = 500
"""Codes in one subscription (spec 9.2 advises at most 1000)."""


class Refused(Ctp2Error):
    """The front refuses the login."""


class Recorder(mdapi.CThostFtdcMdSpi):
    """Subscribes codes at a front and writes what comes; connects again by itself as every Api does.

    ``on_event`` is told of what a person wants to know: connected, disconnected, unknown codes. ``max_rows`` ends the
    recording after that many rows. Constructing registers the address, which raises what ``RegisterFront`` raises.
    """

    def __init__(
        self,
        address: str,
        codes: Sequence[str],
        writer: PartWriter,
        clock: Clock,
        *,
        login: Any = None,
        max_rows: int = 0,
        on_event: Callable[[str, str], object] = lambda what, detail: None,
    ) -> None:
        super().__init__()
        self.writer = writer
        self.failure: Exception | None = None
        self.disconnections = 0
        self._codes = list(dict.fromkeys(codes))
        self._clock = clock
        self._login = login if login is not None else structs.CThostFtdcReqUserLoginField()
        self._max_rows = max_rows
        self._on_event = on_event
        self._ended = threading.Event()
        flow = writer.root / ".flow"
        flow.mkdir(exist_ok=True)
        self._api: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi(os.path.join(flow, ""))
        self._api.RegisterSpi(self)
        self._api.RegisterFront(address)

    def run(self, seconds: float = 0.0) -> None:
        """Record until ``stop``, the row limit, ``seconds`` (0 is without end) or a failure; close a part each minute.

        Raises:
            RecordingFailed: rows could not be written.
            Refused: the login was refused.
        """
        end_ns = self._clock.now_ns() + round(seconds * 1e9) if seconds else 0
        self._api.Init()
        try:
            while not self._ended.wait(self._wait_s(end_ns)):
                self.writer.close_parts()
                if end_ns and self._clock.now_ns() >= end_ns:
                    break
        finally:
            self._api.Release()
            self.writer.close()
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """End ``run`` soon; from any thread, or a signal handler."""
        self._ended.set()

    def _wait_s(self, end_ns: int) -> float:
        """Until the minute is over, or the end."""
        now_ns = self._clock.now_ns()
        until = _MINUTE_NS - now_ns % _MINUTE_NS
        return (min(until, end_ns - now_ns) if end_ns else until) / 1e9

    def _fail(self, failure: Exception) -> None:
        if self.failure is None:
            self.failure = failure
        self.stop()

    # ------------------------------------------------------------------ callbacks
    def OnFrontConnected(self) -> None:
        """Log in."""
        self._api.ReqUserLogin(self._login, 1)

    def OnFrontDisconnected(self, nReason: int) -> None:
        """The Api connects again by itself; the subscription follows the next login."""
        self.disconnections += 1
        self._on_event("disconnected", f"{nReason}")

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        """Subscribe."""
        if pRspInfo is not None and pRspInfo.ErrorID:
            self._fail(Refused(f"login refused: {pRspInfo.ErrorID} {pRspInfo.ErrorMsg}"))
            return
        self._on_event("connected", f"{len(self._codes)}")
        for start in range(0, len(self._codes), _BATCH):
            batch = self._codes[start : start + _BATCH]
            self._api.SubscribeMarketData(batch, len(batch))

    def OnRspSubMarketData(self, pSpecificInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        """Tell of a code that is refused."""
        if pRspInfo is not None and pRspInfo.ErrorID and pSpecificInstrument is not None:
            self._on_event("refused", f"{pSpecificInstrument.InstrumentID}: {pRspInfo.ErrorMsg}")

    def OnRtnDepthMarketData(self, pDepthMarketData: Any) -> None:
        """Write the record."""
        if self._ended.is_set():
            return
        now_ns = self._clock.now_ns()
        exchange, trading_day = place_of(pDepthMarketData, now_ns)
        try:
            self.writer.write(pDepthMarketData, exchange, trading_day, now_ns)
        except RecordingFailed as failure:
            self._fail(failure)
        if self._max_rows and self.writer.rows >= self._max_rows:
            self.stop()


def place_of(record: Any, now_ns: int) -> tuple[str, str]:
    """Exchange and trading day that a record belongs to, whatever it carries (spec 9.3).

    The ordinary futures front names no exchange. CZCE's night records carry the natural day twice; the last one comes
    again in the morning with its dates rolled, so an evening's time counts only if the record came in the evening of
    its date. Without any date it is the natural day in Beijing.
    """
    day: str = record.TradingDay or record.ActionDay or natural_day_of("Asia/Shanghai", now_ns)[0]
    exchange = record.ExchangeID or exchange_of(record.InstrumentID, day)
    if exchange == "CZCE" and day == record.ActionDay and record.UpdateTime >= "17:00:00":
        natural, seconds = natural_day_of("Asia/Shanghai", now_ns)
        if seconds >= EVENING_S and natural == day:
            return exchange, night_trading_day(day, seconds)
    return exchange, day


@lru_cache(maxsize=65536)
def exchange_of(code: str, trading_day: str) -> str:
    """The exchange of a code; ``''`` if it is unknown."""
    made = instrument_for(code, "", trading_day)
    return made.exchange if made is not None else ""
