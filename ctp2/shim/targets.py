"""The platforms that libraries are built for, one table.

A target is a few functions: what compiles a source, what links the objects, what the result is held against. The
functions of a platform stand in a module of their own; ``build.py`` knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from ctp2.shim import linux, macos, names, windows
from ctp2.shim.compilers import Tools
from ctp2.shim.names import Side

Command = Sequence[str]


@dataclass(frozen=True)
class Target:
    """One platform."""

    name: str
    """As users write it: ``linux-x86_64``."""
    files: Mapping[Side, str]
    """What CTP calls the libraries here."""
    platform: str
    """The file of ``runtime/`` that is the seam to this system; other ``platform_*.cpp`` are left out."""
    is_itanium: bool
    """Whether pointers to methods are as in the Itanium interface: everywhere but with MSVC's."""
    exports: Callable[[str, Side], tuple[str, str]]
    """(revision, side) → the two names that a library exports, as this platform spells them."""
    find: Callable[[str | None], Tools]
    """The tools, of a compiler that the user names or of the first that is there; ``NoCompiler`` when none is."""
    compile: Callable[[Tools, Path, Path], Command]
    """(tools, source, object) → the command."""
    link: Callable[[Tools, Sequence[Path], Path, tuple[str, str]], Sequence[Command]]
    """(tools, objects, library, its two exported names) → the commands, the last of which leaves ``library``.

    May write what they need (a version script) beside ``library``, a scratch folder of this build.
    """
    check: Callable[[Path, tuple[str, str]], None]
    """(library, its two exported names): raises ``BuildFailed`` unless the file is as it must be."""
    beside: Callable[[Path], Sequence[Path]] = lambda _: ()
    """(library) → what linking leaves beside it that belongs to the result: import libraries."""


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target(
            linux.NAME,
            {"trader": "libthosttraderapi_se.so", "md": "libthostmduserapi_se.so"},
            "platform_posix.cpp",
            True,
            names.itanium,
            linux.find,
            linux.compile_command,
            linux.link_commands,
            linux.check,
        ),
        *(
            Target(
                machine.name,
                windows.FILES,
                "platform_windows.cpp",
                False,
                partial(windows.exports, machine),
                partial(windows.find, machine),
                partial(windows.compile_command, machine),
                partial(windows.link_commands, machine),
                partial(windows.check, machine),
                windows.beside,
            )
            for machine in (windows.X86_64, windows.X86)
        ),
        *(
            Target(
                machine.name,
                macos.FILES,
                "platform_posix.cpp",
                True,
                macos.exports,
                partial(macos.find, machine),
                partial(macos.compile_command, machine),
                partial(macos.link_commands, machine),
                partial(macos.check, machine),
            )
            for machine in (macos.X86_64, macos.ARM64)
        ),
    )
}
