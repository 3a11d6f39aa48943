"""What a 64-bit ELF library exports and which versions of other libraries' symbols it needs, read from the file alone.

Source: the System V ABI (dynamic section, symbol table) and its GNU extension for symbol versions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\x7fELF"
X86_64: Final = 62
MACHINES: Final = {X86_64: "x86_64", 3: "x86", 183: "arm64", 40: "arm"}

_LITTLE_64: Final = b"\x02\x01"
_LOAD: Final = 1
_DYNAMIC: Final = 2
_GLOBAL: Final = (1, 2, 10)
"""Bindings that other files see: global, weak, unique."""

_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME = 1, 4, 5, 6, 10, 14
_GNU_HASH, _FLAGS_1, _VERNEED, _VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_ENTRY: Final = struct.Struct("<QQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_NEED: Final = struct.Struct("<HHIII")
_NEED_VERSION: Final = struct.Struct("<IHHII")


@dataclass(frozen=True)
class Elf:
    """A shared library."""

    machine: str
    sizes: Mapping[str, int]
    """Names that other files can bind to → bytes of what they name."""
    versions: frozenset[str]
    """``GLIBC_2.17`` and the like, of all libraries together."""
    needed: tuple[str, ...]
    soname: str
    flags: int
    """``DT_FLAGS_1``: 8 is nodelete."""

    @property
    def exports(self) -> frozenset[str]:
        """Names that other files can bind to."""
        return frozenset(self.sizes)


def read(data: bytes) -> Elf:
    """Read a library; ``ValueError`` when it is cut, or no 64-bit little-endian ELF file."""
    try:
        return _read(data)
    except (struct.error, OverflowError):
        raise ValueError("the file is cut or damaged") from None


def _read(data: bytes) -> Elf:
    if data[:4] != MAGIC or data[4:6] != _LITTLE_64:
        raise ValueError("no 64-bit little-endian ELF file")
    header = _HEADER.unpack_from(data)
    machine, segments_at, segment_size, segment_count = header[2], header[5], header[9], header[10]
    segments = [_SEGMENT.unpack_from(data, segments_at + place * segment_size) for place in range(segment_count)]
    loaded = [(virtual, offset, size) for kind, _, offset, virtual, _, size, _, _ in segments if kind == _LOAD]

    def at(address: int) -> int:
        for virtual, offset, size in loaded:
            if virtual <= address < virtual + size:
                return int(offset + address - virtual)
        raise ValueError("the file is cut or damaged")

    entries = [
        entry
        for kind, _, offset, _, _, size, _, _ in segments
        if kind == _DYNAMIC
        for entry in _ENTRY.iter_unpack(data[offset : offset + size - size % _ENTRY.size])
    ]
    tags = dict(reversed(entries))
    if _STRTAB not in tags or _SYMTAB not in tags:
        raise ValueError("no dynamic library")
    strings_at = at(tags[_STRTAB])
    strings = data[strings_at : strings_at + tags.get(_STRSZ, 0)]
    if len(strings) < tags.get(_STRSZ, 0):
        raise ValueError("the file is cut or damaged")

    def text(offset: int) -> str:
        return strings[offset : strings.find(b"\0", offset)].decode("utf-8", "replace")

    # Only the hash tables tell how many symbols there are.
    count = _symbol_count(data, tags, at)
    symbols = _SYMBOL.iter_unpack(data[at(tags[_SYMTAB]) :][: count * _SYMBOL.size])
    return Elf(
        MACHINES.get(machine, f"machine {machine}"),
        {text(name): size for name, info, _, section, _, size in symbols if section and info >> 4 in _GLOBAL},
        frozenset(map(text, _version_names(data, tags, at))),
        tuple(text(value) for tag, value in entries if tag == _NEEDED),
        text(tags[_SONAME]) if _SONAME in tags else "",
        tags.get(_FLAGS_1, 0),
    )


def _symbol_count(data: bytes, tags: Mapping[int, int], at: Callable[[int], int]) -> int:
    if _HASH in tags:
        return int(struct.unpack_from("<II", data, at(tags[_HASH]))[1])
    if _GNU_HASH not in tags:
        raise ValueError("no table of symbols")
    start = at(tags[_GNU_HASH])
    bucket_count, first, bloom_size, _ = struct.unpack_from("<4I", data, start)
    buckets_at = start + 16 + 8 * bloom_size
    last = max(struct.unpack_from(f"<{bucket_count}I", data, buckets_at), default=0)
    if last < first:
        return int(first)
    chains_at = buckets_at + 4 * bucket_count
    # The last of a chain has its lowest bit set.
    while not struct.unpack_from("<I", data, chains_at + 4 * (last - first))[0] & 1:
        last += 1
    return int(last) + 1


def _version_names(data: bytes, tags: Mapping[int, int], at: Callable[[int], int]) -> Iterator[int]:
    """Where the names of needed versions stand in the string table."""
    if _VERNEED not in tags:
        return
    need = at(tags[_VERNEED])
    # Damaged numbers could name each place again and again.
    left = len(data) // _NEED_VERSION.size
    for _ in range(min(tags.get(_VERNEEDNUM, 0), left)):
        _, count, _, first, following = _NEED.unpack_from(data, need)
        version = need + first
        left -= count
        if left < 0:
            raise ValueError("the file is cut or damaged")
        for _ in range(count):
            _, _, _, name, step = _NEED_VERSION.unpack_from(data, version)
            yield name
            version += step
        need += following
