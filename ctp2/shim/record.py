"""The RECORD of an installed wheel: kept true while a file of it is exchanged, so that uninstalling leaves nothing.

Only the lines that must change are touched; taking the change back gives the file it was, byte for byte.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from ctp2.shim import files


def rewrite(record: Path, site: Path, contents: Mapping[Path, bytes], gone: Collection[Path]) -> None:
    """Give the rows of ``contents`` hash and size of what is there now, add those that are missing, drop ``gone``.

    A row without a hash keeps none. A RECORD that is a link to elsewhere is left alone: it is not this package's own.
    """
    if record.is_symlink():
        return
    with record.open(encoding="utf-8", newline="") as file:
        before = file.read()
    wanted = {_row_path(path, site): data for path, data in contents.items()}
    dropped = {_row_path(path, site) for path in gone}
    lines, seen = [], set()
    for line in before.splitlines(keepends=True):
        (row,) = csv.reader([line]) if line.strip() else ([""],)
        if row[0] in dropped:
            continue
        seen.add(row[0])
        has_hash = len(row) > 1 and bool(row[1])
        lines.append(_row(row[0], wanted[row[0]], line) if row[0] in wanted and has_hash else line)
    added = [_row(path, data, before.splitlines(keepends=True)[0]) for path, data in wanted.items() if path not in seen]
    after = "".join([*added, *lines])
    if after != before:
        files.replace(record, after.encode(), record.stat().st_mode & 0o777)


def _row_path(path: Path, site: Path) -> str:
    return Path(os.path.relpath(path, site)).as_posix()


def _row(path: str, data: bytes, like: str) -> str:
    """A row that ends as the line ``like`` does."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    shown = f'"{path}"' if "," in path else path
    return f"{shown},sha256={digest},{len(data)}{like[len(like.rstrip()) :]}"
