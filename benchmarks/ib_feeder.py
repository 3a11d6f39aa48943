"""A process of its own that plays TWS for :mod:`benchmarks.ib_streams`: 100 stocks, and as many packets as it is told.

Run as a script: prints its port; for each line ``SECONDS RATE`` on standard input it sends so many packets of every
subscription, evenly, and then prints how many of each.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__" and "benchmarks" not in sys.modules:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.ib_kit import quote, stock
from ctp2.testing.tws import Script, StandIn
from ctp2.testing.tws.world import Frame

SYMBOLS = 100
MARKET_DATA = "1"
WAIT_S = 30.0


def names() -> list[str]:
    """InstrumentIDs of its stocks."""
    return [f"S{number:03}-USD-STK" for number in range(SYMBOLS)]


def main() -> None:
    """Serve until standard input ends."""
    listed = [
        replace(stock(), con_id=900_000 + number, symbol=f"S{number:03}", local_symbol=f"S{number:03}", sec_ids=())
        for number in range(SYMBOLS)
    ]
    with StandIn(script=Script(version=176), listed=listed) as tws:
        quotes = tws.world.parts["quotes"].quotes
        tws.call(lambda: [quotes.stand(one) for one in listed])
        print(tws.port, flush=True)
        for line in sys.stdin:
            seconds, rate = map(int, line.split())
            send(tws, seconds * rate, 1 / rate)
            print(seconds * rate, flush=True)


def send(tws: StandIn, updates: int, interval_s: float) -> None:
    """One packet of every subscription after the other, all of them once in an interval."""
    deadline = time.monotonic() + WAIT_S
    while len(asked := _subscriptions(tws)) < SYMBOLS:
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(asked)} subscriptions within {WAIT_S:g} s")
        time.sleep(0.05)
    session = next(one for one in tws.world.sessions if one.number == asked[-1].connection)
    transport = session._transport
    assert transport is not None
    bursts = [b"".join(quote(int(frame.fields[2]), number) for frame in asked) for number in range(1, updates + 1)]
    due = time.monotonic()
    for burst in bursts:
        tws.call(transport.write, burst)
        due += interval_s
        time.sleep(max(0.0, due - time.monotonic()))


def _subscriptions(tws: StandIn) -> list[Frame]:
    """What the client asked for; its last questions wait for their turn when it has its first answers."""
    frames = tws.call(lambda: list(tws.world.frames))
    return [frame for frame in frames if frame.is_from_client and frame.fields[0] == MARKET_DATA]


if __name__ == "__main__":
    main()
