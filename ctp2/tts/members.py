"""The users of a counter that has a directory of accounts: logins and passwords looked up beside its thread.

To compare a password takes tens of milliseconds on purpose, and a disk may take longer. So a login is judged on a
thread of this module before the counter sees it (:class:`Door`), and a change of password is answered from there.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ctp2.core.clock import Clock
from ctp2.core.session import BUSY
from ctp2.tts import rejections as error
from ctp2.tts.directory import Directory, Member, is_password
from ctp2.tts.money_text import balances_of
from ctp2.tts.users import OPEN_TO_ALL, USER_LENGTH, Refused, Users, is_weak

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.errands import Errands
    from ctp2.tts.session import TtsSession

log = logging.getLogger("ctp2.tts")

_THREADS: Final = 2
_WAITING: Final = 1000
"""Requests of one client that may wait behind its login; beyond it a call returns -2."""
_KNOWN: Final = 10_000
_LOGIN: Final = "OnRspUserLogin"
_NOBODY: Final = "scrypt:14:" + "00" * 16 + ":" + "00" * 32
"""What the password of a user is compared with who is none, so that he is refused as late as one who is."""


class Judged(NamedTuple):
    """A login that was looked at, and its error number."""

    request: Request
    number: int


class Members(Users):
    """The users in a directory. Everything that opens its file runs on threads of its own."""

    def __init__(self, path: str, environment: str, clock: Clock, *, lets_all_in: bool, forces: bool) -> None:
        """``lets_all_in``: a user whom the directory does not know gets an account at his first login."""
        super().__init__(OPEN_TO_ALL, forces)
        self.is_open = False
        self.lets_all_in = lets_all_in
        self.directory = Directory.make(path)
        self.environment = environment
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        """Kept passwords → what stands for the right ones in this process: each is worked out once."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ctp2-logins")
        self.post: Callable[[Callable[[Any], None], Any], object] = lambda job, argument: job(argument)
        """How to have something done on the counter's thread."""
        self._errands: Errands | None = None
        self.refresh()

    def start(self, backend: TtsBackend) -> None:
        """What others write into the directory is looked at from now on."""
        from ctp2.tts.errands import Errands

        self.post = backend.counter.worker.put
        self._errands = Errands(backend, self)

    def close(self) -> None:
        """End the threads; logins that still wait are forgotten with their clients."""
        if self._errands is not None:
            self._errands.close()
        self._pool.shutdown(cancel_futures=True)

    def refresh(self) -> list[str]:
        """Look at the directory again; returns the users of the accounts that were not known here."""
        members = {member.user: member for member in self.directory.members(self.environment)}
        new = [user for user, member in members.items() if user not in self._members and not member.is_operator]
        self._members = members
        return new

    def later(self, job: Callable[..., None], *arguments: object) -> None:
        """Do it on a thread of ours."""
        with suppress(RuntimeError):  # the counter is closing, and nobody hears an answer any more
            self._pool.submit(_guarded, job, *arguments)

    # ------------------------------------------------------------------ what the counter asks
    def accounts(self) -> Iterable[str]:
        """All who trade."""
        return [user for user, member in self._members.items() if not member.is_operator]

    def knows(self, user_id: str) -> bool:
        """Whether the directory has an account of that name that trades."""
        if user_id not in self._members:
            self.refresh()
        member = self._members.get(user_id)
        return member is not None and not member.is_operator

    def locks(self) -> dict[str, bool]:
        """Of every account that trades whether it is locked."""
        return {user: member.is_locked for user, member in self._members.items() if not member.is_operator}

    def is_operator(self, user_id: str) -> bool:
        """Whether the user only looks on."""
        member = self._members.get(user_id)
        return member is not None and member.is_operator

    def balances(self, user_id: str, default: dict[str, int]) -> dict[str, int]:
        """What the account begins with (micro-units)."""
        member = self._members.get(user_id)
        return balances_of(member.balance) if member is not None and member.balance else dict(default)

    def name(self, user_id: str) -> str:
        """The owner's name."""
        member = self._members.get(user_id)
        return user_id if member is None else member.owner

    def unlock(self, user_id: str) -> None:
        """Forget the user's failed logins."""
        self.later(self.directory.forgive, user_id)

    def authenticate(self, user_id: str, app_id: str, auth_code: str) -> int:
        """Any terminal is accepted (spec 14.1)."""
        return 0

    def door(self, session: TtsSession) -> Door | None:
        """Where a trading client's requests come in."""
        return Door(self, session) if session.kind == "trader" else None

    # ------------------------------------------------------------------ logins
    def check_login(self, user_id: str, password: str, address: str = "") -> int:
        """Error number of a login: 75 and 143 too many failures, 3 unknown or wrong, 4 locked (spec 1.7)."""
        now_ns = self._clock.now_ns()
        directory = self.directory
        number = directory.failure_error(address, user_id[:USER_LENGTH], now_ns)
        if number:
            return number
        found = directory.member(self.environment, user_id)
        if found is None and self.lets_all_in and self._make(user_id, password, now_ns):
            found = directory.member(self.environment, user_id)
        if not self._is_right(_NOBODY if found is None else found[1], password) or found is None:
            directory.note_failure(address, user_id[:USER_LENGTH], now_ns)
            return error.INVALID_LOGIN
        directory.forget_failures(address, user_id)
        member = found[0]
        self._members[user_id] = member
        return error.USER_NOT_ACTIVE if member.is_locked else 0

    def _make(self, user_id: str, password: str, now_ns: int) -> bool:
        if not user_id:
            return False
        member = Member(self.environment, user_id, user_id, "", False, False, now_ns)
        try:
            # An account of him in another environment: then he has a password, and it must be that.
            self.directory.add(member, password, checks=False)
        except Refused:
            return False
        return True

    def _is_right(self, kept: str, password: str) -> bool:
        quick = hashlib.blake2b(password.encode(), key=self._key).digest()
        known = self._known.get(kept)
        if known is not None:
            return hmac.compare_digest(known, quick)
        if not is_password(kept, password):
            return False
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[kept] = quick
        return True

    # ------------------------------------------------------------------ passwords
    def change(
        self, what: str, user_id: str, address: str, texts: tuple[str, str], done: Callable[[int], None]
    ) -> None:
        """Change a password and have ``done`` called with the error number, on the counter's thread, later."""
        self.later(self._change_now, what, user_id, address, texts, done)

    def _change_now(
        self, what: str, user_id: str, address: str, texts: tuple[str, str], done: Callable[[int], None]
    ) -> None:
        number = BUSY
        try:
            number = self._exchange(what, user_id, address, texts)
        finally:
            self.post(lambda _: done(number), None)

    def _exchange(self, what: str, user_id: str, address: str, texts: tuple[str, str]) -> int:
        """14 or 2001 wrong old one, 142 the same, 131 weak; wrong ones count as failed logins do."""
        old, new = texts
        directory, now_ns = self.directory, self._clock.now_ns()
        number = directory.failure_error(address, user_id, now_ns)
        found = directory.member(self.environment, user_id)
        if number or found is None:
            return number or error.INVALID_LOGIN
        owner = found[0].owner
        kept = found[1] if what == "password" else directory.funds(owner)
        mismatch = error.OLD_PASSWORD_MISMATCH if what == "password" else error.PASSWORD_MISMATCH
        if not self._is_right(kept, old):
            directory.note_failure(address, user_id, now_ns)
            return mismatch
        if new == old:
            return error.PWD_MUST_DIFF
        if is_weak(new):
            return error.WEAK_PASSWORD
        return 0 if directory.exchange(owner, what, kept, new) else mismatch

    def is_funds_password(self, user_id: str, password: str) -> bool:
        """Whether it is; until it is changed it is the login's. On the counter's thread: transfers are rare."""
        member = self._members.get(user_id)
        kept = self.directory.funds(member.owner) if member is not None else ""
        return bool(kept) and self._is_right(kept, password)


class Door:
    """Where one client's requests come in: a login is judged first, and what comes behind it waits for its turn."""

    __slots__ = ("_lock", "_members", "_session", "_waiting")

    def __init__(self, members: Members, session: TtsSession) -> None:
        self._members = members
        self._session = session
        self._lock = threading.Lock()
        self._waiting: deque[Request] | None = None
        """Requests behind the login that is being judged; None: there is no such."""

    def handle(self, request: Request) -> int:
        """From any thread: 0, or -2 when too much waits."""
        with self._lock:
            if self._waiting is not None:
                if len(self._waiting) >= _WAITING:
                    return -2
                self._waiting.append(request)
                return 0
            if request.method.response != _LOGIN:
                session = self._session
                return 0 if session.backend.counter.submit(session.receive, request) else -2
            self._waiting = deque()
        self._members.later(self._judge, request)
        return 0

    def _judge(self, request: Request) -> None:
        session, field = self._session, request.field
        number = BUSY
        try:
            if request.method.name == "ReqUserLogin" and not session.machine.is_logged_in:
                number = self._members.check_login(field.UserID, field.Password, session.address)
        finally:
            self._pass(Judged(request, number))

    def _pass(self, judged: Judged) -> None:
        """The login goes to the counter, and what waited behind it; another login is judged first again."""
        put = self._session.backend.counter.worker.put
        put(self._enter, judged)
        with self._lock:
            waiting = self._waiting
            while waiting:
                request = waiting.popleft()
                if request.method.response == _LOGIN:
                    self._members.later(self._judge, request)
                    return
                put(self._session.receive, request)
            self._waiting = None

    def _enter(self, judged: Judged) -> None:
        self._session.judged = judged
        self._session.receive(judged.request)


def _guarded(job: Callable[..., None], *arguments: object) -> None:
    try:
        job(*arguments)
    except Exception:
        log.exception("the directory of accounts failed")
