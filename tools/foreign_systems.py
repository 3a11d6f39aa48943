"""What builds native libraries for Windows and macOS here, and what the former run in (tests/shim).

- zig of the package ``ziglang``: a compiler and linker for all of them, without any system's SDK.
- wine and mingw-w64, taken out of Debian's packages (tools/wine.py, tools/mingw.py): where there is an apt.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import ModuleType
from typing import Final

from tools import debian, wine
from tools import mingw as second_way
from tools.debian import NoPackage
from tools.kept import CACHE, forget_others, kept, pip
from tools.wine import Wine

ZIG_VERSION: Final = "0.15.1"
BUILDS: Final = CACHE / "shim"
"""Where tests and ``make shim-all`` keep what they built."""


def zig() -> Path:
    """The program ``zig``."""

    def fill(folder: Path) -> None:
        pip("install", "--only-binary=:all:", "--no-deps", "--target", str(folder), f"ziglang=={ZIG_VERSION}")

    folder = kept(f"ziglang-{ZIG_VERSION}-{sysconfig.get_platform()}", fill) / "ziglang"
    return folder / ("zig.exe" if os.name == "nt" else "zig")


def windows() -> Wine:
    """Wine; ``NoPackage`` where it cannot be had."""
    return Wine(_newest("wine", wine))


def mingw(triple: str) -> Path:
    """g++ for one of the two processors; ``NoPackage`` where it cannot be had."""
    return second_way.compiler(_newest("mingw", second_way), triple)


def _newest(name: str, module: ModuleType) -> Path:
    """What ``module.unpack`` makes, as long as the files that say how stay the same."""
    files = (Path(str(one.__file__)).read_bytes() for one in (module, debian))
    folder = f"{name}-{hashlib.sha256(b''.join(files)).hexdigest()[:16]}"
    forget_others(f"{name}-*", folder)
    return kept(folder, module.unpack)


def forget_old_builds() -> None:
    """Remove libraries that were built more than four weeks ago: most of their sources are no more."""
    oldest = time.time() - 28 * 86400
    for folder in BUILDS.glob("*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def prepare() -> bool:
    """False, with a line, when something that this machine can have is not to be had."""
    forget_old_builds()
    try:
        zig()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch ziglang {ZIG_VERSION}: is a package index reachable?", file=sys.stderr)
        return False
    if not debian.can_have():
        print("ctp2: no apt for x86-64 here: what is built for Windows is not run, nor built by mingw-w64")
        return True
    try:
        windows()
        mingw(next(iter(second_way.TRIPLES)))
    except NoPackage as error:
        print(f"ctp2: some tests of libraries for Windows are skipped: {error}", file=sys.stderr)
        return not os.environ.get("CI")
    return True
