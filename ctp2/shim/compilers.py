"""Which C++ compiler there is: ``$CXX``, g++, clang++, then the zig of the package ``ziglang`` or of the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ctp2.shim.errors import BuildFailed, NoCompiler

Kind = Literal["gcc", "clang", "zig"]

VARIABLE: Final = "CXX"
_ZIG: Final = "zig"
_FAULT: Final = re.compile(r"(?:^|\s)error:|undefined reference|undefined symbol|cannot find", re.IGNORECASE)


@dataclass(frozen=True)
class Tools:
    """A compiler that answers."""

    command: tuple[str, ...]
    kind: Kind
    version: str
    """All that ``--version`` says: part of the key of what was built with it."""
    machine: str
    """What it builds for unless told otherwise: ``x86_64-linux-gnu``."""

    @property
    def name(self) -> str:
        """One line for people."""
        return f"{' '.join(self.command)} ({self.version.splitlines()[0] if self.version else '?'})"


def zig_command() -> tuple[str, ...] | None:
    """``zig c++``, of the package ``ziglang`` in this interpreter or of the system."""
    if importlib.util.find_spec("ziglang") is not None:
        return sys.executable, "-m", "ziglang", "c++"
    zig = shutil.which(_ZIG)
    return (zig, "c++") if zig else None


def _named(given: str | None) -> str:
    return (given or os.environ.get(VARIABLE) or "").strip()


def commands(named: str | None) -> Iterator[tuple[str, ...]]:
    """Compilers that may be there, the best first; only the one that the user names if he names one."""
    named = _named(named)
    if named:
        first, *others = shlex.split(named)
        # Steps run in a folder of their own.
        words = (os.path.abspath(first) if os.path.dirname(first) else first, *others)
        yield (zig_command() or words) if words == (_ZIG,) else words
        return
    for name in ("g++", "clang++"):
        if found := shutil.which(name):
            yield (found,)
    if zig := zig_command():
        yield zig


def find(named: str | None, target: str, refusal: Callable[[Tools], str]) -> Tools:
    """The first compiler that ``refusal`` has nothing against (an empty text); ``NoCompiler`` when there is none.

    One that the user named (``named``, or else ``$CXX``) and that cannot be used is not passed over.
    """
    is_named = bool(_named(named))
    for command in commands(named):
        try:
            tools = identify(command)
            reason = refusal(tools)
        except (OSError, subprocess.SubprocessError) as error:
            reason = str(error)
        if not reason:
            return tools
        if is_named:
            raise NoCompiler("bad_compiler", command=" ".join(command), reason=reason)
    raise NoCompiler("no_compiler", target=target)


def identify(command: tuple[str, ...]) -> Tools:
    """Ask a compiler who it is; ``OSError`` or ``SubprocessError`` when it does not answer."""
    version = _answer((*command, "--version"))
    kind: Kind = "zig" if command[-1] == "c++" and len(command) > 1 else "clang" if "clang" in version else "gcc"
    if kind == "zig":
        # Its clang answers the same in every release of zig that ships it.
        version = f"zig {_answer((*command[:-1], 'version'))}\n{version}"
    return Tools(command, kind, version, _answer((*command, "-dumpmachine")))


def _answer(command: Sequence[str]) -> str:
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=_plain(), timeout=120, check=True
    )
    return result.stdout.decode(errors="replace").strip()


def run(command: Sequence[str], folder: Path) -> None:
    """One step of a build in ``folder``; ``BuildFailed`` with the compiler's first error line."""
    try:
        result = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, env=_plain(), check=False
        )
    except OSError as error:
        raise BuildFailed("compile", command=command[0], output=error.strerror or error) from None
    if result.returncode:
        lines = (result.stderr + result.stdout).decode(errors="replace").splitlines()
        first = next(filter(_FAULT.search, lines), lines[-1] if lines else "no output")
        raise BuildFailed("compile", command=_shown(command), output=first.strip())


def _shown(command: Sequence[str]) -> str:
    """The compiler and the file it was at; the flags between would make it many lines."""
    return f"{Path(command[0]).name} … {Path(command[-1]).name}"


def _plain() -> Mapping[str, str]:
    """The environment with messages in English: the error line is looked for by its word."""
    return {**os.environ, "LC_ALL": "C"}
