"""Who does a counter's work: a thread of its own, or the event loop of a server that serves it.

Requests wait in one queue, from any thread. On its own thread the counter blocks on that queue until the next thing is
due. On a loop it works in slices between the loop's other work, and no request waits for another thread to wake up:
between a server's socket and the engine that hand-off is most of the way (docs/decisions/0121-counter-on-the-loop.md).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from ctp2.core.backend import Alarm, Host

log = logging.getLogger("ctp2.tts")

QUEUE_LIMIT: Final = 200_000
"""Requests that may wait for the counter; a caller beyond it is told -2."""
_SLICE: Final = 256
"""Requests served before a loop's other work has its turn."""
_NS: Final = 1_000_000_000

Job = Callable[[Any], None]


class Works(Protocol):
    """What there is to do."""

    turn: threading.Lock

    def work(self) -> int:
        """Do what is due; returns how long nothing will be (ns), -1 for until somebody asks."""

    def serve(self, job: Job, argument: Any) -> None:
        """Carry out a request, under the turn."""

    def monotonic_ns(self) -> int:
        """The monotonic clock."""


class Worker:
    """Does the work of one counter, one piece at a time."""

    __slots__ = (
        *(
            "_alarm",
            "_alarm_ns",
            "_counter",
            "_counting",
            "_done",
            "_home",
            "_host",
            "_is_leaving",
            "_is_posted",
            "_jobs",
        ),
        *("_stopping", "_submitted", "_thread"),
    )

    def __init__(self, counter: Works) -> None:
        self._counter = counter
        self._jobs: SimpleQueue[tuple[Job, Any]] = SimpleQueue()
        self._counting = threading.Lock()
        self._submitted = 0
        self._done = 0
        self._stopping = False
        self._is_leaving = False
        self._thread = self._new_thread()
        self._host: Host | None = None
        self._home = 0
        """The loop's thread."""
        self._is_posted = False
        self._alarm: Alarm | None = None
        self._alarm_ns = 0

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="ctp2-counter", daemon=True)

    # ------------------------------------------------------------------ from any thread
    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the work after what was submitted before; returns when it has ended."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self.put(self._stop, None)
            self._thread.join()
        self._stopping = True

    def submit(self, job: Job, argument: Any) -> bool:
        """Have ``job(argument)`` done; False when too much waits already."""
        if self._jobs.qsize() >= QUEUE_LIMIT:
            return False
        self.put(job, argument)
        return True

    def put(self, job: Job, argument: Any) -> None:
        """Counted before it is queued: what is neither queued nor done yet is being done."""
        with self._counting:
            self._submitted += 1
        self._jobs.put((job, argument))
        if self._host is not None:
            self._post()

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return self._jobs.qsize()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being done."""
        return self._submitted == self._done

    @property
    def is_home(self) -> bool:
        """Whether the caller is on the loop that does the work: who waited for it here would wait for himself."""
        return self._host is not None and threading.get_ident() == self._home

    # ------------------------------------------------------------------ moving
    def work_on(self, host: Host) -> bool:
        """Move to a loop; False when the work is done on another one already. Not on the counter's own thread."""
        if self._host is not None or self._stopping:
            return False
        self.put(self._leave, None)
        self._thread.join()
        self._host = host
        host.post(self._arrive)
        return True

    def work_alone(self) -> None:
        """Go back to a thread of its own. On the loop's thread."""
        if self._host is None:
            return
        self._host = None
        self._cancel_alarm()
        self._thread = self._new_thread()
        self._thread.start()

    def _arrive(self) -> None:
        self._home = threading.get_ident()
        self._slice()

    def _leave(self, _: Any) -> None:
        self._is_leaving = True

    def _stop(self, _: Any) -> None:
        self._stopping = True

    # ------------------------------------------------------------------ on the thread
    def _run(self) -> None:
        counter, get = self._counter, self._jobs.get
        self._is_leaving = False
        while not self._stopping and not self._is_leaving:
            with counter.turn:
                wait_ns = counter.work()
            try:
                if wait_ns < 0:
                    job, argument = get()
                elif wait_ns:
                    job, argument = get(timeout=wait_ns / _NS)
                else:
                    job, argument = get(block=False)
            except Empty:
                continue
            with counter.turn:
                counter.serve(job, argument)
                self._done += 1

    # ------------------------------------------------------------------ on the loop
    def _post(self) -> None:
        host = self._host
        if self._is_posted or host is None:
            return
        self._is_posted = True
        host.post(self._slice)

    def _slice(self) -> None:
        """A few requests, then what is due; again at once, later, or when somebody asks."""
        # In this order, so that a request queued meanwhile is either seen here or posts again.
        self._is_posted = False
        host = self._host
        if host is None:
            return
        counter, get = self._counter, self._jobs.get
        with counter.turn:
            for _ in range(_SLICE):
                try:
                    job, argument = get(block=False)
                except Empty:
                    break
                counter.serve(job, argument)
                self._done += 1
            wait_ns = counter.work()
        if not wait_ns or self._jobs.qsize():
            self._post()
        elif wait_ns > 0:
            self._wake_in(host, wait_ns)

    def _wake_in(self, host: Host, wait_ns: int) -> None:
        """Look again after so long at the latest. An alarm that rings before stays: to look once more is cheaper."""
        due_ns = self._counter.monotonic_ns() + wait_ns
        if self._alarm is not None:
            if self._alarm_ns <= due_ns:
                return
            self._alarm.cancel()
        self._alarm, self._alarm_ns = host.later(wait_ns / _NS, self._ring), due_ns

    def _ring(self) -> None:
        self._alarm = None
        self._post()

    def _cancel_alarm(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()
