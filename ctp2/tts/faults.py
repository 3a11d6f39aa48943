"""What goes wrong on purpose at one counter: its rules, and the links they act on (docs/zh/testing.md).

A counter without rules has no :class:`Faults`, and its sessions have no faulty link.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ctp2.core.backend import Event
from ctp2.core.errors import READ_FAILED
from ctp2.tts import codes, translate
from ctp2.tts.events import RequestRefused
from ctp2.tts.fault_link import BREAKS, FaultyLink
from ctp2.tts.fault_rules import FOREVER, NS, Rule, drawn, parse
from ctp2.tts.kept import Told, trade_again

if TYPE_CHECKING:
    from ctp2.core.backend import Kind
    from ctp2.tts.account import Account
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.session import TtsSession

_FIRST_REASON: Final = 60_000
_REASONS: Final = 5_000
"""Reasons of the exchange that have the user's own words; the same words have the same number in every run."""
_HOLDING: Final = ("delay", "late_fills", "late_trades")
_KEPT: Final = 10_000
"""How many of the faults that happened are remembered."""


class Happened(NamedTuple):
    """A fault that happened: its name, to whom, and the counter's time."""

    fault: str
    user: str
    now_ns: int


class ActiveRule:
    """A rule at work: how often what it waits for has occurred, for each user."""

    __slots__ = ("_counts", "_done", "_number", "_seed", "rule")

    def __init__(self, rule: Rule, number: int, seed: int) -> None:
        self.rule = rule
        self._number = number
        self._seed = seed
        self._counts: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def hits(self, user: str) -> bool:
        """Count an occurrence of a user; whether the fault happens at it."""
        rule = self.rule
        number = self._counts[user] = self._counts.get(user, 0) + 1
        if not rule.first <= number <= rule.last or self._done.get(user, 0) >= rule.times:
            return False
        if rule.chance < 1 and (drawn(self._seed, self._number, user, number) >> 11) * 2.0**-53 >= rule.chance:
            return False
        self._done[user] = self._done.get(user, 0) + 1
        return True

    def drawn_time(self, user: str) -> int:
        """The time of this occurrence: between the two that the rule has (ns)."""
        least, most = self.rule["time"]
        if least == most:
            return int(least)
        number = -self._counts.get(user, 0)
        return int(least + drawn(self._seed, self._number, user, number) % (most - least + 1))


class Faults:
    """The faults of one counter; everything on its turn."""

    def __init__(self, backend: TtsBackend, text: str = "") -> None:
        self.backend = backend
        self.timers = backend.counter.timed()
        self.locked: dict[str, int] = {}
        """Users that may not log in, with the ErrorID they are told."""
        self.rules: list[ActiveRule] = []
        self.named: dict[str, list[ActiveRule]] = {}
        """Rules about requests and events, by name."""
        self.link_rules: dict[str, list[ActiveRule]] = {}
        """Rules about the link, by what they are counted by."""
        self.clock_rules: list[ActiveRule] = []
        self.holds = False
        """Whether anything comes late."""
        self.happened: list[Happened] = []
        self._links: dict[TtsSession, FaultyLink] = {}
        self._added = 0
        self._is_on = bool(text)
        for rule in parse(text):
            self._add(rule)

    # ------------------------------------------------------------------ rules
    def add(self, rules: Sequence[Rule]) -> None:
        """Rules from now on."""
        self.switch_on()
        for rule in rules:
            active = self._add(rule)
            if active in self.clock_rules:
                for link in self._links.values():
                    if link.machine.is_logged_in:
                        link.arm(active)

    def _add(self, rule: Rule) -> ActiveRule:
        active = ActiveRule(rule, self._added, self.backend.config.options.seed)
        self._added += 1
        self.rules.append(active)
        if rule.name not in BREAKS:
            self.named.setdefault(rule.name, []).append(active)
            self.holds = self.holds or rule.name in _HOLDING
        elif rule.subject:
            self.link_rules.setdefault(rule.subject, []).append(active)
        else:
            self.clock_rules.append(active)
        return active

    def clear(self) -> None:
        """No rule any more, nobody locked out; links are whole again, and no session has a faulty one."""
        self.locked.clear()
        for table in (self.rules, self.named, self.link_rules, self.clock_rules):
            table.clear()
        self.holds = self._is_on = False
        links, self._links = self._links, {}
        for link in links.values():
            link.remove()

    def note(self, fault: str, user: str) -> None:
        """Remember that a fault happened."""
        if len(self.happened) < _KEPT:
            self.happened.append(Happened(fault, user, self.backend.counter.now_ns()))

    # ------------------------------------------------------------------ links
    def switch_on(self) -> None:
        """Give every session its faulty link."""
        self._is_on = True
        for session in self.backend.sessions:
            self.join(session)

    def join(self, session: TtsSession) -> None:
        """A client came."""
        if self._is_on and session not in self._links:
            self._links[session] = FaultyLink(self, session)

    def leave(self, session: TtsSession) -> None:
        """A client went."""
        link = self._links.pop(session, None)
        if link is not None:
            link.close()

    def links(self, user: str, kind: Kind) -> list[FaultyLink]:
        """The links of a user (empty: of all) that are there now.

        Raises:
            LookupError: there is none.
        """
        self.switch_on()
        found = [link for link in self._links.values() if link.session.kind == kind and user in ("", link.user)]
        if not found:
            raise LookupError(f"no {kind} link" + (f" of {user}" if user else "") + " at this counter")
        return found

    # ------------------------------------------------------------------ faults that concern several links
    def lock_out(self, user: str, error_id: int = 75, length_ns: int = FOREVER, reconnect_ns: int = NS) -> None:
        """Cut a user off, and refuse its logins."""
        self.switch_on()
        self.locked[user] = error_id
        for link in self._links.values():
            if link.session.kind == "trader" and link.user == user:
                link.cut(READ_FAILED, reconnect_ns)
        if length_ns != FOREVER:
            self.timers.later(length_ns, partial(self.locked.pop, user, None))

    def reset_flows(self, reconnect_ns: int = NS) -> None:
        """The counter comes back with new logs within the day: their numbers begin at 1 again (spec 2.2)."""
        self.switch_on()
        for link in self._links.values():
            link.cut(READ_FAILED, reconnect_ns)
        self.timers.soon(self._reset_now)

    def _reset_now(self) -> None:
        backend = self.backend
        backend.public[:] = backend.statuses.values()
        for account_id, flow in backend.flows.items():
            flow.told = Told(backend.engine.state.orders)
            account = backend.engine.state.accounts.get(account_id)
            if account is not None:
                flow.extend(self._told_again(account))

    def _told_again(self, account: Account) -> list[RequestRefused]:
        """The day's orders and trades as a restarted counter learns them from the exchange (spec 2.2).

        FrontID, SessionID and OrderRef are new, RequestID is 0 and RelativeOrderSysID empty; what the exchange numbered
        stays.
        """
        session_id = self.backend.next_session_id()
        now_ns = self.backend.counter.now_ns()
        trades: dict[int, list[Event]] = {}
        refs = {order.order_id: str(number).rjust(12) for number, order in enumerate(account.orders, 1)}
        orders = self.backend.engine.state.orders
        for kept in account.trades:
            fill = trade_again(kept, orders)
            trade = translate.trade_to_ctp(fill)
            trade.OrderRef = refs[fill.order.order_id]
            trades.setdefault(fill.order.order_id, []).append(Event("OnRtnTrade", trade))
        told: list[Event] = []
        for order in account.orders:
            row = translate.order_to_ctp(translate.order_now(order))
            row.FrontID, row.SessionID, row.OrderRef = 1, session_id, refs[order.order_id]
            row.RequestID, row.RelativeOrderSysID = 0, ""
            told += [Event("OnRtnOrder", row), *trades.get(order.order_id, ())]
        return [RequestRefused(account.account_id, now_ns, event) for event in told]

    def reason_of(self, text: str) -> int:
        """The number of the exchange's reason with these words."""
        for number, known in codes.EXCHANGE_TEXT.items():
            if known == text:
                return number
        number = _FIRST_REASON + zlib.crc32(text.encode()) % _REASONS
        codes.FAULT_TEXT[number] = text
        return number
