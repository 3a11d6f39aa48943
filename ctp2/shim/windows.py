"""Windows x86_64 and x86: clang and lld, or zig, without a Windows SDK; or g++ of mingw-w64.

clang, lld and zig follow MSVC's binary interface: true names, true layout. They need no C runtime: what the runtime
calls of the system is declared in ``runtime/windows_api.h``, from which the import libraries are made here.
mingw-w64 has an interface of its own which for these classes comes to the same; its names are mended by a list of
exports. Source: ``shared/spec/native.md`` sections 3 and 10, which give the reason of each flag.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from ctp2.shim import compilers, names, pe
from ctp2.shim.compilers import Tools
from ctp2.shim.errors import BuildFailed, NoCompiler
from ctp2.shim.names import Side

RUNTIME: Final = Path(__file__).parent / "runtime"
FILES: Final[Mapping[Side, str]] = {"trader": "thosttraderapi_se.dll", "md": "thostmduserapi_se.dll"}
LIBRARIES: Final = frozenset({"kernel32.dll", "ws2_32.dll", "msvcrt.dll"})
"""All that a library may import from: parts of every Windows."""
_API: Final = RUNTIME / "windows_api.h"
C_LIBRARY: Final = (
    *("malloc", "calloc", "realloc", "free", "memcpy", "memmove", "memset", "memcmp", "memchr"),
    *("strlen", "strcmp", "strncmp", "strchr", "strstr"),
)

_COMPILE: Final = (
    *("-std=c++17", "-O2", "-Wall", "-Wextra", "-fno-lto", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
    *("-fno-sized-deallocation", "-ffunction-sections", "-fdata-sections"),
)
_BARE: Final = ("-nostdlibinc", "-fno-stack-protector")
"""For clang: no headers but its own."""
_LINK: Final = (
    *("/dll", "/nodefaultlib", "/opt:ref", "/opt:noicf", "/dynamicbase", "/nxcompat", "/Brepro"),
    "/subsystem:windows,6.01",
)
_MINGW_LINK: Final = ("-shared", "-static", "-s", "-Wl,--gc-sections", "-Wl,--dynamicbase", "-Wl,--nxcompat")


@dataclass(frozen=True)
class Machine:
    """One of the two processors."""

    name: str
    """As targets are called: ``windows-x86_64``."""
    reads: str
    """As ``pe`` calls it."""
    triple: str
    mingw: str
    dlltool: str
    """``-m`` of dlltool."""
    keep: tuple[str, ...]
    """For dlltool, so that names lose the size of their arguments where the system's library has them without."""
    link: tuple[str, ...]

    @property
    def is_x86(self) -> bool:
        """Whether names carry a leading ``_`` and, for the system's functions, the size of their arguments."""
        return self.reads == "x86"


X86_64: Final = Machine(
    *("windows-x86_64", "x86_64", "x86_64-pc-windows-msvc", "x86_64-w64-mingw32", "i386:x86-64"),
    *((), ("/machine:x64", "/highentropyva")),
)
X86: Final = Machine(
    *("windows-x86", "x86", "i686-pc-windows-msvc", "i686-w64-mingw32", "i386"), ("-k",), ("/machine:x86", "/safeseh")
)


def exports(machine: Machine, revision: str, side: Side) -> tuple[str, str]:
    """Factory and version as MSVC spells them."""
    return names.decorated(revision, side, 4 if machine.is_x86 else 8)


# --- tools -----------------------------------------------------------------------------------------------------------


def find(machine: Machine, named: str | None) -> Tools:
    """The compiler that is named, or else the first that can build for Windows; ``NoCompiler`` when there is none.

    A ``$CXX`` that cannot is passed over: it says what builds for the system that one works on.
    """
    for command in _commands(machine, named):
        try:
            tools = compilers.identify(command)
            reason = _refusal(machine, tools)
        except (OSError, subprocess.SubprocessError) as error:
            reason = str(error)
        if not reason:
            return tools
        if named:
            raise NoCompiler("bad_compiler", command=" ".join(command), reason=reason)
    raise NoCompiler("no_cross_compiler", target=machine.name, also=f"clang, lld and llvm, or {machine.mingw}-g++")


def _commands(machine: Machine, named: str | None) -> Iterator[tuple[str, ...]]:
    """The one that is named; else ``$CXX``, clang, zig and mingw-w64, of which ``find`` passes over the unfit."""
    yield from compilers.commands(named)
    if named:
        return
    for name in ("clang++", f"{machine.mingw}-g++"):
        if found := shutil.which(name):
            yield (found,)
        if name == "clang++" and (zig := compilers.zig_command()):
            yield zig


def _refusal(machine: Machine, tools: Tools) -> str:
    if tools.kind == "zig":
        return ""
    if tools.kind == "gcc":
        return "" if tools.machine == machine.mingw else f"it builds for {tools.machine or 'an unknown machine'}"
    missing = [tool for tool in _PARTNERS if not partner(tools, tool)]
    return f"there is no {missing[0]} for it" if missing else ""


_PARTNERS: Final = {"lld-link": "lld-link", "llvm-dlltool": "dlltool"}
"""What clang needs besides itself → how zig calls the same."""


def partner(tools: Tools, name: str) -> tuple[str, ...]:
    """The linker or librarian of a compiler; empty when there is none."""
    if tools.kind == "zig":
        return (*tools.command[:-1], _PARTNERS[name])
    # clang++-19 goes with lld-link-19.
    suffix = re.search(r"(-\d+)?$", Path(tools.command[0]).stem)
    beside = str(Path(tools.command[0]).resolve().parent)
    for place in (None, beside):
        if found := shutil.which(name + (suffix[0] if suffix else ""), path=place):
            return (found,)
    return ()


@cache
def _zig_headers(zig: tuple[str, ...]) -> str:
    """The folder with clang's own headers in zig, which as plain clang it does not find."""
    answer = subprocess.run((*zig, "env"), stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    found = re.search(r'lib_dir"?\s*[:=]\s*("(?:[^"\\]|\\.)*")', answer.stdout.decode(errors="replace"))
    if found is None:
        raise NoCompiler("bad_compiler", command=" ".join(zig), reason="it does not say where its headers are")
    # It may stand there as seen from the current folder.
    return str(Path(json.loads(found[1]), "include").resolve())


# --- commands --------------------------------------------------------------------------------------------------------


def compile_command(machine: Machine, tools: Tools, source: Path, result: Path) -> Sequence[str]:
    """The command that compiles ``source``; the runtime's headers lie beside it or beside the runtime's sources."""
    tail = ("-I", str(RUNTIME), "-c", "-o", str(result), str(source))
    if tools.kind == "gcc":
        return (*tools.command, *_COMPILE, *tail)
    if tools.kind == "zig":
        zig = tools.command[:-1]
        front: tuple[str, ...] = (*zig, "clang", "-isystem", _zig_headers(zig))
    else:
        front = tools.command
    return (*front, f"--target={machine.triple}", *_BARE, *_COMPILE, *tail)


def link_commands(
    machine: Machine, tools: Tools, objects: Sequence[Path], library: Path, exported: tuple[str, str]
) -> list[list[str]]:
    """The commands that link; writes the list of exports, which is a result too, beside ``library``."""
    _write_exports(machine, tools, library, exported)
    return (_mingw_link if tools.kind == "gcc" else _lld_link)(machine, tools, objects, library)


def _lld_link(machine: Machine, tools: Tools, objects: Sequence[Path], library: Path) -> list[list[str]]:
    functions = {**system_functions(machine), "msvcrt": C_LIBRARY}
    commands, imports = import_libraries(machine, tools, functions, library.parent)
    commands.append(
        [
            *(*partner(tools, "lld-link"), *_LINK, *machine.link),
            *(f"/def:{library.with_suffix('.def')}", f"/implib:{library.with_suffix('.lib')}", f"/out:{library}"),
            *(*map(str, objects), *map(str, imports)),
        ]
    )
    return commands


def import_libraries(
    machine: Machine, tools: Tools, functions: Mapping[str, Sequence[str]], folder: Path
) -> tuple[list[list[str]], list[Path]]:
    """The commands that make import libraries of a system's libraries in ``folder``, and these files.

    ``functions``: library → its functions as the linker calls them. Lists of them are written beside.
    """
    commands, made = [], []
    for library, exported in functions.items():
        definition, result = folder / f"system-{library}.def", folder / f"system-{library}.lib"
        definition.write_text("\n".join((f"LIBRARY {library}.dll", "EXPORTS", *exported)) + "\n", encoding="ascii")
        librarian = (*partner(tools, "llvm-dlltool"), "-m", machine.dlltool, *machine.keep)
        commands.append([*librarian, "-d", str(definition), "-l", str(result)])
        made.append(result)
    return commands, made


def _mingw_link(machine: Machine, tools: Tools, objects: Sequence[Path], library: Path) -> list[list[str]]:
    produced = library.with_suffix(".lib")
    command = [*tools.command, *_MINGW_LINK, f"-Wl,--out-implib,{produced}", "-o", str(library)]
    return [[*command, *map(str, objects), str(library.with_suffix(".def")), "-lws2_32"]]


def _write_exports(machine: Machine, tools: Tools, library: Path, exported: tuple[str, str]) -> None:
    lines = [f"LIBRARY {library.name}", "EXPORTS"]
    for name in exported:
        # What the objects call it. A name with ? and @ stands in quotes, or its end would be read as a number.
        lines.append(f'  "{name}" = {_itanium(name)}' if tools.kind == "gcc" else f'  "{name}"')
    library.with_suffix(".def").write_text("\n".join(lines) + "\n", encoding="ascii")


def _itanium(name: str) -> str:
    """How g++ spells what MSVC spells ``name``."""
    found = re.fullmatch(r"\?(\w+)@(\w+)@@SAPE?(?:AV1@|BD)(.*)Z", name)
    if found is None:
        return name
    arguments: list[str] = []
    for kind in re.findall(r"PE?BD|_N|\d|X", found[3]):
        # A digit is the type of an argument before it.
        arguments.append({"X": "v", "_N": "b"}.get(kind) or (arguments[int(kind)] if kind.isdigit() else "PKc"))
    return f"_ZN{len(found[2])}{found[2]}{len(found[1])}{found[1]}E{''.join(arguments)}"


def system_functions(machine: Machine) -> Mapping[str, tuple[str, ...]]:
    """Library → the functions that ``windows_api.h`` declares of it, as the linker calls them on this machine."""
    found: dict[str, list[str]] = {}
    for library, name, arguments in re.findall(
        r"^CTP2_(\w+)\(.+?, (\w+), \((.*)\)\);$", _API.read_text(), re.MULTILINE
    ):
        kinds = [one.strip() for one in arguments.split(",") if one.strip()]
        # 32-bit code names a function of the system with the size of its arguments.
        size = sum(8 if one == "LargeInteger" else 4 for one in kinds)
        found.setdefault(library, []).append(f"{name}@{size}" if machine.is_x86 else name)
    return {library: tuple(functions) for library, functions in found.items()}


def beside(library: Path) -> tuple[Path, Path]:
    """What users link their programs with: the import library, and the list of exports that it was made from."""
    return library.with_suffix(".lib"), library.with_suffix(".def")


# --- the result ------------------------------------------------------------------------------------------------------


def check(machine: Machine, library: Path, exported: tuple[str, str]) -> None:
    """``BuildFailed`` unless ``library`` exports exactly ``exported`` and imports from ``LIBRARIES`` only."""
    found = pe.read(library.read_bytes())
    if found.exports != set(exported) or found.machine != machine.reads or not found.is_library:
        raise BuildFailed(
            "wrong_exports", library=library.name, found=", ".join(sorted(found.exports)), wanted=", ".join(exported)
        )
    if other := sorted(library for library in found.imports if library.lower() not in LIBRARIES):
        raise BuildFailed("wrong_imports", library=library.name, found=", ".join(other))
