"""Faults in the hands of a Python program: ``ctp2.tts.counter(address).faults`` (docs/zh/testing.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ctp2.core.errors import HEARTBEAT_TIMEOUT, READ_FAILED
from ctp2.tts.fault_rules import FLOWS, FOREVER, LINK_REASONS, NS, parse
from ctp2.tts.faults import Faults, Happened

if TYPE_CHECKING:
    from ctp2.core.backend import Kind
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.fault_link import FaultyLink

NEVER = float("inf")
"""A time that does not end."""


class FaultControl:
    """Makes things go wrong at a running counter. Every method may be called from any thread, also inside a callback.

    Times are seconds. ``user`` empty means all users; ``kind`` says whose links: ``"trader"`` or ``"md"``.
    """

    def __init__(self, backend: TtsBackend) -> None:
        self._backend = backend

    def _do(self, action: Callable[[Faults], Any]) -> Any:
        backend = self._backend

        def carry_out() -> Any:
            if backend.faults is None:
                backend.faults = Faults(backend)
            return action(backend.faults)

        return backend.counter.call(carry_out)

    def _each(self, user: str, kind: Kind, action: Callable[[FaultyLink], None]) -> None:
        def carry_out(faults: Faults) -> None:
            for link in faults.links(user, kind):
                action(link)

        self._do(carry_out)

    # ------------------------------------------------------------------ rules
    def add(self, rules: str) -> None:
        """Rules as ``faults=`` has them, counted from now on: ``add("drop:order=3")``.

        Raises:
            ValueError: an unknown fault or setting, or a value that it cannot have.
        """
        parsed = parse(rules)
        self._do(lambda faults: faults.add(parsed))

    def clear(self) -> None:
        """Everything is well again: no rules, nobody locked out; what is held is delivered, links come up.

        A link that is half dead is cut (4097) and set up again, because answers were lost on it.
        """
        self._do(lambda faults: faults.clear())

    @property
    def rules(self) -> list[str]:
        """The rules at work."""
        return list(self._do(lambda faults: [active.rule.text for active in faults.rules]))

    @property
    def happened(self) -> list[Happened]:
        """The faults that happened, in order: fault, user, the counter's time."""
        return list(self._do(lambda faults: list(faults.happened)))

    # ------------------------------------------------------------------ the link, now
    def drop_link(
        self, reason: int = READ_FAILED, *, user: str = "", kind: Kind = "trader", reconnect: float = 1.0
    ) -> None:
        """Break the link: OnFrontDisconnected with ``reason``; OnFrontConnected after ``reconnect`` seconds.

        Raises:
            LookupError: there is no such link.
            ValueError: not one of CTP's reasons.
        """
        if reason not in LINK_REASONS:
            raise ValueError(f"reason {reason}: one of {', '.join(map(str, LINK_REASONS))}")
        self._each(user, kind, lambda link: link.cut(reason, _ns(reconnect)))

    def half_dead(
        self,
        *,
        user: str = "",
        kind: Kind = "trader",
        timeout: float = 120.0,
        warning: float = 60.0,
        reason: int = HEARTBEAT_TIMEOUT,
        reconnect: float = 1.0,
        served: bool = True,
    ) -> None:
        """Let the link look alive and bring nothing: a warning after ``warning`` seconds, the break after ``timeout``.

        ``served``: requests reach the counter all the same.

        Raises:
            LookupError: there is no such link.
        """
        self._each(user, kind, lambda link: link.die(_ns(timeout), _ns(warning), reason, _ns(reconnect), served))

    def reconnect(self, *, user: str = "", kind: Kind = "trader") -> None:
        """Set up links that are down (``reconnect=NEVER``) now.

        Raises:
            LookupError: there is no such link.
        """
        self._each(user, kind, lambda link: link.connect())

    def lock_out(self, user: str, error: int = 75, *, reconnect: float = 1.0) -> None:
        """Cut a user off; its logins are refused with ``error`` until :meth:`unlock`."""
        self._do(lambda faults: faults.lock_out(user, error, FOREVER, _ns(reconnect)))

    def unlock(self, user: str) -> None:
        """Let a user log in again."""
        self._do(lambda faults: faults.locked.pop(user, None))

    def reset_flows(self, *, reconnect: float = 1.0) -> None:
        """Restart the counter within the day: all links break, and the flows' numbers begin at 1 again (spec 2.2)."""
        self._do(lambda faults: faults.reset_flows(_ns(reconnect)))

    # ------------------------------------------------------------------ what happens to the next
    def refuse_next_order(self, error: int = 31, *, user: str = "", count: int = 1) -> None:
        """CTP refuses the next order (``count``: the next ones)."""
        self.add(_rule("refuse", user, order=f"1..{count}", error=error))

    def reject_next_order(self, text: str = "当前状态禁止此项操作", *, user: str = "", count: int = 1) -> None:
        """The exchange rejects the next order with these words, which may hold neither comma nor semicolon."""
        self.add(_rule("reject", user, order=f"1..{count}", text=text))

    def refuse_next_cancel(self, error: int = 26, *, user: str = "", count: int = 1) -> None:
        """CTP refuses the next cancel."""
        self.add(_rule("refuse_cancel", user, cancel=f"1..{count}", error=error))

    def reject_next_cancel(self, text: str = "当前状态禁止此项操作", *, user: str = "", count: int = 1) -> None:
        """The exchange refuses the next cancel (91) with these words."""
        self.add(_rule("reject_cancel", user, cancel=f"1..{count}", text=text))

    def fill_next_order(self, lots: int, rest: float = 1.0, *, user: str = "") -> None:
        """The next order fills ``lots`` at first, its rest not before ``rest`` seconds (``NEVER``: not at all)."""
        self.add(_rule("partial", user, order=1, lots=lots, rest=_time(rest)))

    def fail_next_query(self, error: int = 90, *, user: str = "", count: int = 1) -> None:
        """The next query is refused: 90 by OnRspError, others by their OnRspQry."""
        self.add(_rule("query_error", user, query=f"1..{count}", error=error))

    def fail_next_login(self, error: int = 3, *, user: str = "", count: int = 1) -> None:
        """The next login fails."""
        self.add(_rule("login", user, login=f"1..{count}", error=error))

    def delay(self, time: float, most: float | None = None, *, flow: str = "all", user: str = "") -> None:
        """What goes to the client comes ``time`` seconds late (or between ``time`` and ``most``), in order per flow."""
        if flow not in FLOWS:
            raise ValueError(f"flow {flow!r}: one of {', '.join(FLOWS)}")
        self.add(_rule("delay", user, time=_time(time) + ("" if most is None else f"..{_time(most)}"), flow=flow))

    def late_fills(self, time: float, *, user: str = "") -> None:
        """Returns of fills come ``time`` seconds late, and all of the private flow behind them."""
        self.add(_rule("late_fills", user, time=_time(time)))


def _rule(name: str, user: str, **settings: object) -> str:
    if user:
        settings["user"] = user
    return f"{name}:" + ",".join(f"{key}={value}" for key, value in settings.items())


def _time(seconds: float) -> str:
    return "never" if seconds == NEVER else f"{seconds:f}s"


def _ns(seconds: float) -> int:
    return FOREVER if seconds == NEVER else int(seconds * NS)
