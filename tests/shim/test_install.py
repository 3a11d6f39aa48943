"""Install and restore: originals kept and given back byte for byte, nothing half done. Libraries that are only read."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ctp2.shim import binary, files, install, places, verify
from ctp2.shim.errors import ShimError
from ctp2.shim.install import Done
from ctp2.shim.names import itanium
from tests.shim import vendor
from tests.shim.vendor import contents

TRADER = "libthosttraderapi_se-ad4da959.so"
MD = "libthostmduserapi_se-9c6d321f.so"
PYTHON = "/opt/python"

Verified = list[verify.Proof]


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> Verified:
    """What was to be loaded: these libraries cannot be (``test_install_compiled.py`` loads)."""
    seen: Verified = []
    monkeypatch.setattr(verify, "here", lambda: vendor.TARGET)
    monkeypatch.setattr(verify, "loads", seen.extend)
    return seen


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder of a C++ program with a pair of 6.7.11."""
    folder = tmp_path / "program"
    (folder / "lib").mkdir(parents=True)
    (folder / "readme.txt").write_text("CreateFtdcTraderApi")
    (folder / "lib" / TRADER).write_bytes(vendor.vendor("6.7.11", "trader"))
    (folder / "lib" / MD).write_bytes(vendor.vendor("6.7.11", "md"))
    (folder / "lib" / TRADER).chmod(0o755)
    return folder


def put(target: Path | str, fronts: Mapping[str, list[str]] | None = None, **changes: Any) -> list[Done]:
    place = places.of(str(target), changes.pop("python", None))
    return install.install(place, changes.pop("make", vendor.ours), PYTHON, fronts or {})


def back(target: Path | str, python: str | None = None) -> list[Done]:
    return install.restore(places.of(str(target), python))


def states(done: list[Done]) -> dict[str, str]:
    return {one.path.name: one.state for one in done}


def expected(revision: str, side: Any) -> bytes:
    return binary.stamped(vendor.ours(revision, vendor.TARGET, side), PYTHON)


def test_both_are_exchanged_and_kept_under_their_names(program: Path, verified: Verified) -> None:
    before = contents(program)
    assert states(put(program)) == {TRADER: "installed", MD: "installed"}
    after = contents(program)
    assert after == {
        **before,
        f"lib/{TRADER}": expected("6.7.11", "trader"),
        f"lib/{MD}": expected("6.7.11", "md"),
        f"lib/{TRADER}.ctp2-original": before[f"lib/{TRADER}"],
        f"lib/{MD}.ctp2-original": before[f"lib/{MD}"],
    }
    assert stat.S_IMODE((program / "lib" / TRADER).stat().st_mode) == 0o755
    assert {(path.name, said) for path, _, said in verified} == {
        (TRADER, "v6.7.11_20250617 ctp2"),
        (MD, "v6.7.11_20250617 ctp2"),
    }
    assert states(back(program)) == {TRADER: "restored", MD: "restored"}
    assert contents(program) == before
    assert stat.S_IMODE((program / "lib" / TRADER).stat().st_mode) == 0o755
    assert back(program) == []


def test_times_of_the_original_come_back(program: Path) -> None:
    path = program / "lib" / TRADER
    os.utime(path, ns=(10**18, 10**18))
    put(program)
    back(program)
    assert path.stat().st_mtime_ns == 10**18


def test_a_second_install_keeps_the_original(program: Path) -> None:
    before = contents(program)
    put(program)
    once = contents(program)
    assert states(put(program)) == {TRADER: "updated", MD: "updated"}
    assert contents(program) == once
    # Also when the new library differs.
    put(program, make=lambda *one: vendor.ours(*one) + b"newer")
    assert contents(program)[f"lib/{TRADER}.ctp2-original"] == before[f"lib/{TRADER}"]
    back(program)
    assert contents(program) == before


def test_each_library_gets_the_build_of_its_own_revision(program: Path) -> None:
    (program / "lib" / MD).write_bytes(vendor.vendor("6.3.15", "md"))
    (program / "old").mkdir()
    (program / "old" / "libthosttraderapi_se.so").write_bytes(vendor.vendor("6.7.9_20241224", "trader"))
    done = put(program)
    assert {(one.path.parent.name, one.side, one.revision) for one in done} == {
        ("lib", "trader", "6.7.11"),
        ("lib", "md", "6.3.15"),
        ("old", "trader", "6.7.9_20241224"),
    }
    assert (program / "lib" / MD).read_bytes() == expected("6.3.15", "md")


def test_a_refused_revision_leaves_the_other_library_alone_too(program: Path) -> None:
    (program / "lib" / TRADER).write_bytes(vendor.vendor("6.7.11", "trader", b"v6.6.5_20210924"))
    before = contents(program)
    with pytest.raises(ShimError, match=r"v6\.6\.5_20210924"):
        put(program)
    assert contents(program) == before


def test_a_factory_of_another_revision_is_refused(program: Path) -> None:
    """A file that says 6.7.10 and has the factory of 6.7.11 and later."""
    data = vendor.elf(dict.fromkeys(itanium("6.7.11", "trader"), 1), content=b"v6.7.10_20250422\0")
    (program / "lib" / TRADER).write_bytes(data)
    with pytest.raises(ShimError) as refused:
        put(program)
    assert refused.value.why == "wrong_factory"


def test_nothing_to_install_or_to_restore(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("CreateFtdcTraderApi")
    with pytest.raises(ShimError) as missing:
        put(tmp_path)
    assert missing.value.why == "no_library"
    assert back(tmp_path) == []


# --- what fails on the way -------------------------------------------------------------------------------------------


def fails_at(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Writing a file of this name fails."""
    replace = files.replace

    def faulty(target: Path, data: bytes, mode: int = 0o644) -> None:
        if target.name == name:
            monkeypatch.setattr(files, "replace", replace)  # what puts things back works
            raise error
        replace(target, data, mode)

    monkeypatch.setattr(files, "replace", faulty)


@pytest.mark.parametrize("name", [MD, TRADER, f"{MD}.ctp2-original", f"{TRADER}.ctp2-original"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_what_is_interrupted_is_put_back(
    program: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    before = contents(program)
    fails_at(monkeypatch, name, error)
    with pytest.raises((KeyboardInterrupt, ShimError)):
        put(program, {"": ["tts://7x24"]})
    assert contents(program) == before


def test_an_update_that_is_interrupted_is_put_back(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(program, {"": ["tts://7x24"]})
    before = contents(program)
    fails_at(monkeypatch, install.FRONT_FILE, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        put(program, {"": ["tts://sim"]}, make=lambda *one: vendor.ours(*one) + b"newer")
    assert contents(program) == before


def test_a_library_that_does_not_load_is_taken_back(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise ShimError("not_loaded", reason="undefined symbol: x")

    monkeypatch.setattr(verify, "loads", refuse)
    before = contents(program)
    with pytest.raises(ShimError, match="undefined symbol"):
        put(program)
    assert contents(program) == before


@pytest.mark.parametrize("done_until", ["kept", "one exchanged", "scratch"])
def test_a_killed_install_is_gone_on_with(program: Path, done_until: str) -> None:
    before = contents(program)
    lib = program / "lib"
    shutil.copy2(lib / TRADER, lib / f"{TRADER}.ctp2-original")
    if done_until == "one exchanged":
        (lib / TRADER).write_bytes(expected("6.7.11", "trader"))
    if done_until == "scratch":
        (lib / f".{TRADER}.x7f{files.SCRATCH}").write_bytes(b"half")
        (lib / f".{TRADER}.ctp2-original.x7f{files.SCRATCH}").mkdir()
    put(program)
    assert contents(program).keys() == {*before, f"lib/{TRADER}.ctp2-original", f"lib/{MD}.ctp2-original"}
    back(program)
    assert contents(program) == before


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_killed_install_is_taken_back(program: Path, exchanged: bool) -> None:
    before = contents(program)
    lib = program / "lib"
    shutil.copy2(lib / TRADER, lib / f"{TRADER}.ctp2-original")
    if exchanged:
        (lib / TRADER).write_bytes(expected("6.7.11", "trader"))
    assert states(back(program)) == {TRADER: "restored"}
    assert contents(program) == before


def test_a_folder_that_may_not_be_written(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(program)
    lib = program / "lib"
    if os.name == "posix" and os.geteuid() != 0:
        lib.chmod(0o555)
    else:
        # Nothing is forbidden to root.
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(lib / TRADER))

        monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(ShimError) as refused:
        put(program)
    lib.chmod(0o755)
    assert refused.value.why == "cannot_write"
    assert "Permission denied" in str(refused.value)
    assert contents(program) == before


def test_a_restore_that_fails_goes_on_later(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(program)
    put(program)
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.name == f"{TRADER}.ctp2-original":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ShimError) as refused:
        back(program)
    assert refused.value.why == "cannot_restore"
    monkeypatch.setattr(Path, "replace", replace)
    assert states(back(program)) == {TRADER: "restored"}
    assert contents(program) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_what_root_installs_stays_the_users(program: Path) -> None:
    for path in [program / "lib", *(program / "lib").iterdir()]:
        os.chown(path, 1234, 2345)
    put(program, {"": ["tts://7x24"]})
    for done in ("installed", "restored"):
        owners = {(path.stat().st_uid, path.stat().st_gid) for path in (program / "lib").iterdir()}
        assert owners == {(1234, 2345)}, done
        back(program)


# --- other states ----------------------------------------------------------------------------------------------------


def test_a_package_that_was_updated_since(program: Path) -> None:
    """Then the kept file is an older original: kept aside by install, and not put over the newer by restore."""
    put(program)
    older = (program / "lib" / f"{TRADER}.ctp2-original").read_bytes()
    newer = vendor.vendor("6.7.13", "trader")
    (program / "lib" / TRADER).write_bytes(newer)
    assert states(back(program)) == {TRADER: "other", MD: "restored"}
    assert (program / "lib" / TRADER).read_bytes() == newer
    put(program)
    assert (program / "lib" / f"{TRADER}.ctp2-original.1").read_bytes() == older
    assert states(back(program)) == {TRADER: "restored", MD: "restored"}
    assert (program / "lib" / TRADER).read_bytes() == newer


def test_a_library_of_ours_without_an_original(program: Path) -> None:
    for path in (program / "lib").iterdir():
        path.unlink()
    (program / "lib" / TRADER).write_bytes(vendor.ours("6.7.8", vendor.TARGET, "trader"))
    assert states(put(program)) == {TRADER: "updated"}
    assert (program / "lib" / TRADER).read_bytes() == expected("6.7.8", "trader")
    assert states(back(program)) == {TRADER: "ours"}


def test_an_original_whose_place_is_empty(program: Path) -> None:
    before = contents(program)
    put(program)
    (program / "lib" / TRADER).unlink()
    back(program)
    assert contents(program) == before


def test_links(program: Path, tmp_path: Path) -> None:
    """One that stays inside follows its file; one that leaves the folder is itself exchanged, never what is outside."""
    lib = program / "lib"
    (lib / TRADER).rename(lib / "libthosttraderapi_se.so.6.7.11")
    (lib / TRADER).symlink_to("libthosttraderapi_se.so.6.7.11")
    outside = tmp_path / "shared" / "md.so"
    outside.parent.mkdir()
    (lib / MD).rename(outside)
    (lib / MD).symlink_to("../../shared/md.so")
    before = contents(tmp_path)
    put(program)
    assert (lib / TRADER).readlink() == Path("libthosttraderapi_se.so.6.7.11")
    assert (lib / TRADER).read_bytes() == expected("6.7.11", "trader")
    assert not (lib / MD).is_symlink()
    assert (lib / MD).read_bytes() == expected("6.7.11", "md")
    assert (lib / f"{MD}.ctp2-original").readlink() == Path("../../shared/md.so")
    assert outside.read_bytes() == before["shared/md.so"]
    back(program)
    assert contents(tmp_path) == before


def test_a_link_whose_target_is_gone(program: Path, tmp_path: Path) -> None:
    lib = program / "lib"
    outside = tmp_path / "md.so"
    (lib / MD).rename(outside)
    (lib / MD).symlink_to("../../md.so")
    put(program)
    outside.unlink()
    assert states(back(program)) == {TRADER: "restored", MD: "restored"}
    assert (lib / MD).readlink() == Path("../../md.so")


def test_libraries_for_other_systems_are_left_alone(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = vendor.elf(dict.fromkeys(itanium("6.7.11", "md"), 1), content=b"v6.7.11_20250617", machine=183)
    (program / "lib" / MD).write_bytes(foreign)
    assert states(put(program)) == {TRADER: "installed", MD: "foreign"}
    assert (program / "lib" / MD).read_bytes() == foreign
    back(program)
    (program / "lib" / TRADER).unlink()
    with pytest.raises(ShimError) as refused:
        put(program)
    assert refused.value.why == "no_build_for"


# --- fronts and RECORD -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fronts", "lines"),
    [
        ({"": ["tts://7x24"]}, ["tts://7x24"]),
        ({"": ["tcp://a:1", "tcp://b:1"]}, ["tcp://a:1", "tcp://b:1"]),
        ({"td": ["tcp://a:1"], "md": ["tcp://a:2", "tcp://b:2"]}, ["td tcp://a:1", "md tcp://a:2", "md tcp://b:2"]),
        ({"td": [], "md": ["tcp://a:2"]}, ["md tcp://a:2"]),
    ],
)
def test_the_front_file(program: Path, fronts: dict[str, list[str]], lines: list[str]) -> None:
    """Its form is said in runtime/address.h."""
    before = contents(program)
    put(program, fronts)
    text = (program / "lib" / install.FRONT_FILE).read_text()
    assert text.splitlines()[1:] == lines
    assert text.startswith("#")
    put(program)
    assert (program / "lib" / install.FRONT_FILE).read_text() == text
    back(program)
    assert contents(program) == before


def test_a_front_file_of_the_users_stays(program: Path) -> None:
    (program / "lib" / install.FRONT_FILE).write_text("tcp://mine:1\n")
    put(program)
    back(program)
    assert (program / "lib" / install.FRONT_FILE).read_text() == "tcp://mine:1\n"


def package(folder: Path) -> tuple[Path, Callable[[], dict[str, bytes | str]]]:
    files_ = {
        "openctp_ctp/__init__.py": b"",
        f"openctp_ctp.libs/{TRADER}": vendor.vendor("6.7.11", "trader"),
        f"openctp_ctp.libs/{MD}": vendor.vendor("6.7.11", "md"),
    }
    site = vendor.environment(folder)("openctp-ctp", "6.7.11.0", files_)
    return site, lambda: contents(site)


def test_record_says_what_is_there(tmp_path: Path) -> None:
    _, now = package(tmp_path)
    before = now()
    put("openctp_ctp", {"": ["tts://7x24"]}, python=str(tmp_path))
    record = "openctp_ctp-6.7.11.0.dist-info/RECORD"
    text = now()[record]
    assert isinstance(text, bytes)
    rows = text.decode().splitlines(keepends=True)
    for path, data in now().items():
        if path != record and not path.startswith("other"):
            assert isinstance(data, bytes)
            assert vendor.row(path, data) in rows
    assert len(rows) == len(now())
    put("openctp_ctp", python=str(tmp_path))
    assert now()[record] == text
    back("openctp_ctp", str(tmp_path))
    assert now() == before


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_record_comes_back_however_it_was_written(tmp_path: Path, end: str) -> None:
    site, now = package(tmp_path)
    record = site / "openctp_ctp-6.7.11.0.dist-info" / "RECORD"
    lines = [
        '"openctp_ctp/a,b.py",,',
        f"openctp_ctp.libs/{TRADER},,",  # without a hash
        vendor.row(f"openctp_ctp.libs/{MD}", vendor.vendor("6.7.11", "md")).strip(),
        "openctp_ctp-6.7.11.0.dist-info/RECORD,,",
    ]
    record.write_bytes((end or "\n").join(lines).encode() + end.encode())
    before = now()
    put("openctp-ctp", python=str(tmp_path))
    assert f"openctp_ctp.libs/{TRADER},,{end or chr(10)}".encode() in record.read_bytes()
    assert f"{TRADER}.ctp2-original,sha256=".encode() in record.read_bytes()
    back("openctp-ctp", str(tmp_path))
    assert now() == before


def test_record_is_put_back_when_the_end_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, now = package(tmp_path)
    before = now()
    fails_at(monkeypatch, "RECORD", OSError(errno.EROFS, "Read-only file system"))
    with pytest.raises(ShimError, match="Read-only"):
        put("openctp-ctp", python=str(tmp_path))
    assert now() == before
