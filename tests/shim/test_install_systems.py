"""Install for Windows and macOS, done here: what the files are is read and not run. zig builds."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from ctp2.shim import binary, install, macho, places
from ctp2.shim.interface import Side
from tests.shim import cross
from tests.shim.vendor import contents

pytestmark = pytest.mark.foreign

SIDES: dict[Side, int] = {"trader": 0, "md": 1}


def built(folder: Path, revision: str, target: str, side: Side) -> bytes:
    return cross.built(revision, target, "zig", folder / f"{target}-{revision}")[SIDES[side]].read_bytes()


def vendors(ours: bytes) -> bytes:
    """What a vendor's library is to the installer: ours without the mark."""
    return ours.replace(binary.MARK, bytes(len(binary.MARK)))


@pytest.mark.parametrize("revision", ["6.3.15", "6.7.11"])
@pytest.mark.parametrize("target", ["windows-x86_64", "windows-x86"])
def test_windows(target: str, revision: str, tmp_path: Path) -> None:
    make = partial(built, tmp_path)
    program = tmp_path / "program"
    program.mkdir()
    names: dict[Side, str] = {"trader": "thosttraderapi_se-0a1b2c.dll", "md": "thostmduserapi_se.dll"}
    for side, name in names.items():
        (program / name).write_bytes(vendors(make(revision, target, side)))
    before = contents(program)
    done = install.install(places.of(str(program), None), make, "/here/python", {"": ["tcp://127.0.0.1:20002"]})
    assert {(one.path.name, one.state, one.side, one.revision) for one in done} == {
        (name, "installed", side, revision) for side, name in names.items()
    }
    for side, name in names.items():
        # The path of an interpreter here means nothing there.
        assert (program / name).read_bytes() == make(revision, target, side)
    install.restore(places.of(str(program), None))
    assert contents(program) == before


def test_a_framework_for_both_processors(tmp_path: Path) -> None:
    make = partial(built, tmp_path)
    place = tmp_path / "program" / "thosttraderapi_se.framework" / "Versions" / "A"
    place.mkdir(parents=True)
    parts = [make("6.7.7", target, "trader") for target in ("macos-x86_64", "macos-arm64")]
    (place / "thosttraderapi_se").write_bytes(vendors(macho.join(parts)))
    (place.parent / "Current").symlink_to("A")
    (place.parents[1] / "thosttraderapi_se").symlink_to("Versions/Current/thosttraderapi_se")
    before = contents(tmp_path / "program")
    (done,) = install.install(places.of(str(tmp_path / "program"), None), make, "/here/python", {})
    assert (done.state, done.revision) == ("installed", "6.7.7")
    assert macho.split((place / "thosttraderapi_se").read_bytes()) == parts
    install.restore(places.of(str(tmp_path / "program"), None))
    assert contents(tmp_path / "program") == before
