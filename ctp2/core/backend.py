"""The contract between an Api object (or a served client) and whatever answers it.

Only CTP structs and the two records of this file, :class:`Request` and :class:`Event`, travel between packages. The two
are many and short-lived and never part of a cycle, so the collector does not track them (``gc=False``).

A backend package offers two functions and two classes:

=====================  ========  ================================================================================
``check(address)``     required  raise ``ValueError``/``FileNotFoundError`` for an address that can never work
``open(address, clock)`` required  a :class:`Backend`; may block; raises an error of :mod:`ctp2.core.errors`
``located(address)``   optional  the address with its files named so that they are the same from every folder: a program
                                 may change its working directory between two connections
``Backend.session``    required  one per Api object or served client
``Session.handle``     required  take one request; never block, never call back synchronously
``Backend.work_on``      optional  ``(host) -> bool``: do the work on a server's event loop (:class:`Host`) from now on,
                                 ``Backend.work_alone()`` ends that; False: it cannot. A loop wakes nobody.
                                 Sessions of a backend that works there are opened and closed there, too
``Backend.figures``      optional  ``() -> Mapping[str, float]``: numbers for whoever watches, from any thread; names as
                                 Prometheus writes them, counters end with ``_total``
``Backend.backlog``      optional  ``() -> int``: how many requests wait; a server hands it no more while they are many
``Backend.recipes``      optional  build → :class:`Recipe`, where a record repeats a shared one but for some members
``Backend.fault``        optional  why it serves no more, empty while it does
``Session.subscribe_topic``  optional  where a trader session's private/public flow starts (default: from now)
``Session.flow_identity``  optional  a text that names the counter's logs: a client that kept positions of other logs
                                 starts from the beginning (default: not compared)
=====================  ========  ================================================================================

A session whose link is gone for good puts ``Event(REOPEN)`` (:mod:`ctp2.core.dispatch`) as its last event, behind the
``OnFrontDisconnected``: its client closes it and opens another.

``open`` is called once per process for equal scheme, host and options; :mod:`ctp2.registry` counts the users and calls
``Backend.close`` after the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.clock import Clock
    from ctp2.ctp.methods import Method
    from ctp2.ctp.structs import CThostFtdcRspInfoField

CONTRACT_VERSION: Final = 1
"""Version of this contract; an entry point in group ``ctp2.backends`` is refused when its major differs."""

Kind = Literal["trader", "md"]
Topic = Literal["private", "public"]

Builder = Callable[[Any], Any]
"""What makes an event's struct of its field."""

QUICK: Final = -1
"""``after`` of :meth:`Session.subscribe_topic`: deliver only what happens from now on."""
NONE: Final = -2
"""``after`` of :meth:`Session.subscribe_topic`: deliver nothing of this topic."""


class Request(msgspec.Struct, gc=False, eq=False):
    """One ``Req…``/``Subscribe…`` call on its way to a backend.

    ``field`` is a private copy of the caller's struct (the caller may reuse his), or, for the subscription calls of
    MdApi, a tuple of instrument codes. ``request_id`` is the client's and is echoed unchanged.

    ``connection`` counts the ``OnFrontConnected`` that the client had seen in this session when it sent the request
    (0: not counted). A session that has announced more than that has cut the link this request was sent on, so it drops
    the request: its outcome is the ``OnFrontDisconnected`` on its way to the client.
    """

    method: Method
    field: Any
    request_id: int
    connection: int = 0

    def __repr__(self) -> str:
        # The field may hold a password, so only its type is shown.
        return f"Request({self.method.name}, {type(self.field).__name__}, request_id={self.request_id})"


class Event(msgspec.Struct, gc=False, eq=False):
    """One callback on its way to a client; what has been put is never changed again.

    ``callback`` is the Spi method's name. ``field`` is the struct or ``None``; with ``build`` it is what
    ``build(field)`` makes the struct of when the client's thread is about to deliver it: a record nobody reads is never
    built, every client gets an object of its own, and one event serves all of them. For ``OnFrontDisconnected`` and
    ``OnHeartBeatWarning`` ``request_id`` carries the reason or the seconds. ``topic`` and ``sequence`` place an event
    in the private or public flow (0: not part of a flow).
    """

    callback: str
    field: Any = None
    info: CThostFtdcRspInfoField | None = None
    request_id: int = 0
    is_last: bool = True
    topic: Topic | None = None
    sequence: int = 0
    build: Builder | None = None

    def struct(self) -> Any:
        """The struct to hand to a client, built now if it is yet to be."""
        build = self.build
        return self.field if build is None else build(self.field)

    def __repr__(self) -> str:
        place = f"{self.topic}:{self.sequence}"
        return f"Event({self.callback}, request_id={self.request_id}, is_last={self.is_last}, {place})"


class Recipe(NamedTuple):
    """What ``Event.build`` makes, in parts: a server packs the members that differ, and the shared record once.

    ``parts`` of an event's ``field`` are the shared record, which is never changed, and the values of ``members`` in
    their order; None when the record differs in more than those. ``own`` are the texts among them that hardly two
    records have in common.
    """

    callback: str
    members: tuple[str, ...]
    own: frozenset[str]
    parts: Callable[[Any], tuple[Any, tuple[Any, ...]] | None]


class Sink(Protocol):
    """Where a session delivers; called from any thread, never blocks."""

    def put(self, events: Sequence[Event]) -> None:
        """Queue events in order."""

    @property
    def depth(self) -> int:
        """Events queued and not yet finished (the one being delivered counts): 0 means the client is idle."""

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call ``call`` once when ``depth`` is 0: at once if it is, else from the client's thread."""


class Capabilities:
    """What a backend can do, so that a program may ask beforehand.

    ``kinds``: the kinds of front it offers; ``served``: those that a server of it offers (left out: the same).
    ``requests``: names of the ``Req…`` methods it really serves; a query outside gets its empty result, any other
    request error 27 (see :func:`ctp2.core.unsupported.answer`).
    ``order_kinds``: names of the kinds of orders that it takes; ``markets``: exchange → classes of products that can be
    traded there. Both may be empty: then nothing is said about them.
    ``differs``: the rules of a futures front that another rule stands for here, by the names below; the conformance
    suite then tries that other rule.
    """

    NAMES_LOGIN: ClassVar[str] = "names login"
    """The md front's OnRspUserLogin tells BrokerID, UserID, FrontID and SessionID, as a trader front's does."""
    REFUSES_UNKNOWN: ClassVar[str] = "refuses unknown"
    """A subscription of a code that cannot exist is answered with error 16."""
    KEEPS_EARLY: ClassVar[str] = "keeps early"
    """Subscriptions made before the login count: their ticks follow it."""
    SPOT_HAS_CLOSE: ClassVar[str] = "spot has close"
    """Securities have a PreClosePrice and no PreSettlementPrice."""
    ANY_USER: ClassVar[str] = "any user"
    """Every login is let in: the venue has no users and passwords of CTP's kind."""
    OWN_ACCOUNT: ClassVar[str] = "own account"
    """An order or a cancel without InvestorID is for the login's account; a query of another's is refused with 13."""
    OWN_TEXTS: ClassVar[str] = "own texts"
    """ErrorMsg, and StatusMsg of a final state, are in the venue's words, behind a prefix with a colon."""
    OWN_IDS: ClassVar[str] = "own ids"
    """SysVersion and the numbers of orders and trades have the venue's forms; OrderSysID may be known at once."""
    FREE_REFS: ClassVar[str] = "free refs"
    """OrderRef is any text that no order of the session has; a refused order leaves its own free."""
    ROUTES_BY_CODE: ClassVar[str] = "routes by code"
    """The instrument's code says where an order goes: another ExchangeID is refused with 15, a cancel needs no code."""
    KEEPS_ORDERS: ClassVar[str] = "keeps orders"
    """Orders may be good till cancelled, and be modified."""
    CHECKS_TICK: ClassVar[str] = "checks tick"
    """A price off the tick is refused with 95 before the order goes out."""
    NETS: ClassVar[str] = "nets"
    """An instrument has one net position, and a row only while something is held."""
    STATUS_BY_CODE: ClassVar[str] = "status by code"
    """OnRtnInstrumentStatus names instruments, not products, and those that somebody used."""
    OWN_MONEY: ClassVar[str] = "own money"
    """Amounts are the venue's, as it tells them and when; it freezes none of them for working orders."""

    __slots__ = ("differs", "kinds", "markets", "order_kinds", "requests", "served")

    def __init__(
        self,
        kinds: frozenset[Kind],
        requests: frozenset[str],
        order_kinds: frozenset[str] = frozenset(),
        markets: Mapping[str, tuple[str, ...]] | None = None,
        served: frozenset[Kind] | None = None,
        differs: frozenset[str] = frozenset(),
    ) -> None:
        self.differs = differs
        self.kinds = kinds
        self.served = kinds if served is None else served
        self.requests = requests
        self.order_kinds = order_kinds
        self.markets: Mapping[str, tuple[str, ...]] = {} if markets is None else markets


class Alarm(Protocol):
    """A call that will be made."""

    def cancel(self) -> None:
        """Do not make it."""


class Host(Protocol):
    """An event loop on which a backend may do its work, instead of on a thread of its own."""

    def post(self, call: Callable[[], None]) -> None:
        """Have ``call`` made on the loop's thread soon. From any thread."""

    def later(self, seconds: float, call: Callable[[], None]) -> Alarm:
        """Have ``call`` made after so long. On the loop's thread."""


class Session(Protocol):
    """One client's conversation: login state, flow position, throttle."""

    def handle(self, request: Request) -> int:
        """Take a request. 0: taken, one outcome will follow through the sink; -1, -2, -3 as CTP defines them."""

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Start ``topic`` behind sequence ``after`` of ``trading_day`` at the next login (another day: from its start).

        An empty ``trading_day`` is whichever is current. ``after`` may be :data:`QUICK` or :data:`NONE`. Called before
        each login request.
        """

    def close(self) -> None:
        """End the conversation; nothing is put into the sink after this returns."""


class Backend(Protocol):
    """A venue: connection, reconciliation, order table. One per process for an equal address."""

    capabilities: Capabilities

    def session(self, kind: Kind, sink: Sink) -> Session:
        """Open a session; ``OnFrontConnected`` follows through the sink when the link is up."""

    def close(self) -> None:
        """Stop threads, close files and sockets. Called once, after the last session closed."""


class BackendModule(Protocol):
    """What ``registry`` expects of a backend's module or entry point (a module satisfies this by its attributes)."""

    CONTRACT: int

    def check(self, address: Address) -> None:
        """Raise for an address that can never work (unknown option, bad type, missing file)."""

    def open(self, address: Address, clock: Clock) -> Backend:
        """Connect or build."""


Opener = Callable[["Address", "Clock"], Backend]
