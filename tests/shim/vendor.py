"""Stand-ins for a vendor's libraries and for ours, as bytes: files that can be read but not loaded, without a compiler.

Compiled stand-ins, which can be loaded, are in ``test_install_compiled.py``.
"""

from __future__ import annotations

import struct
import sys
import venv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from ctp2.ctp import schema
from ctp2.shim import binary
from ctp2.shim.interface import Side
from ctp2.shim.names import CLASSES, itanium
from ctp2.shim.revisions import by_name

TARGET: Final = "linux-x86_64"

_ALIGN: Final = 8
_DYNAMIC_ENTRIES: Final = 6


def elf(exports: Mapping[str, int], imports: Iterable[str] = (), content: bytes = b"", machine: int = 62) -> bytes:
    """A 64-bit ELF library: one segment that is the whole file, a symbol table with its hash table, and ``content``."""
    strings = b"\0"
    symbols = bytes(24)
    for name, size, section in [*((one, size, 1) for one, size in exports.items()), *((one, 0, 0) for one in imports)]:
        symbols += struct.pack("<IBBHQQ", len(strings), 1 << 4 | 2, 0, section, 0x1000, size)
        strings += name.encode() + b"\0"
    count = len(symbols) // 24
    # One bucket with one chain through all symbols.
    table = struct.pack(f"<4I{count - 1}I", 1, count, 1 if count > 1 else 0, 0, *range(2, count), *([0] * (count > 1)))
    start = 64 + 2 * 56
    places, parts, at = [], [], start + 16 * _DYNAMIC_ENTRIES
    for part in (symbols, table, strings, content):
        part += bytes(-len(part) % _ALIGN)
        places.append(at)
        parts.append(part)
        at += len(part)
    tags = [(6, places[0]), (4, places[1]), (5, places[2]), (10, len(strings)), (0, 0), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )  # fmt: skip
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, at, at, 4096)
    where = struct.pack("<IIQQQQQQ", 2, 4, start, start, start, len(dynamic), len(dynamic), 8)
    return header + load + where + dynamic + b"".join(parts)


def vendor(revision: str, side: Side, said: bytes | None = None, content: bytes = b"") -> bytes:
    """A library of the vendor's, which says ``said`` (default: what the revision's library says)."""
    owner = CLASSES[side]
    slots = sum(not one.get("static") for one in schema.load(revision)["classes"][owner])
    exports = {
        **dict.fromkeys(itanium(revision, side), 16),
        f"_ZTV{len(owner)}{owner}": 16 + 8 * slots,
        # The vendor's exports a factory of another class too.
        "_ZN17CThostFtdcUserApi17CreateFtdcUserApiEPKcbb": 16,
    }
    text = by_name(revision).vendor[0].encode() if said is None else said
    return elf(exports, content=b"built for " + text + b"\0" + content)


def ours(revision: str, target: str, side: Side) -> bytes:
    """A library of ours, not stamped: an argument ``make`` of ``install``."""
    assert target == TARGET
    text = by_name(revision).api_version.encode()
    mark = bytes(_ALIGN) + binary.MARK + bytes(binary.STAMP_TEXT)
    return elf(dict.fromkeys(itanium(revision, side), 16), content=text + b"\0" + mark + b"behind")


def environment(folder: Path) -> Callable[[str, str, Mapping[str, bytes]], Path]:
    """A virtual environment without pip; what is returned installs a package there: (name, version, files) → its site.

    RECORD is as pip writes it.
    """
    venv.create(folder, with_pip=False, symlinks=sys.platform != "win32")
    (site,) = folder.glob("lib/python*/site-packages")

    def add(name: str, version: str, files: Mapping[str, bytes]) -> Path:
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        rows = []
        for path, data in {**files, f"{info}/METADATA": metadata}.items():
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            rows.append(row(path, data))
        (site / info / "RECORD").write_bytes("".join([*rows, f"{info}/RECORD,,\n"]).encode())
        return site

    return add


def row(path: str, data: bytes) -> str:
    """A line of RECORD (PEP 376, as pip writes it)."""
    import base64
    import hashlib

    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(data)}\n"


def contents(folder: Path) -> dict[str, bytes | str]:
    """All files below ``folder`` with their bytes; of a link where it points."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
