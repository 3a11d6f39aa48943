"""Parked orders and parked cancels (预埋单, 预埋撤单): what is kept, and the events (spec ctp-semantics 12.2).

A parked order is no order yet: nothing of it is told, frozen or numbered by an exchange until its product opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts.events import Event
from ctp2.tts.native import mypyc_attr

if TYPE_CHECKING:
    from ctp2.tts.commands import CancelOrder, InsertOrder
    from ctp2.tts.contract import Contract
    from ctp2.tts.state import State

NOT_SENT: Final = "1"
SENT: Final = "2"
DELETED: Final = "3"
"""ParkedOrderStatus (spec 0.2)."""


@mypyc_attr(acyclic=True)
class Parked:
    """One of them: exactly one of ``order`` and ``cancel`` is there, as the client sent it.

    ``number`` is the ParkedOrderID or ParkedOrderActionID (two sequences); ``error_id`` why CTP refused it when it was
    sent.
    """

    __slots__ = ("account_id", "cancel", "contract", "error_id", "number", "order", "status")

    def __init__(
        self, account_id: str, number: int, contract: Contract, order: InsertOrder | None, cancel: CancelOrder | None
    ) -> None:
        self.account_id: str = account_id
        self.number: int = number
        self.contract: Contract = contract
        self.order: InsertOrder | None = order
        self.cancel: CancelOrder | None = cancel
        self.status: str = NOT_SENT
        self.error_id: int = 0


class ParkedBook:
    """All of the day: by number, and those that wait per instrument in their order of arrival."""

    __slots__ = ("cancels", "orders", "waiting", "waiting_of")

    def __init__(self) -> None:
        self.orders: dict[int, Parked] = {}
        self.cancels: dict[int, Parked] = {}
        self.waiting: dict[int, list[Parked]] = {}
        self.waiting_of: dict[str, int] = {}

    def leave(self, parked: Parked, status: str) -> None:
        """It waits no more."""
        parked.status = status
        self.waiting[parked.contract.index].remove(parked)
        self.waiting_of[parked.account_id] -= 1


@mypyc_attr(acyclic=True)
class ParkedPut(Event):
    """It is kept."""

    __slots__ = ("parked",)

    def __init__(self, parked: Parked, now_ns: int) -> None:
        self.account_id = parked.account_id
        self.now_ns = now_ns
        self.parked: Parked = parked


@mypyc_attr(acyclic=True)
class ParkedSent(Event):
    """It was sent; ``error_id`` when CTP refused it. Nobody is told, queries show it (spec 12.2)."""

    __slots__ = ("error_id", "parked")

    def __init__(self, parked: Parked, error_id: int, now_ns: int) -> None:
        self.account_id = parked.account_id
        self.now_ns = now_ns
        self.parked: Parked = parked
        self.error_id: int = error_id


@mypyc_attr(acyclic=True)
class ParkedRemoved(ParkedPut):
    """Its owner took it back."""

    __slots__ = ()


@mypyc_attr(acyclic=True)
class ParkingRefused(Event):
    """It is not kept, or not taken back: the requester alone is told."""

    __slots__ = ("error_id",)

    def __init__(self, account_id: str, error_id: int, now_ns: int) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.error_id: int = error_id


def on_parked_put(state: State, event: ParkedPut) -> None:
    """One more waits."""
    parked, book = event.parked, state.parked
    (book.cancels if parked.order is None else book.orders)[parked.number] = parked
    book.waiting.setdefault(parked.contract.index, []).append(parked)
    book.waiting_of[parked.account_id] = book.waiting_of.get(parked.account_id, 0) + 1


def on_parked_sent(state: State, event: ParkedSent) -> None:
    """Sent, whatever came of it."""
    event.parked.error_id = event.error_id
    state.parked.leave(event.parked, SENT)


def on_parked_removed(state: State, event: ParkedRemoved) -> None:
    """Deleted; queries show it still."""
    state.parked.leave(event.parked, DELETED)


def on_parking_refused(state: State, event: ParkingRefused) -> None:
    """A refusal changes nothing."""
