"""The folder of a server (``ctp2 serve --data DIR``): its directory of accounts, and a log for each environment."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from ctp2.core.address import parse as parse_address
from ctp2.core.filelock import lock_file
from ctp2.tts.config import parse
from ctp2.tts.directory import Directory
from ctp2.tts.users import Refused

_OURS: Final = ("accounts", "db", "id", "new_accounts")
"""Options that the folder decides."""
_FILES: Final = ("data", "instruments", "rates")
"""Options that may name a file, which must be the same one from every working folder."""


class DataFolder:
    """A server's folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()

    @property
    def accounts(self) -> Path:
        """The directory of accounts."""
        return self.path / "accounts.db"

    def log(self, environment: str) -> Path:
        """The log of an environment's counter."""
        return self.path / f"{environment}.db"

    def make(self) -> Directory:
        """The directory of accounts; folder and file are made, for their user alone, where there are none."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Directory.make(self.accounts)

    def directory(self) -> Directory:
        """The directory of accounts.

        Raises:
            Refused: there is none.
        """
        return Directory(self.accounts)

    def address(self, text: str, *, lets_all_in: bool = False) -> str:
        """A ``tts`` address, with the log and the accounts of this folder.

        Raises:
            Refused: it is no such address, or says itself what the folder decides.
            ValueError: it can never work.
        """
        address = parse_address(text)
        if address.scheme != "tts":
            raise Refused(f"{text}: a data folder is for the embedded counter (tts://)")
        for name in _OURS:
            if name in address.options:
                raise Refused(f"{text}: the data folder decides {name}: leave it out")
        environment = parse(address).environment
        options = dict(address.options)
        for name in _FILES:
            if options.get(name) and Path(options[name]).exists():
                options[name] = str(Path(options[name]).absolute())
        options["db"] = str(self.log(environment))
        options["accounts"] = str(self.accounts)
        if lets_all_in:
            options["new_accounts"] = "on"
        return f"tts://{environment}?{urlencode(options)}"

    def is_running(self, environment: str) -> bool:
        """Whether a counter has the environment's log open, in whatever process."""
        try:
            with open(f"{self.log(environment)}.lock", "r+b") as lock:
                return not lock_file(lock)
        except FileNotFoundError:
            return False
