"""What builds native libraries for Windows and macOS here, and what the former run in (tests/shim).

- zig of the package ``ziglang``: a compiler and linker for all of them, without any system's SDK.
- wine, taken out of Debian's packages (tools/wine.py): where there is an apt.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from tools import wine
from tools.kept import kept, pip
from tools.wine import NoWine, Wine

ZIG_VERSION: Final = "0.15.1"


def zig() -> Path:
    """The program ``zig``."""

    def fill(folder: Path) -> None:
        pip("install", "--only-binary=:all:", "--no-deps", "--target", str(folder), f"ziglang=={ZIG_VERSION}")

    folder = kept(f"ziglang-{ZIG_VERSION}-{sysconfig.get_platform()}", fill) / "ziglang"
    return folder / ("zig.exe" if os.name == "nt" else "zig")


def windows() -> Wine:
    """Wine; ``NoWine`` where it cannot be had."""
    key = hashlib.sha256(Path(wine.__file__).read_bytes()).hexdigest()[:16]
    return Wine(kept(f"wine-{key}", wine.unpack))


def prepare() -> bool:
    """False, with a line, when something that this machine can have is not to be had."""
    try:
        zig()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch ziglang {ZIG_VERSION}: is a package index reachable?", file=sys.stderr)
        return False
    if not wine.can_have():
        print("ctp2: no apt for x86-64 here: what is built for Windows is not run")
        return True
    try:
        windows()
    except NoWine as error:
        print(f"ctp2: no wine, so what is built for Windows is not run: {error}", file=sys.stderr)
        return not os.environ.get("CI")
    return True
