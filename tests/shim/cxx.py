"""Our libraries and C++ programs on them, compiled for tests: plain, or with the checkers of the compiler in both.

Everything is made once for a state of its sources and kept as ``tools/kept.py`` keeps things.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pytest

from ctp2.shim import build, compilers, generate, header, linux, names
from ctp2.shim.compilers import Tools
from ctp2.shim.interface import SIDES
from tests.shim.child import Child
from tests.shim.cxx_interface import interface
from tools import foreign_clients
from tools.kept import forget_others, kept, run

HERE: Final = Path(__file__).resolve().parent
REVISION: Final = "6.7.11"
PARTIES: Final = (REVISION, "6.3.15")
Checks: Final = {
    "plain": (),
    "address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g1"),
    "thread": ("-fsanitize=thread", "-g1"),
}
Check = Literal["plain", "address", "thread"]
OPTIONS: Final = {
    # The program never ends its threads: what they hold then is no leak, what nobody can reach any more is.
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=97:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=97",
    "TSAN_OPTIONS": "exitcode=97:second_deadlock_stack=1:die_after_fork=0",
}
"""Any report makes the exit code 97."""
_PROGRAM_FLAGS: Final = ("-std=c++17", "-O1", "-g1", "-pthread", "-Wall", "-Wextra", "-Werror")


@cache
def tools() -> Tools:
    """g++, or what there is instead."""
    why = foreign_clients.why_not()
    if why:
        pytest.skip(why)
    for command in compilers.commands(None):
        found = compilers.identify(command)
        if found.kind != "zig":
            return found
    pytest.skip("no g++ and no clang++ here")


def _digest(*texts: str | bytes) -> str:
    digest = hashlib.sha256(tools().version.encode())
    for text in texts:
        digest.update(b"\0" + (text if isinstance(text, bytes) else text.encode()))
    return digest.hexdigest()[:16]


@cache
def _has(check: Check) -> bool:
    """Whether what the compiler makes with this checker runs here: it needs libraries that not every system has."""
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch, "one.cpp"), Path(scratch, "one")
        source.write_text("int main() {}\n")
        command = [*tools().command, *Checks[check], str(source), "-o", str(result)]
        made = subprocess.run(command, capture_output=True, check=False)
        return made.returncode == 0 and subprocess.run([str(result)], capture_output=True, check=False).returncode == 0


@cache
def libraries(check: Check = "plain", revision: str = REVISION) -> Path:
    """The folder with both libraries of a revision; plain ones are those that users get."""
    if not _has(check):
        pytest.skip(f"{tools().name} has no checker that runs here: {' '.join(Checks[check])}")
    sources = {f"{side}.cpp": generate.source(revision, side) for side in SIDES}
    runtime = sorted(path for path in build.RUNTIME.iterdir() if path.is_file())
    key = _digest(repr((Checks[check], "2")), *sources.values(), *(path.read_bytes() for path in runtime))
    name = f"cxx-libraries-{check}-{revision}-{key}"

    def fill(folder: Path) -> None:
        if check == "plain":
            build.build(revision, folder, compiler=" ".join(tools().command), cache=folder / ".cache")
            shutil.rmtree(folder / ".cache")
            return
        checked = Tools((*tools().command, *Checks[check]), tools().kind, tools().version, tools().machine)
        files = [path for path in runtime if path.suffix == ".cpp" and path.name != "platform_windows.cpp"]
        steps = []
        for side, text in sources.items():
            folder.joinpath(side).write_text(text, encoding="utf-8")
        for path in (*files, *map(folder.joinpath, sources)):
            command = list(linux.compile_command(checked, path, folder / f"{path.stem}.o"))
            # A forced unwinding has no object for the reference by which it is caught: that is how the compiler has it.
            steps.append([*command, "-fno-sanitize=null"] if path.stem == "invoke" else command)
        _run_all(steps)
        target = build.target_of(linux.NAME)
        for side in SIDES:
            objects = [*(folder / f"{path.stem}.o" for path in files), folder / f"{side}.o"]
            exports = target.exports(revision, side)
            library = folder / target.files[side]
            for command in linux.link_commands(checked, objects, library, exports):
                # With names, for reports; and the checker's own functions are the program's.
                run([word for word in command if word not in ("-Wl,-s", "-Wl,--no-undefined")])
        for path in folder.glob("*.o"):
            path.unlink()

    forget_others(f"cxx-libraries-{check}-{revision}-*", name)
    return kept(name, fill)


def _run_all(commands: list[list[str]]) -> None:
    """Two at a time."""
    running: list[subprocess.Popen[bytes]] = []
    for command in commands:
        running.append(subprocess.Popen(command))
        if len(running) == 2 and running.pop(0).wait():
            raise subprocess.CalledProcessError(1, command)
    codes = [one.wait() for one in running]
    if any(codes):
        raise subprocess.CalledProcessError(1, commands[-1])


@cache
def program(check: Check = "plain") -> Path:
    """``cxx_program.cpp``, linked with both libraries by name (``-L -l``): the loader finds them by their folder."""
    texts = {"ctp2_thost.h": header.header(REVISION), "generated.h": interface(REVISION)}
    sources = [HERE / "cxx_program.cpp", HERE / "cxx_program.h"]
    key = _digest(repr((Checks[check], _PROGRAM_FLAGS)), *texts.values(), *(path.read_bytes() for path in sources))
    name = f"cxx-program-{check}-{key}"

    def fill(folder: Path) -> None:
        header.write_headers(REVISION, folder)
        text = '#include "ThostFtdcTraderApi.h"\n#include "ThostFtdcMdApi.h"\n' + texts["generated.h"]
        folder.joinpath("cxx_interface.h").write_text(text, encoding="utf-8")
        command = [*tools().command, *_PROGRAM_FLAGS, *Checks[check], "-I", str(folder), "-I", str(HERE)]
        command += [str(sources[0]), "-o", str(folder / "program"), "-L", str(libraries(check))]
        run([*command, "-lthosttraderapi_se", "-lthostmduserapi_se"])

    forget_others(f"cxx-program-{check}-*", name)
    return kept(name, fill) / "program"


@cache
def rude(check: Check = "plain") -> Path:
    """``cxx_rude.cpp`` with ``cxx_party.cpp`` of two revisions; it finds libraries by ``dlopen``."""
    libraries(check)
    headers = {revision: header.header(revision) for revision in PARTIES}
    sources = [HERE / name for name in ("cxx_rude.cpp", "cxx_party.cpp", "cxx_party.h")]
    key = _digest(
        repr((Checks[check], _PROGRAM_FLAGS, "2")), *headers.values(), *(path.read_bytes() for path in sources)
    )
    name = f"cxx-rude-{check}-{key}"

    def fill(folder: Path) -> None:
        common = [*tools().command, *_PROGRAM_FLAGS, *Checks[check], "-I", str(folder), "-I", str(HERE)]
        # The classes have a namespace here and none in the libraries: other types, to the checker.
        common += ["-fno-sanitize=vptr"] if check == "address" else []
        objects = [folder / "rude.o"]
        commands = [[*common, "-c", str(sources[0]), "-o", str(objects[0])]]
        for revision, text in headers.items():
            folder.joinpath(f"{revision}.h").write_text(text, encoding="utf-8")
            objects.append(folder / f"{revision}.o")
            defined = [f"-DPARTY=v{revision.replace('.', '_')}", f'-DPARTY_HEADER="{revision}.h"']
            for side in SIDES:
                defined.append(f'-DPARTY_{side.upper()}="{names.itanium(revision, side)[0]}"')
            commands.append([*common, *defined, "-c", str(sources[1]), "-o", str(objects[-1])])
        _run_all(commands)
        run([*common, *map(str, objects), "-o", str(folder / "rude"), "-ldl"])

    forget_others(f"cxx-rude-{check}-*", name)
    return kept(name, fill) / "rude"


def environment(check: Check = "plain", revision: str = REVISION) -> dict[str, str]:
    """For programs on these libraries."""
    known = {name: value for name, value in os.environ.items() if name not in ("CTP2_FRONT", "PYTHONPATH")}
    return {**known, **OPTIONS, "LD_LIBRARY_PATH": str(libraries(check, revision))}


def start(check: Check, folder: Path, stack: ExitStack, **more: str) -> Child:
    """The program, until the stack is closed."""
    child = Child("cxx", [], folder, [str(program(check))], **{**environment(check), **more})
    stack.callback(child.close)
    return child
