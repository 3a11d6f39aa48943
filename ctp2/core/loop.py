"""A thread with an event loop, for a backend and all its connections and parts: nothing of it needs a lock."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ctp2.core.clock import Clock

log = logging.getLogger("ctp2.loop")

_CLOSE_S: Final = 5.0


class Loop:
    """A thread with an event loop. ``post``, ``run`` and ``close`` from any thread, all else on the loop.

    ``name`` is the thread's.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self.name = name
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return threading.current_thread() is self._thread

    # ------------------------------------------------------------------ any thread
    def post(self, call: Callable[..., object], *args: object) -> None:
        """Have ``call`` made on the loop."""
        try:
            self.loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            log.debug("the loop is closed: a late call is dropped")

    def run(self, work: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        """Do some work on the loop and wait for it. From another thread.

        Raises:
            TimeoutError: it took longer.
        """
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def close(self) -> None:
        """End the thread: what runs is cancelled and awaited first."""
        self.post(self.loop.stop)
        if not self.is_current:
            self._thread.join(_CLOSE_S)

    # ------------------------------------------------------------------ on the loop
    def now_ns(self) -> int:
        """The wall clock."""
        return self._clock.now_ns()

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def later(self, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        """Have ``call`` made after so long."""
        return self.loop.call_later(seconds, call)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let some work run by itself; what it raises is logged."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a task of %s failed: this is an error of ctp2", self.name, exc_info=error)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(_settle(self.loop))
            asyncio.set_event_loop(None)
            self.loop.close()


async def _settle(loop: asyncio.AbstractEventLoop) -> None:
    """Let cancelled work end, and transports close."""
    others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()
    for _ in range(3):
        await asyncio.sleep(0)  # a transport closes in the turn after it was told to
