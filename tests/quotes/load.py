"""The load that the quotes must carry: python -m tests.quotes.load SYMBOLS SECONDS (a server of its own process)."""

from __future__ import annotations

import subprocess
import sys
import time

from ctp2.testing.clients import MdClient

SERVER = """
import sys, threading
from ctp2.testing.clocks import ShiftedClock
from ctp2.testing.quotehost import QuoteHost
with QuoteHost(7, ShiftedClock("2026-09-28 10:00:00")) as host:
    print(host.port, flush=True)
    sys.stdin.read()
"""


def measure(symbols: int, seconds: float) -> tuple[float, int, int]:
    """CPU seconds per second, ticks, and instruments that moved."""
    from ctp2.core.clock import put_in_place, take_away
    from ctp2.testing.clocks import ShiftedClock

    clock = ShiftedClock("2026-09-28 10:00:00")
    put_in_place(clock)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        port = int(server.stdout.readline())
        client = MdClient(f"sina://127.0.0.1:{port}").start()
        try:
            codes = [
                f"sh{600_000 + number}" if number < 4000 else f"sz{number - 2000:06d}" for number in range(symbols)
            ]
            client.api.SubscribeMarketData(codes, len(codes))
            deadline = time.monotonic() + 120
            while len(client.spi.calls) < 2 * symbols and time.monotonic() < deadline:
                client.api._dispatcher.stopping.wait(0.2)
            before, ticks = time.process_time(), len(client.spi.calls)
            begin = time.monotonic()
            client.api._dispatcher.stopping.wait(seconds)
            passed = time.monotonic() - begin
            used = time.process_time() - before
            fresh = client.spi.of("OnRtnDepthMarketData")[-(len(client.spi.calls) - ticks) :]
            return used / passed, len(client.spi.calls) - ticks, len({call.field.InstrumentID for call in fresh})
        finally:
            client.close()
            server.stdin.close()
            take_away(clock)


if __name__ == "__main__":
    share, ticks, moved = measure(int(sys.argv[1]), float(sys.argv[2]))
    print(f"{share:.1%} of a core, {ticks} ticks of {moved} instruments")
