"""The native libraries of a revision, compiled for the tests with whatever flags they want."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ctp2.shim.generate import LIBRARIES, RUNTIME, SIDES, Side, write, write_headers
from tools.kept import forget_others, kept

FLAGS: Final = (
    *("-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-pthread"),
    *("-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-gnu-unique"),
)


@cache
def compiler() -> str:
    """A C++ compiler that is there; skips the test without one."""
    for name in (os.environ.get("CXX", ""), "g++", "clang++", "c++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    pytest.skip("no C++ compiler")


def run(*command: object) -> str:
    """Run a command and return what it prints; its errors are the failure's text."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command[0]}: {result.stderr[-4000:]}"
    return result.stdout


def _key(*texts: str) -> str:
    digest = hashlib.sha256("\0".join((compiler(), *FLAGS, *texts)).encode())
    for path in sorted(RUNTIME.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    for path in sorted(RUNTIME.parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _kept(name: str, key: str, fill: Callable[[Path], None]) -> Path:
    """The folder of this name and key; those of other keys, which earlier sources had, are removed."""
    forget_others(f"{name}-{'?' * len(key)}", f"{name}-{key}")
    return kept(f"{name}-{key}", fill)


def _runtime(*flags: str) -> list[Path]:
    """The objects of the runtime."""
    sources = [path for path in sorted(RUNTIME.glob("*.cpp")) if not path.stem.startswith(("platform_", "windows_"))]
    sources.append(RUNTIME / "platform_posix.cpp")

    def fill(folder: Path) -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(
                lambda path: run(compiler(), *FLAGS, *flags, "-c", path, "-o", folder / f"{path.stem}.o"), sources
            ):
                pass

    folder = _kept(f"shim-runtime{''.join(flags)}", _key(*flags), fill)
    return [folder / f"{path.stem}.o" for path in sources]


def libraries(revision: str, *flags: str) -> dict[Side, Path]:
    """The two libraries; ``flags`` go to the compiler and the linker."""

    def fill(folder: Path) -> None:
        objects = _runtime(*flags)
        for side in SIDES:
            source = write(revision, side, folder)
            library = folder / f"lib{LIBRARIES[side]}.so"
            command = (compiler(), *FLAGS, *flags, "-shared", "-I", RUNTIME, source, *objects, "-o", library)
            run(*command, "-Wl,-z,nodelete", "-Wl,--no-undefined", "-ldl")

    folder = _kept(f"shim-{revision}{''.join(flags)}", _key(revision, *flags), fill)
    return {side: folder / f"lib{LIBRARIES[side]}.so" for side in SIDES}


def headers(revision: str) -> Path:
    """A folder with the full header of a revision."""

    def fill(folder: Path) -> None:
        write_headers(revision, folder)

    return _kept(f"shim-header-{revision}", _key(revision), fill)
