"""The wheels: what they contain, and that the compiled engine passes the engine's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path
from typing import Any

import pytest

from ctp2.ctp import schema
from ctp2.shim import binary
from tests.shim import vendor
from tools import foreign

pytestmark = pytest.mark.foreign


def compiled_modules(root: Path) -> list[str]:
    """Dotted names of the modules that pyproject.toml lists for compilation."""
    with (root / "pyproject.toml").open("rb") as file:
        settings: Any = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    return [name.removesuffix(".py").replace("/", ".") for name in settings["compiled"]]


@pytest.fixture(scope="module")
def pure() -> Path:
    return foreign.built_wheel("pure")


@pytest.fixture(scope="module")
def native() -> Path:
    if not foreign.has_compiler():
        pytest.skip("no C compiler")
    return foreign.built_wheel("native")


def wheel_name(folder: Path) -> str:
    (wheel,) = folder.glob("*.whl")
    return wheel.name


def test_pure_wheel_fits_everywhere_and_holds_the_package_alone(pure: Path, root: Path) -> None:
    assert wheel_name(pure).endswith("-py3-none-any.whl")
    site = pure / "site"
    top = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"ctp2"}
    packed = {path.relative_to(site).as_posix() for path in (site / "ctp2").rglob("*") if path.is_file()}
    sources = {
        path.relative_to(root).as_posix()
        for path in (root / "ctp2").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".so", ".pyd", ".con"}
    }
    assert packed == sources


def test_command_starts_from_the_wheel(pure: Path, tmp_path: Path) -> None:
    code = "import ctp2, sys; from ctp2.cli import main; print(ctp2.__file__); sys.argv[1:] = ['version']; main()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pure / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    where, version = result.stdout.split("\n")[:2]
    assert Path(where).is_relative_to(pure)
    assert version.split()[1] in wheel_name(pure)


def test_native_wheel_is_tagged_for_the_platform(native: Path) -> None:
    assert not wheel_name(native).endswith("-any.whl")
    top = {path.name for path in (native / "site").iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"ctp2"}


def test_native_wheel_brings_the_libraries_of_every_revision(native: Path, tmp_path: Path) -> None:
    """They are used as they are: no compiler is there. Without one at the build there are none, and nothing is lost."""
    libraries = native / "site" / "ctp2" / "shim" / "lib"
    if not foreign.has_cxx_compiler():
        assert not libraries.exists()
        pytest.skip("no C++ compiler")
    assert [path.name for path in libraries.iterdir()] == ["linux-x86_64"]
    names = ("libthostmduserapi_se.so", "libthosttraderapi_se.so")
    expected = sorted(f"{version}/{name}" for version in schema.VERSIONS for name in names)
    found = sorted((libraries / "linux-x86_64").rglob("*.so"))
    assert sorted(path.relative_to(libraries / "linux-x86_64").as_posix() for path in found) == expected
    packed = sum(len(zlib.compress(path.read_bytes(), 9)) for path in found)
    assert packed < 1_500_000
    (tmp_path / names[1]).write_bytes(vendor.vendor("6.7.2", "trader"))
    result = subprocess.run(
        [sys.executable, "-m", "ctp2", "shim", "install", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "PYTHONPATH": str(native / "site"), "CTP2_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "home").exists(), "something was built"
    original = (libraries / "linux-x86_64" / "6.7.2" / names[1]).read_bytes()
    assert binary.stamp(original) == ""
    assert (tmp_path / names[1]).read_bytes() == binary.stamped(original, sys.executable)


# Loads every compiled module first, in the process that then runs the tests.
COMPILED_RUN = """
import importlib, sys
site, names, arguments = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
sys.path.insert(0, site)
for name in names:
    file = importlib.import_module(name).__file__
    assert file.startswith(site) and file.endswith((".so", ".pyd")), f"{name} is not compiled: {file}"
import pytest
sys.exit(pytest.main(arguments))
"""


@pytest.mark.timeout(1300)  # all tests of the counter, one after the other
def test_compiled_engine_passes_the_engines_tests(native: Path, root: Path) -> None:
    names = compiled_modules(root)
    if not names:
        pytest.skip("pyproject.toml names no module to compile")
    site = str(native / "site")
    tests = ["tests/tts", "-q", "-p", "no:cacheprovider", "-m", "not foreign", "-o", f"pythonpath={site}"]
    result = subprocess.run(
        [sys.executable, "-c", COMPILED_RUN, site, ",".join(names), *tests],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
