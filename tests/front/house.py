"""A server's data folder for tests: accounts of a small recorded day that stands until it is stepped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctp2.tts.datafolder import DataFolder
from ctp2.tts.directory import Member
from tests.tts.programs import DAY, Trader

GOOD = "Good-Pass1"
"""What owners begin with."""


class House:
    """A folder, and how to open accounts in it and log in to them."""

    def __init__(self, path: Path) -> None:
        self.folder = DataFolder(path / "data")
        self.directory = self.folder.make()
        self._day = path / "day_20210104.csv"
        self._day.write_text(DAY, encoding="utf-8")

    def new(self, user: str, owner: str = "", password: str = GOOD, environment: str = "replay", **more: Any) -> Member:
        """Make an account."""
        values = {"balance": "", "is_operator": False, "is_locked": False, "created_ns": 1, **more}
        return self.directory.add(Member(environment, user, owner, **values), password)

    def address(self, options: str = "", *, lets_all_in: bool = False) -> str:
        """Of a counter that in practice stands still."""
        text = f"tts://replay?data={self._day}&speed=0.001&fills=full{options}"
        return self.folder.address(text, lets_all_in=lets_all_in)


def login(client: Trader, password: str = GOOD, **members: Any) -> int:
    """Log in on a connected client; returns the error number."""
    values = {"BrokerID": "9999", "UserID": client.user, "Password": password, **members}
    (answer,) = client.ask("ReqUserLogin", **values)
    assert answer.is_last
    if not answer.error_id:
        client.login_field = answer.field
    return int(answer.error_id)


def change(client: Trader, old: str, new: str, **members: Any) -> int:
    """Change the password; returns the error number."""
    values = {"BrokerID": "9999", "UserID": client.user, "OldPassword": old, "NewPassword": new, **members}
    (answer,) = client.ask("ReqUserPasswordUpdate", **values)
    return int(answer.error_id)
