"""The program ``probe.cpp``, compiled once for a state of its sources and called by tests of the runtime's parts."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ctp2.shim import compilers
from tools.kept import forget_others, kept

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parents[1] / "ctp2" / "shim" / "runtime"
PARTS = ("address", "base", "launch", "platform_posix", "stamp", "tls")
FLAGS = ("-std=c++17", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-exceptions")
CHECKED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WAIT = 120.0


@cache
def compiler() -> compilers.Tools:
    """The first that is there; skips the test without one."""
    for command in compilers.commands(None):
        return compilers.identify(command)
    pytest.skip("no C++ compiler")


@cache
def program() -> Path:
    """The compiled probe, with sanitizers where the compiler has them."""
    tools = compiler()
    checked = CHECKED if tools.kind == "gcc" else ()
    sources = [HERE / "probe.cpp", *(RUNTIME / f"{part}.cpp" for part in PARTS)]
    digest = hashlib.sha256(repr((tools.command, tools.version, FLAGS, checked)).encode())
    for path in (*sources, *sorted(RUNTIME.glob("*.h"))):
        digest.update(path.name.encode() + path.read_bytes())

    def fill(folder: Path) -> None:
        command = [*tools.command, *FLAGS, *checked, "-I", str(RUNTIME), *map(str, sources)]
        subprocess.run([*command, "-o", str(folder / "probe"), "-pthread", "-ldl"], check=True, timeout=WAIT)

    name = f"probe-{digest.hexdigest()[:16]}"
    forget_others("probe-*", name)
    return kept(name, fill) / "probe"


def probe(
    *words: str, at: Path | None = None, cwd: Path | None = None, passed: tuple[int, ...] = (), **environment: str
) -> list[str]:
    """What it prints, line by line; nothing may come on standard error. ``at``: a copy of it at another place.

    ``passed`` are files that are open in it, and would be in a program that it starts.
    """
    command = [str(at or program()), *words]
    env = {**os.environ, **environment}
    result = subprocess.run(command, capture_output=True, env=env, cwd=cwd, pass_fds=passed, timeout=WAIT, check=False)
    assert not result.stderr, result.stderr
    assert result.returncode in (0, 1), result.returncode
    return result.stdout.decode(errors="replace").splitlines()
