"""What a file is: side, revision, whose (spec native 2), read without outside tools."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ctp2.shim import binary, elf
from ctp2.shim.errors import ShimError
from ctp2.shim.interface import SIDES, Side
from ctp2.shim.names import itanium
from ctp2.shim.revisions import REVISIONS
from tests.shim import vendor


def file(folder: Path, data: bytes) -> Path:
    path = folder / "library.so"
    path.write_bytes(data)
    return path


def read(folder: Path, data: bytes) -> binary.Library:
    library = binary.read(file(folder, data))
    assert library is not None
    return library


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("revision", [one.name for one in REVISIONS])
def test_a_vendors_library_tells_its_revision(revision: str, side: Side, tmp_path: Path) -> None:
    library = read(tmp_path, vendor.vendor(revision, side))
    assert (library.system, library.machines, library.side) == ("linux", ("x86_64",), side)
    assert library.targets() == ("linux-x86_64",)
    assert library.revision().name == revision
    assert library.factory == itanium(revision, side)[0]
    assert not library.is_ours


def test_names_of_the_two_kinds_of_factories() -> None:
    """Spec native 3, the Linux rows."""
    assert itanium("6.7.10", "trader") == (
        "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKc",
        "_ZN19CThostFtdcTraderApi13GetApiVersionEv",
    )
    assert itanium("6.7.11", "trader")[0] == "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb"
    assert itanium("6.3.15", "md") == (
        "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbb",
        "_ZN15CThostFtdcMdApi13GetApiVersionEv",
    )
    assert itanium("6.7.13", "md")[0] == "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb"


def test_a_library_of_ours_is_known_by_its_mark(tmp_path: Path) -> None:
    library = read(tmp_path, vendor.ours("6.7.9", vendor.TARGET, "md"))
    assert library.is_ours
    assert library.revision().name == "6.7.9"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"v6.6.5_20210924", "unknown_revision"),
        (b"v6.7.7_CP_20240607", "unknown_revision"),  # an evaluation build
        (b"v6.7.9_P2_20250319", "unknown_revision"),
        (b"v6.7.9_20241225", "unknown_revision"),
        (b"no version", "no_revision_string"),
        (b"v6.7.2_20230913\0v6.7.11_20250617", "many_revisions"),
        (b"openctp-tts v6.7.9", "unknown_revision"),  # the number of two layouts
    ],
)
def test_what_has_no_layout_is_refused(said: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(ShimError) as refused:
        read(tmp_path, vendor.vendor("6.7.2", "trader", said)).revision()
    assert refused.value.why == why
    assert "\n" not in str(refused.value)
    assert "library.so" in str(refused.value)


def test_a_refusal_names_the_revisions_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(ShimError) as refused:
        read(tmp_path, vendor.vendor("6.7.2", "trader", b"v6.6.8_20220808")).revision()
    for revision in REVISIONS:
        assert revision.vendor[0] in str(refused.value)
    assert "pip install openctp-ctp==6.6.7.9" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ("v6.6.5_20210924", "6.6.1.7"),  # between 6.6.1 and 6.6.7
        ("v6.2.0_20180101", "6.3.15.7"),  # older than all
        ("v6.9.0_20280101", "6.7.11.0"),
        ("v6.7.9_P2_20250501", "6.7.9.0"),
        ("v6.7.12_20251111", "6.7.11.0"),
    ],
)
def test_the_package_that_is_suggested(said: str, release: str) -> None:
    assert binary.suggestion(said) == f"pip install openctp-ctp=={release}"


def test_openctps_own_counter_is_known_by_its_number(tmp_path: Path) -> None:
    library = read(tmp_path, vendor.vendor("6.7.11", "trader", b"openctp-tts v6.7.11"))
    assert library.revision().name == "6.7.11"


def test_a_file_that_contradicts_its_name_is_refused(tmp_path: Path) -> None:
    """6.7.10 has 132 methods and 6.7.9 has 130: whatever the text says, the table of methods is the other one's."""
    with pytest.raises(ShimError) as refused:
        read(tmp_path, vendor.vendor("6.7.9", "trader", b"v6.7.10_20250422")).revision()
    assert refused.value.why == "wrong_slots"
    assert (refused.value.details["found"], refused.value.details["wanted"]) == ("130", "132")


def test_what_is_no_library_of_ctp_is_none(tmp_path: Path) -> None:
    names = itanium("6.7.11", "trader")
    for data in (
        b"",
        b"#!/bin/sh\n# CreateFtdcTraderApi\n",
        vendor.elf({}, names),  # a program or a binding: it imports them
        vendor.elf({"CreateFtdcTraderApi": 1}),
        b"MZ CreateFtdcTraderApi",
        b"\xca\xfe\xba\xbe CreateFtdcTraderApi",
        b"\xcf\xfa\xed\xfe CreateFtdcTraderApi",
        b"\x7fELF\x01\x01 CreateFtdcTraderApi",  # 32 bits
    ):
        assert binary.read(file(tmp_path, data)) is None


def test_a_library_for_both_sides_is_refused(tmp_path: Path) -> None:
    names = (*itanium("6.7.11", "trader"), *itanium("6.7.11", "md"))
    with pytest.raises(ShimError, match="in one library"):
        binary.read(file(tmp_path, vendor.elf(dict.fromkeys(names, 1))))


def test_damaged_files_are_read_or_are_none(tmp_path: Path) -> None:
    whole = vendor.vendor("6.3.15", "md")
    dice = random.Random(6)
    for size in range(0, whole.index(b"built for") - 8, 7):
        with pytest.raises(ValueError, match=r"ELF|cut|table|library"):
            elf.read(whole[:size])
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(4, len(data))] = dice.choice((0, 1, 255, dice.randrange(256)))
        binary.read(file(tmp_path, bytes(data)))


def test_symbols_are_read_by_either_table() -> None:
    library = elf.read(vendor.elf({"one": 1, "two": 22}, ["three"], machine=183))
    assert library.sizes == {"one": 1, "two": 22}
    assert (library.machine, library.soname, library.needed) == ("arm64", "", ())


def test_the_stamp() -> None:
    data = vendor.ours("6.7.2", vendor.TARGET, "trader")
    assert binary.stamp(data) == ""
    stamped = binary.stamped(data, "/opt/环境/bin/python")
    assert binary.stamp(stamped) == "/opt/环境/bin/python"
    assert len(stamped) == len(data)
    assert stamped.endswith(data[-16:])
    assert binary.stamped(stamped, "") == data
    universal = binary.stamped(data + data, "/p")
    assert universal == binary.stamped(data, "/p") * 2


@pytest.mark.parametrize(
    ("data", "python"),
    [(b"nothing", "/p"), (vendor.ours("6.7.2", vendor.TARGET, "md"), "x" * 1008)],
    ids=["no mark", "too long"],
)
def test_what_cannot_be_stamped_is_refused(data: bytes, python: str) -> None:
    with pytest.raises(ShimError) as refused:
        binary.stamped(data, python)
    assert refused.value.why == "no_stamp"
