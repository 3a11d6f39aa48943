"""Where libraries may lie: the files of an installed package, or a folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ctp2.shim.errors import ShimError

_SECONDS: Final = 60
_VENV: Final = ("bin/python", "Scripts/python.exe")

# Runs in the interpreter that has the package, which may be of any version from 3.8 on.
_SCRIPT: Final = """
import importlib.metadata, importlib.util, json, re, sys
if sys.path and sys.path[0] == "":
    del sys.path[0]  # a folder that happens to lie here is no package
wanted = sys.argv[1]
def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()
found, files, record, site, tops = "", [], "", "", [wanted.replace("-", "_")]
for one in importlib.metadata.distributions():
    if normal(one.metadata["Name"] or "") == wanted:
        found, site = one.metadata["Name"] + " " + one.version, str(one.locate_file(""))
        tops = (one.read_text("top_level.txt") or "").split() or tops
        for file in one.files or ():
            files.append(str(one.locate_file(file)))
            if file.name == "RECORD" and file.parent.name.endswith(".dist-info"):
                record = files[-1]
        break
folders = []
for top in tops:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None:
        folders += list(spec.submodule_search_locations or ())
print(json.dumps([found, files, folders, record, site]))
"""


@dataclass(frozen=True)
class Place:
    """Where to look."""

    name: str
    """As people know it: ``openctp-ctp 6.7.11.0``, or the folder."""
    root: Path
    """What lies outside is not touched."""
    files: tuple[Path, ...]
    """Files that may be libraries. A link that stays in the root is left out: what it names is there itself."""
    record: Path | None
    """The list of files that the package's installer keeps; None when there is none."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the files, each once."""
        return tuple(dict.fromkeys(path.parent for path in self.files))


def of(target: str, interpreter: str | None) -> Place:
    """A package by its name (``openctp-ctp``, ``openctp_ctp``), or a folder, or one file, by its path.

    A path has a separator in it or names what is there while no such package is.

    Raises:
        ShimError: Neither is there, or the interpreter does not run.
    """
    path = Path(target)
    if path.is_absolute() or len(path.parts) > 1 or target in (".", ".."):
        return _of_path(path)
    name = normal(target)
    python = _interpreter(interpreter)
    if re.fullmatch(r"[a-z0-9-]+", name) and (place := _of_package(name, python)) is not None:
        return place
    if path.exists():
        return _of_path(path)
    raise ShimError("no_package", name=target, python=python)


def normal(name: str) -> str:
    """The name of a package as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _interpreter(given: str | None) -> str:
    if not given:
        return sys.executable
    for part in _VENV:
        if (inside := Path(given, part)).is_file():
            return str(inside)
    return given


def _of_path(path: Path) -> Place:
    if path.is_file():
        root = path.absolute().parent
        return Place(str(path), root, (root / path.name,), None)
    if not path.is_dir():
        raise ShimError("no_folder", folder=path)
    root = path.resolve()
    roots = [root]
    if (root / "__init__.py").is_file():
        # A package: what its wheel vendored lies beside it.
        roots += _vendored(root)
    return Place(str(path), root, tuple(_within(root, [file for one in roots for file in _walk(one)])), None)


def _of_package(name: str, python: str) -> Place | None:
    """The package as ``python`` sees it; None when it does not."""
    try:
        result = subprocess.run(
            [python, "-c", _SCRIPT, name], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True
        )
        found, files, folders, record, site = json.loads(result.stdout)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise ShimError("no_interpreter", python=python, reason=lines[-1] if lines else error) from None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ShimError("no_interpreter", python=python, reason=error) from None
    if not found and not folders:
        return None
    roots = [Path(folder) for folder in folders]
    roots += [beside for root in roots for beside in _vendored(root)]
    listed = [Path(os.path.normpath(file)) for file in files]
    base = Path(site) if site else roots[0].parent
    every = dict.fromkeys([*listed, *(file for root in roots for file in _walk(root))])
    return Place(found or name, base, tuple(_within(base.resolve(), every)), Path(record) if record else None)


def _vendored(package: Path) -> list[Path]:
    """The folder beside a package in which auditwheel and delvewheel put the libraries that it needs."""
    beside = package.with_name(f"{package.name}.libs")
    return [beside] if beside.is_dir() else []


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ShimError("cannot_read", path=error.filename, reason=error.strerror)

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(files):
            yield Path(place, name)


def _within(root: Path, files: Sequence[Path] | Iterator[Path] | dict[Path, None]) -> Iterator[Path]:
    """``files`` without links to what lies in ``root`` too."""
    for path in files:
        if not (path.is_symlink() and path.resolve().is_relative_to(root)):
            yield path
