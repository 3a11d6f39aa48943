"""How a verb ends early: one line and an exit code."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
NOT_REACHABLE: Final = 3
INTERRUPTED: Final = 130


class CliError(Exception):
    """Shown as one line on standard error; ``code`` becomes the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
