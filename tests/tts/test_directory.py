"""The directory of owners and accounts by itself: one file, many processes, nothing twice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from ctp2.core.clock import ManualClock
from ctp2.tts import directory as module
from ctp2.tts.directory import ADDRESS_FAILURES, LOCKED_NS, Directory, Member, is_password, scrypt_text
from ctp2.tts.members import Members
from ctp2.tts.users import LOGIN_FAILURES, Refused

GOOD = "Good-Pass1"
ENV = "7x24"


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COST", 4)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """An empty one."""
    return Directory.make(tmp_path / "accounts.db")


def member(user: str, owner: str = "amy", environment: str = ENV) -> Member:
    """An account."""
    return Member(environment, user, owner, "", False, False, 1)


def at_once(count: int, job: Callable[[int], Any]) -> list[Any]:
    """What a job returns, or how it fails, on so many threads at a time."""
    together, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        together.wait()
        try:
            results[number] = job(number)
        except Exception as error:
            results[number] = error  # type: ignore[call-overload]  # looked at by the test

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# ------------------------------------------------------------------ the file
def test_made_by_many_at_once_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    made = at_once(6, lambda number: Directory.make(path).add(member(f"u{number}", f"o{number}"), GOOD))
    assert sorted(one.user for one in made) == [f"u{number}" for number in range(6)]
    assert sorted(one.user for one in Directory(path).members()) == [f"u{number}" for number in range(6)]
    assert not list(tmp_path.glob("*.new"))


def test_another_form_is_refused(directory: Directory) -> None:
    with closing(sqlite3.connect(directory.path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(Refused, match="has form 2, this ctp2 knows 1"):
        Directory(directory.path)


@pytest.mark.parametrize("content", [b"user,password\na,b\n", b""])
def test_what_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "accounts.db"
    path.write_bytes(content)
    with pytest.raises(Refused, match="is no directory of accounts"):
        Directory(path)


def test_another_programs_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE anything (x)")
    with pytest.raises(Refused, match="is no directory of accounts of ctp2"):
        Directory(path)


# ------------------------------------------------------------------ accounts
def test_a_limit_holds_among_many_at_once(directory: Directory) -> None:
    directory.add(member("first"), GOOD)
    results = at_once(6, lambda number: directory.add(member(f"u{number}")))
    assert sum(isinstance(one, Member) for one in results) == 2
    assert all("the most that an owner may have (3)" in str(one) for one in results if not isinstance(one, Member))


def test_numbers_and_names(directory: Directory) -> None:
    assert [directory.add(member("", "amy"), GOOD).user for _ in range(2)] == ["100001", "100002"]
    assert directory.add(member("200500", "ben"), GOOD).user == "200500"
    assert directory.add(member("", ""), GOOD)[:3] == (ENV, "200501", "200501")
    with pytest.raises(Refused, match="belongs to amy"):
        directory.add(member("100001", "ben", "sim"))
    with pytest.raises(Refused, match=r"characters that can be printed"):
        directory.add(member("tab\t", "ben"))


# ------------------------------------------------------------------ passwords
def test_kept_passwords() -> None:
    first, second = scrypt_text(GOOD), scrypt_text(GOOD)
    assert first != second, "salted"
    assert GOOD not in first
    assert is_password(first, GOOD) and not is_password(first, GOOD + " ")
    assert is_password(scrypt_text("密码"), "密码")


def test_of_many_exchanges_one_wins(directory: Directory) -> None:
    directory.add(member("a"), GOOD)
    found = directory.member(ENV, "a")
    assert found is not None
    results = at_once(5, lambda number: directory.exchange("amy", "password", found[1], f"Next-{number}"))
    assert sorted(results) == [False] * 4 + [True]
    after = directory.member(ENV, "a")
    assert after is not None and is_password(after[1], f"Next-{results.index(True)}")
    assert is_password(directory.funds("amy"), GOOD), "the password of money is changed by its own request"
    directory.set_password("amy", "Admin-Pass7")
    assert is_password(directory.funds("amy"), "Admin-Pass7")


# ------------------------------------------------------------------ failures
def test_failures_by_user_and_address(directory: Directory) -> None:
    now = 10 * LOCKED_NS
    for _ in range(LOGIN_FAILURES - 1):
        directory.note_failure("1.1.1.1", "a", now)
    assert directory.failure_error("1.1.1.1", "a", now) == 0
    directory.note_failure("1.1.1.1", "a", now + 1)
    assert directory.failure_error("1.1.1.1", "a", now + 1) == 75
    assert directory.failure_error("1.1.1.1", "b", now + 1) == 0
    assert directory.failure_error("2.2.2.2", "a", now + 1) == 0
    assert directory.failure_error("1.1.1.1", "a", now + LOCKED_NS) == 75
    assert directory.failure_error("1.1.1.1", "a", now + 1 + LOCKED_NS) == 0
    directory.note_failure("1.1.1.1", "a", now + 1 + LOCKED_NS)  # counted anew
    assert directory.failure_error("1.1.1.1", "a", now + 1 + LOCKED_NS) == 0


def test_failures_of_an_address(directory: Directory) -> None:
    for number in range(ADDRESS_FAILURES):
        directory.note_failure("1.1.1.1", f"u{number}", 5)
    assert directory.failure_error("1.1.1.1", "new", 5) == 143
    directory.forget_failures("1.1.1.1", "u1")  # a right password of one's own buys no more guesses
    assert directory.failure_error("1.1.1.1", "new", 5) == 143
    directory.forgive("u2")
    assert directory.failure_error("1.1.1.1", "new", 5) == 0


def test_without_an_address_only_users_are_locked(directory: Directory) -> None:
    for number in range(ADDRESS_FAILURES):
        directory.note_failure("", f"u{number}", 5)
    assert directory.failure_error("", "new", 5) == 0


def test_a_changed_password_is_noticed_by_who_knew_the_old_one(directory: Directory) -> None:
    """Two counters on one file; both have worked the old password out."""
    directory.add(member("a"), GOOD)
    directory.add(member("b", environment="sim"))
    clock = ManualClock(1)
    both = [Members(str(directory.path), name, clock, lets_all_in=False, forces=False) for name in (ENV, "sim")]
    here, there = both
    assert (here.check_login("a", GOOD), there.check_login("b", GOOD)) == (0, 0)
    changed: SimpleQueue[int] = SimpleQueue()
    here.change("password", "a", "", (GOOD, "Other-Pass2"), changed.put)
    assert changed.get(timeout=20) == 0
    for members, user in ((here, "a"), (there, "b")):
        assert (members.check_login(user, GOOD), members.check_login(user, "Other-Pass2")) == (3, 0)
        members.close()


# ------------------------------------------------------------------ errands
def test_an_errand_is_done_once_at_most(directory: Directory) -> None:
    numbers = [directory.send(ENV, "deposit", {"n": n}) for n in range(8)]
    directory.send("sim", "deposit", {})
    taken = at_once(8, lambda _: directory.take(ENV))
    assert sorted(one.number for one in taken) == numbers
    assert directory.take(ENV) is None  # though nobody answered: he may have done it before he was killed
    directory.answer(numbers[0], {"x": 1})
    assert directory.collect(numbers[0]) == {"x": 1}
    assert directory.collect(numbers[0]) is None and not directory.is_pending(numbers[0])


def test_what_nobody_took_is_taken_back(directory: Directory) -> None:
    first, second = (directory.send(ENV, "reset", {}) for _ in range(2))
    assert directory.recall(first) and not directory.recall(first)
    assert directory.take(ENV) is not None
    assert not directory.recall(second), "somebody began it"
    third = directory.send(ENV, "reset", {})
    directory.clear(ENV)
    assert directory.take(ENV) is None and not directory.is_pending(third)
