"""Who may log in, and which IB account is his: for servers that share one TWS (DESIGN 1.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from ctp2.core.passwords import SCHEME, Secret
from ctp2.ib.config import OPEN_TO_ALL
from ctp2.refdata.table import DataError, header_of, rows

COLUMNS: Final = ("user", "password", "account")
"""Columns of a file of accounts; the first two are needed."""
USER_LENGTH: Final = 15
"""What CTP's field of a UserID holds."""
INVALID_LOGIN: Final = 3


class User(NamedTuple):
    """A line of the file."""

    password: Secret
    account: str
    """The IB account that he may see and use; empty: every one."""


def load(path: str | Path) -> dict[str, User]:
    """The users of a file.

    Raises:
        DataError: a bad row, named by file, line and column (never with what stands in a column of passwords).
    """
    path = Path(path)
    for name in header_of(path):
        if name not in COLUMNS:
            raise DataError(f"{path}:1: unknown column {name!r}; known: {', '.join(COLUMNS)}")
    users: dict[str, User] = {}
    with_account = "account" in header_of(path)
    for row in rows(path, COLUMNS[:2]):
        user_id = row.text("user")
        if not user_id or len(user_id) > USER_LENGTH:
            raise row.error("user", f"{user_id!r} is not 1 to {USER_LENGTH} characters long")
        if user_id in users:
            raise row.error("user", f"{user_id!r} stands there twice")
        if not row.text("password"):
            raise row.error("password", "is empty")
        try:
            password = Secret(row.text("password"))
        except ValueError:
            raise row.error("password", f"begins with {SCHEME}: and is not what hashed_password() makes") from None
        users[user_id] = User(password, row.text("account") if with_account else "")
    if not users:
        raise DataError(f"{path}: has no user")
    return users


class Users:
    """The users of one backend."""

    def __init__(self, accounts: str) -> None:
        self._listed = None if accounts == OPEN_TO_ALL else load(accounts)

    @property
    def is_open(self) -> bool:
        """Whether anybody may log in."""
        return self._listed is None

    def account(self, user_id: str, password: str) -> str | None:
        """The account that a user may use (empty: all); None: he may not log in."""
        if self._listed is None:
            return ""
        user = self._listed.get(user_id)
        return user.account if user is not None and user.password.is_(password) else None
