"""What a library file is, read without outside tools: whose, for which system, which side, which revision.

Every CTP library of the vendor contains its revision string in clear; a library of ours contains the mark of its stamp
(``runtime/stamp.cpp``) too. Source: ``shared/spec/native.md`` section 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ctp2.ctp import schema
from ctp2.shim import elf, macho, pe
from ctp2.shim.errors import ShimError
from ctp2.shim.names import CLASSES, FACTORIES, SIDES, Side
from ctp2.shim.revisions import REVISIONS, Revision, by_vendor, vendor_strings

System = Literal["linux", "windows", "macos"]

MARK: Final = b"CTP2-SHIM-STAMP\0"
STAMP_TEXT: Final = 1008
"""Bytes of text behind the mark, the NUL among them."""
SHOWN: Final = ", ".join(revision.vendor[0] for revision in REVISIONS)
"""The revisions that there are, for messages."""

_MAGICS: Final[dict[bytes, System]] = {
    elf.MAGIC: "linux",
    pe.MAGIC: "windows",
    macho.MAGIC: "macos",
    macho.UNIVERSAL_MAGIC: "macos",
}
_FACTORIES: Final[dict[Side, re.Pattern[str]]] = {
    side: re.compile(
        rf"_?_ZN{len(owner)}{owner}{len(FACTORIES[side])}{FACTORIES[side]}E|\?{FACTORIES[side]}@{owner}@@SA"
    )
    for side, owner in CLASSES.items()
}
_OPENCTP: Final = re.compile(rb"openctp-tts v(6\.\d{1,2}\.\d{1,2})(?![\d._])")
"""How the libraries of openctp's own counter (vnpy_tts) name themselves: by the number alone."""


@dataclass(frozen=True)
class Library:
    """A file that exports a factory of CTP."""

    path: Path
    system: System
    machines: tuple[str, ...]
    side: Side
    factory: str
    """The exported name."""
    said: tuple[str, ...]
    """The revision strings in it, most often one."""
    is_ours: bool
    slots: int | None
    """Length of the interface's own table of methods, where the file tells it."""

    def targets(self) -> tuple[str, ...]:
        """The targets whose libraries can stand in its place, one for each machine that it is for."""
        return tuple(f"{self.system}-{machine}" for machine in self.machines)

    @property
    def name(self) -> str:
        """Its revision for messages: the schema's name, or what it says of itself when that is of no one schema."""
        known = {revision.name for revision in map(_by_said, self.said) if revision is not None}
        return known.pop() if len(known) == 1 else ", ".join(self.said)

    def revision(self) -> Revision:
        """Its revision; ``ShimError`` when that has no schema or cannot be told, or when the file contradicts it."""
        known = {revision.name: revision for revision in map(_by_said, self.said) if revision is not None}
        if not self.said:
            raise ShimError("no_revision_string", library=self.path, revisions=SHOWN)
        if not known:
            said = ", ".join(self.said)
            raise ShimError(
                "unknown_revision", library=self.path, said=said, revisions=SHOWN, command=suggestion(self.said[0])
            )
        if len(known) > 1:
            raise ShimError("many_revisions", library=self.path, said=", ".join(self.said))
        (revision,) = known.values()
        wanted = sum(not one.get("static") for one in schema.load(revision.name)["classes"][CLASSES[self.side]])
        if self.slots is not None and self.slots != wanted:
            raise ShimError("wrong_slots", library=self.path, said=self.said[0], found=self.slots, wanted=wanted)
        return revision


_PUBLISHED: Final = {
    **{name.rpartition(".")[0]: name for name in ("6.3.15.7", "6.3.19.8", "6.5.1.7", "6.6.1.7", "6.6.7.9", "6.6.9.9")},
    **{name.rpartition(".")[0]: name for name in ("6.7.0.9", "6.7.1.7", "6.7.2.8", "6.7.7.1", "6.7.8.0", "6.7.9.0")},
    **{name.rpartition(".")[0]: name for name in ("6.7.10.0", "6.7.11.0")},
}
"""Number → the release of openctp-ctp that has a revision of this number with a schema (native.md section 2)."""


def suggestion(said: str) -> str:
    """The command that installs a package of a supported revision: the newest that is no newer, else the oldest."""

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(map(int, re.findall(r"\d+", text)[:3]))

    older = [number for number in _PUBLISHED if numbers(number) <= numbers(said)]
    number = max(older, key=numbers) if older else min(_PUBLISHED, key=numbers)
    return f"pip install openctp-ctp=={_PUBLISHED[number]}"


def _by_said(said: str) -> Revision | None:
    match = _OPENCTP.fullmatch(said.encode())
    if match is None:
        return by_vendor(said)
    number = match[1].decode()
    same = [one for one in REVISIONS if one.name.split("_")[0] == number]
    # A number that stands for several layouts says nothing.
    return same[0] if len(same) == 1 else None


def read(path: Path) -> Library | None:
    """What ``path`` is; None when it is no library that exports a factory of CTP.

    Raises:
        OSError: It cannot be read.
        ShimError: It exports both sides.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        system = _MAGICS.get(magic) or _MAGICS.get(magic[:2])
        if system is None:
            return None
        data = magic + file.read()
    if not any(FACTORIES[side].encode() in data for side in SIDES):
        return None
    try:
        machines, exports, sizes = _PARSERS[system](data)
    except ValueError:
        # Cut, a program, a static library: nothing that a program could load.
        return None
    found = [(side, name) for side, form in _FACTORIES.items() for name in exports if form.match(name)]
    if not found:
        return None
    if len(found) > 1:
        raise ShimError("both_sides", library=path)
    side, factory = found[0]
    table = sizes.get(f"_ZTV{len(CLASSES[side])}{CLASSES[side]}")
    said = (*vendor_strings(data), *dict.fromkeys(match.group().decode() for match in _OPENCTP.finditer(data)))
    # A table begins with two words that are no methods.
    return Library(path, system, machines, side, factory, said, MARK in data, table // 8 - 2 if table else None)


_Parsed = tuple[tuple[str, ...], frozenset[str], dict[str, int]]


def _elf(data: bytes) -> _Parsed:
    library = elf.read(data)
    return (library.machine,), library.exports, dict(library.sizes)


def _pe(data: bytes) -> _Parsed:
    library = pe.read(data)
    return (library.machine,), library.exports, {}


def _macho(data: bytes) -> _Parsed:
    parts = [macho.read(part) for part in macho.split(data)]
    return tuple(part.machine for part in parts), parts[0].exports, {}


_PARSERS: Final[dict[System, Callable[[bytes], _Parsed]]] = {"linux": _elf, "windows": _pe, "macos": _macho}


def find(files: Iterable[Path]) -> Iterator[Library]:
    """Those of ``files`` that are libraries of CTP; what is gone or not to be read is none."""
    for path in files:
        if path.is_file() and (library := read(path)) is not None:
            yield library


def stamped(data: bytes, python: str) -> bytes:
    """A library of ours with the interpreter written into it; ``ShimError`` when it has no place for it."""
    text = python.encode()
    if MARK not in data or len(text) >= STAMP_TEXT:
        raise ShimError("no_stamp", python=python)
    # A universal file of macOS has one for each machine.
    first, *others = data.split(MARK)
    return MARK.join((first, *(text.ljust(STAMP_TEXT, b"\0") + other[STAMP_TEXT:] for other in others)))


def stamp(data: bytes) -> str:
    """The interpreter that was written into a library of ours; empty when none was."""
    _, _, behind = data.partition(MARK)
    return behind[:STAMP_TEXT].split(b"\0")[0].decode(errors="replace")
