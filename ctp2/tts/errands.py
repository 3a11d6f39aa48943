"""What the command line asks of a counter, running or not: money, a new beginning, a lock, a look (``ctp2 account``).

A running counter finds its errands in the directory of accounts, does each once, and leaves the answer there. The file
is its user's alone (mode 0600), works on every platform, and needs no port that somebody else might find.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.errors import OpenFailed
from ctp2.ctp import structs
from ctp2.tts.control import Control
from ctp2.tts.queries import QUERIES, Asker
from ctp2.tts.rights import Restrict, Rights
from ctp2.tts.users import Refused

if TYPE_CHECKING:
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.members import Members

log = logging.getLogger("ctp2.tts")

_PAUSE: Final = 0.1
"""Seconds between two looks at whether somebody else wrote the directory: one system call each."""

SHOWN: Final = {
    "accounts": ("ReqQryTradingAccount", structs.CThostFtdcQryTradingAccountField),
    "positions": ("ReqQryInvestorPosition", structs.CThostFtdcQryInvestorPositionField),
    "orders": ("ReqQryOrder", structs.CThostFtdcQryOrderField),
    "trades": ("ReqQryTrade", structs.CThostFtdcQryTradeField),
}
"""What ``show`` tells of an account, and the query that a client would ask for it."""


# ------------------------------------------------------------------ doing them
def carry_out(backend: TtsBackend, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do an errand, not on the counter's thread; the answer has ``error`` (CTP's ``error_id``) if it was refused."""
    try:
        return _VERBS[verb](backend, **arguments)
    except Refused as refusal:
        return {"error": str(refusal), "error_id": refusal.error_id}
    except (LookupError, ValueError, OpenFailed) as fault:
        return {"error": str(fault.args[0]) if fault.args else verb, "error_id": 0}
    except Exception:
        log.exception("%s failed", verb)
        return {"error": f"the counter failed on {verb}: its log says why", "error_id": 0}


def _deposit(backend: TtsBackend, user: str, amount: str, currency: str) -> dict[str, Any]:
    Control(backend).deposit(user, amount, currency)
    return _money(backend, [user])


def _withdraw(backend: TtsBackend, user: str, amount: str, currency: str) -> dict[str, Any]:
    Control(backend).withdraw(user, amount, currency)
    return _money(backend, [user])


def _reset(backend: TtsBackend, user: str) -> dict[str, Any]:
    Control(backend).reset(user)
    return _money(backend, [user])


def _money(backend: TtsBackend, users: list[str]) -> dict[str, Any]:
    """Every currency of some accounts."""

    def look() -> list[dict[str, Any]]:
        found = []
        for user in users:
            account = backend.engine.state.accounts.get(user)
            for currency in account.purses if account is not None else ():
                found += _rows(backend, user, "accounts", CurrencyID=currency)
        return found

    return {"accounts": backend.counter.call(look)}


def _show(backend: TtsBackend, user: str) -> dict[str, Any]:
    """The trading day of an account."""

    def look() -> dict[str, Any]:
        if user not in backend.engine.state.accounts:
            return {}
        return {name: _rows(backend, user, name) for name in SHOWN if name != "accounts"}

    shown = backend.counter.call(look)
    return {"trading_day": backend.trading_day, **_money(backend, [user]), **shown}


def _rows(backend: TtsBackend, user: str, what: str, **members: str) -> list[dict[str, Any]]:
    name, struct = SHOWN[what]
    account = backend.engine.state.accounts[user]
    asker = Asker(backend.world, account, "", backend.users.name(user), backend.statements)
    return [
        {member: value for member in row.__struct_fields__ if (value := getattr(row, member)) not in ("", None)}
        for row in QUERIES[name](asker, struct(**members))
    ]


_VERBS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "reset": _reset,
    "money": _money,
    "show": _show,
}


def _lock(backend: TtsBackend, locks: dict[str, bool]) -> None:
    """A locked account trades no more on sessions that are logged in (error 19); the directory refuses its logins."""
    engine = backend.engine
    for user, locked in locks.items():
        account = engine.state.accounts.get(user)
        rights = account.rights or Rights() if account is not None else None
        if rights is not None and rights.is_active == locked:
            command = Restrict(backend.counter.now_ns(), user, rights.with_active(not locked))
            backend.counter.publish(engine.restrict(command))


# ------------------------------------------------------------------ finding them
class Errands:
    """A thread that does what the directory holds for a counter, and opens the accounts that were made meanwhile."""

    def __init__(self, backend: TtsBackend, members: Members) -> None:
        self._backend = backend
        self._members = members
        self._directory = members.directory
        self._environment = members.environment
        self._directory.note_served(self._environment, backend.config.text)
        self._directory.clear(self._environment)
        self._locks: dict[str, bool] = {}
        """Of whom the counter knows whether he is locked."""
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ctp2-accounts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the errand at hand, and end."""
        self._is_closing.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(self._directory.connect()) as db:
            seen = -1
            while not self._is_closing.is_set():
                try:
                    version = db.execute("PRAGMA data_version").fetchone()[0]
                    if version != seen:
                        seen = version
                        self._look()
                except sqlite3.Error:
                    log.exception("%s cannot be read", self._directory.path)
                except OpenFailed as failure:
                    # The counter's log cannot be written, and it serves nobody any more: who asks is told so.
                    log.error("accounts opened or locked since are not in the counter: %s", failure)
                    self._answer_all()
                self._is_closing.wait(_PAUSE)

    def _look(self) -> None:
        backend = self._backend
        for user in self._members.refresh():
            backend.carry_out(partial(backend.open_account, user))
        locks = self._members.locks()
        changed = {user: locked for user, locked in locks.items() if self._locks.get(user) is not locked}
        if changed:
            backend.carry_out(partial(_lock, backend, changed))
            self._locks = locks
        self._answer_all()

    def _answer_all(self) -> None:
        backend = self._backend
        while not self._is_closing.is_set():
            errand = self._directory.take(self._environment)
            if errand is None:
                return
            log.info("account: %s %s", errand.verb, errand.arguments.get("user", ""))
            self._directory.answer(errand.number, carry_out(backend, errand.verb, errand.arguments))
