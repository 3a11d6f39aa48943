"""Wine, in which tests run what was built for Windows: taken out of Debian's packages, not installed.

Debian's wine for 32-bit programs needs a second architecture in the package manager, about which a test should not
decide on anybody's machine. But its 64-bit wine runs 32-bit programs too, given the 32-bit half of its libraries
("wow64 mode"). So the few parts that a console program needs are taken out of the packages (tools/debian.py): no
root, nothing changed on the machine, 130 MB instead of 1.3 GB. A C: drive made of links to these parts replaces the
long first start, in which wine copies them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.debian import Apt, NoPackage, take_out

PACKAGES: Final = ("libwine:i386", "libwine:amd64", "wine64:amd64")
OTHER_PACKAGES: Final = ("libunwind8:amd64", "libz-mingw-w64")
"""Of versions of their own; the second has a library that wine's take from there."""
_LIBRARIES: Final = (
    *("ntdll", "kernel32", "kernelbase", "msvcrt", "ucrtbase", "ws2_32", "mswsock", "iphlpapi", "dnsapi", "nsi"),
    *("advapi32", "sechost", "rpcrt4", "version", "user32", "gdi32", "win32u", "shell32", "shlwapi", "shcore"),
    *("apisetschema", "imm32", "setupapi", "wow64", "wow64cpu", "wow64win", "bcrypt", "crypt32"),
)
_PROGRAMS: Final = ("start", "conhost", "cmd")
_WANTED: Final = (
    *("./usr/lib/wine/wine64", "./usr/lib/wine/wineserver64", "./usr/share/wine/nls/*.nls"),
    *(f"./usr/lib/*/wine/x86_64-unix/{name}.so" for name in ("ntdll", "ws2_32", "win32u", "bcrypt", "dnsapi")),
    *(f"./usr/lib/*/wine/*-windows/{name}.dll" for name in _LIBRARIES),
    *(f"./usr/lib/*/wine/*-windows/{name}.exe" for name in _PROGRAMS),
    "./usr/lib/x86_64-linux-gnu/libunwind.so.8*",
    "./usr/*-w64-mingw32/lib/zlib1.dll",
)
_HALVES: Final = {"system32": "x86_64-windows", "syswow64": "i386-windows"}
_MINGW: Final = {"x86_64-windows": "x86_64-w64-mingw32", "i386-windows": "i686-w64-mingw32"}


def unpack(folder: Path) -> None:
    """Fetch the packages and put their parts into ``folder``; ``NoPackage`` when that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        apt = Apt(Path(scratch))
        first = apt.fetch(PACKAGES[0])
        # All of wine's of one version: the two halves talk to each other.
        others = [*(f"{name}={apt.version(first)}" for name in PACKAGES[1:]), *OTHER_PACKAGES]
        for package in (first, *map(apt.fetch, others)):
            take_out(package, _WANTED, folder)
    wine = Wine(folder)
    # Both halves side by side, where wine looks for them.
    for half in sorted(folder.glob("usr/lib/i386-linux-gnu/wine/i386-windows")):
        shutil.move(half, wine.parts / "i386-windows")
    for name, mingw in _MINGW.items():
        for library in folder.glob(f"usr/{mingw}/lib/*.dll"):
            shutil.move(library, wine.parts / name)
    missing = [name for name in _HALVES.values() if not (wine.parts / name / "zlib1.dll").is_file()]
    if missing or not wine.program.is_file():
        raise NoPackage(f"wine's packages are not as they were: no {', '.join(missing) or wine.program.name}")


@dataclass(frozen=True)
class Wine:
    """What ``unpack`` made."""

    folder: Path

    @property
    def program(self) -> Path:
        """The loader."""
        return self.folder / "usr" / "lib" / "wine" / "wine64"

    @property
    def parts(self) -> Path:
        """The folder with wine's own libraries, by kind."""
        return self.folder / "usr" / "lib" / "x86_64-linux-gnu" / "wine"

    @contextmanager
    def drive(self, folder: Path) -> Iterator[Mapping[str, str]]:
        """A C: drive in ``folder``, which must not exist; gives the environment in which ``program`` uses it.

        At the end wine's server of this drive, which outlives its programs by some seconds, is ended.
        """
        windows = folder / "drive_c" / "windows"
        for name, half in _HALVES.items():
            (windows / name).mkdir(parents=True)
            for part in (self.parts / half).iterdir():
                (windows / name / part.name).symlink_to(part)
        (folder / "dosdevices").mkdir()
        (folder / "dosdevices" / "c:").symlink_to("../drive_c")
        (folder / "dosdevices" / "z:").symlink_to("/")
        # Nothing is to be installed into it.
        (folder / ".update-timestamp").write_text("disable\n", encoding="ascii")
        server = self.program.with_name("wineserver64")
        environment = {
            **os.environ,
            "WINEPREFIX": str(folder),
            "WINESERVER": str(server),
            "WINEDEBUG": "-all",
            # In it wine translates names of files and the environment; any that has all characters will do.
            "LC_ALL": "C.UTF-8",
            "LD_LIBRARY_PATH": str(self.parts.parent),
        }
        yield environment
        for option in ("-k", "-w"):
            subprocess.run([server, option], env=environment, timeout=60, check=False)
