"""Addresses, their override and the start of a private server on Windows, in wine; the probe is compiled by zig."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shim import cross
from tests.shim.probing import HERE, PARTS, RUNTIME
from tools.kept import forget_others, kept

pytestmark = pytest.mark.foreign

FLAGS = ("-target", "x86_64-windows-gnu", "-std=c++17", "-O1", "-fno-exceptions", "-fno-rtti", "-nostdlib++")
WAIT = 300
ADDRESS = "tts://7x24"
HINT = "set CTP2_PYTHON to a Python (3.11 or later) in which ctp2 is installed"
Run = Callable[..., list[str]]


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of ``probe.exe`` and ``answering.exe``."""
    parts = [RUNTIME / f"{part.replace('_posix', '_windows')}.cpp" for part in PARTS]
    sources = {"probe": [HERE / "probe.cpp", *parts], "answering": [HERE / "answering.cpp"]}
    compiler = shlex.split(cross.zig())
    digest = hashlib.sha256(repr((compiler, FLAGS)).encode())
    for path in (*sources["probe"], *sources["answering"], *sorted(RUNTIME.glob("*.h"))):
        digest.update(path.name.encode() + path.read_bytes())

    def fill(folder: Path) -> None:
        for name, files in sources.items():
            command = [*compiler, *FLAGS, "-fno-sanitize=all", "-I", str(RUNTIME), *map(str, files), "-lws2_32"]
            subprocess.run([*command, "-o", str(folder / f"{name}.exe")], check=True, timeout=WAIT)

    name = f"probe-windows-{digest.hexdigest()[:16]}"
    forget_others("probe-windows-*", name)
    return kept(name, fill)


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Iterator[Run]:
    """Runs the probe in a folder of its own; returns what it prints."""
    place = Path(shutil.copytree(programs, tmp_path / "programs"))
    (tmp_path / "drive").mkdir()
    with cross.windows(tmp_path / "drive") as (wine, environment):

        def call(*words: str, **more: str) -> list[str]:
            home = {"CTP2_HOME": cross.dos(tmp_path / "some" / "home"), "CTP2_FRONT": "", "CTP2_PYTHON": ""}
            result = subprocess.run(
                [str(wine), str(place / "probe.exe"), *words],
                env={**os.environ, **environment, **home, **more},
                capture_output=True,
                timeout=WAIT,
                check=False,
            )
            assert result.returncode in (0, 1), result
            return result.stdout.decode().splitlines()

        yield call


def test_addresses_and_overrides(run: Run, tmp_path: Path) -> None:
    assert run("parse", "tcp://tts://7x24", "ssl://[::1]:5?ca=C:%5Ca+b", "tcp6://h:1") == [
        "launched||0||tts://7x24",
        r"tls|::1|5|C:\a b|ssl://[::1]:5?ca=C:%5Ca+b",
        "plain6|h|1||tcp6://h:1",
    ]
    assert run("override", "td", CTP2_FRONT="td tcp://a:1 md tcp://b:2") == ["tcp://a:1"]
    (tmp_path / "programs" / "ctp2_front.txt").write_bytes(b"td tcp://a:1\r\ntts://7x24\r\n")
    assert run("override", "md") == ["tts://7x24"]


def test_starting_a_server(run: Run, tmp_path: Path) -> None:
    python = cross.dos(tmp_path / "programs" / "answering.exe")
    nowhere = run("launch", "td", ADDRESS, "60", "0", CTP2_PYTHON=r"C:\nowhere\python.exe")
    assert nowhere[0] == rf"why: {ADDRESS}: cannot run C:\nowhere\python.exe (no such file or folder): {HINT}"
    assert (
        run("launch", "td", ADDRESS, "60", "0")[0] == f"why: {ADDRESS}: no Python is known that could serve it: {HINT}"
    )
    found = run("launch", "md", ADDRESS, "60", "0", CTP2_PYTHON=python, ANSWER="ready 1 20002 20004 t0ken")
    assert found[0] == "127.0.0.1 20004 t0ken"
    wrong = run("launch", "td", ADDRESS, "60", "0", CTP2_PYTHON=python, ANSWER="ctp2: what is wrong")
    assert wrong[0] == "why: what is wrong"
    # Each argument arrives as one word.
    odd = 'tts://7x24?id="a\\"&data=C:\\'
    line = run("launch", "td", odd, "60", "0", CTP2_PYTHON=python)[0]
    assert line == f"why: {odd}: no server was started by {python}: 6 {odd}: {HINT}"
    assert not list((tmp_path / "some" / "home" / "runtime").iterdir())
