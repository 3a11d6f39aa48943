"""What a Windows library (PE) exports and imports, read from the file alone.

Source: Microsoft's "PE Format" (headers, export directory, import directory).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"MZ"
MACHINES: Final = {0x8664: "x86_64", 0x14C: "x86", 0xAA64: "arm64"}

_SIGNATURE: Final = b"PE\0\0"
_WIDE: Final = 0x20B
"""The optional header of a 64-bit file."""
_DLL: Final = 0x2000
_EXPORTS, _IMPORTS = 0, 1
_BY_NUMBER: Final = {4: 1 << 31, 8: 1 << 63}

_SECTION: Final = struct.Struct("<8sIIII16x")
_EXPORT_DIRECTORY: Final = struct.Struct("<IIHHIIIIIII")
_IMPORT_DIRECTORY: Final = struct.Struct("<IIIII")


@dataclass(frozen=True)
class Pe:
    """A program or library for Windows."""

    machine: str
    is_library: bool
    exports: frozenset[str]
    imports: Mapping[str, frozenset[str]]
    """Library as it is written in the file → names; those imported by number stand as ``#7``."""


def read(data: bytes) -> Pe:
    """Read a file; ``ValueError`` when it is cut, or no PE file."""
    try:
        return _read(data)
    except struct.error:
        raise ValueError("the file is cut or damaged") from None


def _read(data: bytes) -> Pe:
    start = struct.unpack_from("<I", data, 0x3C)[0] if data[:2] == MAGIC else 0
    if not start or data[start : start + 4] != _SIGNATURE:
        raise ValueError("no PE file")
    machine, sections, _, _, _, optional_size, flags = struct.unpack_from("<HHIIIHH", data, start + 4)
    optional = start + 24
    is_wide = struct.unpack_from("<H", data, optional)[0] == _WIDE
    directories = optional + (112 if is_wide else 96)
    image = _Image(data, optional + optional_size, sections)
    exports_at, imports_at = (struct.unpack_from("<I", data, directories + 8 * one)[0] for one in (_EXPORTS, _IMPORTS))
    return Pe(
        MACHINES.get(machine, f"machine {machine:#x}"),
        bool(flags & _DLL),
        frozenset(_exports(image, exports_at)),
        dict(_imports(image, imports_at, 8 if is_wide else 4)),
    )


class _Image:
    """The file as it lies in memory: addresses are relative to its base."""

    def __init__(self, data: bytes, table: int, count: int) -> None:
        self._data = data
        self._sections = [_SECTION.unpack_from(data, table + place * _SECTION.size) for place in range(count)]

    def offset(self, address: int) -> int:
        for _, size, start, stored, offset in self._sections:
            if start <= address < start + min(max(size, 1), stored):
                return int(offset + address - start)
        raise ValueError("the file is cut or damaged")

    def unpack(self, form: struct.Struct, address: int) -> tuple[int, ...]:
        return form.unpack_from(self._data, self.offset(address))

    def text(self, address: int) -> str:
        start = self.offset(address)
        end = self._data.find(b"\0", start)
        return self._data[start:end].decode("ascii", "replace")


def _exports(image: _Image, address: int) -> Iterator[str]:
    if not address:
        return
    count, names_at = (image.unpack(_EXPORT_DIRECTORY, address)[place] for place in (7, 9))
    for place in range(count):
        yield image.text(image.unpack(struct.Struct("<I"), names_at + 4 * place)[0])


def _imports(image: _Image, address: int, word_size: int) -> Iterator[tuple[str, frozenset[str]]]:
    word = struct.Struct("<Q" if word_size == 8 else "<I")
    while address:
        by_name, _, _, library, bound = image.unpack(_IMPORT_DIRECTORY, address)
        if not library:
            return
        yield image.text(library), frozenset(_imported(image, by_name or bound, word))
        address += _IMPORT_DIRECTORY.size


def _imported(image: _Image, address: int, word: struct.Struct) -> Iterator[str]:
    while entry := image.unpack(word, address)[0]:
        # Behind a hint of two bytes stands the name.
        yield f"#{entry & 0xFFFF}" if entry & _BY_NUMBER[word.size] else image.text(entry + 2)
        address += word.size
