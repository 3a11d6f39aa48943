"""What stands for libstdc++ and libgcc while zig links for Linux.

zig brings a C++ library of its own and puts it into every result. Then an exception of the program cannot pass through
ours, nor can the program ask for the type of our objects. So the link is made against empty libraries that have the
names and symbol versions of the system's; at run time the program's own libstdc++ is bound, as after a build by g++.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_FUNCTIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "libstdc++.so.6": {
        "GLIBCXX_3.4": ("_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "_ZSt9terminatev"),
        "CXXABI_1.3": (
            *("__cxa_begin_catch", "__cxa_end_catch", "__cxa_rethrow"),
            *("__cxa_pure_virtual", "__gxx_personality_v0"),
        ),
    },
    "libgcc_s.so.1": {"GCC_3.0": ("_Unwind_Resume",)},
}
_OBJECTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "libstdc++.so.6": {
        "GLIBCXX_3.4": ("_ZTISt9exception",),
        "CXXABI_1.3": (
            *("_ZTVN10__cxxabiv117__class_type_infoE", "_ZTVN10__cxxabiv120__si_class_type_infoE"),
            "_ZTVN10__cxxabiv121__vmi_class_type_infoE",
        ),
        "CXXABI_1.3.2": ("_ZTIN10__cxxabiv115__forced_unwindE",),
    },
}


def commands(compiler: Sequence[str], folder: Path) -> tuple[list[list[str]], list[Path]]:
    """The commands that make the stubs in ``folder``, whose sources are written there, and the stubs."""
    made, steps = [], []
    for library in _FUNCTIONS:
        functions, objects = _FUNCTIONS[library], _OBJECTS.get(library, {})
        versions = {**functions, **objects}
        lines = [f"void {name}(void) {{}}" for names in functions.values() for name in names]
        lines += [f"void *{name}[8] = {{0}};" for names in objects.values() for name in names]
        script = [
            f"{version} {{ {'; '.join((*functions.get(version, ()), *objects.get(version, ())))}; }};"
            for version in versions
        ]
        source, names = folder / f"{library}.c", folder / f"{library}.map"
        source.write_text("\n".join(lines) + "\n", encoding="ascii")
        names.write_text("\n".join(script) + "\n", encoding="ascii")
        made.append(folder / library)
        link = (f"-Wl,-soname,{library}", f"-Wl,--version-script={names}")
        steps.append([*compiler, "-shared", "-nostdlib", *link, "-x", "c", str(source), "-o", str(folder / library)])
    return steps, made
