"""The finished libraries, all revisions: names, versions of symbols, layout; by each compiler that is there.

What objdump says is held against what our own reader says, which the build itself relies on.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from ctp2.ctp import schema
from ctp2.shim import binary, build, elf, header, layout_check, linux
from ctp2.shim.errors import BuildFailed, NoCompiler, ShimError
from ctp2.shim.names import itanium
from ctp2.shim.revisions import Revision, by_name
from tests.shim import cross, vendor
from tests.shim.test_life import CALLBACKS, ends_as
from tools.kept import CACHE

pytestmark = pytest.mark.foreign

KEPT: Final = CACHE / "shim"
NAMES: Final = {"trader": "libthosttraderapi_se.so", "md": "libthostmduserapi_se.so"}
COMPILERS: Final = ("g++", "clang++", "zig")
NODELETE: Final = 8


def folder(revision: str, compiler: str | None = None) -> Path:
    try:
        return build.made_of(revision, vendor.TARGET, compiler, KEPT)
    except NoCompiler as error:
        pytest.skip(str(error))


def named(compiler: str) -> str:
    if compiler == "zig":
        return cross.zig()
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    return compiler


def objdump(*arguments: object) -> str:
    if not shutil.which("objdump"):
        pytest.skip("no objdump")
    return subprocess.run(["objdump", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("revision", schema.VERSIONS)
def test_every_revision(revision: str) -> None:
    made = folder(revision)
    for side, name in NAMES.items():
        path = made / name
        assert path.stat().st_size < 150_000
        library = binary.read(path)
        assert library is not None
        assert library.is_ours
        assert library.side == side
        assert library.revision().name == revision
        assert by_name(revision).vendor[0] in library.said
        assert elf.read(path.read_bytes()).exports == set(itanium(revision, library.side))


@pytest.mark.parametrize("revision", ["6.3.15", "6.7.10", "6.7.11"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_exports_and_needed_versions_by_objdump(compiler: str, revision: str) -> None:
    """Exactly two names; nothing newer than glibc 2.17 and the C++ library of its time; spec native 3 and 10."""
    made = folder(revision, named(compiler))
    for side, name in NAMES.items():
        path = made / name
        table = objdump("-T", path)
        defined = {line.split()[-1] for line in table.splitlines() if re.match(r"[0-9a-f]{16} g", line)}
        assert defined == set(itanium(revision, "trader" if side == "trader" else "md"))
        headers = objdump("-p", path)
        versions = set(re.findall(r"0x[0-9a-f]+ 0x00 \d+ (\S+)", headers))
        assert versions == elf.read(path.read_bytes()).versions
        for kind, most in {"GLIBC": (2, 17), "GLIBCXX": (3, 4), "CXXABI": (1, 3, 2), "GCC": (3, 3, 1)}.items():
            numbers = [
                tuple(map(int, one[len(kind) + 1 :].split("."))) for one in versions if one.startswith(f"{kind}_")
            ]
            assert numbers, f"{name} needs no {kind}: was it bound to another library?"
            assert max(numbers) <= most
        assert not re.search(r"^\s*(SONAME|RPATH|RUNPATH|TEXTREL)", headers, re.MULTILINE)
        needed = set(re.findall(r"NEEDED\s+(\S+)", headers))
        assert {"libpthread.so.0", "libdl.so.2", "libstdc++.so.6"} <= needed
        assert needed <= {"libpthread.so.0", "libdl.so.2", "libstdc++.so.6", "libgcc_s.so.1", "libc.so.6", "libm.so.6"}
        assert elf.read(path.read_bytes()).flags & NODELETE
        assert "no symbols" in objdump("-t", path)


def test_a_second_build_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = folder("6.7.11")

    def refuse(*_: object) -> None:
        raise AssertionError("the compiler runs")

    monkeypatch.setattr(build, "run", refuse)
    trader, md = build.build("6.7.11", tmp_path / "new" / "folder", cache=KEPT)
    assert (trader.name, md.name) == tuple(NAMES.values())
    assert {path.name: path.read_bytes() for path in made.iterdir()} == {
        path.name: path.read_bytes() for path in trader.parent.iterdir()
    }
    assert trader.stat().st_mode & 0o777 == 0o755
    assert build.is_cached("6.7.11", vendor.TARGET, KEPT)


def test_the_result_depends_on_its_inputs_alone(tmp_path: Path) -> None:
    """Built at two places at once, by several processes: the same bytes, and nothing left behind."""
    folder("6.7.2")
    code = "import sys; from pathlib import Path; from ctp2.shim.build import build\n"
    code += "build('6.7.2', Path(sys.argv[1]), cache=Path(sys.argv[2]))"

    def run(number: int) -> None:
        where = [str(tmp_path / f"out{number}"), str(tmp_path / f"cache{number // 2}")]
        subprocess.run([sys.executable, "-c", code, *where], check=True, timeout=280)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    for name in NAMES.values():
        assert len({(tmp_path / f"out{number}" / name).read_bytes() for number in range(4)}) == 1
    assert not list(tmp_path.rglob(".making-*"))
    assert not [path for path in tmp_path.glob("out*/*") if path.name not in NAMES.values()]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_method_in_the_wrong_slot_does_not_compile(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header in which two methods have changed places has the right sizes: only the check of slots can see it."""
    folder("6.7.11", named(compiler))
    right = header.header

    def wrong(revision: Revision) -> str:
        lines = right(revision).splitlines()
        one, two = (next(at for at, line in enumerate(lines) if f" {name}(" in line) for name in ("Init", "Join"))
        lines[one], lines[two] = lines[two], lines[one]
        return "\n".join(lines)

    monkeypatch.setattr(header, "header", wrong)
    with pytest.raises(BuildFailed, match=rf"{layout_check.SOURCE}.*(slot|wrong_slot)"):
        build.build("6.7.11", tmp_path, compiler=named(compiler), cache=tmp_path)


def test_a_size_that_differs_does_not_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder("6.7.11")
    right = header.header
    monkeypatch.setattr(
        header,
        "header",
        lambda revision: right(revision).replace(
            "sizeof(CThostFtdcRspInfoField) == 88", "sizeof(CThostFtdcRspInfoField) == 87"
        ),
    )
    with pytest.raises(BuildFailed, match="error: static assertion"):
        build.build("6.7.11", tmp_path, cache=tmp_path)


def test_a_library_with_more_names_or_newer_symbols_is_refused(tmp_path: Path) -> None:
    path = folder("6.7.11") / NAMES["trader"]
    exports = itanium("6.7.11", "trader")
    linux.check(path, exports)
    with pytest.raises(BuildFailed) as refused:
        linux.check(path, itanium("6.7.10", "trader"))
    assert refused.value.why == "wrong_exports"
    newer = tmp_path / path.name
    # The name of a version in the string table; its hash does not matter to a reader.
    newer.write_bytes(path.read_bytes().replace(b"GLIBC_2.2.5\0", b"GLIBC_2.234\0"))
    with pytest.raises(BuildFailed, match=r"GLIBC_2\.234"):
        linux.check(newer, exports)


@pytest.mark.parametrize(
    ("revision", "target", "why"),
    [("6.6.5", vendor.TARGET, "no_revision"), ("6.7.11", "linux-x86", "no_target"), ("", vendor.TARGET, "no_revision")],
)
def test_what_cannot_be_built(revision: str, target: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ShimError) as refused:
        build.build(revision, tmp_path, target=target, cache=tmp_path)
    assert refused.value.why == why


@pytest.mark.parametrize(("what", "code", "words"), CALLBACKS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_exceptions_and_ending_threads_pass_through_the_finished_library(
    compiler: str, what: str, code: int, words: str, tmp_path: Path
) -> None:
    """Also when zig built it and the program's C++ library is another: the library binds the program's (stubs.py)."""
    made = folder("6.7.11", named(compiler))
    ends_as(tmp_path, made / NAMES["trader"], what, code, words)
