"""What is prepared once and kept in ``.cache/foreign``, under a key of its inputs (tools/foreign.py).

Everything is made in a scratch folder that is renamed when complete, so that parallel processes cannot see half of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "foreign"


def kept(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, filled on first use."""
    target = CACHE / name
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        fill(content)
        try:
            os.rename(content, target)
        except OSError:
            # Another process was first; its copy is as good.
            if not target.is_dir():
                raise
    return target


def forget_others(pattern: str, name: str) -> None:
    """Remove what was kept under ``pattern`` for other states of its inputs."""
    for old in CACHE.glob(pattern):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


def pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run pip quietly; what it says is shown when it fails (``CalledProcessError``)."""
    command = [sys.executable, "-m", "pip", arguments[0], "-q", "--disable-pip-version-check", *arguments[1:]]
    run(command, environment)


def run(command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> None:
    """Run a command; the end of what it says is shown when it fails (``CalledProcessError``)."""
    result = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        print(result.stdout[-4000:], file=sys.stderr)
        result.check_returncode()


def unpack(wheels: Path, into: Path) -> None:
    """Unpack the only wheel of a folder."""
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)


@contextmanager
def downloaded(wanted: str, *options: str) -> Iterator[zipfile.ZipFile]:
    """The wheel of a requirement, open for reading; nothing of it is installed."""
    with tempfile.TemporaryDirectory() as download:
        pip("download", "--no-deps", "--only-binary=:all:", *options, "--dest", download, wanted)
        (wheel,) = Path(download).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            yield archive
