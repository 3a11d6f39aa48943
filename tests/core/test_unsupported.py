"""Every request of the interface gets an outcome from the house."""

from __future__ import annotations

import pytest

from ctp2.core.backend import Request
from ctp2.core.unsupported import answer, convert, refuse, wrong_front
from ctp2.ctp import methods
from ctp2.ctp import structs as s

ALL = [*methods.TRADER.values(), *methods.MD.values()]


@pytest.mark.parametrize("method", ALL, ids=lambda m: f"{m.kind}-{m.name}")
def test_every_method_has_an_outcome(method: methods.Method) -> None:
    field = getattr(s, method.struct)() if method.struct else ("a",)
    events = answer(method, Request(method, field, 9))
    first = events[0]
    assert first.request_id == 9
    assert events[0].is_last
    assert first.callback == (method.response or "OnRspError")
    if method.is_query and method.name != "ReqQryInvestUnit":  # which CTP itself does not serve
        assert (first.field, first.info, len(events)) == (None, None, 1)
        return
    assert all(event.info is not None and event.info.ErrorID == 27 for event in events)
    assert [event.callback for event in events[1:]] == ([method.err_rtn] if method.err_rtn else [])
    if method.response and method.response_struct and not method.is_query:
        assert type(first.field).__name__ == method.response_struct


def test_a_refused_cancel_reports_an_order_action() -> None:
    method = methods.TRADER["ReqOrderAction"]
    asked = s.CThostFtdcInputOrderActionField(OrderRef="7", OrderActionRef=3)
    rsp, err_rtn = answer(method, Request(method, asked, 1))
    assert rsp.field == asked
    assert rsp.field is not asked
    assert err_rtn.field == s.CThostFtdcOrderActionField(OrderRef="7", OrderActionRef=3)


def test_refusals_with_a_text_of_their_own() -> None:
    method = methods.TRADER["ReqQryInstrument"]
    (event,) = refuse(Request(method, s.CThostFtdcQryInstrumentField(), 1), 16, "text")
    assert event.field is None
    assert event.info == s.CThostFtdcRspInfoField(ErrorID=16, ErrorMsg="text")


def test_wrong_front_and_conversion() -> None:
    method = methods.TRADER["ReqOrderInsert"]
    (event,) = wrong_front(Request(method, s.CThostFtdcInputOrderField(), 2))
    assert (event.callback, event.info and event.info.ErrorID) == ("OnRspError", 77)
    assert convert(None, "CThostFtdcOrderField") == s.CThostFtdcOrderField()
