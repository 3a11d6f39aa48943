"""Drives ``ib_client.py``, a user's program on a client library of Interactive Brokers, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tools import foreign_ib

PROGRAM: Final = Path(__file__).parents[3] / "data" / "scripts" / "ib_client.py"
TIMEOUT: Final = 60.0
"""Seconds for anything that must come; the machine may be busy with other tests."""


class Refused(Exception):
    """What was asked ended with an error; the text is the library's."""


@dataclass(frozen=True)
class Event:
    """A callback, under the name and with the arguments that the official wrapper has."""

    name: str
    args: list[Any]


class Program:
    """The process. ``events`` are all callbacks so far, oldest first."""

    def __init__(self, library: str, folder: Path) -> None:
        self.library = library
        self.events: list[Event] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._number = 0
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        path = str(foreign_ib.site(foreign_ib.LIBRARIES[library]))
        self._errors = folder / f"{library}.stderr"
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", str(PROGRAM), library],
                env={**kept, "PYTHONPATH": path},
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # ------------------------------------------------------------------ asking
    def ask(self, verb: str, **arguments: Any) -> Any:
        """Do it and give its result.

        Raises:
            Refused: the server, or the library, said no.
            TimeoutError: nothing came.
        """
        self._number += 1
        number = self._number
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": number, "do": verb, "with": arguments}) + "\n")
        self.process.stdin.flush()
        self._wait(lambda: number in self._answers, f"an answer to {verb}")
        answer = self._answers[number]
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def of(self, name: str, *start: Any) -> list[list[Any]]:
        """The arguments of all callbacks of that name, as far as they begin with ``start``."""
        return [one.args for one in list(self.events) if one.name == name and one.args[: len(start)] == list(start)]

    def wait_for(self, name: str, *start: Any, count: int = 1) -> list[Any]:
        """The ``count``-th callback of that name whose arguments begin with ``start``.

        Raises:
            TimeoutError: it does not come.
        """
        self._wait(lambda: len(self.of(name, *start)) >= count, f"{name}{start}")
        return self.of(name, *start)[count - 1]

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Until a condition of its callbacks is true."""
        self._wait(condition, what)

    def until_asked(self, verb: str, is_wanted: Callable[[Any], object], **arguments: Any) -> Any:
        """Ask again after each callback, until the result is what is wanted."""
        while True:
            seen = len(self.events)
            result = self.ask(verb, **arguments)
            if is_wanted(result):
                return result
            self._wait(lambda seen=seen: len(self.events) > seen, f"{verb} to change from {result}")  # type: ignore[misc]

    def error(self, number: int, code: int) -> str:
        """The text of an error."""
        text: str = self.wait_for("error", number, code)[2]
        return text

    # ------------------------------------------------------------------ its end
    def end(self) -> int:
        """Let it return; the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.write('{"do": "end"}\n')
        self.process.stdin.flush()
        code = self.process.wait(TIMEOUT)
        self.close()
        return code

    def complaints(self) -> list[str]:
        """Lines on its stderr that tell of an exception."""
        lines = self._errors.read_text(errors="replace").splitlines()
        return [
            line for line in lines if "Traceback" in line or "Exception" in line or "could not decode" in line.lower()
        ]

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(TIMEOUT)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ inside
    def _wait(self, condition: Callable[[], object], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: condition() or self.process.poll() is not None, TIMEOUT):
                raise TimeoutError(f"{self.library}: no {what}; the last callbacks: {self.events[-5:]}")
            if not condition():
                raise TimeoutError(f"{self.library}: ended before {what}: {self._errors.read_text(errors='replace')}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            with self._changed:
                if "event" in line:
                    self.events.append(Event(line["event"], line["args"]))
                else:
                    self._answers[line["id"]] = line
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
