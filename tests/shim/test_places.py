"""Where libraries are looked for: packages by any spelling of their name, folders, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ctp2.shim import places
from ctp2.shim.errors import ShimError
from tests.shim import vendor

Add = Callable[[str, str, Mapping[str, bytes]], Path]

FILES = {
    "openctp_ctp/__init__.py": b"",
    "openctp_ctp/_thosttraderapi.so": b"binding",
    "openctp_ctp.libs/libthosttraderapi_se-ad4da959.so": b"trader",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("venv")
    site = vendor.environment(folder)("openctp-ctp", "6.7.11.0", FILES)
    return folder, site


@pytest.mark.parametrize("name", ["openctp-ctp", "openctp_ctp", "OpenCTP.CTP"])
def test_a_package_by_its_name(name: str, environment: tuple[Path, Path]) -> None:
    folder, site = environment
    place = places.of(name, str(folder))
    assert place.name == "openctp-ctp 6.7.11.0"
    assert place.root == site
    assert place.record == site / "openctp_ctp-6.7.11.0.dist-info" / "RECORD"
    assert {path.relative_to(site).as_posix() for path in place.files} >= FILES.keys()
    assert len(set(place.files)) == len(place.files)


def test_an_interpreter_or_its_environments_folder(environment: tuple[Path, Path]) -> None:
    folder, _ = environment
    assert places.of("openctp-ctp", str(folder / "bin" / "python")) == places.of("openctp-ctp", str(folder))


def test_a_package_that_pip_does_not_know_is_found_by_its_import_name(tmp_path: Path) -> None:
    site = vendor.environment(tmp_path)("other", "1", {})
    for name, data in FILES.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_bytes(data)
    place = places.of("openctp_ctp", str(tmp_path))
    assert place.record is None
    assert {path.relative_to(site).as_posix() for path in place.files} == FILES.keys()


@pytest.mark.parametrize(
    ("target", "python", "why"),
    [
        ("ctp-python", "", "no_package"),
        ("ctp-python", "/no/such/python", "no_interpreter"),
        ("../no/such/folder", "", "no_folder"),
        ("/no/such/folder", "", "no_folder"),
        ("no such name", "", "no_package"),
    ],
)
def test_what_is_not_there(target: str, python: str, why: str, environment: tuple[Path, Path]) -> None:
    with pytest.raises(ShimError) as missing:
        places.of(target, python or str(environment[0]))
    assert missing.value.why == why


def test_an_interpreter_that_is_something_else(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    with pytest.raises(ShimError, match="does not answer"):
        places.of("openctp-ctp", str(script))


def test_a_folder_and_what_a_packages_wheel_put_beside_it(tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    place = places.of(str(tmp_path / "openctp_ctp"), None)
    assert {path.relative_to(tmp_path).as_posix() for path in place.files} == FILES.keys()
    # A folder that is no package has nothing beside it.
    (tmp_path / "openctp_ctp" / "__init__.py").unlink()
    place = places.of(str(tmp_path / "openctp_ctp"), None)
    assert [path.name for path in place.files] == ["_thosttraderapi.so"]


def test_a_name_without_a_separator_is_a_folder_when_there_is_no_such_package(
    tmp_path: Path, environment: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("program", "openctp_ctp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lib.so").write_bytes(b"")
    assert places.of("program", str(environment[0])).root == tmp_path / "program"
    assert places.of("openctp_ctp", str(environment[0])).name == "openctp-ctp 6.7.11.0"
    assert places.of("./openctp_ctp", str(environment[0])).root == tmp_path / "openctp_ctp"


def test_one_file(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"")
    (tmp_path / "other.so").write_bytes(b"")
    place = places.of(str(tmp_path / "lib.so"), None)
    assert (place.root, place.files) == (tmp_path, (tmp_path / "lib.so",))


def test_links_within_the_folder_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "program"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "lib.so.1").write_bytes(b"")
    (folder / "lib" / "lib.so").symlink_to("lib.so.1")
    (tmp_path / "elsewhere.so").write_bytes(b"")
    (folder / "out.so").symlink_to("../elsewhere.so")
    place = places.of(str(folder), None)
    assert [path.relative_to(folder).as_posix() for path in place.files] == ["out.so", "lib/lib.so.1"]
