"""The running counter in the hands of a Python program: let its market run, stand, step, and set its speed."""

from __future__ import annotations

from ctp2.tts.client import Counter


class Control:
    """A handle on a running counter (:func:`ctp2.tts.counter`). Every method may be called from any thread."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def run(self) -> None:
        """Let the market run from where it stands. A market that waits for its first listener starts now."""
        self._counter.call(self._counter.play)

    def pause(self) -> None:
        """Let the market stand still; requests are served on."""
        self._counter.call(self._counter.pause)

    def step(self, count: int = 1) -> int:
        """Play ``count`` entries (snapshots and phase changes) at once; returns how many there were left to play."""
        return int(self._counter.call(lambda: sum(self._counter.step() for _ in range(count))))

    def set_speed(self, speed: float | str) -> None:
        """Times the recorded speed, or ``"max"``.

        Raises:
            ValueError: not a number above 0.
        """
        factor = 0.0 if speed == "max" else float(speed)
        if speed != "max" and factor <= 0:
            raise ValueError(f"speed {speed!r}: a number above 0, or 'max'")
        self._counter.call(lambda: self._counter.set_speed(factor))

    @property
    def is_playing(self) -> bool:
        """Whether the market runs."""
        return self._counter.is_playing

    @property
    def trading_day(self) -> str:
        """The counter's trading day, ``YYYYMMDD``."""
        return self._counter.world.trading_day

    @property
    def now_ns(self) -> int:
        """The environment's time in UTC nanoseconds."""
        return int(self._counter.call(self._counter.now_ns))

    @property
    def depth(self) -> int:
        """Requests that wait for the counter."""
        return self._counter.depth
