"""The runtime's seam to each system: each function called (platform_check.cpp), on Linux and in wine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctp2.shim import compilers, linux, windows
from ctp2.shim.windows import RUNTIME
from tests.shim import cross

SOURCE = Path(__file__).with_name("platform_check.cpp")
WAIT = 120
SAID = "done\nthe end\n"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the program finds around it."""
    with socket.create_server(("127.0.0.1", 0)) as echo, socket.socket() as closed:
        # Bound and not listening: nobody else gets it meanwhile, and who connects is refused.
        closed.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=answer, args=(echo,), daemon=True)
        thread.start()
        (tmp_path / "files").mkdir()
        yield {
            "CHECK_TEXT": "值 1",
            "CHECK_ECHO": str(echo.getsockname()[1]),
            "CHECK_CLOSED": str(closed.getsockname()[1]),
            "CTP2_HOME": str(tmp_path / "home"),
        }
        thread.join(WAIT)
        assert not thread.is_alive()


def answer(server: socket.socket) -> None:
    server.settimeout(WAIT)
    connection, _ = server.accept()
    with connection:
        connection.settimeout(WAIT)
        while (data := connection.recv(100)) and not data.endswith(b"end"):
            connection.sendall(data)


@pytest.mark.foreign
@pytest.mark.skipif(sys.platform != "linux", reason="built with the flags for Linux")
def test_linux(environment: dict[str, str], tmp_path: Path) -> None:
    tools = linux.find(None)
    objects = []
    for source in (SOURCE, RUNTIME / "base.cpp", RUNTIME / "platform_posix.cpp"):
        objects.append(tmp_path / f"{source.stem}.o")
        compilers.run(linux.compile_command(tools, source, objects[-1]), tmp_path)
    program = tmp_path / "check"
    compilers.run([*tools.command, "-pthread", *map(str, objects), "-ldl", "-o", str(program)], tmp_path)
    around = {**os.environ, **environment, "CHECK_FOLDER": str(tmp_path / "files"), "CHECK_NAME": "/check"}
    result = subprocess.run([program], env=around, stderr=subprocess.PIPE, timeout=WAIT, check=False)
    assert result.stderr.decode() == SAID
    assert result.returncode == 0
    assert (tmp_path / "files" / "child.log").read_text(encoding="utf-8") == "值\nchild ends"


@pytest.mark.foreign
@pytest.mark.parametrize("machine", [windows.X86_64, windows.X86], ids=lambda machine: machine.name)
def test_windows(machine: windows.Machine, environment: dict[str, str], tmp_path: Path) -> None:
    tools = windows.find(machine, cross.zig())
    objects = []
    for source in (SOURCE, *(RUNTIME / name for name in ("base.cpp", "platform_windows.cpp", "windows_bare.cpp"))):
        objects.append(tmp_path / f"{source.stem}.o")
        compilers.run(windows.compile_command(machine, tools, source, objects[-1]), tmp_path)
    functions = {**windows.system_functions(machine), "msvcrt": (*windows.C_LIBRARY, "exit")}
    commands, imports = windows.import_libraries(machine, tools, functions, tmp_path)
    program = tmp_path / "check.exe"
    link = (*windows.partner(tools, "lld-link"), "/nodefaultlib", "/entry:start", "/subsystem:console", *machine.link)
    for command in (*commands, [*link, f"/out:{program}", *map(str, objects), *map(str, imports)]):
        compilers.run(command, tmp_path)
    around = {**environment, "CHECK_FOLDER": cross.dos(tmp_path / "files"), "CHECK_NAME": "\\check.exe"}
    code, _, said = cross.run(program, tmp_path, **{**around, "CTP2_HOME": cross.dos(tmp_path / "home")})
    assert said == SAID
    assert code == 0
    assert (tmp_path / "files" / "child.log").read_text(encoding="utf-8") == "值\nchild ends"
