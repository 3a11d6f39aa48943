from __future__ import annotations

from ctp2.core.backend import Event
from ctp2.core.throttle import QueryRate, QuerySlot

SECOND = 1_000_000_000


def test_the_slot_is_taken_once_and_freed_by_its_own_answer() -> None:
    slot = QuerySlot()
    assert slot.take("OnRspQryOrder", 1)
    assert not slot.take("OnRspQryTrade", 2)
    slot.answered(Event("OnRspQryTrade", request_id=1))
    slot.answered(Event("OnRspQryOrder", request_id=1, is_last=False))
    slot.refused(Event("OnRspError", request_id=2))
    assert not slot.take("OnRspQryTrade", 2)
    slot.answered(Event("OnRspQryOrder", request_id=1))
    assert slot.take("OnRspQryTrade", 2)
    slot.free()
    slot.free()
    assert slot.take("OnRspQryTrade", 3)


def test_no_limit() -> None:
    rate = QueryRate()
    assert all(rate.admit(0) for _ in range(100))


def test_any_second_has_at_most_so_many() -> None:
    rate = QueryRate(2)
    assert [rate.admit(t) for t in (0, 0, SECOND - 1, SECOND, SECOND, 2 * SECOND)] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]
