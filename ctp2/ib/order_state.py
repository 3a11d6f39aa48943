"""An order as the adapter knows it, what can happen to it, and what is to be done then: plain data, no behaviour.

The adapter owns the state of every order (spec ib 2): the client libraries' own is wrong after many codes (5.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from ctp2.ib import codes_orders as codes

if TYPE_CHECKING:
    from ctp2.ib.identity import Key
    from ctp2.ib.records import Contract, Execution, OpenOrder, OrderSpec

Timer = Literal["ack", "held", "reply", "fills", "reason", "text", "missing"]
"""What an order waits for; ``Elapsed`` says that it waited long enough."""

ACK_S = 1.0
"""Without a word from TWS for so long, ``OnRtnOrder`` ``a`` is told alone: fate unknown (5.1)."""
HELD_S = 3.0
"""So long a cancel waits for the order's acknowledgement (5.2)."""
REPLY_S = 10.0
"""An action without an answer: the open orders are asked for (5.2). The same for an order that nobody acknowledged."""
FILLS_S = 2.0
"""``orderStatus.filled`` may run ahead of the executions for so long (5.4)."""
REASON_S = 3.0
"""So long an ``Inactive`` without a reason waits for an error (5.4)."""
TEXT_S = 1.0
"""So long a ``Cancelled`` that nobody asked for waits for the text of its 202, and a 202 for its ``Cancelled``."""
AGAIN_S = 30.0
"""An acknowledged order that the broker does not list is asked for again (3.3)."""


class Terms(NamedTuple):
    """What TWS and we agree on; a modification changes it."""

    volume: int
    """In CTP's units."""
    price: float
    stop: float


class Action(msgspec.Struct, eq=False):
    """A ``ReqOrderAction`` that has no outcome yet."""

    kind: Literal["cancel", "modify"]
    origin: Any = None
    """Who is to be told of its failure; nothing to this module."""
    wanted: Terms | None = None
    """What a modification asks for."""
    spec: OrderSpec | None = None
    """What a modification places."""
    is_sent: bool = False


class Fill(msgspec.Struct, eq=False):
    """An execution of the order, in its latest revision."""

    exec_id: str
    revision: int
    shares: float


class Order(msgspec.Struct, eq=False):
    """One order. Changed by :mod:`ctp2.ib.orders` alone.

    ``scale``: CTP volume 1 is 1/scale of IB's unit (4.3). ``request`` is the client's own record, where there is one.
    """

    key: Key
    account: str
    contract: Contract
    terms: Terms
    client_id: int
    order_id: int
    direction: str
    offset: str
    hedge: str
    scale: int = 1
    perm_id: int = 0
    spec: OrderSpec | None = None
    """As it was placed, or as TWS tells it; a modification is made of this."""
    request: Any = None
    origin: Any = None
    """Who is to be told that the order was refused."""
    listing: Any = None
    """The instrument, for whoever shows the order."""
    is_own: bool = True
    """Whether our client id may change it."""
    is_tagged: bool = True
    is_guess: bool = False
    """Only executions are known of it: its volume is what they say."""
    sent_ns: int = 0
    """When it was first sent; of adopted orders when they were first seen."""
    update_ns: int = 0
    cancel_ns: int = 0
    trading_day: str = ""
    seq: int = 0
    """BrokerOrderSeq."""

    is_acknowledged: bool = False
    """TWS has said something of it that is no error."""
    is_working: bool = False
    """It was PreSubmitted, Submitted or filled in part."""
    is_triggered: bool = False
    is_held: bool = False
    """TWS locates shares to borrow."""
    is_refused: bool = False
    """An error ended it before it was acknowledged: there is no such order (5.1)."""
    end: Literal["", "filled", "cancelled", "rejected", "silent", "unknown"] = ""
    """``silent``: Inactive without a reason; ``unknown``: the broker does not know it (any more)."""
    end_text: str = ""
    closing: Literal["", "cancelled", "inactive", "noted"] = ""
    """An end that waits: for executions, a reason, or the text that comes with it; ``noted``: 202 came first."""
    submit: str = codes.INSERT_SUBMITTED
    action: Action | None = None
    fills: dict[str, Fill] = msgspec.field(default_factory=dict)
    """By execId without its revision."""
    shares: float = 0.0
    """Sum of the executions, in IB's unit."""
    claimed: float = 0.0
    """The most that orderStatus.filled said."""
    lowered: float = 0.0
    """By how much corrections of executions lowered the sum: claims from before them are void by that."""
    is_fills_asked: bool = False
    """The executions were asked for, as orderStatus.filled ran ahead."""
    adopted: float = 0.0
    """What was taken from orderStatus.filled, as the executions never came."""
    rejection: tuple[int, str] | None = None
    """The last order error, for an Inactive or Cancelled that follows."""
    cancel_text: str = ""
    """The words of the 202."""
    resends: int = 0
    asks: int = 0
    """How often the broker did not list it."""
    is_asked: bool = False
    """An inquiry for this order is under way or was made for a doubt that nothing has answered."""
    old_terms: Terms | None = None
    """Before the last modification: an ``openOrder`` that shows these is late."""
    waits: dict[str, int] = msgspec.field(default_factory=dict)
    """Timer → its number; an ``Elapsed`` with another number is void."""
    timers: int = 0
    told: Shown | None = None
    is_sys_id_told: bool = False

    @property
    def traded(self) -> int:
        """VolumeTraded."""
        return self.lots(max(self.shares, self.adopted))

    def lots(self, shares: float) -> int:
        """IB's unit in CTP's, truncated toward zero (4.3)."""
        return int(shares * self.scale + 1e-6)

    @property
    def owes_fills(self) -> bool:
        """Whether orderStatus.filled says more than the executions."""
        return self.lots(self.claimed - self.lowered) > self.traded

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.is_refused or self.end in ("filled", "cancelled", "rejected", "silent")

    @property
    def is_conditional(self) -> bool:
        """Whether it waits for a price."""
        return self.spec is not None and self.spec.order_type in codes.CONDITIONAL_TYPES

    @property
    def remaining(self) -> int:
        """VolumeTotal."""
        return max(self.terms.volume - self.traded, 0)


class Shown(NamedTuple):
    """What an ``OnRtnOrder`` tells; two equal ones are a repeat."""

    status: str
    submit: str
    traded: int
    terms: Terms
    text: str
    perm_id: int


# ------------------------------------------------------------------ what can happen, besides the broker's records


class Sent(NamedTuple):
    """The order was put on its way; ``eager``: tell ``a`` at once."""

    eager: bool = False


class CancelWanted(NamedTuple):
    """``ReqOrderAction`` deletes it; checked already."""

    action: Action


class ModifyWanted(NamedTuple):
    """``ReqOrderAction`` changes it; checked already."""

    action: Action


class Lost(NamedTuple):
    """The link broke."""


class Elapsed(NamedTuple):
    """A timer ran out."""

    timer: Timer
    number: int


class Found(NamedTuple):
    """An inquiry found it among the open orders (its records were told before)."""

    order: OpenOrder


class Missing(NamedTuple):
    """An inquiry found it neither open nor completed; its executions were told before."""


class Revised(NamedTuple):
    """A completed order's terms, told before the executions that came meanwhile: a modification may have been taken."""

    spec: OrderSpec


# ------------------------------------------------------------------ what is to be done


class Changed(NamedTuple):
    """``OnRtnOrder``."""

    shown: Shown


class Traded(NamedTuple):
    """``OnRtnTrade``: an execution, and its volume in CTP's units."""

    execution: Execution
    volume: int


class InsertRefused(NamedTuple):
    """``OnRspOrderInsert`` and ``OnErrRtnOrderInsert``; there is no order."""

    error_id: int
    text: str


class ActionRefused(NamedTuple):
    """``OnRspOrderAction`` and ``OnErrRtnOrderAction``; ``text`` None: CTP's own."""

    action: Action
    error_id: int
    text: str | None


class Remark(NamedTuple):
    """For the log."""

    is_grave: bool
    text: str


class Wait(NamedTuple):
    """Tell ``Elapsed(timer, number)`` after so long."""

    timer: Timer
    number: int
    seconds: float


class SendCancel(NamedTuple):
    """``cancelOrder``."""


class SendModify(NamedTuple):
    """``placeOrder`` with the same id."""

    spec: OrderSpec


class Resend(NamedTuple):
    """``placeOrder`` under a fresh id: the old one was in use and nothing was placed."""


class AskFills(NamedTuple):
    """``reqExecutions``."""


class Inquire(NamedTuple):
    """Look for the order among the broker's, then tell ``Found`` or ``Missing``."""


Report = (
    Changed
    | Traded
    | InsertRefused
    | ActionRefused
    | Remark
    | Wait
    | SendCancel
    | SendModify
    | Resend
    | AskFills
    | Inquire
)
