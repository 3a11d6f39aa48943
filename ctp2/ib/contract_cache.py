"""IB's answers about contracts, kept on disk for a day: a program that starts again asks for nothing twice.

One file per TWS and day, a line per question, appended as answers come; a line that is damaged is left out. A TWS is
known by its place, its version and its accounts: another one at the same place has answers of its own. Whatever goes
wrong with the file costs the cache alone (docs/decisions/0196).
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from ctp2.ib.records import Contract, Details

log = logging.getLogger("ctp2.ib")

_SAFE: Final = re.compile(r"[^A-Za-z0-9.]")
_FORMAT: Final = 1


class Line(msgspec.Struct):
    """A question and its answer."""

    format: int
    query: Contract
    found: list[Details]


class ContractCache:
    """The file of one TWS; ``day`` is in its name."""

    def __init__(self, folder: Path, place: str) -> None:
        self._folder = folder
        self._name = f"contracts-{_SAFE.sub('_', place)}"
        self._who = ""
        self._encode = msgspec.json.Encoder().encode
        self._is_broken = False

    def identify(self, server_version: int, accounts: Iterable[str]) -> bool:
        """Say which TWS it is; whether it is another one than before."""
        text = f"{server_version} {' '.join(sorted(accounts))}"
        before, self._who = self._who, hashlib.sha256(text.encode()).hexdigest()[:8]
        return before != self._who

    def path(self, day: str) -> Path:
        """Where the answers of a day are."""
        return self._folder / f"{self._name}-{self._who}-{day}.jsonl"

    def forget(self, day: str) -> None:
        """The answers of a day are wrong."""
        try:
            self.path(day).unlink(missing_ok=True)
        except OSError as error:
            self._say(self.path(day), error)

    def load(self, day: str) -> dict[Contract, list[Details]]:
        """The answers of a day; files of other days are removed."""
        found: dict[Contract, list[Details]] = {}
        path = self.path(day)
        try:
            for old in self._folder.glob(f"{self._name}-*.jsonl"):
                if not old.stem.endswith(f"-{day}"):
                    old.unlink(missing_ok=True)
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            self._say(path, error)
            return found
        for number, text in enumerate(data.splitlines(), 1):
            try:
                line = msgspec.json.decode(text, type=Line)
            except msgspec.DecodeError as error:
                log.warning("%s, line %d is left out: %s", path, number, error)
                continue
            if line.format == _FORMAT:
                found[line.query] = line.found
        return found

    def add(self, day: str, query: Contract, found: list[Details]) -> None:
        """Keep an answer."""
        if self._is_broken:
            return
        path = self.path(day)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(self._encode(Line(_FORMAT, query, found)) + b"\n")
        except OSError as error:
            self._say(path, error)

    def _say(self, path: Path, error: OSError) -> None:
        self._is_broken = True
        log.warning("%s: %s; contracts are asked for again at the next start", path, error)
