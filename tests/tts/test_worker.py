"""Who does the counter's work: its thread, a server's loop, and back, with nothing lost on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctp2.front.server import LoopHost
from ctp2.tts.worker import QUEUE_LIMIT, Worker

TIMEOUT = 10.0


class Work:
    """What is done is noted with the thread that did it; what is due the test says."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.done: list[Any] = []
        self.threads: set[int] = set()
        self.due: list[int] = []
        """Answers of the next calls of ``work``; -1 when there are none left."""
        self.looked = threading.Semaphore(0)
        self.reached = threading.Condition()

    def work(self) -> int:
        assert self.turn.locked()
        self.looked.release()
        return self.due.pop(0) if self.due else -1

    def serve(self, job: Callable[[Any], None], argument: Any) -> None:
        assert self.turn.locked()
        job(argument)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def note(self, what: Any) -> None:
        with self.reached:
            self.done.append(what)
            self.threads.add(threading.get_ident())
            self.reached.notify_all()

    def wait_for(self, number: int) -> None:
        with self.reached:
            assert self.reached.wait_for(lambda: len(self.done) >= number, TIMEOUT)


class Loop:
    """An event loop on a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, function: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(TIMEOUT)

    def host(self) -> LoopHost:
        made: LoopHost = self.call(lambda: LoopHost(self.loop))
        return made

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(TIMEOUT)
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def worker(work: Work) -> Iterator[Worker]:
    made = Worker(work)
    made.start()
    yield made
    made.stop()


def test_on_its_own_thread(worker: Worker, work: Work) -> None:
    for number in range(100):
        assert worker.submit(work.note, number)
    work.wait_for(100)
    assert work.done == list(range(100))
    assert threading.get_ident() not in work.threads and len(work.threads) == 1
    assert not worker.is_home


def test_to_a_loop_and_back_while_requests_come(worker: Worker, work: Work, loop: Loop) -> None:
    """One thread sends 3,000 numbers; the work moves to a loop after a third of them, and back after some more."""
    third, moved = threading.Event(), threading.Event()

    def send() -> None:
        for number in range(3000):
            worker.submit(work.note, number)
            if number == 1000:
                third.set()
            elif number == 2000:
                assert moved.wait(TIMEOUT)

    sender = threading.Thread(target=send)
    sender.start()
    assert third.wait(TIMEOUT)
    assert worker.work_on(loop.host())
    moved.set()
    work.wait_for(2100)
    loop.call(worker.work_alone)
    sender.join()
    work.wait_for(3000)
    assert work.done == list(range(3000))
    assert loop.thread.ident in work.threads and len(work.threads) <= 3
    assert worker.is_idle


def test_what_is_due_is_done_on_the_loop(worker: Worker, work: Work, loop: Loop) -> None:
    """Due at once, then after a millisecond, then after an hour; then a request is served all the same."""
    worker.work_on(loop.host())
    worker.submit(work.note, "here")
    work.wait_for(1)
    while work.looked.acquire(blocking=False):
        pass
    work.due = [0, 1_000_000, 3_600_000_000_000]
    worker.submit(work.note, "first")
    for _ in range(3):
        assert work.looked.acquire(timeout=TIMEOUT)
    worker.submit(work.note, "second")
    work.wait_for(3)
    assert work.due == []
    loop.call(worker.work_alone)


def test_home_is_the_loop(worker: Worker, work: Work, loop: Loop) -> None:
    worker.work_on(loop.host())
    worker.submit(work.note, 1)
    work.wait_for(1)
    assert loop.call(lambda: worker.is_home) and not worker.is_home
    loop.call(worker.work_alone)
    assert not loop.call(lambda: worker.is_home)


def test_one_loop_at_a_time(worker: Worker, work: Work, loop: Loop) -> None:
    assert worker.work_on(loop.host())
    assert not worker.work_on(loop.host())
    loop.call(worker.work_alone)
    loop.call(worker.work_alone)  # once more does no harm
    worker.submit(work.note, 1)
    work.wait_for(1)
    assert worker.work_on(loop.host())
    loop.call(worker.work_alone)


def test_nothing_moves_after_the_end(work: Work, loop: Loop) -> None:
    worker = Worker(work)
    worker.start()
    worker.stop()
    assert not worker.work_on(loop.host())


def test_the_queue_is_bounded(work: Work) -> None:
    worker = Worker(work)  # nobody works
    for _ in range(QUEUE_LIMIT):
        assert worker.submit(work.note, 0)
    assert not worker.submit(work.note, 0)
    assert worker.depth == QUEUE_LIMIT and not worker.is_idle
