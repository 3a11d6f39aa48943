"""Running ``native_program.cpp``: a C++ program on our two libraries of 6.7.11, told what to do line by line."""

from __future__ import annotations

import atexit
import hashlib
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import IO, Final

from ctp2.shim.build import build
from ctp2.shim.header import header, write_headers
from tests.shim.probing import compiler
from tools.kept import CACHE, forget_others, kept

HERE = Path(__file__).resolve().parent
REVISION: Final = "6.7.11"
WAIT: Final = 90.0


@cache
def libraries() -> tuple[Path, Path]:
    """The trader's and the market data library, for the sources as they are."""
    compiler()
    folder = Path(tempfile.mkdtemp(prefix="ctp2-shim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build(REVISION, folder, cache=CACHE / "shim-build")


@cache
def program() -> Path:
    """The compiled program."""
    tools = compiler()
    source = HERE / "native_program.cpp"
    digest = hashlib.sha256(repr((tools.command, tools.version)).encode() + source.read_bytes())
    digest.update(header(REVISION).encode())

    def fill(folder: Path) -> None:
        write_headers(REVISION, folder)
        command = [*tools.command, "-std=c++17", "-O1", "-Wall", "-Wextra", "-I", str(folder), str(source)]
        subprocess.run([*command, "-o", str(folder / "program"), "-ldl"], check=True, timeout=WAIT)

    name = f"native-program-{digest.hexdigest()[:16]}"
    forget_others("native-program-*", name)
    return kept(name, fill) / "program"


class Program:
    """A running one. ``md`` or ``trader`` empty: not that side; several addresses have blanks between them."""

    def __init__(
        self, trader: str, md: str = "", *, at: tuple[Path, Path] | None = None, cwd: Path, **environment: str
    ) -> None:
        of_trader, of_md = at or libraries()
        words = [str(of_trader) if trader else "-", str(of_md) if md else "-", trader, md]
        self.process = subprocess.Popen(
            [str(program()), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, **environment},
        )
        self.seen: list[str] = []
        self._open = 2
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def say(self, command: str) -> None:
        """Tell it what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait_for(self, begin: str) -> str:
        """The next line that begins so, of its output or its standard error; fails when it ends before."""
        return self.wait_for_all(begin)

    def wait_for_all(self, *begins: str) -> str:
        """The same for several, whichever comes first; returns the last one."""
        missing = list(begins)
        while self._open:
            line = self._lines.get(timeout=WAIT)
            if line is None:
                self._open -= 1
                continue
            self.seen.append(line)
            begin = next(filter(line.startswith, missing), None)
            if begin is not None:
                missing.remove(begin)
                if not missing:
                    return line
        raise AssertionError(f"no line {missing}: {self.seen}, exit code {self.process.wait()}")

    def end(self) -> int:
        """No more commands: wait for its end."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(WAIT)
        for reader in self._readers:
            reader.join(WAIT)
        while not self._lines.empty():
            line = self._lines.get()
            if line is not None:
                self.seen.append(line)
        return code

    def kill(self) -> None:
        """Whatever it does."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(WAIT)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
