"""Files that are there whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

SCRATCH: Final = ".ctp2-new"
"""Ends the names of files that are being written; one that is there afterwards is of a process that was killed."""


def replace(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Write ``target`` at once: whoever opens it meanwhile finds the old file or the new. ``OSError`` if it fails.

    What root writes belongs to whom the old file belonged, or the folder.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=SCRATCH)
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(mode)
        _give(scratch, target)
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _give(scratch: Path, target: Path) -> None:
    # Windows has neither.
    user, give = getattr(os, "geteuid", None), getattr(os, "chown", None)
    if user is None or give is None or user() != 0:
        return
    like, now = (target if os.path.lexists(target) else target.parent).lstat(), scratch.stat()
    if (like.st_uid, like.st_gid) != (now.st_uid, now.st_gid):
        give(scratch, like.st_uid, like.st_gid)


def link(target: Path, to: str) -> None:
    """Make ``target`` a symbolic link at once, in the place of what is there. ``OSError`` if it fails."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=SCRATCH) as scratch:
        made = Path(scratch, "link")
        made.symlink_to(to)
        made.replace(target)


def sweep(target: Path) -> None:
    """Remove what a process that was killed while it wrote ``target`` has left."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{SCRATCH}"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


class Cache:
    """Folders under keys of their inputs, each made in a scratch folder that is renamed when complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, name: str, fill: Callable[[Path], object]) -> Path:
        """The folder ``name``, filled when it is not there. Two processes may fill it at once; one copy stays."""
        kept = self._folder / name
        if kept.is_dir():
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".making-") as scratch:
            content = Path(scratch, "content")
            content.mkdir()
            fill(content)
            try:
                content.rename(kept)
            except OSError:
                # Another process was first; its copy is as good.
                if not kept.is_dir():
                    raise
        return kept
