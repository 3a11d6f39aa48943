"""macOS x86_64 and arm64: zig, which needs no SDK of Apple's. Built and checked by reading the files, never run.

Source: ``shared/spec/native.md`` section 10.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ctp2.shim import compilers, macho
from ctp2.shim.compilers import Tools
from ctp2.shim.errors import BuildFailed, NoCompiler
from ctp2.shim.names import SIDES, Side, itanium

RUNTIME: Final = Path(__file__).parent / "runtime"
FILES: Final[Mapping[Side, str]] = {"trader": "thosttraderapi_se", "md": "thostmduserapi_se"}
LIBRARIES: Final = frozenset({"/usr/lib/libSystem.B.dylib", "/usr/lib/libc++.1.dylib"})
"""All that a library may need: parts of every macOS."""

_COMPILE: Final = (
    *("-std=c++17", "-O2", "-fPIC", "-Wall", "-Wextra", "-fvisibility=hidden", "-fvisibility-inlines-hidden"),
    *("-fno-sized-deallocation", "-fno-sanitize=all"),
)
_LINK: Final = ("-shared", "-nostdlib++", "-Wl,-dead_strip", "-Wl,-s", "-Wl,-compatibility_version,1.0.0")
_LINKERS_OWN: Final = frozenset({"___dso_handle", "__mh_dylib_header"})
"""zig's linker exports these two marks of every file as well; each program means its own."""

_CXX_SYMBOLS: Final = (
    *("__Znwm", "__Znam", "__ZdlPv", "__ZdaPv", "__ZSt9terminatev", "__ZTISt9exception", "___cxa_pure_virtual"),
    *("___cxa_begin_catch", "___cxa_end_catch", "___cxa_rethrow", "___gxx_personality_v0"),
    *("__ZTVN10__cxxabiv117__class_type_infoE", "__ZTVN10__cxxabiv120__si_class_type_infoE"),
    "__ZTVN10__cxxabiv121__vmi_class_type_infoE",
)
_CXX_STUB: Final = """--- !tapi-tbd
tbd-version:     4
targets:         [ x86_64-macos, arm64-macos ]
install-name:    '/usr/lib/libc++.1.dylib'
exports:
  - targets:         [ x86_64-macos, arm64-macos ]
    symbols:         [ {symbols} ]
...
"""
"""Says what the system's C++ library offers. zig would put one of its own into every library, with its own exceptions
and types, and export ``operator new`` from it."""


@dataclass(frozen=True)
class Machine:
    """One of the two processors."""

    name: str
    """As targets are called: ``macos-arm64``."""
    reads: str
    """As ``macho`` calls it."""
    zig: str
    minimum: str
    """Oldest macOS."""


X86_64: Final = Machine("macos-x86_64", "x86_64", "x86_64-macos.10.15", "10.15")
ARM64: Final = Machine("macos-arm64", "arm64", "aarch64-macos.11.0", "11.0")


def exports(revision: str, side: Side) -> tuple[str, str]:
    """Factory and version: as on Linux, with one ``_`` more."""
    factory, version = itanium(revision, side)
    return f"_{factory}", f"_{version}"


def find(machine: Machine, named: str | None) -> Tools:
    """zig; ``NoCompiler`` when there is none."""
    command = next(iter(compilers.commands(named)), None) if named else compilers.zig_command()
    if command is None:
        raise NoCompiler("no_zig", target=machine.name)
    try:
        tools = compilers.identify(command)
    except OSError as error:
        raise NoCompiler("bad_compiler", command=" ".join(command), reason=str(error)) from None
    if tools.kind != "zig":
        raise NoCompiler("bad_compiler", command=" ".join(command), reason=f"for {machine.name} it has to be zig")
    return tools


def compile_command(machine: Machine, tools: Tools, source: Path, result: Path) -> Sequence[str]:
    """The command that compiles ``source``; the runtime's headers lie beside it or beside the runtime's sources."""
    return (
        *(*tools.command, "-target", machine.zig, *_COMPILE),
        *("-I", str(RUNTIME), "-c", "-o", str(result), str(source)),
    )


def link_commands(
    machine: Machine, tools: Tools, objects: Sequence[Path], library: Path, exported: tuple[str, str]
) -> list[list[str]]:
    """The command that links. What is exported stands in the sources; ``check`` sees that it is ``exported``."""
    stub = library.parent / "libc++.tbd"
    stub.write_text(_CXX_STUB.format(symbols=", ".join(_CXX_SYMBOLS)), encoding="ascii")
    return [
        [
            *(*tools.command, "-target", machine.zig, *_LINK, f"-Wl,-install_name,{install_name(library.name)}"),
            *("-o", str(library), *map(str, objects), str(stub)),
        ]
    ]


def install_name(file: str) -> str:
    """How programs name the library ``file`` in their list of libraries."""
    return f"@rpath/{file}.framework/Versions/A/{file}"


def check(machine: Machine, library: Path, exported: tuple[str, str]) -> None:
    """``BuildFailed`` unless ``library`` is what programs for this machine look for."""
    found = macho.read(library.read_bytes())
    if found.exports - _LINKERS_OWN != set(exported) or found.machine != machine.reads:
        raise BuildFailed(
            "wrong_exports", library=library.name, found=", ".join(sorted(found.exports)), wanted=", ".join(exported)
        )
    if other := sorted(set(found.needed) - LIBRARIES):
        raise BuildFailed("wrong_imports", library=library.name, found=", ".join(other))


# --- what programs and wheels carry ----------------------------------------------------------------------------------


def frameworks(libraries: Sequence[Mapping[Side, Path]], version: str, out: Path) -> tuple[Path, Path]:
    """Write ``NAME.framework`` for both sides into ``out``, universal if there are libraries for several machines.

    Args:
        libraries: Of each machine, its two libraries.
        version: The revision, for ``Info.plist``.
        out: An existing folder; frameworks of these names in it are completed, and what they hold replaced.
    """
    trader, md = (_framework(side, [one[side].read_bytes() for one in libraries], version, out) for side in SIDES)
    return trader, md


def _framework(side: Side, libraries: Sequence[bytes], version: str, out: Path) -> Path:
    name = FILES[side]
    folder = out / f"{name}.framework"
    content = folder / "Versions" / "A"
    (content / "Resources").mkdir(parents=True, exist_ok=True)
    file = content / name
    file.write_bytes(libraries[0] if len(libraries) == 1 else macho.join(libraries))
    file.chmod(0o755)
    (content / "Resources" / "Info.plist").write_bytes(plistlib.dumps(_information(name, libraries, version)))
    for link, place in (
        (folder / "Versions" / "Current", "A"),
        (folder / name, f"Versions/Current/{name}"),
        (folder / "Resources", "Versions/Current/Resources"),
    ):
        link.unlink(missing_ok=True)
        link.symlink_to(place)
    return folder


def _information(name: str, libraries: Sequence[bytes], version: str) -> dict[str, str]:
    oldest = min((macho.read(one).minimum for one in libraries), key=_by_number)
    # Apple wants numbers: 6.7.9 of 6.7.9_20241224.
    number = version.partition("_")[0]
    return {
        "CFBundleExecutable": name,
        "CFBundleIdentifier": f"ctp2.{name.replace('_', '-')}",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": name,
        "CFBundlePackageType": "FMWK",
        "CFBundleShortVersionString": number,
        "CFBundleVersion": number,
        "LSMinimumSystemVersion": oldest,
    }


def _by_number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
