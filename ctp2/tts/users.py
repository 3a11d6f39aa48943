"""Who may log in, and with what: users' passwords (never kept in clear), failed logins, terminals, the pace of orders.

``accounts=open``: any new user may enter; a password that a user has changed is asked for from then on. With a file of
accounts only its users may, with their passwords (spec ctp-semantics 1.6, 1.7, 12.1).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ctp2.core.passwords import SCHEME, Secret, hashed
from ctp2.core.throttle import QueryRate
from ctp2.refdata.table import DataError, header_of, rows
from ctp2.tts import rejections as error
from ctp2.tts.money_text import balances_of

if TYPE_CHECKING:
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.members import Door
    from ctp2.tts.session import TtsSession

OPEN_TO_ALL: Final = "open"
COLUMNS: Final = ("user", "password", "balance", "name", "app_id", "auth_code", "funds_password")
"""Columns of a file of accounts; the first two are needed."""
LOGIN_FAILURES: Final = 10
"""Wrong passwords in a row after which a user may not log in any more (error 75)."""
USER_LENGTH: Final = 12
"""A UserID may be longer than an InvestorID; here both are the same text, so the shorter limit holds."""
MIN_PASSWORD: Final = 6
_SQLITE: Final = b"SQLite format 3\0"


class Refused(ValueError):
    """What is not done, in words; ``error_id`` is CTP's number for it, 0 where CTP has none."""

    def __init__(self, message: str, error_id: int = 0) -> None:
        super().__init__(message)
        self.error_id = error_id


class User:
    """A line of the file of accounts."""

    __slots__ = ("balances", "funds_password", "name", "password", "terminals")

    def __init__(self, password: Secret, funds_password: Secret, balances: dict[str, int] | None, name: str) -> None:
        self.password = password
        self.funds_password = funds_password
        self.balances = balances
        self.name = name
        self.terminals: set[tuple[str, str]] = set()
        """(AppID, AuthCode) that the user may come with; empty: any."""


def is_directory(path: str | Path) -> bool:
    """Whether a file of accounts is a directory (``ctp2.tts.directory``), and not a table of text."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def load_accounts(path: str | Path) -> dict[str, User]:
    """The users of a file of accounts; several lines of one user give him several terminals.

    Raises:
        DataError: a bad row, named by file, line and column (never with what stands in a column of passwords).
    """
    path = Path(path)
    for name in header_of(path):
        if name not in COLUMNS:
            raise DataError(f"{path}:1: unknown column {name!r}; known: {', '.join(COLUMNS)}")
    users: dict[str, User] = {}
    for row in rows(path, COLUMNS[:2]):
        user_id = row.text("user")
        if not user_id or len(user_id) > USER_LENGTH:
            raise row.error("user", f"{user_id!r} is not 1 to {USER_LENGTH} characters long")
        if not row.text("password") and user_id not in users:
            raise row.error("password", "is empty")
        try:
            password = Secret(row.text("password"))
            funds = Secret(row.text("funds_password") or row.text("password"))
        except ValueError:
            raise row.error("password", f"begins with {SCHEME}: and is not what hashed() makes") from None
        try:
            balances = balances_of(row.text("balance").replace(";", ",")) if row.text("balance") else None
        except ValueError as fault:
            raise row.error("balance", str(fault)) from None
        known = users.setdefault(user_id, User(password, funds, balances, row.text("name")))
        if row.text("app_id"):
            known.terminals.add((row.text("app_id"), row.text("auth_code")))
    if not users:
        raise DataError(f"{path}: has no account")
    return users


class Users:
    """The users of one counter."""

    def __init__(self, accounts: str, forces_authentication: bool) -> None:
        self.is_open = accounts == OPEN_TO_ALL
        self.listed = {} if self.is_open else load_accounts(accounts)
        self.forces_authentication = forces_authentication
        self._passwords = {user_id: user.password for user_id, user in self.listed.items()}
        self._funds = {user_id: user.funds_password for user_id, user in self.listed.items()}
        self._changed: set[str] = set()
        self._failures: dict[str, int] = {}
        self.on_change: Callable[[str, str, str | int], None] | None = None
        """Told what a log has to keep: user, what (``password``, ``funds``, ``failures``), and the value.

        A password is told as :func:`hashed` makes it.
        """
        self._kept: dict[tuple[str, str], str | int] = {}

    # ------------------------------------------------------------------ what a log keeps
    def changes(self) -> list[list[str | int]]:
        """All that was told to ``on_change`` and still holds."""
        return [[user_id, what, value] for (user_id, what), value in self._kept.items()]

    def restore(self, user_id: str, what: str, value: str | int) -> None:
        """Take back what was told to ``on_change``; a user who is no longer listed stays unknown."""
        if not self.is_open and user_id not in self.listed:
            return
        self._kept[(user_id, what)] = value
        if what == "failures":
            self._failures[user_id] = int(value)
        elif what == "password":
            self._passwords[user_id] = Secret(str(value))
            self._changed.add(user_id)
        elif what == "funds":
            self._funds[user_id] = Secret(str(value))

    def _tell(self, user_id: str, what: str, value: str | int) -> None:
        if self.on_change is not None:
            self._kept[(user_id, what)] = value
            self.on_change(user_id, what, value)

    # ------------------------------------------------------------------ terminals
    def authenticate(self, user_id: str, app_id: str, auth_code: str) -> int:
        """Error number of an authentication: 63 an unknown pair, 4043 one of another user (spec 1.6)."""
        if not self.forces_authentication or self.is_open:
            return 0
        pair = (app_id, auth_code)
        user = self.listed.get(user_id)
        if user is not None and (pair in user.terminals or not user.terminals):
            return 0
        is_known = any(pair in other.terminals for other in self.listed.values())
        return error.AUTHUSER_CHECK_ERR if is_known else error.AUTH_FAILED

    # ------------------------------------------------------------------ login
    def check_login(self, user_id: str, password: str, address: str = "") -> int:
        """Error number of a login: 75 locked, 3 unknown user or wrong password (spec 1.7)."""
        if self._failures.get(user_id, 0) >= LOGIN_FAILURES:
            return error.LOGIN_FORBIDDEN
        if not user_id or len(user_id) > USER_LENGTH or not self._is_right(user_id, password):
            if user_id in self._passwords:
                self._failures[user_id] = self._failures.get(user_id, 0) + 1
                self._tell(user_id, "failures", self._failures[user_id])
            return error.INVALID_LOGIN
        self.unlock(user_id)
        return 0

    def _is_right(self, user_id: str, password: str) -> bool:
        if self.is_open and user_id not in self._changed:
            self._passwords[user_id] = Secret(password)
            self._funds.setdefault(user_id, self._passwords[user_id])
            return True
        known = self._passwords.get(user_id)
        return known is not None and known.is_(password)

    def unlock(self, user_id: str) -> None:
        """Forget a user's failed logins."""
        if self._failures.pop(user_id, 0):
            self._tell(user_id, "failures", 0)

    def knows(self, user_id: str) -> bool:
        """Whether a user may exist: any in an open counter."""
        return 0 < len(user_id) <= USER_LENGTH and (self.is_open or user_id in self.listed)

    def accounts(self) -> Iterable[str]:
        """The users whose accounts are there from the beginning."""
        return self.listed

    def is_operator(self, user_id: str) -> bool:
        """Whether the user only looks on: only a directory knows such."""
        return False

    def door(self, session: TtsSession) -> Door | None:
        """Where a client's requests come in; None: at the counter itself."""
        return None

    def start(self, backend: TtsBackend) -> None:
        """The counter runs."""

    def close(self) -> None:
        """End what works for the users."""

    def balances(self, user_id: str, default: dict[str, int]) -> dict[str, int]:
        """What a user's account begins with (micro-units)."""
        user = self.listed.get(user_id)
        return dict(default if user is None or user.balances is None else user.balances)

    def name(self, user_id: str) -> str:
        """The investor's name; the user's id when none is given."""
        user = self.listed.get(user_id)
        return user.name if user is not None and user.name else user_id

    # ------------------------------------------------------------------ passwords
    def change(
        self, what: str, user_id: str, address: str, texts: tuple[str, str], done: Callable[[int], None]
    ) -> None:
        """Change ``password`` or ``funds`` from an old text to a new one; ``done`` is called with the error number."""
        change = self.change_password if what == "password" else self.change_funds_password
        done(change(user_id, *texts))

    def change_password(self, user_id: str, old: str, new: str) -> int:
        """Change the login's password: 14 wrong old one, 142 the same, 131 weak (only where a file says who may)."""
        number = self._change("password", self._passwords, user_id, old, new, error.OLD_PASSWORD_MISMATCH)
        if not number:
            self._changed.add(user_id)
        return number

    def change_funds_password(self, user_id: str, old: str, new: str) -> int:
        """Change the password of the money: 2001 wrong old one, 142 the same, 131 weak."""
        return self._change("funds", self._funds, user_id, old, new, error.PASSWORD_MISMATCH)

    def is_funds_password(self, user_id: str, password: str) -> bool:
        """Whether it is; until it is changed it is the login's."""
        known = self._funds.get(user_id)
        return known is not None and known.is_(password)

    def _change(self, what: str, kept: dict[str, Secret], user_id: str, old: str, new: str, mismatch: int) -> int:
        known = kept.get(user_id)
        if known is None or not known.is_(old):
            return mismatch
        if new == old:
            return error.PWD_MUST_DIFF
        if not self.is_open and is_weak(new):
            return error.WEAK_PASSWORD
        text = hashed(new) if self.on_change is not None else new
        kept[user_id] = Secret(text)
        self._tell(user_id, what, text)
        return 0


def is_weak(password: str) -> bool:
    """A password of fewer than six characters, or of digits alone, or of letters alone [SIM]."""
    return len(password) < MIN_PASSWORD or password.isdigit() or password.isalpha()


class OrderPace:
    """How many orders and how many cancels an investor may send in any second, counted apart (spec 1.12)."""

    __slots__ = ("_cancels", "_inserts", "_per_second", "monotonic_ns")

    def __init__(self, per_second: int, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._per_second = per_second
        self.monotonic_ns = monotonic_ns
        self._inserts: dict[str, QueryRate] = {}
        self._cancels: dict[str, QueryRate] = {}

    def admits_insert(self, account_id: str) -> bool:
        """Whether another order is within the limit."""
        return self._admits(self._inserts, account_id)

    def admits_cancel(self, account_id: str) -> bool:
        """Whether another cancel is within the limit."""
        return self._admits(self._cancels, account_id)

    def _admits(self, rates: dict[str, QueryRate], account_id: str) -> bool:
        rate = rates.get(account_id)
        if rate is None:
            rate = rates[account_id] = QueryRate(self._per_second)
        return rate.admit(self.monotonic_ns())
