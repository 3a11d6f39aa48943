"""The faulty link of one session: what stands between it and its client while faults are set.

Downwards it is the session's sink, upwards it takes the client's requests and is the port of the session's machine.
Only while it is there does a session pay for it (docs/decisions/0114-faults.md). Everything runs on the counter's turn,
but :meth:`FaultyLink.early`, which is what a call itself returns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event
from ctp2.core.session import MUST_CHANGE_PASSWORD, QUERY_TOO_SOON, Closed, LoginResult
from ctp2.core.unsupported import refuse
from ctp2.ctp.errors import rsp_info
from ctp2.refdata.sessions import instant_ns
from ctp2.tts.fault_rules import ANYTHING, FOREVER, NS
from ctp2.tts.values import date_of

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.core.session import SessionMachine
    from ctp2.tts.fault_rules import Rule
    from ctp2.tts.faults import ActiveRule, Faults
    from ctp2.tts.session import TtsSession
    from ctp2.tts.timers import Timer

_CONTROL: Final = frozenset({"OnFrontConnected", "OnFrontDisconnected", "OnHeartBeatWarning"})
_MARKET: Final = frozenset({"OnRtnDepthMarketData", "OnRtnForQuoteRsp"})
_PUBLIC: Final = frozenset({"OnRtnInstrumentStatus", "OnRtnBulletin"})
_EVENING: Final = 18 * 3600
"""A time of day after this is of the night session: the calendar day before its trading day."""
_LOGIN: Final = "OnRspUserLogin"
_TRADE: Final = "OnRtnTrade"
_ORDER: Final = "OnRtnOrder"


def flow_of(event: Event) -> str:
    """Which of the four flows (or the quotes) an event travels in (spec ctp-semantics 2.1)."""
    name = event.callback
    if name in _MARKET:
        return "md"
    if name in _PUBLIC:
        return "public"
    if name.startswith(("OnRtn", "OnErrRtn")):
        return "private"
    return "query" if name.startswith("OnRspQry") else "dialog"


def subjects_of(event: Event, flow: str) -> tuple[str, ...]:
    """What an event counts as."""
    if flow == "private":
        return (ANYTHING, "return", "trade") if event.callback == _TRADE else (ANYTHING, "return")
    if flow == "md":
        return (ANYTHING, "tick")
    return (ANYTHING,) if flow == "public" else (ANYTHING, "answer")


def subjects_of_request(request: Request) -> tuple[str, ...]:
    """What a request of a client that is logged in counts as."""
    method = request.method
    if method.is_query:
        return ("request", "query")
    special = {"ReqOrderInsert": "order", "ReqOrderAction": "cancel"}.get(method.name)
    return ("request",) if special is None else ("request", special)


class _Held:
    """Events that wait, in their place within their flow."""

    __slots__ = ("events", "is_ready")

    def __init__(self, events: Sequence[tuple[Event, str]], is_ready: bool) -> None:
        self.events = events
        self.is_ready = is_ready


class FaultyLink:
    """The link of one session."""

    def __init__(self, faults: Faults, session: TtsSession) -> None:
        self.faults = faults
        self.session = session
        self.machine = session.machine
        self.timers = faults.timers
        self.user = session.account_id
        self._out: list[Event] = []
        self._early = session.early
        self._held: dict[str, deque[_Held]] = {}
        self._pending: list[Timer] = []
        """Timers of this connection: rules by the clock, heartbeats."""
        self._reconnect: Timer | None = None
        self._cutting: Timer | None = None
        """The break that is about to happen."""
        self._is_cut = False
        """Nothing passes: the link is about to break, or broken."""
        self._is_dead = False
        """Nothing passes, and the client does not know yet."""
        self._serves = True
        """What still comes from the client is carried out."""
        self._is_closed = False
        self._is_login_held = False
        self._swaps = False
        self._swapped: list[Event] = []
        session.machine.port = self
        session.detour(self)
        session.receive = self.receive
        session.early = self.early
        if self.machine.is_logged_in:
            self._arm()

    def remove(self) -> None:
        """The session as it was; what was held is delivered, a link that is down comes up."""
        session, machine = self.session, self.machine
        for flow in list(self._held):
            for held in self._held[flow]:
                held.is_ready = True
            self._release(flow)
        self._put_swapped()
        self._flush()
        self._forget()
        session.machine.port = session
        session.detour(None)
        session.receive = machine.handle
        session.early = self._early
        self._cancel_breaks()
        if isinstance(machine.state, Closed):
            machine.connect()
        elif self._is_cut or self._is_dead:
            machine.reconnect()  # outcomes were lost: the break that was to come ends them

    def close(self) -> None:
        """The client is gone."""
        self._is_closed = True
        self._forget()
        self._cancel_breaks()

    def _cancel_breaks(self) -> None:
        for timer in (self._cutting, self._reconnect):
            if timer is not None:
                timer.cancel()

    # ------------------------------------------------------------------ the sink of the session
    @property
    def depth(self) -> int:
        """Events that wait for the client; what is held on the way does not."""
        return self.session.outlet.depth

    def when_idle(self, call: Callable[[], None]) -> None:
        """As the client's own."""
        self.session.outlet.when_idle(call)

    def put(self, events: Sequence[Event]) -> None:
        """Let events pass, or not."""
        if events and events[0].callback == _LOGIN and not events[0].info.ErrorID:  # type: ignore[union-attr]
            self._put_login(events)
        else:
            late = self._late(events)
            for index, event in enumerate(events):
                if event.callback in _CONTROL:
                    self._control(event)
                elif not (self._is_cut or self._is_dead):
                    self._pass(event, late.get(index, 0))
        self._flush()

    def _flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self.session.outlet.put(out)

    def _control(self, event: Event) -> None:
        if event.callback == "OnFrontDisconnected":
            self._forget()
        elif event.callback == "OnFrontConnected":
            self._is_cut = self._is_dead = False
        self._out.append(event)

    def _put_login(self, events: Sequence[Event]) -> None:
        """An accepted login, with the flows behind it: nothing overtakes it."""
        if self._is_cut or self._is_dead:
            return
        delay_ns = self._delay(events[0], "dialog")
        shown = [(event, flow_of(event)) for event in events]
        if delay_ns or self._held.get("dialog"):
            self._is_login_held = True
            self._hold("dialog", shown, delay_ns)
        else:
            for event, flow in shown:
                self._deliver(event, flow)

    def _pass(self, event: Event, late_ns: int) -> None:
        """One event through the faults that change what the client sees."""
        faults, flow = self.faults, flow_of(event)
        if flow == "md" and event.callback == "OnRtnDepthMarketData" and self._first("lose", "tick") is not None:
            return
        if self._swaps and flow == "dialog" and event.info is not None and event.info.ErrorID:
            self._swaps = False
            self._swapped.append(event)
            self._pending.append(self.timers.soon(self._put_swapped_alone))
            return
        delay_ns = max(late_ns, self._delay(event, flow)) if faults.holds else 0
        copies = 1
        if event.callback == _ORDER and self._first("repeat", "return") is not None:
            copies = 2
        if self._is_login_held:
            flow = "dialog"  # behind the login
        shown = [(event, flow)] * copies
        if delay_ns or self._held.get(flow):
            self._hold(flow, shown, delay_ns)
        else:
            for _ in range(copies):
                self._deliver(event, flow)
        if self._swapped and event.callback.startswith("OnErrRtn"):
            self._put_swapped(delay_ns)

    def _deliver(self, event: Event, flow: str) -> None:
        """On to the client; what is counted by what reaches it is counted here."""
        if self._is_cut or self._is_dead:
            return
        self._out.append(event)
        if self.faults.link_rules:
            for subject in subjects_of(event, flow_of(event)):
                for active in self._hits_of(self.faults.link_rules.get(subject, ())):
                    self._break(active)

    # ------------------------------------------------------------------ late and out of order
    def _delay(self, event: Event, flow: str) -> int:
        delay_ns = 0
        for active in self.faults.named.get("delay", ()):
            rule = active.rule
            if rule["flow"] in ("all", flow) and rule.subject in subjects_of(event, flow) and self._hits(active):
                delay_ns = max(delay_ns, active.drawn_time(self.user))
        return delay_ns

    def _late(self, events: Sequence[Event]) -> dict[int, int]:
        """How long which events of a batch are held because of a late fill or trade."""
        late: dict[int, int] = {}
        named = self.faults.named
        if "late_fills" not in named and "late_trades" not in named:
            return late
        for index, event in enumerate(events):
            if event.callback == _TRADE:
                for active in self._hits_of(named.get("late_trades", ())):
                    late[index] = active.drawn_time(self.user)
                for active in self._hits_of(named.get("late_fills", ())):
                    first = next(at for at, shown in enumerate(events) if shown is event or _shows_fill(shown))
                    late[first] = active.drawn_time(self.user)
        return late

    def _hold(self, flow: str, events: Sequence[tuple[Event, str]], delay_ns: int) -> None:
        held = _Held(events, not delay_ns)
        self._held.setdefault(flow, deque()).append(held)
        if delay_ns:
            self.timers.later(delay_ns, partial(self._ready, flow, held))

    def _ready(self, flow: str, held: _Held) -> None:
        held.is_ready = True
        self._release(flow)
        self._flush()

    def _release(self, flow: str) -> None:
        """What may go now, in order."""
        queue = self._held.get(flow)
        while queue and queue[0].is_ready:
            for event, own in queue.popleft().events:
                self._deliver(event, own)
        if not queue and flow == "dialog":
            self._is_login_held = False  # and nothing is left of what had to wait behind it

    def _put_swapped(self, delay_ns: int = 0) -> None:
        """What let the private flow pass goes on, in its place within its own flow."""
        swapped, self._swapped = self._swapped, []
        if swapped:
            self._hold("dialog", [(event, "dialog") for event in swapped], delay_ns)
            self._release("dialog")

    def _put_swapped_alone(self) -> None:
        """There was no OnErrRtn to change places with."""
        self._put_swapped()
        self._flush()

    def _forget(self) -> None:
        """The connection is over, and with it all that was on its way (spec ctp-semantics 2.1)."""
        self._held.clear()
        self._swapped.clear()
        self._swaps = self._is_login_held = False
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()

    # ------------------------------------------------------------------ the client's requests
    def early(self, request: Request) -> int:
        """What the call returns; on the caller's thread."""
        number = self._early(request) if self._early is not None else 0
        if not number and request.method.is_query:
            active = self._first("query_code", "query")
            if active is not None:
                number = int(active.rule["code"])
        return number

    def receive(self, request: Request) -> None:
        """A request came through the link, or was lost on it."""
        machine = self.machine
        is_stale = bool(request.connection) and request.connection != machine.connection
        if is_stale or isinstance(machine.state, Closed):
            machine.handle(request)
            return
        if not (self._is_cut or self._is_dead):
            self._trip(request)
        is_broken = self._is_cut or self._is_dead
        # A logout would end the connection, of whose end the client is not to know yet.
        if not is_broken or (self._serves and request.method.name != "ReqUserLogout"):
            machine.handle(request)

    def _trip(self, request: Request) -> None:
        """Faults of the link that a request trips: they happen before it is served."""
        if request.method.response == _LOGIN:
            if not self.machine.is_logged_in:
                self.user = request.field.UserID
            subjects: tuple[str, ...] = ("login",)
        else:
            subjects = subjects_of_request(request) if self.machine.is_logged_in else ()
        for subject in subjects:
            for active in self._hits_of(self.faults.link_rules.get(subject, ())):
                self._break(active)

    # ------------------------------------------------------------------ port of the session machine
    def authenticate(self, request: Request) -> tuple[Any, int]:
        """As the session does."""
        return self.session.authenticate(request)

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Refused, or as the session does."""
        user = request.field.UserID
        number = self.faults.locked.get(user, 0) if self.session.kind == "trader" else 0
        active = self._first("login", "login")
        if not number and active is not None:
            number = active.rule["error"]
        if number:
            if number in MUST_CHANGE_PASSWORD and self.session.kind == "trader":
                self.faults.backend.open_account(user)
                self.session.account_id = user
            return LoginResult(error_id=number)
        active = self._first("resend", "login")
        if active is not None:
            self._start_earlier(active.rule["count"])
        result = self.session.login(machine, request)
        if not result.error_id:
            self._arm()
        return result

    def _start_earlier(self, count: int) -> None:
        """The client's count lags behind what it has received: its last returns come again."""
        day = self.faults.backend.trading_day
        after = self.machine.start_of("private", day)
        if after > 0:
            self.machine.subscribe_topic("private", day, max(after - count, 0))

    def logout(self, machine: SessionMachine) -> None:
        """As the session does."""
        self.session.logout(machine)

    def request(self, machine: SessionMachine, request: Request) -> None:
        """A request of a client that is logged in."""
        for subject in subjects_of_request(request):
            if self._first("swap", subject) is not None:
                self._swaps = True
                self._pending.append(self.timers.soon(self._swap_no_more))
        name = request.method.name
        if request.method.is_query:
            self._query(request)
        elif name == "ReqOrderInsert":
            self._order(request)
        elif name == "ReqOrderAction":
            self._cancel(request)
        else:
            self.session.request(machine, request)

    def _swap_no_more(self) -> None:
        self._swaps = False

    def _query(self, request: Request) -> None:
        active = self._first("query_error", "query")
        if active is None:
            self.session.request(self.machine, request)
        elif active.rule["error"] == QUERY_TOO_SOON:
            self.put([Event("OnRspError", None, rsp_info(QUERY_TOO_SOON), request.request_id)])
        else:
            self.put(refuse(request, active.rule["error"]))

    def _order(self, request: Request) -> None:
        session, engine = self.session, self.faults.backend.engine
        winner = self._strongest("order", "refuse", "reject", "partial")
        refused, rejected, cut_short = (winner.get(name) for name in ("refuse", "reject", "partial"))
        if refused is not None:
            session.carry_out(request, engine.refuse_order(session.order_of(request), refused.rule["error"]))
            return
        engine.fault_reason = 0 if rejected is None else self.faults.reason_of(rejected.rule["text"])
        if cut_short is not None:
            rest_ns = cut_short.rule["rest"]
            engine.quoting.force(
                engine.state.last_order_id + 1, cut_short.rule["lots"], -1 if rest_ns == FOREVER else rest_ns
            )
        try:
            session.request(self.machine, request)
        finally:
            engine.fault_reason = 0
            engine.quoting.forget_forced(engine.state.last_order_id + 1)

    def _cancel(self, request: Request) -> None:
        session, engine = self.session, self.faults.backend.engine
        winner = self._strongest("cancel", "refuse_cancel", "reject_cancel")
        refused, rejected = (winner.get(name) for name in ("refuse_cancel", "reject_cancel"))
        if refused is not None:
            session.carry_out(request, engine.refuse_cancel(session.cancel_of(request), refused.rule["error"]))
            return
        engine.fault_reason = 0 if rejected is None else self.faults.reason_of(rejected.rule["text"])
        try:
            session.request(self.machine, request)
        finally:
            engine.fault_reason = 0

    # ------------------------------------------------------------------ rules
    def concerns(self, active: ActiveRule) -> bool:
        """Whether a rule is about this link's client."""
        rule = active.rule
        return rule.kind == self.session.kind and rule.user in ("", self.user)

    def _hits(self, active: ActiveRule) -> bool:
        """Whether a rule acts now; it counts this occurrence."""
        return self.concerns(active) and active.hits(self.user) and self._noted(active)

    def _noted(self, active: ActiveRule) -> bool:
        self.faults.note(active.rule.name, self.user)
        return True

    def _hits_of(self, rules: Sequence[ActiveRule]) -> Iterator[ActiveRule]:
        """The rules that act now; each of them counts this occurrence."""
        return iter([active for active in rules if self._hits(active)])

    def _first(self, name: str, subject: str) -> ActiveRule | None:
        """The first rule of a name that acts now."""
        rules = [active for active in self.faults.named.get(name, ()) if active.rule.subject == subject]
        return next(self._hits_of(rules), None) if rules else None

    def _strongest(self, subject: str, *names: str) -> dict[str, ActiveRule]:
        """Of the rules that hit one request the one whose name comes first; each of them has counted the request."""
        hit = [
            active
            for name in names
            for active in self.faults.named.get(name, ())
            if active.rule.subject == subject and self.concerns(active) and active.hits(self.user)
        ]
        return {hit[0].rule.name: hit[0]} if hit and self._noted(hit[0]) else {}

    def _arm(self) -> None:
        """Rules by the clock, from the login on."""
        for active in self.faults.clock_rules:
            self.arm(active)

    def arm(self, active: ActiveRule) -> None:
        """Set the clock for one rule."""
        if not self.concerns(active):
            return
        rule = active.rule
        if rule.after_ns >= 0:
            self._pending.append(self.timers.later(rule.after_ns, partial(self._due, active)))
            return
        instant = self._instant(rule.at_seconds)
        if instant:
            self._pending.append(self.timers.at(instant, partial(self._due, active)))

    def _instant(self, seconds: int) -> int:
        """The next such time: of a recorded day the one that belongs to it (0: it is over)."""
        world, now_ns = self.faults.backend.world, self.faults.backend.counter.now_ns()
        is_evening = seconds >= _EVENING
        day = date_of(now_ns, world.zone) if world.is_live or is_evening else world.trading_day
        instant = instant_ns(world.zone, day, seconds)
        if instant > now_ns:
            return instant
        return instant + 24 * 3600 * NS if world.is_live else 0

    def _due(self, active: ActiveRule) -> None:
        if self._hits(active):
            self._break(active)
            self._flush()

    # ------------------------------------------------------------------ faults of the link
    def _break(self, active: ActiveRule) -> None:
        """Do what a rule about the link says."""
        BREAKS[active.rule.name](self, active.rule)

    def cut(self, reason: int, reconnect_ns: int, serves: bool = True) -> None:
        """The link breaks: nothing passes from now on, and the client knows when the present job is done."""
        if self._is_cut or isinstance(self.machine.state, Closed):
            return
        self._is_cut = True
        self._serves = serves
        self._cutting = self.timers.soon(partial(self._cut_now, reason, reconnect_ns))

    def _cut_now(self, reason: int, reconnect_ns: int) -> None:
        if isinstance(self.machine.state, Closed):
            return
        self._out.clear()
        self.machine.disconnect(reason)
        self._is_dead = False
        if reconnect_ns != FOREVER:
            self._reconnect = self.timers.later(reconnect_ns, self.connect)

    def connect(self) -> None:
        """The link is up again."""
        if not self._is_closed and isinstance(self.machine.state, Closed):
            self.machine.connect()

    def die(self, timeout_ns: int, warning_ns: int, reason: int, reconnect_ns: int, serves: bool = True) -> None:
        """Nothing comes any more; the client's heartbeat notices first (spec ctp-semantics 1.5)."""
        if self._is_cut or self._is_dead:
            return
        self._is_dead = True
        self._serves = serves
        if self.session.kind == "trader" and warning_ns < timeout_ns:
            self._pending.append(self.timers.later(warning_ns, partial(self._warn, warning_ns // NS)))
        if timeout_ns != FOREVER:
            self._pending.append(self.timers.later(timeout_ns, partial(self.cut, reason, reconnect_ns, serves)))

    def _warn(self, seconds: int) -> None:
        self.session.outlet.put((Event("OnHeartBeatWarning", request_id=seconds),))


def _shows_fill(event: Event) -> bool:
    """Whether an event is an order's state with something traded."""
    return event.callback == _ORDER and getattr(event.field, "traded", 0) > 0


def _drop(link: FaultyLink, rule: Rule) -> None:
    link.cut(rule["reason"], rule["reconnect"], rule["requests"] == "served")


def _half_dead(link: FaultyLink, rule: Rule) -> None:
    serves = rule["requests"] == "served"
    link.die(rule["timeout"], rule["warning"], rule["reason"], rule["reconnect"], serves)


def _lock_out(link: FaultyLink, rule: Rule) -> None:
    link.faults.lock_out(link.user, rule["error"], rule["length"], rule["reconnect"])


def _reset_flows(link: FaultyLink, rule: Rule) -> None:
    link.faults.reset_flows(rule["reconnect"])


BREAKS: Final[dict[str, Callable[[FaultyLink, Rule], None]]] = {
    "drop": _drop,
    "half_dead": _half_dead,
    "lock_out": _lock_out,
    "reset_flows": _reset_flows,
}
"""Faults of the link: what each does."""
