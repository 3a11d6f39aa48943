"""Parked orders (预埋单) at a scenario's desk: the steps, the lines and the tables.

``alice parks buys open 2 X at 3490 as p`` and ``alice parks cancel of 1`` keep something, ``alice takes back p`` (or
``takes back cancel 1``, by ParkedOrderActionID) ends it; ``parked alice``, ``parked-cancels alice`` are the tables of
the queries. Only the one who asks is told: ``parked p #1``, ``parked-cancel 1 #1``, ``parked p deleted`` or
``not parked 44 …``. What is sent of ``p`` is called ``p*``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp.errors import prompt
from ctp2.tts.events import Event
from ctp2.tts.parked import ParkedPut, ParkedRemoved, ParkingRefused
from ctp2.tts.parked_requests import parked_to_ctp

if TYPE_CHECKING:
    from ctp2.testing.desk import Desk

PARK_ORDER: Final = re.compile(r"(?P<user>\w+) parks (?P<order>(?:buys|sells) .*)$")
PARK_CANCEL: Final = re.compile(r"(?P<user>\w+) parks cancel of (?P<name>\S+)(?: by (?P<by>sysid|trimmed|ref))?$")
TAKE_BACK: Final = re.compile(r"(?P<user>\w+) takes back (?P<cancel>cancel )?(?P<id>\S+)$")


def take_back(desk: Desk, user: str, text: str, is_cancel: bool) -> list[Event]:
    """``ReqRemoveParkedOrder`` or ``…Action`` by number, or by the name of the parked order."""
    if not is_cancel:
        for parked in desk.state.parked.orders.values():
            if parked.order is not None and desk.names[parked.order.request_id] == text:
                text = str(parked.number)
    return desk.engine.parking.remove(user, user, text, is_cancel, desk.now_ns)


def line_of(desk: Desk, event: Event) -> str:
    """What the requester is told; empty for what nobody is."""
    if isinstance(event, ParkingRefused):
        return f"not parked {event.error_id} {prompt(event.error_id)}"
    if not isinstance(event, ParkedPut):
        return ""
    parked = event.parked
    request = parked.order if parked.order is not None else parked.cancel
    assert request is not None
    word = "parked" if parked.order is not None else "parked-cancel"
    end = "deleted" if isinstance(event, ParkedRemoved) else f"#{parked.number}"
    return f"{word} {desk.names[request.request_id]} {end}"


def table(desk: Desk, user: str, is_cancel: bool) -> Sequence[Any]:
    """The rows of ``ReqQryParkedOrder`` or ``ReqQryParkedOrderAction``."""
    book = desk.state.parked
    records = book.cancels if is_cancel else book.orders
    return [parked_to_ctp(parked) for parked in records.values() if parked.account_id == user]
