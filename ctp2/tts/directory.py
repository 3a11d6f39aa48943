"""The directory of owners and accounts of a server: one SQLite file, shared by counters and the command line.

An owner is a person with one password; an account (UserID, InvestorID) belongs to one owner and trades in one
environment, and an owner has so many in each (spec ctp-semantics 14.1). Passwords are kept as scrypt makes them.

Every operation opens the file, does one transaction and closes it, so a :class:`Directory` may be used on any thread,
and any number of processes may share a file. Nothing here is called on a counter's thread, where waiting for a disk
would hold up everybody.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ctp2.tts import rejections as error
from ctp2.tts.money_text import balances_of
from ctp2.tts.users import LOGIN_FAILURES, USER_LENGTH, Refused, is_directory, is_weak

FORM: Final = 1
"""Number of the tables' form; another one is refused."""
ACCOUNTS_PER_OWNER: Final = 3
"""Accounts of an owner in one environment, unless the directory says otherwise (spec 14.1)."""
ADDRESS_FAILURES: Final = 100
"""Wrong passwords from one address, for whatever users, after which nobody logs in from there (error 143) [SIM]."""
LOCKED_NS: Final = 15 * 60 * 1_000_000_000
"""How long both locks last after the last failure [SIM]."""
PASSWORD_LENGTH: Final = 40
"""What CTP's field holds (char[41])."""

_APPLICATION: Final = 0x43545032
_BUSY_SECONDS: Final = 10.0
_SCHEME: Final = "scrypt"
_COST: Final = 14
"""Binary logarithm of scrypt's N: 16 MiB and about 50 ms a password."""

_TABLES: Final = """
CREATE TABLE owner (
    name TEXT PRIMARY KEY, password TEXT NOT NULL, funds TEXT NOT NULL DEFAULT '', created_ns INTEGER NOT NULL);
CREATE TABLE account (
    environment TEXT NOT NULL, user TEXT NOT NULL, owner TEXT NOT NULL REFERENCES owner(name), balance TEXT NOT NULL,
    is_operator INTEGER NOT NULL, is_locked INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL,
    PRIMARY KEY (environment, user));
CREATE TABLE failure (
    address TEXT NOT NULL, user TEXT NOT NULL, count INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    PRIMARY KEY (address, user));
CREATE TABLE accounts_per_owner (environment TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE served (environment TEXT PRIMARY KEY, address TEXT NOT NULL);
CREATE TABLE errand (
    id INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, verb TEXT NOT NULL, arguments TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', answer TEXT NOT NULL DEFAULT '');
"""


class Member(NamedTuple):
    """An account; ``balance`` is what it begins with as users write it, empty: the counter's own default."""

    environment: str
    user: str
    owner: str
    balance: str
    is_operator: bool
    is_locked: bool
    created_ns: int


class Errand(NamedTuple):
    """Something that only a running counter can do."""

    number: int
    verb: str
    arguments: dict[str, Any]


# ------------------------------------------------------------------ passwords
def scrypt_text(password: str) -> str:
    """A password as the directory keeps it."""
    salt = secrets.token_bytes(16)
    return f"{_SCHEME}:{_COST}:{salt.hex()}:{_scrypt(password, salt, _COST).hex()}"


def is_password(text: str, password: str) -> bool:
    """Whether ``text`` was made of ``password``; takes as long as making one."""
    _, cost, salt, digest = text.split(":")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), int(cost)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    n = 1 << cost
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=8, p=1, maxmem=2 * 128 * 8 * n, dklen=32)


class Directory:
    """A directory in a file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a directory.

        Raises:
            Refused: there is none, or one of another form.
        """
        self.path = Path(path)
        if not is_directory(self.path):
            raise Refused(f"{self.path}: is no directory of accounts: make one with ctp2 account new")
        with self._transaction() as db:
            form = db.execute("PRAGMA user_version").fetchone()[0]
            if db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                raise Refused(f"{self.path}: is no directory of accounts of ctp2")
        if form != FORM:
            raise Refused(f"{self.path}: has form {form}, this ctp2 knows {FORM}: use the version that wrote it")

    @classmethod
    def make(cls, path: str | os.PathLike[str]) -> Directory:
        """Open a directory; an empty one is made, for its user's eyes only, where there is none."""
        path = Path(path)
        if not path.exists():
            # Under another name first: whoever comes at the same time finds no half of one.
            scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
            os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            try:
                with closing(sqlite3.connect(scratch)) as db:
                    db.executescript(
                        f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {FORM};"
                        f" BEGIN; {_TABLES} COMMIT; PRAGMA journal_mode = WAL;"
                    )
                try:
                    os.link(scratch, path)
                except FileExistsError:
                    pass
                except OSError:
                    os.replace(scratch, path)  # a file system without links
            finally:
                scratch.unlink(missing_ok=True)
        return cls(path)

    def connect(self) -> sqlite3.Connection:
        """A connection of one's own; SQLite's helper files get the mode of the file itself."""
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        db.execute("PRAGMA foreign_keys = ON")
        return db

    @contextmanager
    def _transaction(self, level: str = "FULL") -> Iterator[sqlite3.Connection]:
        """``level`` NORMAL: a power cut may lose it, and nobody has to wait for the disk."""
        with closing(self.connect()) as db:
            db.execute(f"PRAGMA synchronous = {level}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _rows(self, text: str, *values: object) -> list[Any]:
        with closing(self.connect()) as db:
            return db.execute(text, values).fetchall()

    # ------------------------------------------------------------------ accounts
    def members(self, environment: str = "", owner: str = "") -> list[Member]:
        """The accounts, in the order of their making."""
        found = self._rows(
            f"SELECT {_MEMBER} FROM account WHERE (? = '' OR environment = ?) AND (? = '' OR owner = ?) ORDER BY rowid",
            *(environment, environment, owner, owner),
        )
        return [_member(row) for row in found]

    def member(self, environment: str, user: str) -> tuple[Member, str] | None:
        """An account with its owner's password as it is kept."""
        found = self._rows(
            f"SELECT {_MEMBER}, (SELECT password FROM owner WHERE name = account.owner) FROM account"
            " WHERE environment = ? AND user = ?",
            *(environment, user),
        )
        return (_member(found[0]), found[0][-1]) if found else None

    def has_owner(self, owner: str) -> bool:
        """Whether an owner is known, and so has a password."""
        return bool(self._rows("SELECT 1 FROM owner WHERE name = ?", owner))

    def add(self, member: Member, password: str = "", *, checks: bool = True) -> Member:
        """Make an account. An owner who is new gets ``password``; one who is known keeps his.

        An empty ``user`` becomes the next free number. ``checks``: whether the password has to be a good one.

        Raises:
            Refused: the account is there already, belongs to somebody else elsewhere, or is one too many.
        """
        if member.balance:
            balances_of(member.balance)
        if len(member.user) > USER_LENGTH or not (member.user + "a").isprintable():
            raise Refused(f"{member.user!r}: a user is 1 to {USER_LENGTH} characters that can be printed")
        # Outside the transaction: it takes a while.
        kept = "" if self.has_owner(member.owner) else _new_password(password, checks)
        with self._transaction() as db:
            user = member.user or _next_number(db)
            owner = member.owner or user
            known = db.execute("SELECT environment, owner FROM account WHERE user = ?", (user,)).fetchall()
            if any(row[0] == member.environment for row in known):
                raise Refused(f"{user}: is an account of {member.environment} already")
            if any(row[1] != owner for row in known):
                raise Refused(f"{user}: belongs to {known[0][1]}: one user, one owner in all environments")
            if not db.execute("SELECT 1 FROM owner WHERE name = ?", (owner,)).fetchone():
                kept = kept or _new_password(password, checks)
                db.execute(
                    "INSERT INTO owner (name, password, created_ns) VALUES (?, ?, ?)", (owner, kept, member.created_ns)
                )
            _check_limit(db, member.environment, owner, member.is_operator)
            made = member._replace(user=user, owner=owner)
            db.execute(f"INSERT INTO account ({_MEMBER}) VALUES (?, ?, ?, ?, ?, ?, ?)", made)
        return made

    def set_locked(self, user: str, environment: str, locked: bool) -> list[Member]:
        """Lock an account, or unlock it; an empty environment means all of them. Unlocking forgets failed logins.

        Raises:
            Refused: there is no such account.
        """
        with self._transaction() as db:
            found = db.execute(
                f"SELECT {_MEMBER} FROM account WHERE user = ? AND (? = '' OR environment = ?)",
                (user, environment, environment),
            ).fetchall()
            if not found:
                raise unknown(user, environment)
            for row in found:
                db.execute(
                    "UPDATE account SET is_locked = ? WHERE user = ? AND environment = ?", (locked, user, row[0])
                )
            if not locked:
                _forgive(db, user)
        return [_member(row)._replace(is_locked=locked) for row in found]

    def limit(self, environment: str) -> int:
        """Accounts that an owner may have in an environment."""
        with closing(self.connect()) as db:
            return _limit(db, environment)

    def set_limit(self, environment: str, number: int) -> None:
        """Change that; accounts that are there stay."""
        if number < 0:
            raise Refused(f"{number}: a limit is 0 or more")
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO accounts_per_owner VALUES (?, ?)", (environment, number))

    # ------------------------------------------------------------------ passwords
    def owner_of(self, user: str) -> str:
        """Whose account it is.

        Raises:
            Refused: there is no such account.
        """
        found = self._rows("SELECT owner FROM account WHERE user = ?", user)
        if not found:
            raise unknown(user)
        return str(found[0][0])

    def funds(self, owner: str) -> str:
        """The password of an owner's money as it is kept: until it is changed it is the login's."""
        found = self._rows("SELECT CASE funds WHEN '' THEN password ELSE funds END FROM owner WHERE name = ?", owner)
        return str(found[0][0]) if found else ""

    def set_password(self, owner: str, new: str) -> None:
        """Give an owner another password, and with it that of the money; his failed logins are forgotten.

        Raises:
            Refused: it is a weak one.
        """
        kept = _new_password(new, True)
        with self._transaction() as db:
            db.execute("UPDATE owner SET password = ?, funds = '' WHERE name = ?", (kept, owner))
            db.execute("DELETE FROM failure WHERE user IN (SELECT user FROM account WHERE owner = ?)", (owner,))

    def exchange(self, owner: str, column: str, before: str, new: str) -> bool:
        """Replace the kept password ``before``; False when it is not the kept one any more (somebody was faster)."""
        kept = scrypt_text(new)
        with self._transaction() as db:
            if column == "password":
                # Money that follows the login's password keeps the one it has: each is changed by its own request.
                changed = db.execute(
                    "UPDATE owner SET funds = CASE funds WHEN '' THEN password ELSE funds END, password = ?"
                    " WHERE name = ? AND password = ?",
                    (kept, owner, before),
                )
            else:
                changed = db.execute(
                    "UPDATE owner SET funds = ? WHERE name = ? AND CASE funds WHEN '' THEN password ELSE funds END = ?",
                    (kept, owner, before),
                )
            return changed.rowcount == 1

    # ------------------------------------------------------------------ failed logins
    def failure_error(self, address: str, user: str, now_ns: int) -> int:
        """75 after too many wrong passwords for a user from an address, 143 from the address in all (spec 1.7)."""
        found = dict(
            self._rows(
                "SELECT user, count FROM failure WHERE address = ? AND user IN (?, '') AND last_ns > ?",
                *(address, user, now_ns - LOCKED_NS),
            )
        )
        if found.get(user, 0) >= LOGIN_FAILURES:
            return error.LOGIN_FORBIDDEN
        return error.IP_FORBIDDEN if address and found.get("", 0) >= ADDRESS_FAILURES else 0

    def note_failure(self, address: str, user: str, now_ns: int) -> None:
        """A wrong password, or a user that is none."""
        with self._transaction("NORMAL") as db:
            db.execute("DELETE FROM failure WHERE last_ns <= ?", (now_ns - LOCKED_NS,))
            for who in dict.fromkeys((user, "")):
                db.execute(
                    "INSERT INTO failure VALUES (?, ?, 1, ?)"
                    " ON CONFLICT DO UPDATE SET count = count + 1, last_ns = excluded.last_ns",
                    (address, who, now_ns),
                )

    def forget_failures(self, address: str, user: str) -> None:
        """The right password; what came from the address for others still counts."""
        if self._rows("SELECT 1 FROM failure WHERE address = ? AND user = ?", address, user):
            with self._transaction() as db:
                db.execute("DELETE FROM failure WHERE address = ? AND user = ?", (address, user))

    def forgive(self, user: str) -> None:
        """Forget a user's failures, and what counts against the addresses that they came from."""
        with self._transaction() as db:
            _forgive(db, user)

    # ------------------------------------------------------------------ counters
    def note_served(self, environment: str, address: str) -> None:
        """With which address an environment's counter was opened."""
        if self.served(environment) != address:
            with self._transaction() as db:
                db.execute("INSERT OR REPLACE INTO served VALUES (?, ?)", (environment, address))

    def served(self, environment: str) -> str:
        """The address that an environment's counter was last opened with; empty: never."""
        found = self._rows("SELECT address FROM served WHERE environment = ?", environment)
        return str(found[0][0]) if found else ""

    def clear(self, environment: str) -> None:
        """A counter begins: what was asked of the one before is not done by this one, long after."""
        with self._transaction() as db:
            db.execute("DELETE FROM errand WHERE environment = ?", (environment,))

    def send(self, environment: str, verb: str, arguments: dict[str, Any]) -> int:
        """Leave an errand for the running counter; returns its number."""
        with self._transaction() as db:
            put = db.execute(
                "INSERT INTO errand (environment, verb, arguments) VALUES (?, ?, ?)",
                (environment, verb, json.dumps(arguments)),
            )
            assert put.lastrowid is not None
            return put.lastrowid

    def take(self, environment: str) -> Errand | None:
        """The counter's side: the next errand, which nobody will do again, whatever happens to us."""
        if not self._rows("SELECT 1 FROM errand WHERE environment = ? AND state = 'new'", environment):
            return None
        with self._transaction() as db:
            row = db.execute(
                "UPDATE errand SET state = 'taken' WHERE id ="
                " (SELECT min(id) FROM errand WHERE environment = ? AND state = 'new') RETURNING id, verb, arguments",
                (environment,),
            ).fetchone()
        return None if row is None else Errand(row[0], row[1], json.loads(row[2]))

    def answer(self, number: int, answer: dict[str, Any]) -> None:
        """The counter's side: it is done."""
        with self._transaction() as db:
            db.execute("UPDATE errand SET state = 'done', answer = ? WHERE id = ?", (json.dumps(answer), number))

    def collect(self, number: int) -> dict[str, Any] | None:
        """The sender's side: the answer, once; None while there is none."""
        found = self._rows("SELECT answer FROM errand WHERE id = ? AND state = 'done'", number)
        if not found:
            return None
        with self._transaction() as db:
            db.execute("DELETE FROM errand WHERE id = ?", (number,))
        answer: dict[str, Any] = json.loads(found[0][0])
        return answer

    def is_pending(self, number: int) -> bool:
        """The sender's side: whether it is still there."""
        return bool(self._rows("SELECT 1 FROM errand WHERE id = ?", number))

    def recall(self, number: int) -> bool:
        """The sender's side: nobody took it, and nobody will; False when somebody has."""
        with self._transaction() as db:
            return db.execute("DELETE FROM errand WHERE id = ? AND state = 'new'", (number,)).rowcount == 1


_MEMBER: Final = "environment, user, owner, balance, is_operator, is_locked, created_ns"


def _member(row: Any) -> Member:
    return Member(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]), row[6])


def unknown(user: str, environment: str = "") -> Refused:
    """There is no such account."""
    return Refused(f"{user}: no such account{' of ' + environment if environment else ''}", error.INVESTOR_NOT_FOUND)


def _forgive(db: sqlite3.Connection, user: str) -> None:
    db.execute(
        "DELETE FROM failure WHERE user = ? OR (user = '' AND address IN (SELECT address FROM failure WHERE user = ?))",
        (user, user),
    )


def _new_password(password: str, checks: bool) -> str:
    if len(password.encode()) > PASSWORD_LENGTH:
        raise Refused(f"a password has at most {PASSWORD_LENGTH} bytes")
    if checks and is_weak(password):
        raise Refused("a password has six or more characters, and is not only letters or digits", error.WEAK_PASSWORD)
    return scrypt_text(password)


def _next_number(db: sqlite3.Connection) -> str:
    """One more than the greatest number that is a user."""
    found = db.execute("SELECT user FROM account WHERE user GLOB '[0-9]*'").fetchall()
    return str(max((int(row[0]) for row in found if row[0].isdigit()), default=100_000) + 1)


def _limit(db: sqlite3.Connection, environment: str) -> int:
    found = db.execute("SELECT number FROM accounts_per_owner WHERE environment = ?", (environment,)).fetchone()
    return ACCOUNTS_PER_OWNER if found is None else int(found[0])


def _check_limit(db: sqlite3.Connection, environment: str, owner: str, is_operator: bool) -> None:
    if is_operator:
        return
    has = db.execute(
        "SELECT count(*) FROM account WHERE environment = ? AND owner = ? AND NOT is_operator", (environment, owner)
    ).fetchone()[0]
    limit = _limit(db, environment)
    if has >= limit:
        raise Refused(f"{owner}: has {has} accounts of {environment}, the most that an owner may have ({limit})")
