"""g++ of mingw-w64, the second way to libraries for Windows: taken out of Debian's packages, not installed.

A gcc finds its parts by where it lies itself. Of 750 MB that the packages have, what compiles and links our libraries
is about a tenth.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tools.debian import Apt, NoPackage, take_out

TRIPLES: Final = {"x86_64-w64-mingw32": "x86-64", "i686-w64-mingw32": "i686"}
_PACKAGES: Final = (
    "g++-mingw-w64-{name}-win32",
    "gcc-mingw-w64-{name}-win32",
    "gcc-mingw-w64-{name}-win32-runtime",
    "binutils-mingw-w64-{name}",
    "mingw-w64-{name}-dev",
)
_COMMON: Final = "mingw-w64-common"
_COMPILER: Final = ("cc1plus", "collect2", "liblto_plugin.so", "crtbegin.o", "crtend.o", "lib*.a", "include*")
_SYSTEM: Final = ("mingw32", "moldname", "mingwex", "msvcrt", "kernel32", "advapi32", "shell32", "user32", "ws2_32")
_HEADERS: Final = ("_*.h", "c*.h", "s*.h", "v*.h", "sdks/*.h")


def unpack(folder: Path) -> None:
    """Fetch the packages and put their parts into ``folder``; ``NoPackage`` when that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        apt = Apt(Path(scratch))
        take_out(apt.fetch(_COMMON), [f"./usr/share/mingw-w64/include/{name}" for name in _HEADERS], folder)
        for triple, name in TRIPLES.items():
            for package in _PACKAGES:
                take_out(apt.fetch(package.format(name=name)), _wanted(triple), folder)
    for triple in TRIPLES:
        compiler(folder, triple).symlink_to(f"{triple}-g++-win32")
        _try(compiler(folder, triple))


def _wanted(triple: str) -> list[str]:
    return [
        # Some are other names of one file, of which the first has the content.
        *(f"./usr/bin/{triple}-{name}" for name in ("c++-win32", "g++-win32", "as", "ld", "ld.bfd")),
        *(f"./usr/{triple}/bin/{name}" for name in ("as", "ld", "ld.bfd")),
        *(f"./usr/lib/gcc/{triple}/*-win32/{name}" for name in _COMPILER),
        *(f"./usr/{triple}/lib/lib{name}.a" for name in _SYSTEM),
        f"./usr/{triple}/lib/*.o",
        *(f"./usr/{triple}/include/{name}" for name in _HEADERS),
    ]


def compiler(folder: Path, triple: str) -> Path:
    """The program in what ``unpack`` made."""
    return folder / "usr" / "bin" / f"{triple}-g++"


def _try(program: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run(
            [program, "-x", "c++", "-shared", "-static", "-o", f"{scratch}/one.dll", "-"],
            input=b"#include <stdint.h>\nint32_t one() { return 1; }\n",
            capture_output=True,
            check=False,
        )
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip() or "no output"
        raise NoPackage(f"{program.name} does not compile: {said.splitlines()[0]}")
