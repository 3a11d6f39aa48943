"""``ctp2 shim`` as a user calls it, on programs that load what is installed: a compiled stand-in of a vendor's library.

No file of a vendor's is used; real packages are in ``test_clients.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.shim import binary, install, places
from ctp2.shim.build import build
from ctp2.shim.errors import ShimError
from ctp2.shim.interface import SIDES, Side
from ctp2.shim.names import CLASSES, FACTORIES, static_arguments
from ctp2.shim.revisions import REVISIONS
from tests.shim import vendor
from tests.shim.native import compiler, run
from tests.shim.vendor import contents
from tools.kept import CACHE

pytestmark = pytest.mark.foreign

HOME: Final = CACHE / "shim-home"
FILES: Final[dict[Side, str]] = {"trader": "libthosttraderapi_se.so", "md": "libthostmduserapi_se.so"}


def ctp2(*arguments: object, **environment: str) -> Any:
    """Run the command; what it builds is kept among what tests prepare."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return subprocess.run(
        [sys.executable, "-m", "ctp2", "shim", *map(str, arguments)],
        env={**kept, "COLUMNS": "200", "CTP2_HOME": str(HOME), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )


def library(revision: str, side: Side, said: str, folder: Path, more: str = "") -> bytes:
    """A library that loads and says ``said``, and does nothing."""
    owner, arguments = CLASSES[side], ", ".join(static_arguments(revision, side)[FACTORIES[side]])
    source = folder / "stand_in.cpp"
    source.write_text(
        f"class {owner} {{ public: static {owner}* {FACTORIES[side]}({arguments});\n"
        "static const char* GetApiVersion(); };\n"
        f"{owner}* {owner}::{FACTORIES[side]}({arguments}) {{ return nullptr; }}\n"
        f'const char* {owner}::GetApiVersion() {{ return "{said}"; }}\n{more}\n'
    )
    run(compiler(), "-shared", "-fPIC", "-O1", source, "-o", folder / "stand_in.so")
    data = (folder / "stand_in.so").read_bytes()
    for path in (source, folder / "stand_in.so"):
        path.unlink()
    return data


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Side, str], bytes]:
    folder = tmp_path_factory.mktemp("stand-ins")
    return cache(lambda revision, side, said: library(revision, side, said, folder))


CLIENT: Final = """
#include <cstdio>
class CThostFtdcTraderApi { public: static const char* GetApiVersion(); };
class CThostFtdcMdApi { public: static const char* GetApiVersion(); };
int main() { std::printf("%s|%s\\n", CThostFtdcTraderApi::GetApiVersion(), CThostFtdcMdApi::GetApiVersion()); }
"""


@pytest.fixture
def program(tmp_path: Path, stand_ins: Callable[[str, Side, str], bytes]) -> Path:
    """A compiled C++ program, ``program``, in the folder of its libraries; their revision is 6.7.11."""
    folder = tmp_path / "program"
    folder.mkdir()
    for side in SIDES:
        (folder / FILES[side]).write_bytes(stand_ins("6.7.11", side, "v6.7.11_20250617"))
    (tmp_path / "client.cpp").write_text(CLIENT)
    libraries = ("-L", folder, "-lthosttraderapi_se", "-lthostmduserapi_se", "-Wl,-rpath,$ORIGIN")
    run(compiler(), tmp_path / "client.cpp", "-o", folder / "program", *libraries)
    return folder


def says(program: Path) -> str:
    return run(program / "program").strip()


def test_a_compiled_program_without_compiling_it_again(program: Path) -> None:
    before = contents(program)
    assert says(program) == "v6.7.11_20250617|v6.7.11_20250617"
    for _ in range(2):
        result = ctp2("install", program)
        assert (result.returncode, result.stderr) == (0, "")
        assert says(program) == "v6.7.11_20250617 ctp2|v6.7.11_20250617 ctp2"
    for side in SIDES:
        assert binary.stamp((program / FILES[side]).read_bytes()) == sys.executable
        assert (program / f"{FILES[side]}.ctp2-original").read_bytes() == before[FILES[side]]
    result = ctp2("restore", program)
    assert (result.returncode, result.stderr) == (0, "")
    assert says(program) == "v6.7.11_20250617|v6.7.11_20250617"
    assert contents(program) == before
    result = ctp2("restore", program)
    assert (result.returncode, result.stdout) == (0, f"{program}: nothing to restore\n")


def test_a_package_with_hashed_names(tmp_path: Path, stand_ins: Callable[[str, Side, str], bytes]) -> None:
    """As auditwheel leaves it; the package's import loads its library by a relative path."""
    folder = tmp_path / "venv"
    name = "openctp_ctp.libs/libthosttraderapi_se-ad4da959.so"
    code = (
        "import ctypes, pathlib\n"
        f"_library = ctypes.CDLL(str(pathlib.Path(__file__).parents[1] / '{name}'))\n"
        "_answer = _library._ZN19CThostFtdcTraderApi13GetApiVersionEv\n"
        "_answer.restype = ctypes.c_char_p\n"
        "version = _answer().decode()\n"
    )
    files = {
        "openctp_ctp/__init__.py": code.encode(),
        name: stand_ins("6.7.2", "trader", "v6.7.2_20230913"),
        "openctp_ctp.libs/libthostmduserapi_se-9c6d321f.so": stand_ins("6.7.2", "md", "v6.7.2_20230913"),
    }
    site = vendor.environment(folder)("openctp-ctp", "6.7.2.8", files)
    before = contents(site)

    def version() -> str:
        command = [str(folder / "bin" / "python"), "-B", "-c", "import openctp_ctp; print(openctp_ctp.version)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert version() == "v6.7.2_20230913"
    result = ctp2("install", "openctp_ctp", "--python", folder, "--front", "tts://7x24", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["place"] == "openctp-ctp 6.7.2.8"
    assert {(one["state"], one["side"], one["revision"]) for one in told["libraries"]} == {
        ("installed", "trader", "6.7.2"),
        ("installed", "md", "6.7.2"),
    }
    assert version() == "v6.7.2_20230913 ctp2"
    assert (site / "openctp_ctp.libs" / "ctp2_front.txt").read_text().splitlines()[1:] == ["tts://7x24"]
    result = ctp2("restore", "OpenCTP-CTP", "--python", folder / "bin" / "python", "--json")
    assert result.returncode == 0, result.stderr
    assert {(one["state"], one["revision"]) for one in json.loads(result.stdout)["libraries"]} == {
        ("restored", "6.7.2")
    }
    assert version() == "v6.7.2_20230913"
    assert contents(site) == before


def test_a_refused_revision_is_one_line_with_the_command(
    program: Path, stand_ins: Callable[[str, Side, str], bytes]
) -> None:
    (program / FILES["md"]).write_bytes(stand_ins("6.7.11", "md", "v6.6.5_20210924"))
    before = contents(program)
    for environment, word in (({}, "there is no build of revision"), ({"LANG": "zh_CN.UTF-8"}, "没有版本")):
        result = ctp2("install", program, **environment)
        assert result.returncode == 1
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("ctp2: ")
        assert word in line
        assert "v6.6.5_20210924" in line
        assert "pip install openctp-ctp==6.6.1.7" in line
    assert contents(program) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["install", "no-such-package"], 3, "no package no-such-package"),
        (["install", "/no/such/folder"], 3, "no such folder"),
        (["install", "openctp-ctp", "--python", "/no/python"], 3, "/no/python"),
        (["install", ".", "--front", "tcp//x"], 2, "tcp//x"),
        (["install", ".", "--front", "tts://7x24 tts://sim"], 2, "tts"),
        (["restore", "no-such-package"], 3, "no package"),
        (["build", "--version", "6.6.5"], 2, "6.7.11"),
        (["build", "--version", "v6.7.2_CP_20230810"], 2, "6.7.2"),
        (["build", "--version", ""], 2, "6.7.11"),
        (["build", "--version", "6.7.11", "--target", "amiga"], 2, "linux-x86_64"),
    ],
)
def test_errors_are_one_line_and_a_code(arguments: list[str], code: int, words: str) -> None:
    result = ctp2(*arguments)
    assert result.returncode == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("ctp2: ")
    assert words in line


def test_without_a_compiler_one_line_says_what_to_install(program: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    before = contents(program)
    code = (
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'ziglang' else find(name, *more)\n"
        "from ctp2.shim import build\n"
        "build.prebuilt = lambda *_: None\n"
        "from ctp2.cli.app import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("CXX", "LANG", "LC_ALL")}
    result = subprocess.run(
        [sys.executable, "-c", code, "shim", "install", str(program)],
        env={**environment, "PATH": str(empty), "CTP2_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert "pip install ziglang" in line
    assert contents(program) == before


def test_build_into_a_folder_with_headers(tmp_path: Path) -> None:
    """What a C++ program needs that has neither libraries nor headers."""
    result = ctp2("build", "--version", "6.7.11", "--out", tmp_path / "lib", "--headers", "--json")
    assert result.returncode == 0, result.stderr
    (told,) = json.loads(result.stdout)
    assert told["revision"] == "6.7.11"
    assert {Path(told[side]) for side in SIDES} == {tmp_path / "lib" / name for name in FILES.values()}
    assert binary.stamp(Path(told["trader"]).read_bytes()) == sys.executable
    (tmp_path / "main.cpp").write_text(
        '#include <cstdio>\n#include "ThostFtdcTraderApi.h"\n'
        "int main() { std::puts(CThostFtdcTraderApi::GetApiVersion()); }\n"
    )
    options = ("-I", tmp_path / "lib", "-L", tmp_path / "lib", "-lthosttraderapi_se", f"-Wl,-rpath,{tmp_path / 'lib'}")
    run(compiler(), tmp_path / "main.cpp", "-o", tmp_path / "main", *options)
    assert run(tmp_path / "main").strip() == "v6.7.11_20250617 ctp2"


def test_list_names_every_revision() -> None:
    result = ctp2("list", "--json")
    assert result.returncode == 0
    told = json.loads(result.stdout)
    assert [one["revision"] for one in told["revisions"]] == [one.name for one in REVISIONS]
    assert {state for one in told["revisions"] for state in one["targets"].values()} <= {"", "built", "prebuilt"}
    assert "linux-x86_64" in told["compilers"]
    shown = ctp2("list").stdout
    assert all(one.vendor[0] in shown for one in REVISIONS)


def test_help_has_examples() -> None:
    for arguments in ((), ("install",)):
        assert "ctp2 shim restore openctp-ctp" in ctp2(*arguments, "--help").stdout


# --- libraries that do not load --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("extern int missing(); int here() { return missing(); }", "undefined symbol"),
        ("#include <stdlib.h>\nstatic __attribute__((constructor)) void fail() { abort(); }", "ended with -6"),
        ("", "GetApiVersion says"),
    ],
    ids=["undefined", "aborts", "another version"],
)
def test_what_does_not_load_is_taken_back(more: str, words: str, program: Path, tmp_path: Path) -> None:
    before = contents(program)
    faulty = library("6.7.11", "trader", "v6.7.13_20260225 ctp2", tmp_path, more) + binary.MARK + bytes(1008)
    good = build("6.7.11", tmp_path / "good", cache=CACHE / "shim")[1].read_bytes()
    with pytest.raises(ShimError, match=words) as refused:
        install.install(
            places.of(str(program), None), lambda *one: good if one[2] == "md" else faulty, sys.executable, {}
        )
    assert refused.value.why == "not_loaded"
    assert "\n" not in str(refused.value)
    assert contents(program) == before


def test_a_running_program_keeps_its_library(program: Path) -> None:
    """The file is exchanged, not written into: what is loaded stays as it was."""
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import ctypes; l = ctypes.CDLL('{program / FILES['trader']}'); print(1, flush=True);"
         "input(); f = l._ZN19CThostFtdcTraderApi13GetApiVersionEv; f.restype = ctypes.c_char_p; print(f().decode())"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        assert ctp2("install", program).returncode == 0
        assert holder.communicate("\n", timeout=60)[0] == "v6.7.11_20250617\n"
    shutil.rmtree(program)
