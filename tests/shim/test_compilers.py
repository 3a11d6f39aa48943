"""Which compiler is taken, and what is said when there is none. The compilers here are scripts that only answer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ctp2.shim import compilers, linux, macos, windows
from ctp2.shim.errors import BuildFailed, NoCompiler

GCC = "g++ (Debian 12.2.0-14) 12.2.0"
CLANG = "Debian clang version 14.0.6"


@pytest.fixture(autouse=True)
def _nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler but those that a test makes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    without(monkeypatch, "ziglang")


def without(monkeypatch: pytest.MonkeyPatch, package: str, instead: object = None) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: instead if name == package else find(name, *more)
    )


def script(folder: Path, name: str, version: str, machine: str = "x86_64-linux-gnu", code: int = 0) -> str:
    path = folder / name
    path.write_text(
        f"#!/bin/sh\ncase \"$*\" in *--version*) echo '{version}';; *-dumpmachine*) echo {machine};; *) echo 1;; esac\n"
        f"exit {code}\n"
    )
    path.chmod(0o755)
    return str(path)


def test_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoCompiler) as missing:
        linux.find(None)
    assert missing.value.why == "no_compiler"
    assert "pip install ziglang" in str(missing.value)
    zig = script(tmp_path, "zig", CLANG)
    assert linux.find(None).command == (zig, "c++")
    assert linux.find(None).kind == "zig"
    without(monkeypatch, "ziglang", object())
    assert next(compilers.commands(None)) == (sys.executable, "-m", "ziglang", "c++")
    clang = script(tmp_path, "clang++", CLANG)
    assert (linux.find(None).command, linux.find(None).kind) == ((clang,), "clang")
    gcc = script(tmp_path, "g++", GCC)
    assert (linux.find(None).command, linux.find(None).kind) == ((gcc,), "gcc")
    monkeypatch.setenv("CXX", f"{clang} -m64")
    assert linux.find(None).command == (clang, "-m64")
    assert linux.find(gcc).command == (gcc,)


@pytest.mark.parametrize(
    "machine", ["aarch64-linux-gnu", "x86_64-alpine-linux-musl", "x86_64-apple-darwin", "i686-linux-gnu"]
)
def test_a_compiler_for_another_machine_is_passed_over_unless_named(
    machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcc = script(tmp_path, "g++", GCC, machine)
    clang = script(tmp_path, "clang++", CLANG)
    assert linux.find(None).command == (clang,)
    monkeypatch.setenv("CXX", gcc)
    with pytest.raises(NoCompiler, match="it builds for") as refused:
        linux.find(None)
    assert refused.value.why == "bad_compiler"


@pytest.mark.parametrize("named", ["/no/such/compiler", "broken"])
def test_a_named_compiler_that_does_not_answer_is_an_error(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, "g++", GCC)
    script(tmp_path, "broken", GCC, code=1)
    monkeypatch.setenv("CXX", named)
    with pytest.raises(NoCompiler) as refused:
        linux.find(None)
    assert refused.value.why == "bad_compiler"
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_relative_path_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gcc = script(tmp_path, "own-gcc", GCC)
    monkeypatch.chdir(tmp_path)
    assert linux.find("./own-gcc -m64").command == (gcc, "-m64")
    assert linux.find("own-gcc").command == ("own-gcc",)


def test_zig_by_its_name(tmp_path: Path) -> None:
    zig = script(tmp_path, "zig", CLANG)
    assert linux.find("zig").command == (zig, "c++")


def test_a_failing_step_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "faulty"
    path.write_text(
        "#!/bin/sh\necho \"$1: In function OnRspError:\" >&2\necho 'x.cpp:3:1: error: no slot' >&2\nexit 1\n"
    )
    path.chmod(0o755)
    with pytest.raises(BuildFailed) as failed:
        compilers.run([str(path), "-c", "x.cpp"], tmp_path)
    assert str(failed.value) == "faulty … x.cpp failed: x.cpp:3:1: error: no slot"
    with pytest.raises(BuildFailed, match="No such file"):
        compilers.run(["/no/such/compiler", "x.cpp"], tmp_path)


def test_for_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x64, x86 = windows.X86_64, windows.X86
    script(tmp_path, "g++", GCC)
    clang = script(tmp_path, "clang++", CLANG)
    script(tmp_path, "lld-link", CLANG)
    with pytest.raises(NoCompiler) as missing:
        windows.find(x64, None)
    assert (missing.value.why, "x86_64-w64-mingw32-g++" in str(missing.value)) == ("no_cross_compiler", True)
    with pytest.raises(NoCompiler, match="there is no llvm-dlltool for it"):
        windows.find(x64, clang)
    mingw = script(tmp_path, "i686-w64-mingw32-g++", GCC, "i686-w64-mingw32")
    assert windows.find(x86, None).command == (mingw,)
    zig = script(tmp_path, "zig", CLANG)
    assert windows.find(x86, None).command == (zig, "c++")
    assert windows.partner(windows.find(x86, None), "llvm-dlltool") == (zig, "dlltool")
    dlltool = script(tmp_path, "llvm-dlltool", CLANG)
    found = windows.find(x64, None)
    assert (found.command, windows.partner(found, "llvm-dlltool")) == ((clang,), (dlltool,))
    # $CXX where it fits; where it does not, it is not meant.
    monkeypatch.setenv("CXX", mingw)
    assert (windows.find(x86, None).command, windows.find(x64, None).command) == ((mingw,), (clang,))
    with pytest.raises(NoCompiler, match="it builds for i686-w64-mingw32"):
        windows.find(x64, mingw)


def test_partners_of_one_version_go_together(tmp_path: Path) -> None:
    newer = script(tmp_path, "clang++-19", CLANG)
    for name in ("lld-link", "llvm-dlltool"):
        script(tmp_path, name, CLANG)
    with pytest.raises(NoCompiler, match="there is no lld-link for it"):
        windows.find(windows.X86, newer)
    linker = script(tmp_path, "lld-link-19", CLANG)
    script(tmp_path, "llvm-dlltool-19", CLANG)
    assert windows.partner(windows.find(windows.X86, newer), "lld-link") == (linker,)


def test_for_macos(tmp_path: Path) -> None:
    clang = script(tmp_path, "clang++", CLANG)
    with pytest.raises(NoCompiler, match="pip install ziglang"):
        macos.find(macos.ARM64, None)
    with pytest.raises(NoCompiler, match="it has to be zig"):
        macos.find(macos.ARM64, clang)
    zig = script(tmp_path, "zig", CLANG)
    assert macos.find(macos.ARM64, None).command == (zig, "c++")


def test_ceilings() -> None:
    """Spec native 10: GLIBC_2.17, GLIBCXX_3.4, CXXABI_1.3.2."""
    allowed = ["GLIBC_2.2.5", "GLIBC_2.17", "GLIBCXX_3.4", "CXXABI_1.3", "CXXABI_1.3.2", "GCC_3.0"]
    newer = ["GLIBC_2.18", "GLIBC_2.34", "GLIBCXX_3.4.9", "CXXABI_1.3.3", "CXXABI_1.3.9", "GCC_4.2.0", "GLIBC_PRIVATE"]
    assert [one for one in (*allowed, *newer) if linux._is_too_new(one)] == newer
