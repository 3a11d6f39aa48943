"""Clients of Interactive Brokers for the tests of the stand-in TWS: each library in a folder of its own.

They cannot share an environment: two of them bring a module ``eventkit`` each. A test puts one folder on the path of a
child process (tests/testing/tws/raw). The official client may be used but not passed on, so nothing of it is kept
beyond the cache.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.kept import kept, pip


@dataclass(frozen=True)
class Library:
    """A client library and all that it needs, pinned."""

    name: str
    """Also the module that a program imports."""
    version: str
    needs: tuple[str, ...]
    versions: tuple[int, int]
    """Server versions that it offers in its handshake."""
    below: tuple[int, int] = (4, 0)
    """The first Python that it cannot be imported with."""


_COMMON: Final = ("nest_asyncio==1.6.0", "numpy==2.4.6")
LIBRARIES: Final = {
    one.name: one
    for one in (
        Library("ib_async", "2.1.0", ("aeventkit==2.1.0", "tzdata==2025.3", *_COMMON), (157, 178)),
        Library("ib_insync", "0.9.86", ("eventkit==1.0.3", *_COMMON), (157, 176), below=(3, 14)),
        Library("ibapi", "9.81.1.post1", (), (100, 157)),
    )
}


def why_not(library: Library) -> str:
    """Why it cannot run with this Python; empty if it can."""
    if sys.version_info[:2] >= library.below:
        here = ".".join(map(str, sys.version_info[:2]))
        return f"{library.name} {library.version} cannot be imported with Python {here}"
    return ""


def site(library: Library) -> Path:
    """A folder for ``sys.path`` with the library and what it needs."""
    wanted = (f"{library.name}=={library.version}", *library.needs)

    def fill(folder: Path) -> None:
        # The official client is published as source as well as a wheel; either is plain Python.
        pip("install", "--no-deps", "--no-warn-conflicts", "--target", str(folder), *wanted)
        # eventkit 1.0.3 brings a top-level package of this name, which would hide a program's own.
        shutil.rmtree(folder / "tests", ignore_errors=True)

    key = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:8]
    return kept(f"{library.name}-{library.version}-{key}-{sys.implementation.cache_tag}", fill)


def prepare() -> list[str]:
    """Prepare all that can run here; the names of what failed, whose reasons stand on stderr."""
    failed = []
    for library in LIBRARIES.values():
        if not why_not(library):
            try:
                site(library)
            except (subprocess.CalledProcessError, OSError):
                failed.append(f"{library.name} {library.version}")
    return failed
