from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.core.dispatch import INVOKE, REOPEN, Dispatcher
from ctp2.ctp import methods, spi, structs
from ctp2.testing import TraderRecorder
from tests.core.fake import TIMEOUT

SHAPES = {name: callback.shape for name, callback in methods.TRADER_CALLBACKS.items()}


class Bench:
    """A dispatcher, the events it reported as received, and a way to let its thread stand still."""

    def __init__(self, limit: int) -> None:
        self.received: list[int] = []
        self.dispatcher = Dispatcher(
            "test", SHAPES, spi.CThostFtdcTraderSpi, lambda event: self.received.append(event.sequence), limit
        )
        self.inbox = self.dispatcher.inbox()
        self.ended = threading.Event()

    def start(self, receiver: object) -> None:
        self.dispatcher.spi = receiver
        self.dispatcher.start(lambda: None, self.ended.set)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(limit: int = 100) -> Bench:
        made.append(Bench(limit))
        return made[-1]

    yield make
    for item in made:
        item.dispatcher.stop()
        assert item.dispatcher.join(TIMEOUT)


def test_every_shape_of_the_interface_can_be_called() -> None:
    assert {c.shape for table in (methods.TRADER_CALLBACKS, methods.MD_CALLBACKS) for c in table.values()} <= set(
        INVOKE
    )


def test_callbacks_come_in_order_on_one_thread(bench: Callable[..., Bench]) -> None:
    item, recorder = bench(), TraderRecorder()
    item.start(recorder)
    item.inbox.put([Event("OnFrontConnected"), Event("OnHeartBeatWarning", request_id=7)])
    item.inbox.put([Event("OnRspError", request_id=3, is_last=False)])
    recorder.wait_for("OnRspError")
    assert [(c.name, c.number, c.request_id, c.is_last) for c in recorder.calls] == [
        ("OnFrontConnected", 0, 0, True),
        ("OnHeartBeatWarning", 7, 0, True),
        ("OnRspError", 0, 3, False),
    ]
    assert len(recorder.threads) == 1
    assert threading.get_ident() not in recorder.threads


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_an_exception_in_a_callback_is_logged_and_the_thread_goes_on(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    class Failing(TraderRecorder):
        def OnRtnOrder(self, pOrder: Any) -> None:
            raise error

    item, recorder = bench(), Failing()
    item.start(recorder)
    item.inbox.put([Event("OnRtnOrder", topic="private", sequence=1), Event("OnFrontConnected")])
    recorder.wait_for("OnFrontConnected")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("ctp2.api", logging.ERROR)
    assert "OnRtnOrder" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert item.received == [1], "delivered, so it counts as received"


def test_a_struct_is_built_for_a_reader_only(bench: Callable[..., Bench]) -> None:
    built: list[str] = []

    def build(name: str) -> Any:
        built.append(name)
        return structs.CThostFtdcOrderField()

    class Reader(spi.CThostFtdcTraderSpi):
        def OnRtnOrder(self, pOrder: Any) -> None:
            built.append(type(pOrder).__name__)

        def OnFrontConnected(self) -> None:
            done.set()

    done = threading.Event()
    item = bench()
    item.start(Reader())
    item.inbox.put(
        [
            Event("OnRtnTrade", "trade", build=build),
            Event("OnRtnOrder", "order", build=build),
            Event("OnFrontConnected"),
        ]
    )
    assert done.wait(TIMEOUT)
    assert built == ["order", "CThostFtdcOrderField"]


def test_no_spi_and_a_duck_without_the_method_are_fine(bench: Callable[..., Bench]) -> None:
    item = bench()
    seen = threading.Semaphore(0)
    item.dispatcher.before["OnFrontConnected"] = lambda event: seen.release()
    item.start(None)
    item.inbox.put([Event("OnFrontConnected")])
    assert seen.acquire(timeout=TIMEOUT)
    item.dispatcher.spi = object()
    item.inbox.put([Event("OnFrontConnected")])
    assert seen.acquire(timeout=TIMEOUT)


def test_depth_counts_what_is_not_finished(bench: Callable[..., Bench]) -> None:
    entered, go_on, depths = threading.Event(), threading.Event(), []

    class Slow(spi.CThostFtdcTraderSpi):
        def OnFrontConnected(self) -> None:
            entered.set()
            assert go_on.wait(TIMEOUT)

        def OnHeartBeatWarning(self, nTimeLapse: int) -> None:
            depths.append(item.inbox.depth)

    item = bench()
    item.start(Slow())
    item.inbox.put([Event("OnFrontConnected"), Event("OnHeartBeatWarning")])
    assert entered.wait(TIMEOUT)
    assert item.inbox.depth == 2
    go_on.set()
    item.dispatcher.before[REOPEN] = lambda event: depths.append(item.inbox.depth)
    item.dispatcher.queue.put(())
    item.dispatcher.stop()
    assert item.dispatcher.join(TIMEOUT)
    assert depths in ([1], [])


def test_a_full_queue_cuts_the_session_behind_what_was_queued(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    entered, go_on, reopened = threading.Event(), threading.Event(), threading.Event()

    class Slow(TraderRecorder):
        def OnFrontConnected(self) -> None:
            entered.set()
            assert go_on.wait(TIMEOUT)

    item, recorder = bench(limit=3), Slow()
    item.dispatcher.before[REOPEN] = lambda event: reopened.set()
    item.start(recorder)
    item.inbox.put([Event("OnFrontConnected")])
    assert entered.wait(TIMEOUT)
    item.inbox.put([Event("OnRtnOrder"), Event("OnRtnTrade")])
    item.inbox.put([Event("OnRtnOrder")])
    item.inbox.put([Event("OnRtnOrder")])
    go_on.set()
    assert reopened.wait(TIMEOUT)
    assert recorder.names == ["OnRtnOrder", "OnRtnTrade", "OnFrontDisconnected"]
    assert recorder.calls[-1].number == 4097
    assert "more than the limit" in caplog.text
    assert item.dispatcher.inbox().depth <= 1


def test_a_closed_inbox_takes_nothing(bench: Callable[..., Bench]) -> None:
    item = bench()
    item.inbox.close()
    item.inbox.put([Event("OnFrontConnected")])
    assert item.inbox.depth == 0


def test_stop_ends_delivery_within_a_batch(bench: Callable[..., Bench]) -> None:
    class Stopping(TraderRecorder):
        def OnFrontConnected(self) -> None:
            item.dispatcher.stop()

    item, recorder = bench(), Stopping()
    item.start(recorder)
    item.inbox.put([Event("OnFrontConnected"), Event("OnRtnOrder")])
    assert item.ended.wait(TIMEOUT)
    assert recorder.names == []


def test_an_idle_client_is_told_once_by_whoever_sees_it_first(bench: Callable[..., Bench]) -> None:
    entered, go_on, told = threading.Event(), threading.Event(), threading.Semaphore(0)

    class Slow(spi.CThostFtdcTraderSpi):
        def OnFrontConnected(self) -> None:
            entered.set()
            assert go_on.wait(TIMEOUT)

    threads: list[int] = []

    def tell() -> None:
        threads.append(threading.get_ident())
        told.release()

    item = bench()
    item.start(Slow())
    item.inbox.when_idle(tell)
    assert threads == [threading.get_ident()], "idle already: at once"
    item.inbox.put([Event("OnFrontConnected"), Event("OnRtnOrder")])
    assert entered.wait(TIMEOUT)
    item.inbox.when_idle(lambda: threads.append(0))
    item.inbox.when_idle(tell)
    assert len(threads) == 1
    go_on.set()
    assert told.acquire(timeout=TIMEOUT)
    assert told.acquire(timeout=TIMEOUT)
    assert 0 not in threads
    assert threads[1] != threads[0]


def test_a_failure_of_the_idle_call_does_not_end_the_thread(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    item, recorder = bench(), TraderRecorder()
    item.start(recorder)
    item.inbox.when_idle(lambda: 1 / 0)  # type: ignore[arg-type]
    item.inbox.put([Event("OnFrontConnected")])
    recorder.wait_for("OnFrontConnected")
    assert "ZeroDivisionError" in caplog.text
