"""How a counter plays at full speed: the next entry when every client has finished with the last one.

A client that has finished with a snapshot plays the next one on its own thread, when no request waits: two hand-offs
between threads are most of what a snapshot costs. One thread at a time, by ``FullSpeed.turn``.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

from ctp2.core.backend import Sink
from ctp2.tts.commands import Tick as TimePasses
from ctp2.tts.ears import Reader
from ctp2.tts.engine import Engine
from ctp2.tts.environments import World
from ctp2.tts.events import Event
from ctp2.tts.lockstep import Gate
from ctp2.tts.timers import Timers
from ctp2.tts.worker import Worker

_BURST: Final = 1000
"""Entries played at full speed, when they concern nobody, before requests are looked for."""


class FullSpeed:
    """The part of a counter that knows when its clients have finished."""

    turn: threading.Lock
    worker: Worker
    world: World
    engine: Engine
    timers: Timers | None
    _is_lent: bool
    """Whether it is a client's thread that has the turn."""
    _readers: dict[Reader, Sink]
    _gate: Gate
    _speed: float
    _is_playing: bool
    _is_settling_in: bool
    _holds: int
    _offset: int
    _anchor_ns: int

    @abstractmethod
    def wake(self) -> None:
        """Have the counter's worker look again."""

    @abstractmethod
    def monotonic_ns(self) -> int:
        """The monotonic clock."""

    @abstractmethod
    def publish(self, events: Sequence[Event]) -> None:
        """Tell what happened."""

    @abstractmethod
    def work(self) -> int:
        """Do what is due; returns how long nothing will be (ns), -1 for until somebody asks."""

    @abstractmethod
    def _play_entry(self, offset: int) -> None:
        """Take the next entry, and before it what the engine waited for."""

    @abstractmethod
    def _take_entry(self, now_ns: int) -> None:
        """Take the next entry."""

    @abstractmethod
    def _end_of_day(self) -> int:
        """The recorded day is over."""

    def _go_on(self) -> None:
        """A reader has finished: play on, here on its thread, and spare two hand-offs to the counter's worker.

        Only when nothing else is to be done; a waiting request, the end of a day, or whoever has the turn, is the
        worker's.
        """
        if not self.turn.acquire(blocking=False):
            self.wake()
            return
        wait_ns = 0
        self._is_lent = True
        try:
            while not wait_ns and self.worker.is_idle and not self._speed and self._is_playing:
                wait_ns = self._play_one() or self.work()
            needs_worker = wait_ns >= 0 and self.worker.is_idle
        finally:
            self._is_lent = False
            self.turn.release()
        if needs_worker:
            self.wake()

    def _play_one(self) -> int:
        """The ordinary case of ``work`` in lock step, in few steps: an entry that somebody is told, who calls then.

        0 when anything else may be to do: a due timer, a client that is busy, a day's end, or nobody was told.
        """
        gate, world = self._gate, self.world
        if world.is_live or self._holds or self._is_settling_in or self.timers is not None or not gate.is_free():
            return 0
        offset = world.feed.next_offset
        if offset is None or self.engine.next_due_ns() or not self.worker.is_idle:
            return 0  # requests are looked at after the clients: a callback sends first and is finished then
        told = gate.told
        self._offset = offset
        self._take_entry(world.feed.base_ns + offset)
        return -1 if gate.told != told and gate.calls(self._go_on) else 0

    def _wait_for_client(self) -> int:
        """Lock step: 0 when nobody has anything to do; else he who has calls when he is done, and how long to wait."""
        busy = self._gate.go_on()
        if busy is None:
            return 0
        busy.when_idle(self._go_on)
        return self._gate.patience_ns()

    def _waits_for_readers(self) -> bool:
        """Whether a client has something left to do; one that has not begins the day."""
        for sink in self._readers.values():
            if sink.depth:
                sink.when_idle(self.wake)
                return True
        if self.worker.depth:
            self.wake()
            return True
        self._is_settling_in = False
        self._anchor_ns = self.monotonic_ns()
        return False

    def _play_at_full_speed(self) -> int:
        """The next entries as soon as every reader has finished with the last ones, and nothing that they asked waits.

        Requests are looked at after the readers: a callback sends first and is finished then.
        """
        for sink in self._readers.values():
            if sink.depth:
                sink.when_idle(self._go_on)
                return -1
        if self.worker.depth:
            return 0
        self._gate.is_orderly = True
        feed, gate = self.world.feed, self._gate
        offset = feed.next_offset
        if offset is None:
            return self._end_of_day()
        told, left = gate.told, _BURST
        while offset is not None and left and gate.told == told:
            due_ns = self.engine.next_due_ns()
            if self.timers is not None and self._pass_timers(self.timers, offset, due_ns):
                break
            if due_ns and due_ns <= feed.base_ns + offset and not self.world.is_live:
                self._pass_to(due_ns)
            else:
                self._play_entry(offset)
            if gate.told != told:
                return self._wait_for_client()
            offset = feed.next_offset
            left -= 1
        return 0

    def _pass_to(self, due_ns: int) -> None:
        """Between two entries the engine has something to do: it is told, and answered, before the next entry."""
        self._offset = max(due_ns - self.world.feed.base_ns, self._offset)
        self.publish(self.engine.tick(TimePasses(due_ns)))

    def _pass_timers(self, timers: Timers, offset: int, engine_ns: int) -> bool:
        """Whether a timer came before the next entry, and before what the engine waits for: then it was done."""
        base_ns = self.world.feed.base_ns
        until_ns = base_ns + offset if not engine_ns else min(engine_ns, base_ns + offset)
        due_ns = 0 if self.world.is_live else timers.due_until(until_ns)
        if due_ns:
            self._offset = max(self._offset, due_ns - base_ns)
            timers.reach(due_ns)
        return bool(due_ns)
