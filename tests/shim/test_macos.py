"""Libraries for macOS: built, and read from the files. Nothing here has run on a Mac."""

from __future__ import annotations

import plistlib
import struct
from pathlib import Path

import pytest

from ctp2.shim import macho, macos
from ctp2.shim.generate import source
from ctp2.shim.header import header
from ctp2.shim.names import Side
from tests.shim import cross

ERAS = ("6.3.15", "6.7.7", "6.7.13")
MINIMUM = {"macos-x86_64": "10.15", "macos-arm64": "11.0"}
SIDES: tuple[Side, Side] = ("trader", "md")

# spec native 3: those of Linux with one more leading underscore.
NAMES = {
    ("trader", False): "__ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKc",
    ("trader", True): "__ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb",
    ("md", False): "__ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbb",
    ("md", True): "__ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb",
}
VERSIONS = {
    "trader": "__ZN19CThostFtdcTraderApi13GetApiVersionEv",
    "md": "__ZN15CThostFtdcMdApi13GetApiVersionEv",
}
LINKERS = {"___dso_handle", "__mh_dylib_header"}


@pytest.mark.foreign
@pytest.mark.parametrize("target", MINIMUM)
def test_what_libraries_export_and_need(target: str, tmp_path: Path) -> None:
    """Each revision's full header, sizes, offsets and slots, was compiled with it."""
    for revision in ERAS:
        for side, library in zip(SIDES, cross.built(revision, target, "zig", tmp_path / revision), strict=True):
            name = {"trader": "thosttraderapi_se", "md": "thostmduserapi_se"}[side]
            found = macho.read(library.read_bytes())
            assert library.name == name
            assert found.machine == target.removeprefix("macos-")
            assert found.exports - LINKERS == {NAMES[side, revision == "6.7.13"], VERSIONS[side]}
            assert found.install_name == f"@rpath/{name}.framework/Versions/A/{name}"
            assert found.compatibility == "1.0.0"
            assert set(found.needed) == {"/usr/lib/libSystem.B.dylib", "/usr/lib/libc++.1.dylib"}
            assert found.minimum == MINIMUM[target]
            # Apple's processors run nothing that is not signed, be it by nobody.
            assert found.is_signed or target == "macos-x86_64"


def test_the_one_method_that_differs() -> None:
    """The trader's ReqUserLogin of 6.7.7 has two more arguments on macOS, and the revision its own text."""
    text = header("6.7.7")
    longer = (
        "#if defined(__APPLE__)\n"
        "    virtual int ReqUserLogin(CThostFtdcReqUserLoginField *pReqUserLoginField, int nRequestID, int length, "
        "char systemInfo[273]) = 0;\n#else\n"
    )
    assert text.count("__APPLE__") == 1
    assert longer in text.replace("* pReqUserLoginField", " *pReqUserLoginField")
    assert "__APPLE__" not in header("6.7.8")
    assert '#if defined(__APPLE__)\n#define API_VERSION "v6.7.7_MacOS_20240716 ctp2"\n#else\n' in source("6.7.7", "md")
    assert '#define API_VERSION "v6.7.7_20240607 ctp2"' in source("6.7.7", "md")
    assert "__APPLE__" not in source("6.7.8", "md")


@pytest.mark.foreign
def test_frameworks(tmp_path: Path) -> None:
    libraries: list[dict[Side, Path]] = []
    for target in MINIMUM:
        trader, md = cross.built("6.7.7", target, "zig", tmp_path / target)
        libraries.append({"trader": trader, "md": md})
    out = tmp_path / "out"
    out.mkdir()
    for _ in range(2):  # a second time over what is there
        macos.frameworks(libraries, "6.7.7", out)
    for side, name in zip(SIDES, ("thosttraderapi_se", "thostmduserapi_se"), strict=True):
        folder = out / f"{name}.framework"
        # Through the links, as a program finds it, too.
        for place in (folder / "Versions" / "A" / name, folder / name, folder / "Versions" / "Current" / name):
            parts = macho.split(place.read_bytes())
            assert [macho.read(part).machine for part in parts] == ["x86_64", "arm64"]
        # Untouched: a signature covers every byte.
        assert parts == [one[side].read_bytes() for one in libraries]
        told = plistlib.loads((folder / "Resources" / "Info.plist").read_bytes())
        assert told["CFBundleExecutable"] == name
        assert told["CFBundlePackageType"] == "FMWK"
        assert told["CFBundleVersion"] == "6.7.7"
        assert told["LSMinimumSystemVersion"] == "10.15"
        assert (folder / "Resources").is_symlink()
        assert (folder / name).stat().st_mode & 0o111


# --- the reader ------------------------------------------------------------------------------------------------------


def library(machine: int, minimum: int = 0x0B0000) -> bytes:
    """A library of nothing but a name and a minimal version."""
    name = b"@rpath/x\0".ljust(16, b"\0")
    commands = struct.pack("<6I", 0xD, 24 + len(name), 24, 2, 0x10203, 0x10000) + name
    commands += struct.pack("<6I", 0x32, 24, 1, minimum, minimum, 0)
    return struct.pack("<4s7I", macho.MAGIC, machine, 0, 6, 2, len(commands), 0, 0) + commands


def test_a_universal_file() -> None:
    intel, apple = library(0x01000007, 0x0A0F00), library(0x0100000C)
    assert macho.read(intel) == macho.MachO("x86_64", frozenset(), "@rpath/x", "1.0.0", (), "10.15", False)
    whole = macho.join([apple, intel])
    assert macho.split(whole) == [intel, apple]
    assert macho.split(intel) == [intel]
    # fat.h: cafebabe, two parts; then processor, kind, where, how long, 2 to which power. All big-endian.
    assert whole[:8] == bytes.fromhex("cafebabe 00000002")
    assert struct.unpack_from(">5I", whole, 8) == (0x01000007, 0, 1 << 14, len(intel), 14)
    assert struct.unpack_from(">5I", whole, 28) == (0x0100000C, 0, 2 << 14, len(apple), 14)
    for length in range(4, (2 << 14) + len(apple), 997):
        with pytest.raises(ValueError, match="cut or damaged"):
            macho.split(whole[:length])


def test_files_that_are_no_libraries() -> None:
    good = library(0x0100000C)
    for data in (b"", b"\xcf\xfa\xed\xfe", good[:40], good[:60], b"\x7fELF" + good[4:], good[:12] + b"\2" + good[13:]):
        with pytest.raises(ValueError, match=r"no 64-bit Mach-O file|no dynamic library|cut or damaged"):
            macho.read(data)
