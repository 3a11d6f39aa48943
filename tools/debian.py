"""Parts of Debian's packages, taken out of them without installing anything.

The packages are fetched with an apt configuration of its own: lists, cache and status lie in a scratch folder, so
neither root nor any change of the machine is needed, and another architecture than the machine's can be asked for.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path


class NoPackage(Exception):
    """A package cannot be had here; the text says why."""


def can_have() -> bool:
    """Whether this machine has what this module uses: an apt of x86-64 Debian or one like it."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")) and platform.machine() == "x86_64"


class Apt:
    """An apt that works in ``folder``, where it leaves the packages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for place in ("lists/partial", "cache/archives/partial"):
            (folder / place).mkdir(parents=True)
        settings = {
            "APT::Architecture": "amd64",
            "APT::Architectures::": "i386",
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "Dir::State::status": "/dev/null",
            "APT::Sandbox::User": "",
            "Acquire::Retries": 3,
        }
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        # One of several sources may fail without harm; what matters is what comes of it.
        self._run("apt-get", *self._options, "update")

    def fetch(self, package: str) -> Path:
        """A package by name, ``NAME:ARCHITECTURE`` or ``NAME=VERSION``; ``NoPackage`` when there is none."""
        before = set(self._folder.glob("*.deb"))
        code, output = self._run("apt-get", *self._options, "download", package)
        made = set(self._folder.glob("*.deb")) - before
        if code or len(made) != 1:
            raise NoPackage(f"{package} cannot be fetched: {[f'exit code {code}', *output.split(chr(10))][-1]}")
        return made.pop()

    def version(self, package: Path) -> str:
        """Of a package that was fetched."""
        return self._run("dpkg-deb", "-f", str(package), "Version")[1]

    def _run(self, *command: str) -> tuple[int, str]:
        result = subprocess.run(
            command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return result.returncode, result.stdout.decode(errors="replace").strip()


def take_out(package: Path, wanted: Sequence[str], folder: Path) -> None:
    """Put the files whose names (``./usr/…``) fit a pattern into ``folder``; ``NoPackage`` when it is damaged."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                if any(fnmatch(member.name, pattern) for pattern in wanted):
                    archive.extract(member, folder, filter="tar")
        assert process.stdout is not None
        process.stdout.read()
    if process.returncode:
        raise NoPackage(f"{package.name} cannot be read")
