"""What a test does to a stand-in while clients are connected: in the process, or line by line over a port of its own.

    with StandIn() as tws:
        tws.control.set_quote("AAPL", bid=199.99, ask=200.01)
        tws.control.lose_connection()

Every method may be called from any thread; it has happened when it returns. A contract is named by its conId, its local
symbol (``AAPL``, ``ESZ6``, ``EUR.USD``) or its symbol where only one contract has it; a client by its client id, all of
them by leaving it out.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.kinds import PERMISSIONS, BadMember, set_members
from ctp2.testing.tws.orders_control import ControlError, OrdersControl
from ctp2.testing.tws.quotes import NS, Quotes
from ctp2.testing.tws.requests import TABLE

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.server import StandIn
    from ctp2.testing.tws.world import Frame, World

__all__ = ["CUTS", "Control", "ControlError"]

LOST: Final = "Connectivity between IB and Trader Workstation has been lost."
RESTORED: Final = {
    False: (1101, "Connectivity between IB and Trader Workstation has been restored - data lost."),
    True: (1102, "Connectivity between IB and Trader Workstation has been restored - data maintained."),
}
CUTS: Final = ("unread", "unanswered", "acknowledged")
"""When a connection is cut at an order: before it is read, after it is accepted but before a reply, after the reply."""
_POLL_S: Final = 0.005
_WAIT_S: Final = 30.0


class Control(OrdersControl):
    """The hands of a test."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin
        self._on_order: list[tuple[str, int | None]] = []
        self._world.gates.append(self._cut_on_order)

    @property
    def _world(self) -> World:
        return self._standin.world

    @property
    def _quotes(self) -> Quotes:
        quotes: Quotes = self._world.parts["quotes"].quotes
        return quotes

    def _do(self, function: Callable[[], Any]) -> Any:
        return self._standin.call(function)

    # ------------------------------------------------------------------ quotes
    def set_quote(self, contract: str, **values: Any) -> None:
        """Show ``values`` (``bid``, ``bid_size``, ``ask``, …: the members of a quote); the contract then stands still.

        Raises:
            ControlError: an unknown contract, a member that a quote has not, or a value that is no number.
        """
        bad = {name: value for name, value in values.items() if not isinstance(value, (int, float, type(None)))}
        if bad:
            raise ControlError(f"numbers are wanted, not {', '.join(f'{name}={value}' for name, value in bad.items())}")

        def do() -> None:
            try:
                self._quotes.put(self.listed(contract), **values)
            except ValueError as bad:
                raise ControlError(str(bad)) from bad

        self._do(do)

    def walk(self, contract: str) -> None:
        """Let a contract walk again that was set or stood."""
        self._do(lambda: self._quotes.walk(self.listed(contract)))

    def stand(self, contract: str) -> None:
        """Let a contract keep what it shows."""
        self._do(lambda: self._quotes.stand(self.listed(contract)))

    def quote(self, contract: str) -> dict[str, Any]:
        """What a contract shows."""

        def do() -> dict[str, Any]:
            quote = self._quotes.of(self.listed(contract))
            return {name: getattr(quote, name) for name in (*quote.__dataclass_fields__, "vwap")}

        shown: dict[str, Any] = self._do(do)
        return shown

    def set_halted(self, contract: str, halted: int = 1) -> None:
        """0 trading, 1 halted, 2 halted by volatility. The quotes of a halted contract stand."""
        self._do(lambda: self._quotes.mark_halted(self.listed(contract), halted))

    def tick(self, contract: str, kind: str, number: int, value: Any, size: float = 0) -> int:
        """Send any tick (``price``, ``size``, ``string``, ``generic``) of a contract; how many streams got it."""
        makers: dict[str, Callable[[int], replies.Fields]] = {
            "price": lambda req_id: replies.tick_price(req_id, number, value, size),
            "size": lambda req_id: replies.tick_size(req_id, number, value),
            "string": lambda req_id: replies.tick_string(req_id, number, str(value)),
            "generic": lambda req_id: replies.tick_generic(req_id, number, value),
        }
        if kind not in makers:
            raise ControlError(f"no tick of kind {kind}; there are {', '.join(makers)}")
        told: int = self._do(lambda: self._world.parts["market"].tick(self.listed(contract), makers[kind]))
        return told

    def set_depth(
        self, contract: str, bids: Sequence[Sequence[Any]] | None = None, asks: Sequence[Sequence[Any]] | None = None
    ) -> None:
        """Show these rows: ``[price, size]`` or ``[venue, price, size]``; neither: the made ones again."""

        def rows(given: Sequence[Sequence[Any]] | None) -> list[tuple[str, float, float]] | None:
            return None if given is None else [(("", *row) if len(row) == 2 else tuple(row)) for row in given]

        self._do(lambda: self._world.parts["depth"].set(self.listed(contract), rows(bids), rows(asks)))

    def reset_depth(self, contract: str) -> int:
        """Error 317 to every stream of depth, whose rows come anew; their number."""
        told: int = self._do(lambda: self._world.parts["depth"].reset(self.listed(contract)))
        return told

    def halt_depth(self, contract: str) -> int:
        """Error 316 to every stream of depth, which is then at its end; their number."""
        told: int = self._do(lambda: self._world.parts["depth"].halt(self.listed(contract)))
        return told

    def streams(self) -> list[tuple[int | None, int, str]]:
        """Client id, request number and symbol of every stream of market data."""
        found: list[tuple[int | None, int, str]] = self._do(lambda: self._world.parts["market"].streams())
        return found

    def permit(self, contract: str, permission: str) -> None:
        """What logins may see of a contract: ``live``, ``delayed``, ``none``; for later subscriptions."""
        if permission not in PERMISSIONS:
            raise ControlError(f"no permission {permission}; there are {', '.join(PERMISSIONS)}")
        listed = self.listed(contract)
        self._do(lambda: self._world.script.market.permissions.update({str(listed.con_id): permission}))

    # ------------------------------------------------------------------ messages
    def emit(self, code: int, text: str, number: int = -1, client_id: int | None = None) -> None:
        """Send an error or notice; ``number`` is that of a request or order."""
        self._each(client_id, lambda one: one.error(number, code, text))

    def send(self, fields: Sequence[object], client_id: int | None = None) -> None:
        """Send any message, field by field."""
        self._each(client_id, lambda one: one.send(list(fields)))

    def lose_connection(self) -> None:
        """1100: TWS has lost IB. Clients stay connected."""
        self.emit(1100, LOST)

    def restore_connection(self, *, data_kept: bool) -> None:
        """1102 if streams go on, else 1101, and every stream of market data is gone."""

        def do() -> None:
            if not data_kept:
                self._world.parts["market"].forget()
            self._world.broadcast(*RESTORED[data_kept])

        self._do(do)

    # ------------------------------------------------------------------ connections
    def clients(self) -> list[int]:
        """The client ids that are connected."""
        found: list[int] = self._do(lambda: [one.client_id for one in self._world.ready_sessions()])
        return found

    def pause(self, client_id: int | None = None) -> None:
        """Send nothing until :meth:`resume`; requests are carried out meanwhile."""
        self._each(client_id, lambda one: setattr(one, "is_paused", True))

    def resume(self, client_id: int | None = None) -> None:
        """Send what was held back."""
        self._each(client_id, lambda one: one.resume())

    def mute(self, client_id: int | None = None) -> None:
        """Never send anything more on these connections, and leave them open: a dead line."""
        self._each(client_id, lambda one: setattr(one, "is_muted", True))

    def cut(self, client_id: int | None = None) -> None:
        """Break connections now."""
        self._each(client_id, lambda one: one.cut())

    def cut_after(self, count: int, client_id: int | None = None) -> None:
        """Break connections when so many more bytes have been sent, in the middle of a message if need be."""
        if count < 0:
            raise ControlError(f"{count} bytes; 0 or more")
        self._each(client_id, lambda one: setattr(one, "cut_after", count))

    def cut_on_order(self, when: str, client_id: int | None = None) -> None:
        """Break the connection at the next order: ``unread``, ``unanswered`` (but accepted) or ``acknowledged``."""
        if when not in CUTS:
            raise ControlError(f"cut {when}; there are {', '.join(CUTS)}")
        self._do(lambda: self._on_order.append((when, client_id)))

    def stop_listening(self) -> None:
        """Refuse connections, as a TWS that is not there; those that are open stay."""
        self._do(self._standin.stop_listening)

    def listen(self) -> None:
        """Accept connections again, at the same port."""
        self._standin.relisten()

    def down(self) -> None:
        """TWS ends: all connections break and none is accepted until :meth:`up`. Orders live on at IB."""
        self.stop_listening()

        def cut() -> None:
            for one in list(self._world.sessions):
                one.cut()

        self._do(cut)
        self.wait(lambda: not self._world.sessions)

    def up(self, next_valid_id: int | None = None, *, remembers: bool = True) -> None:
        """TWS is started again, and counts from ``next_valid_id``; without memory it knows no order of before."""

        def do() -> None:
            orders = self._world.parts["orders"]
            if not remembers:
                orders.forget()
            if next_valid_id is not None:
                orders.reset_ids(next_valid_id)

        self._do(do)
        self.listen()

    def restart(self, next_valid_id: int | None = None, *, remembers: bool = True) -> None:
        """:meth:`down` and :meth:`up`."""
        self.down()
        self.up(next_valid_id, remembers=remembers)

    # ------------------------------------------------------------------ how it behaves
    def change(self, **members: Any) -> None:
        """Set members of the :class:`Script`: ``is_read_only``, ``time_format``, ``zone``, ``version`` and so on.

        Raises:
            ControlError: an unknown member, or a value that is not of its kind.
        """
        self._set(self._world.script, members)

    def change_market(self, **members: Any) -> None:
        """Set members of :class:`~ctp2.testing.tws.market_script.MarketScript`: ``walks``, ``permission`` and so on."""
        self._set(self._world.script.market, members)

    def change_limits(self, **members: int) -> None:
        """Set members of :class:`~ctp2.testing.tws.limits.Limits`: ``messages``, ``tickers``, ``history`` and so on."""
        self._set(self._world.script.market.limits, members)

    def change_life(self, **members: Any) -> None:
        """Set members of :class:`~ctp2.testing.tws.world.Life`: ``fills_first``, ``commission_delay_s`` and so on."""
        self._set(self._world.script.life, members)

    def set_accounts(self, accounts: dict[str, float]) -> None:
        """Other accounts and the cash that they begin with; clients hear of it when they connect or ask."""
        self._do(lambda: setattr(self._world.script, "accounts", dict(accounts)))

    def set_clock(self, now: float | None = None, pace: float | None = None) -> None:
        """Go on at ``now`` (seconds since 1970, UTC) and at ``pace`` (0 stands)."""
        self._do(lambda: self._world.clock.set(None if now is None else round(now * NS), pace))

    def advance(self, seconds: float) -> None:
        """Move the clock; what is due happens."""
        self._do(lambda: self._world.clock.advance(seconds))

    def now(self) -> float:
        """The stand-in's time, seconds since 1970."""
        return self._world.clock.now_ns() / NS

    # ------------------------------------------------------------------ looking
    def frames(
        self, name: str = "", client_id: int | None = None, *, from_client: bool | None = True
    ) -> list[tuple[str, ...]]:
        """The fields of all messages seen, oldest first.

        ``name`` is that of a request (``placeOrder``) or the number of a message; ``from_client`` False: what was sent,
        None: both.
        """
        numbers = {spec.split()[0]: str(number) for number, spec in TABLE.items()} | {"placeOrder": "3"}
        number = numbers.get(name, name)

        def is_meant(frame: Frame) -> bool:
            return (
                (from_client is None or frame.is_from_client is from_client)
                and (not number or frame.fields[0] == number)
                and (client_id is None or frame.client_id == client_id)
            )

        found: list[tuple[str, ...]] = self._do(lambda: [one.fields for one in self._world.frames if is_meant(one)])
        return found

    def forget_frames(self) -> None:
        """Begin :meth:`frames` anew."""
        self._do(self._world.frames.clear)

    def wait(self, condition: Callable[[], object], timeout_s: float = _WAIT_S) -> None:
        """Until ``condition``, asked on the stand-in's loop, is true.

        Raises:
            TimeoutError: it is not.
        """
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not self._do(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s:.0f} s; the stand-in has {len(self._world.frames)} messages")
            pause.wait(_POLL_S)

    def wait_for_frame(
        self, name: str, count: int = 1, client_id: int | None = None, timeout_s: float = _WAIT_S
    ) -> None:
        """Until ``count`` requests of that name were seen."""
        self.wait(lambda: len(self.frames(name, client_id)) >= count, timeout_s)

    def listed(self, contract: str) -> Listed:
        """The contract of that conId, local symbol or symbol.

        Raises:
            ControlError: none, or several.
        """
        text = str(contract)
        every: list[Listed] = list(self._world.contracts)
        for key in ("con_id", "local_symbol", "symbol"):
            found = [one for one in every if str(getattr(one, key)) == text]
            if len(found) == 1:
                return found[0]
            if found:
                raise ControlError(f"{text} can be {', '.join(f'{one.con_id} {one.local_symbol}' for one in found)}")
        raise ControlError(f"no contract {text}; there are {', '.join(one.local_symbol for one in every)}")

    # ------------------------------------------------------------------ inside
    def _each(self, client_id: int | None, call: Callable[[ClientSession], None]) -> None:
        def do() -> None:
            for one in self._sessions(client_id):
                call(one)

        self._do(do)

    def _set(self, target: Any, members: dict[str, Any]) -> None:
        def do() -> None:
            try:
                set_members(target, members)
            except BadMember as bad:
                raise ControlError(str(bad)) from bad

        self._do(do)

    def _sessions(self, client_id: int | None) -> list[ClientSession]:
        if client_id is None:
            return self._world.ready_sessions()
        session = self._world.session_of(client_id)
        if session is None:
            raise ControlError(f"no client {client_id} is connected")
        return [session]

    def _cut_on_order(self, session: ClientSession, request: Request) -> bool:
        if request.name != "placeOrder":
            return True
        for one in self._on_order:
            when, client_id = one
            if client_id in (None, session.client_id):
                self._on_order.remove(one)
                return _cut_at_order(session, when)
        return True


def _cut_at_order(session: ClientSession, when: str) -> bool:
    loop = asyncio.get_running_loop()
    if when == "unread":
        session.cut()
        return False
    if when == "unanswered":
        session.is_muted = True
        loop.call_soon(session.cut)
    else:
        loop.call_soon(session.close)
    return True
