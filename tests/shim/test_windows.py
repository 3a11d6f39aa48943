"""Libraries for Windows: their names and needs read from the files, and programs that use them, run in wine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ctp2.ctp import schema
from ctp2.shim import names, pe, windows
from ctp2.shim.header import write_headers
from ctp2.shim.names import Side
from tests.shim import cross, windows_caller

MACHINES = {"windows-x86_64": windows.X86_64, "windows-x86": windows.X86}
ERAS = ("6.3.15", "6.6.9", "6.7.9", "6.7.11", "6.7.13")
LINKED = Path(__file__).with_name("windows_linked.cpp")

# spec native 3, in full: (pointer size, from 6.7.11 on) → the names.
FACTORY_NAMES = {
    ("trader", 8, False): "?CreateFtdcTraderApi@CThostFtdcTraderApi@@SAPEAV1@PEBD@Z",
    ("trader", 8, True): "?CreateFtdcTraderApi@CThostFtdcTraderApi@@SAPEAV1@PEBD_N@Z",
    ("trader", 4, False): "?CreateFtdcTraderApi@CThostFtdcTraderApi@@SAPAV1@PBD@Z",
    ("trader", 4, True): "?CreateFtdcTraderApi@CThostFtdcTraderApi@@SAPAV1@PBD_N@Z",
    ("md", 8, False): "?CreateFtdcMdApi@CThostFtdcMdApi@@SAPEAV1@PEBD_N1@Z",
    ("md", 8, True): "?CreateFtdcMdApi@CThostFtdcMdApi@@SAPEAV1@PEBD_N1_N@Z",
    ("md", 4, False): "?CreateFtdcMdApi@CThostFtdcMdApi@@SAPAV1@PBD_N1@Z",
    ("md", 4, True): "?CreateFtdcMdApi@CThostFtdcMdApi@@SAPAV1@PBD_N1_N@Z",
}
VERSION_NAMES = {
    ("trader", 8): "?GetApiVersion@CThostFtdcTraderApi@@SAPEBDXZ",
    ("trader", 4): "?GetApiVersion@CThostFtdcTraderApi@@SAPBDXZ",
    ("md", 8): "?GetApiVersion@CThostFtdcMdApi@@SAPEBDXZ",
    ("md", 4): "?GetApiVersion@CThostFtdcMdApi@@SAPBDXZ",
}
SIDES: tuple[Side, Side] = ("trader", "md")


def wanted(side: Side, size: int, is_new: bool) -> tuple[str, str]:
    return FACTORY_NAMES[side, size, is_new], VERSION_NAMES[side, size]


@pytest.mark.parametrize("size", [8, 4])
@pytest.mark.parametrize("side", SIDES)
def test_names(side: Side, size: int) -> None:
    for revision, is_new in (("6.3.15", False), ("6.7.10", False), ("6.7.11", True), ("6.7.13", True)):
        assert names.decorated(revision, side, size) == wanted(side, size, is_new)


def test_functions_of_the_system_are_named_with_the_size_of_their_arguments() -> None:
    """As Microsoft's documentation has their arguments: Sleep(DWORD), a LARGE_INTEGER by value, no argument."""
    long, short = (windows.system_functions(machine)["KERNEL32"] for machine in (windows.X86, windows.X86_64))
    for name, decorated in (
        ("Sleep", "Sleep@4"),
        ("SetFilePointerEx", "SetFilePointerEx@20"),
        ("GetLastError", "GetLastError@0"),
        ("CreateProcessW", "CreateProcessW@40"),
        ("SleepConditionVariableSRW", "SleepConditionVariableSRW@16"),
    ):
        assert decorated in long
        assert name in short
    assert "select@20" in windows.system_functions(windows.X86)["WS2_32"]
    # Nothing that the header declares is overlooked.
    header = (windows.RUNTIME / "windows_api.h").read_text(encoding="utf-8")
    declared = len(re.findall(r"^CTP2_", header, re.MULTILINE))
    assert declared == sum(map(len, windows.system_functions(windows.X86).values()))


@pytest.mark.foreign
@pytest.mark.parametrize("by", ["zig", "clang++", "mingw"])
@pytest.mark.parametrize("target", MACHINES)
def test_what_libraries_export_and_need(target: str, by: str, tmp_path: Path) -> None:
    """Each revision's full header was compiled with it: a size or offset that is not the schema's ends the build."""
    machine = MACHINES[target]
    size = 4 if machine.is_x86 else 8
    by = f"mingw:{machine.mingw}" if by == "mingw" else by
    for revision in ERAS if by != "zig" else schema.VERSIONS:
        is_new = revision in ("6.7.11", "6.7.13")
        for side, library in zip(SIDES, cross.built(revision, target, by, tmp_path / revision), strict=True):
            found = pe.read(library.read_bytes())
            assert (found.machine, found.is_library) == (machine.reads, True)
            assert found.exports == set(wanted(side, size, is_new))
            assert {one.lower() for one in found.imports} <= {"kernel32.dll", "ws2_32.dll", "msvcrt.dll"}
            # What a program is linked with: the names are in it, and the library's own.
            content = library.with_suffix(".lib").read_bytes()
            assert all(name.encode() in content for name in (*wanted(side, size, is_new), library.name))
            listed = library.with_suffix(".def").read_text(encoding="ascii")
            assert all(f'"{name}"' in listed for name in wanted(side, size, is_new))


# --- programs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """``ctp2 serve --open``: what it tells of itself."""
    command = [sys.executable, "-m", "ctp2", "serve", "--open", "--json", "--log", "warning", "--web-port", "off"]
    command += ["--trade-port", "0", "--md-port", "0", "--backend", "tts://7x24"]
    env = {**os.environ, "PYTHONPATH": str(root)}
    folder = tmp_path_factory.mktemp("served")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=env) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


class Called(NamedTuple):
    code: int
    lines: list[str]
    errors: list[str]
    """What the library said."""


def called(
    target: str, revision: str, side: Side, by: str, ending: str, front: str, folder: Path, **more: str
) -> Called:
    """Run the caller. ``front_file`` is the content of the file beside the library, the rest of ``more`` variables."""
    machine = MACHINES[target]
    by = f"mingw:{machine.mingw}" if by == "mingw" else by
    library = cross.built(revision, target, by, folder / "library")[SIDES.index(side)]
    if "front_file" in more:
        library.with_name("ctp2_front.txt").write_text(more.pop("front_file"), encoding="utf-8")
    (folder / "program").mkdir()
    program = windows_caller.build(machine, windows.find(machine, cross.zig()), revision, side, folder / "program")
    return run(program, library, front, folder, CALLER_ENDING=ending, **more)


def run(program: Path, library: Path, front: str, folder: Path, **more: str) -> Called:
    """Run a program in wine, with a C: drive of its own."""
    code, said, heard = cross.run(
        program,
        folder,
        CALLER_LIBRARY=cross.dos(library),
        CALLER_FRONT=front,
        CALLER_FLOW="C:\\",
        **more,
    )
    return Called(code, said.splitlines(), heard.splitlines())


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("target", "revision", "by", "ending"),
    [
        ("windows-x86_64", "6.7.11", "zig", "release"),
        ("windows-x86_64", "6.3.15", "zig", "exit"),
        ("windows-x86", "6.7.13", "zig", "release"),
        ("windows-x86", "6.3.15", "zig", "exit"),
        ("windows-x86_64", "6.7.13", "mingw", "release"),
        ("windows-x86", "6.7.9", "mingw", "exit"),
    ],
)
def test_a_program_trades(
    target: str, revision: str, by: str, ending: str, served: dict[str, Any], tmp_path: Path
) -> None:
    """Login, an order that rests, its returns; ended after Release or with the library at work."""
    code, lines, errors = called(target, revision, "trader", by, ending, served["trader"], tmp_path)
    assert lines[0].startswith("version ")
    assert lines[0].endswith(" ctp2")
    assert f"{revision}_" in lines[0]
    day = lines[4].removeprefix("day ")
    assert re.fullmatch(r"20\d{6}", day)
    assert lines[1:] == [
        *("connected", "login 0", "request 1", f"day {day}", f"day {day}", "confirmed 0"),
        # The order as it was taken, then as it rests.
        *("7 a", "7 3", "order", "done"),
    ]
    assert (code, errors) == (0, [])


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("target", "revision", "ending"),
    [
        ("windows-x86_64", "6.7.13", "exit"),
        ("windows-x86_64", "6.3.15", "release"),
        ("windows-x86", "6.7.11", "exit"),
        ("windows-x86", "6.3.15", "release"),
    ],
)
def test_a_program_hears_prices(
    target: str, revision: str, ending: str, served: dict[str, Any], tmp_path: Path
) -> None:
    """Login, a subscription, a tick; ended after Release or while they come."""
    code, lines, errors = called(target, revision, "md", "zig", ending, served["md"], tmp_path)
    assert f"{revision}_" in lines[0]
    assert lines[1:4] == ["connected", "login 0", "request 1"]
    assert lines[-2:] == ["tick TEST", "done"]
    assert (code, errors) == (0, [])


@pytest.mark.foreign
@pytest.mark.parametrize("target", MACHINES)
def test_objects_that_come_and_go(target: str, served: dict[str, Any], tmp_path: Path) -> None:
    """Three hundred, half of them released inside a callback: none leaves a handle."""
    result = called(target, "6.7.11", "trader", "zig", "often", served["trader"], tmp_path)
    assert result.lines[1:] == ["handles kept", "done"]
    assert result.code == 0
    # One that is released in its callback may still have its flow files when the next comes.
    assert all("is in use by another Api object" in line for line in result.errors)


@pytest.mark.foreign
@pytest.mark.parametrize("target", MACHINES)
def test_a_program_of_header_and_import_library(target: str, served: dict[str, Any], tmp_path: Path) -> None:
    machine = MACHINES[target]
    folder = tmp_path / "program"
    library = cross.built("6.7.11", target, "zig", folder)[0]
    write_headers("6.7.11", folder)
    tools = windows.find(machine, cross.zig())
    program = windows_caller.linked(machine, tools, LINKED, folder, library.with_suffix(".lib"))
    imported = pe.read(program.read_bytes()).imports[library.name]
    assert imported == set(wanted("trader", 4 if machine.is_x86 else 8, True))
    result = run(program, library, served["trader"], tmp_path)
    assert result.lines[0] == "v6.7.11_20250617 ctp2"
    assert re.fullmatch(r"20\d{6} is the day", result.lines[1])
    assert result.lines[2:] == ["bob has ten millions", "done"]
    assert (result.code, result.errors) == (0, [])


@pytest.mark.foreign
@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_front_in_place_of_the_programs(way: str, served: dict[str, Any], tmp_path: Path) -> None:
    more = {"CTP2_FRONT": served["md"]} if way == "variable" else {"front_file": f"md {served['md']}\r\n"}
    result = called("windows-x86", "6.7.11", "md", "zig", "release", "tcp://nobody.invalid:1", tmp_path, **more)
    assert (result.code, result.errors) == (0, [])
    assert result.lines[-2:] == ["tick TEST", "done"]


@pytest.mark.foreign
@pytest.mark.parametrize("target", MACHINES)
def test_a_private_server_that_cannot_be_started(target: str, tmp_path: Path) -> None:
    """No Python there: a line, OnFrontDisconnected, and the program ends as it likes."""
    result = called(
        target, "6.7.11", "trader", "zig", "hopeless", "tts://7x24", tmp_path, CTP2_PYTHON="C:\\no\\python.exe"
    )
    assert result.code == 0
    assert result.lines[1:] == ["disconnected 4097", "done"]
    (line,) = result.errors
    assert line.startswith("ctp2: ")
    assert "C:\\no\\python.exe" in line


# --- the reader ------------------------------------------------------------------------------------------------------


def test_files_that_are_no_libraries() -> None:
    for data in (b"", b"MZ", b"\x7fELF" + bytes(100), b"MZ" + bytes(100), b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0"):
        with pytest.raises(ValueError, match=r"no PE file|cut or damaged"):
            pe.read(data)


@pytest.mark.foreign
def test_a_library_that_is_cut(tmp_path: Path) -> None:
    whole = cross.built("6.7.13", "windows-x86_64", "zig", tmp_path)[0].read_bytes()
    for length in range(0, len(whole) - 512, 997):
        # What is read may lie before the cut.
        with suppress(ValueError):
            assert pe.read(whole[:length]).machine == "x86_64"
