"""Libraries for other systems, built once a process, and Windows to run them in."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from ctp2.shim.build import build
from tools import foreign_systems, wine
from tools.kept import CACHE


@cache
def zig() -> str:
    """The command of zig as a C++ compiler, as ``--compiler`` takes it."""
    return f"{shlex.quote(str(foreign_systems.zig()))} c++"


def compiler(name: str) -> str:
    """``zig``, or a compiler of this machine; the test is skipped where it is not."""
    if name == "zig":
        return zig()
    found = shutil.which(name)
    if found is None or (name.startswith("clang") and not (shutil.which("lld-link") and shutil.which("llvm-dlltool"))):
        pytest.skip(f"no {name}, or not all that goes with it")
    return found


def built(revision: str, target: str, by: str, folder: Path) -> tuple[Path, Path]:
    """Both libraries in ``folder``; results are kept among what tests prepare."""
    return build(revision, folder, target=target, compiler=compiler(by), cache=CACHE / "shim")


@contextmanager
def windows(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A Windows whose drives are in ``folder``: its loader and environment. Skipped where there is no wine."""
    if not wine.can_have():
        pytest.skip("no apt for x86-64 here, so no wine")
    try:
        made = foreign_systems.windows()
    except wine.NoWine as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no wine: {error}")
    with made.drive(folder) as environment:
        yield made.program, dict(environment)


def dos(path: Path) -> str:
    """A path as programs for Windows write it: the root is drive Z:."""
    return "Z:" + str(path).replace("/", "\\")
