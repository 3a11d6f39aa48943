"""Wine, in which tests run what was built for Windows: taken out of Debian's packages, not installed.

Debian's wine for 32-bit programs needs a second architecture in the package manager, about which a test should not
decide on anybody's machine. But its 64-bit wine runs 32-bit programs too, given the 32-bit half of its libraries ("wow64
mode"). So the packages are fetched, in a configuration of their own, and the few parts that a console program needs are
taken out of them: no root, nothing changed on the machine, 100 MB instead of 1.3 GB. A C: drive made of links to these
parts replaces the long first start, in which wine copies them all.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

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


class NoWine(Exception):
    """It cannot be had here; the text says why."""


def can_have() -> bool:
    """Whether this machine has what ``unpack`` uses: an apt of x86-64 Debian or one like it."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")) and platform.machine() == "x86_64"


def unpack(folder: Path) -> None:
    """Fetch the packages and put their parts into ``folder``; ``NoWine`` when that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        for package in _fetched(Path(scratch)):
            _take_out(package, folder)
    wine = Wine(folder)
    # Both halves side by side, where wine looks for them.
    for half in sorted(folder.glob("usr/lib/i386-linux-gnu/wine/i386-windows")):
        shutil.move(half, wine.parts / "i386-windows")
    for name, mingw in _MINGW.items():
        for library in folder.glob(f"usr/{mingw}/lib/*.dll"):
            shutil.move(library, wine.parts / name)
    missing = [name for name in _HALVES.values() if not (wine.parts / name / "zlib1.dll").is_file()]
    if missing or not wine.program.is_file():
        raise NoWine(f"the packages are not as they were: no {', '.join(missing) or wine.program.name}")


def _fetched(folder: Path) -> list[Path]:
    """The packages, all of wine's of one version: the two halves talk to each other."""
    options = _own_configuration(folder)
    # One of several sources may fail without harm; what matters is what comes of it.
    _run(["apt-get", *options, "update"], folder)
    first = _download(options, PACKAGES[0], folder)
    version = _run(["dpkg-deb", "-f", str(first), "Version"], folder)[1].strip()
    others = [*(f"{name}={version}" for name in PACKAGES[1:]), *OTHER_PACKAGES]
    return [first, *(_download(options, name, folder) for name in others)]


def _own_configuration(folder: Path) -> list[str]:
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    settings = {
        "APT::Architecture": "amd64",
        "APT::Architectures::": "i386",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Dir::State::status": "/dev/null",
        "APT::Sandbox::User": "",
        "Acquire::Retries": 3,
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _download(options: Sequence[str], package: str, folder: Path) -> Path:
    before = set(folder.glob("*.deb"))
    code, output = _run(["apt-get", *options, "download", package], folder)
    made = set(folder.glob("*.deb")) - before
    if code or len(made) != 1:
        raise NoWine(f"{package} cannot be fetched: {output.strip().splitlines()[-1] if output.strip() else code}")
    return made.pop()


def _run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    result = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return result.returncode, result.stdout.decode(errors="replace")


def _take_out(package: Path, folder: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                if any(fnmatch(member.name, pattern) for pattern in _WANTED):
                    archive.extract(member, folder, filter="tar")
        assert process.stdout is not None
        process.stdout.read()
    if process.returncode:
        raise NoWine(f"{package.name} cannot be read")


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
            "LD_LIBRARY_PATH": str(self.parts.parent),
        }
        yield environment
        for option in ("-k", "-w"):
            subprocess.run([server, option], env=environment, timeout=60, check=False)
