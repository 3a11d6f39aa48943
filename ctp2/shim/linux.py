"""Linux x86-64: g++ or clang++ of the system, or zig, against glibc 2.17 (manylinux2014).

Source: ``shared/spec/native.md`` sections 3, 4, 10, which give the reason of each flag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ctp2.shim import compilers, elf, stubs
from ctp2.shim.compilers import Tools
from ctp2.shim.errors import BuildFailed

NAME: Final = "linux-x86_64"
CEILING: Final = {"GLIBC": (2, 17), "GLIBCXX": (3, 4), "CXXABI": (1, 3, 2), "GCC": (3, 3, 1)}
"""The newest versions that may be needed; those of libgcc are as old as its shared library on this platform."""

_COMPILE: Final = (
    *("-std=c++17", "-O2", "-fPIC", "-pthread", "-fno-lto", "-Wall", "-Wextra"),
    *("-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-sized-deallocation"),
    *("-ffunction-sections", "-fdata-sections"),
    # Some distributions switch this on, and it needs newer symbols.
    "-U_FORTIFY_SOURCE",
)
_OF_KIND: Final = {
    "gcc": ("-fno-gnu-unique",),
    "clang": (),
    "zig": ("-fno-sanitize=all",),
}
_ZIG_TARGET: Final = ("-target", "x86_64-linux-gnu.2.17")
_FIRST: Final = {"gcc": "glibc.h", "clang": "glibc.h", "zig": "zig.h"}
"""What is included before everything else."""
_LINK: Final = (
    *("-shared", "-pthread", "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,--gc-sections"),
    # No SONAME: one would make the loader take this library for another of that name.
    *("-Wl,--no-undefined", "-Wl,-s"),
)
_OLD_LIBRARIES: Final = ("-Wl,--no-as-needed", "-l:libpthread.so.0", "-l:libdl.so.2", "-Wl,--as-needed")
"""Named, for on systems before glibc 2.34 it is they that have the names of ``glibc.h``."""


def find(named: str | None) -> Tools:
    """The compiler; ``NoCompiler`` when there is none."""
    return compilers.find(named, NAME, _refusal)


def _refusal(tools: Tools) -> str:
    if tools.kind == "zig" or (tools.machine.startswith("x86_64") and "linux" in tools.machine):
        return "it builds for musl" if tools.kind != "zig" and "musl" in tools.machine else ""
    return f"it builds for {tools.machine or 'an unknown machine'}"


def _command(tools: Tools) -> tuple[str, ...]:
    return (*tools.command, *_ZIG_TARGET) if tools.kind == "zig" else tools.command


def compile_command(tools: Tools, source: Path, result: Path) -> Sequence[str]:
    """The command that compiles ``source``; the runtime's headers lie beside it or beside the runtime's sources."""
    runtime = Path(__file__).parent / "runtime"
    return (
        *(*_command(tools), *_COMPILE, *_OF_KIND[tools.kind], "-include", str(runtime / _FIRST[tools.kind])),
        *("-I", str(runtime), "-c", "-o", str(result), str(source)),
    )


def link_commands(tools: Tools, objects: Sequence[Path], library: Path, exports: tuple[str, str]) -> list[list[str]]:
    """The commands that link; writes the list of exports beside ``library``."""
    script = library.with_suffix(".map")
    script.write_text(f"{{ global: {'; '.join(exports)}; local: *; }};\n", encoding="ascii")
    steps: list[list[str]] = []
    others = list(_OLD_LIBRARIES)
    if tools.kind == "zig":
        steps, made = stubs.commands(_command(tools), library.parent)
        others = ["-nostdlib++", *map(str, made)]
    link = [*_command(tools), *_LINK, f"-Wl,--version-script={script}", *map(str, objects), *others, "-o", str(library)]
    return [*steps, link]


def check(library: Path, exports: tuple[str, str]) -> None:
    """``BuildFailed`` unless ``library`` exports exactly ``exports`` and needs nothing newer than the ceiling."""
    found = elf.read(library.read_bytes())
    if found.exports != set(exports):
        raise BuildFailed(
            "wrong_exports", library=library.name, found=", ".join(sorted(found.exports)), wanted=", ".join(exports)
        )
    if newer := sorted(filter(_is_too_new, found.versions)):
        raise BuildFailed("too_new", library=library.name, found=", ".join(newer))


def _is_too_new(version: str) -> bool:
    match = re.fullmatch(r"([A-Z]+)_([\d.]+)", version)
    if match is None or match[1] not in CEILING:
        return True
    return tuple(map(int, match[2].split("."))) > CEILING[match[1]]
