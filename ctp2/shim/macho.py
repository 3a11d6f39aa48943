"""What a macOS library (Mach-O, 64 bits) exports and needs, read from the file alone; and files for several machines.

Source: Apple's headers ``mach-o/loader.h``, ``mach-o/nlist.h``, ``mach-o/fat.h`` (names and values of the format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\xcf\xfa\xed\xfe"
UNIVERSAL_MAGIC: Final = b"\xca\xfe\xba\xbe"
MACHINES: Final = {0x01000007: "x86_64", 0x0100000C: "arm64"}

_LIBRARY: Final = 6
_SYMBOLS, _LOAD_LIBRARY, _INSTALL_NAME, _SIGNATURE, _BUILD_VERSION = 0x2, 0xC, 0xD, 0x1D, 0x32
_MINIMUM_OLD: Final = 0x24
_EXTERNAL, _KIND, _DEFINED_IN_SECTION, _PRIVATE, _DEBUG = 0x01, 0x0E, 0x0E, 0x10, 0xE0

_HEADER: Final = struct.Struct("<4sIIIIIII")
_SYMBOL: Final = struct.Struct("<IBBHQ")
_PART: Final = struct.Struct(">IIIII")
_ALIGNMENT: Final = 14
"""Parts of a universal file begin at multiples of 2 to this power: the page of arm64."""


@dataclass(frozen=True)
class MachO:
    """A dynamic library for one machine."""

    machine: str
    exports: frozenset[str]
    install_name: str
    compatibility: str
    """Compatibility version, ``1.0.0``."""
    needed: tuple[str, ...]
    minimum: str
    """Oldest macOS, ``11.0``."""
    is_signed: bool


def read(data: bytes) -> MachO:
    """Read a library for one machine; ``ValueError`` when it is cut, or none."""
    try:
        return _read(data)
    except (struct.error, IndexError):
        raise ValueError("the file is cut or damaged") from None


def _read(data: bytes) -> MachO:
    if data[:4] != MAGIC:
        raise ValueError("no 64-bit Mach-O file")
    _, machine, _, kind, count, _, _, _ = _HEADER.unpack_from(data)
    if kind != _LIBRARY:
        raise ValueError("no dynamic library")
    commands = list(_commands(data, count))
    by_kind = dict(reversed(commands))
    own = by_kind.get(_INSTALL_NAME)
    return MachO(
        MACHINES.get(machine, f"machine {machine:#x}"),
        frozenset(_exports(data, by_kind[_SYMBOLS])) if _SYMBOLS in by_kind else frozenset(),
        _library_name(data, own) if own is not None else "",
        _version(struct.unpack_from("<I", data, own + 20)[0], 3) if own is not None else "",
        tuple(_library_name(data, at) for kind, at in commands if kind == _LOAD_LIBRARY),
        _minimum(data, by_kind),
        _SIGNATURE in by_kind,
    )


def _commands(data: bytes, count: int) -> Iterator[tuple[int, int]]:
    at = _HEADER.size
    for _ in range(count):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind & 0x7FFFFFFF, at
        at += size


def _library_name(data: bytes, command: int) -> str:
    (offset,) = struct.unpack_from("<I", data, command + 8)
    return _text(data, command + offset)


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode("utf-8", "replace")


def _version(packed: int, parts: int) -> str:
    return ".".join(str(part) for part in (packed >> 16, packed >> 8 & 255, packed & 255)[:parts])


def _minimum(data: bytes, commands: Mapping[int, int]) -> str:
    if _BUILD_VERSION in commands:
        return _version(struct.unpack_from("<I", data, commands[_BUILD_VERSION] + 12)[0], 2)
    if _MINIMUM_OLD in commands:
        return _version(struct.unpack_from("<I", data, commands[_MINIMUM_OLD] + 8)[0], 2)
    return ""


def _exports(data: bytes, command: int) -> Iterator[str]:
    symbols, count, strings, _ = struct.unpack_from("<IIII", data, command + 8)
    for place in range(count):
        name, kind, _, _, _ = _SYMBOL.unpack_from(data, symbols + place * _SYMBOL.size)
        is_defined = kind & _KIND == _DEFINED_IN_SECTION and not kind & _DEBUG
        if is_defined and kind & _EXTERNAL and not kind & _PRIVATE:
            yield _text(data, strings + name)


def join(libraries: Sequence[bytes]) -> bytes:
    """One universal file of libraries for one machine each; ``ValueError`` when one is no such library.

    A copy of each, signature and all, at a multiple of the page size, behind a table in big-endian numbers.
    """
    parts = sorted(libraries, key=lambda data: struct.unpack_from("<I", data, 4))
    table, content = struct.pack(">4sI", UNIVERSAL_MAGIC, len(parts)), b""
    start = 1 << _ALIGNMENT
    for data in parts:
        read(data)
        machine, kind = struct.unpack_from("<II", data, 4)
        table += _PART.pack(machine, kind, start + len(content), len(data), _ALIGNMENT)
        content += data + bytes(-len(data) % (1 << _ALIGNMENT))
    return table.ljust(start, b"\0") + content


def split(data: bytes) -> list[bytes]:
    """The libraries in a universal file (one that is none counts as its only part); ``ValueError`` when it is cut."""
    if data[:4] != UNIVERSAL_MAGIC:
        return [data]
    try:
        (count,) = struct.unpack_from(">I", data, 4)
        places = [_PART.unpack_from(data, 8 + place * _PART.size) for place in range(count)]
    except struct.error:
        raise ValueError("the file is cut or damaged") from None
    if any(start + size > len(data) for _, _, start, size, _ in places):
        raise ValueError("the file is cut or damaged")
    return [data[start : start + size] for _, _, start, size, _ in places]
