"""Libraries for other systems, built once a process, and Windows to run them in."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from ctp2.shim.build import build
from tools import debian, foreign_systems

T = TypeVar("T")
WAIT = 120


@cache
def zig() -> str:
    """The command of zig as a C++ compiler, as ``--compiler`` takes it."""
    return f"{shlex.quote(str(foreign_systems.zig()))} c++"


def compiler(name: str) -> str:
    """``zig``, ``mingw:TRIPLE``, or a compiler of this machine; the test is skipped where there is none."""
    if name == "zig":
        return zig()
    if name.startswith("mingw:"):
        return shlex.quote(str(_of_debian(lambda: foreign_systems.mingw(name.removeprefix("mingw:")))))
    found = shutil.which(name)
    if found is None or not (shutil.which("lld-link") and shutil.which("llvm-dlltool")):
        pytest.skip(f"no {name}, or not all that goes with it")
    return found


def _of_debian(get: Callable[[], T]) -> T:
    """What comes out of Debian's packages; without them the test is skipped, in CI only if there is no apt."""
    if not debian.can_have():
        pytest.skip("no apt for x86-64 here")
    try:
        return get()
    except debian.NoPackage as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def built(revision: str, target: str, by: str, folder: Path) -> tuple[Path, Path]:
    """Both libraries in ``folder``; results are kept among what tests prepare."""
    return build(revision, folder, target=target, compiler=compiler(by), cache=foreign_systems.BUILDS)


@contextmanager
def windows(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A Windows whose drives are in ``folder``: its loader and environment. Skipped where there is no wine."""
    made = _of_debian(foreign_systems.windows)
    with made.drive(folder) as environment:
        yield made.program, dict(environment)


def run(program: Path, folder: Path, **variables: str) -> tuple[int, str, str]:
    """Run a program for Windows, with drives in ``folder``; exit code, standard output, standard error."""
    said, errors = folder / "said", folder / "errors"
    with windows(folder / "windows") as (loader, environment):
        # No pipes: wine's server keeps both open after the program has ended.
        with said.open("wb") as out, errors.open("wb") as err:
            result = subprocess.run(
                [loader, program], env={**environment, **variables}, stdout=out, stderr=err, timeout=WAIT, check=False
            )
        # Before wine's server is ended, which tells there what it still held.
        lines = errors.read_text(encoding="utf-8").splitlines(keepends=True)
    # Before the program, wine says that it misses its own set-up.
    heard = "".join(line for line in lines if not line.startswith("wine: "))
    return result.returncode, said.read_text(encoding="utf-8"), heard


def dos(path: Path) -> str:
    """A path as programs for Windows write it: the root is drive Z:."""
    return "Z:" + str(path).replace("/", "\\")
