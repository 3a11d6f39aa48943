from __future__ import annotations

import threading

import pytest

from ctp2.ctp import methods
from ctp2.ctp import structs as s
from ctp2.testing import Call, MdRecorder, TraderRecorder

ARGUMENTS = {"plain": 0, "number": 1, "rsp": 4, "rtn": 1, "errrtn": 2, "error": 3}


@pytest.mark.parametrize(
    ("recorder", "table"), [(TraderRecorder(), methods.TRADER_CALLBACKS), (MdRecorder(), methods.MD_CALLBACKS)]
)
def test_every_callback_is_recorded(recorder: TraderRecorder | MdRecorder, table: dict[str, methods.Callback]) -> None:
    for name, callback in table.items():
        getattr(recorder, name)(*[None] * ARGUMENTS[callback.shape])
    assert recorder.names == list(table)


def test_structs_are_copied() -> None:
    recorder, order, info = TraderRecorder(), s.CThostFtdcInputOrderField(OrderRef="1"), s.CThostFtdcRspInfoField()
    recorder.OnRspOrderInsert(order, info, 7, False)
    order.OrderRef = "2"
    info.ErrorID = 3
    (call,) = recorder.calls
    assert (call.field.OrderRef, call.error_id, call.request_id, call.is_last) == ("1", 0, 7, False)
    assert Call("x").error_id == 0


def test_waiting_is_woken_by_the_callback() -> None:
    recorder, waiting = MdRecorder(), threading.Event()

    def call() -> None:
        assert waiting.wait(10)
        recorder.OnFrontConnected()
        recorder.OnFrontDisconnected(4097)

    thread = threading.Thread(target=call)
    thread.start()
    waiting.set()
    assert recorder.wait_for(lambda call: call.number == 4097).name == "OnFrontDisconnected"
    thread.join()
    assert recorder.wait_for("OnFrontConnected", timeout=0).name == "OnFrontConnected"


def test_a_time_out_shows_what_came_instead() -> None:
    recorder = MdRecorder()
    recorder.OnFrontConnected()
    with pytest.raises(TimeoutError, match=r"OnRspUserLogin \(0 of 1\).*OnFrontConnected"):
        recorder.wait_for("OnRspUserLogin", timeout=0.001)
    with pytest.raises(TimeoutError, match=r"1 of 2"):
        recorder.wait_for("OnFrontConnected", timeout=0.001, count=2)


def test_answers_are_collected_up_to_the_last_row() -> None:
    recorder = TraderRecorder()
    recorder.OnRspQryOrder(s.CThostFtdcOrderField(OrderRef="1"), None, 4, False)
    recorder.OnRtnOrder(s.CThostFtdcOrderField())
    recorder.OnRspQryOrder(s.CThostFtdcOrderField(OrderRef="2"), None, 4, True)
    assert [call.field.OrderRef for call in recorder.answer(4)] == ["1", "2"]
