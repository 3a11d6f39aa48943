"""The generator: slots, sizes, shapes and checksums of every revision, against the schema and what compilers make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ctp2.ctp import schema
from ctp2.front.dialect import checksum
from ctp2.shim import generate
from ctp2.shim.interface import CLASSES, Slot, shape_of, slots
from ctp2.shim.revisions import REVISIONS, by_name, by_vendor, vendor_strings
from tests.shim.native import compiler, headers, libraries, run

NAMES = [revision.name for revision in REVISIONS]


# --- revisions -------------------------------------------------------------------------------------------------------


def test_every_schema_is_a_revision() -> None:
    assert tuple(NAMES) == schema.VERSIONS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("v6.7.11_20250617 16:22:00.10369", "6.7.11"),
        (b"v6.7.9_P1_20250319 10:00:00", "6.7.9"),
        ("v6.7.9_20241224", "6.7.9_20241224"),
        ("v6.7.7_MacOS_20240716 1:2:3", "6.7.7"),
        ("6.3.15_20190220", "6.3.15"),
        ("v6.3.15_20190220", "6.3.15"),
        ("v6.6.1_P1_20210406", "6.6.1"),
        # Evaluation builds, other days, other numbers: no neighbour serves them.
        ("v6.7.11_CP_20250617", ""),
        ("v6.7.11_20250618", ""),
        ("v6.6.5_20210924", ""),
        ("6.7.11", ""),
        ("", ""),
    ],
)
def test_revision_strings(text: bytes | str, name: str) -> None:
    found = by_vendor(text)
    assert (found.name if found else "") == name


def test_revision_strings_in_a_library() -> None:
    content = b"\x7fELF\0v6.7.9_P1_20250319 1:2\0x\0v6.7.9_P1_20250319\0v6.7.9_20241224\0v6.7.99999_1\0"
    assert vendor_strings(content) == ["v6.7.9_P1_20250319", "v6.7.9_20241224"]


def test_names_of_revisions() -> None:
    assert by_name("6.7.9_P1").name == "6.7.9"
    for revision in REVISIONS:
        assert by_name(revision.name) == revision
        assert by_name(revision.api_version) == revision
        assert [by_name(vendor) for vendor in revision.vendor] == [revision] * len(revision.vendor)
    assert by_name("6.7.11").api_version == "v6.7.11_20250617 ctp2"
    with pytest.raises(ValueError, match=r"no CTP revision '6\.6\.5'"):
        by_name("6.6.5")
    for name in ("", "6.7", "6.7.11_CP", "v6.7.2_CP_20230810", "v6.7.11_20250618"):
        with pytest.raises(ValueError, match="no CTP revision"):
            by_name(name)


# --- sources ---------------------------------------------------------------------------------------------------------


def rows(source: str, table: str) -> list[tuple[str, int, str]]:
    """Content, slot and name of each row of a table."""
    body = source.split(f"{table}[] = {{\n")[1].split("\n};")[0]
    found = [re.fullmatch(r"    \{(.*)\},  // (\d+) (\w+)", line) for line in body.splitlines()]
    return [(row[1], int(row[2]), row[3]) for row in found if row]


@pytest.mark.parametrize("side", generate.SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_tables_have_a_row_per_slot(name: str, side: Any) -> None:
    source = generate.source(name, side)
    api, spi = (
        [method["name"] for method in schema.load(name)["classes"][class_name] if not method.get("static")]
        for class_name in CLASSES[side]
    )
    assert [(slot, method) for _, slot, method in rows(source, "REQUESTS")] == list(enumerate(api))
    assert [(slot, method) for _, slot, method in rows(source, "CALLBACKS")] == list(enumerate(spi))
    assert f"0x{checksum(name, side):016x}u" in source
    sizes = schema.load(name)["sizes"]
    for content, slot, _ in rows(source, "CALLBACKS"):
        shape, struct = shape_of(slots(by_name(name), CLASSES[side][1])[slot])
        assert content == f"Shape::{shape}, {sizes[struct] if struct else 0}"


def test_rows_by_hand() -> None:
    source = generate.source("6.7.11", "trader")
    requests = {method: content for content, _, method in rows(source, "REQUESTS")}
    assert requests["Release"] == "Ask::LOCAL, 0, 0, NO_SLOT, -1, -1"
    # BrokerID char[11], UserID char[16], UserProductInfo char[11], AuthCode char[17], AppID char[33].
    assert requests["ReqAuthenticate"] == "Ask::PLAIN, 0, 88, 3, -1, -1"
    assert requests["ReqQryOrder"].startswith("Ask::QUERY, 0, ")
    # TradingDay char[9], BrokerID char[11], then UserID char[16].
    assert re.fullmatch(r"Ask::LOGIN, 16, \d+, 4, 20, -1", requests["ReqUserLogin"])
    # Up to 6.7.2 no request is numbered; from 6.7.7 on those of orders, actions and quotes are.
    assert ", -1, -1" in requests["ReqSettlementInfoConfirm"]
    assert not requests["ReqOrderInsert"].endswith(", -1, -1")
    old = {method: content for content, _, method in rows(generate.source("6.7.2", "trader"), "REQUESTS")}
    assert old["ReqOrderInsert"].endswith(", -1, -1")
    market = {method: content for content, _, method in rows(generate.source("6.7.11", "md"), "REQUESTS")}
    assert market["SubscribeMarketData"] == "Ask::NAMES, 0, 0, 7, -1, -1"


def test_a_method_that_the_runtime_cannot_serve_is_an_error() -> None:
    with pytest.raises(ValueError, match="a shape that the runtime cannot call"):
        shape_of(Slot(3, "OnOdd", "void", (("nOne", "int"), ("nOther", "int"))))


def test_shapes() -> None:
    info = ("pRspInfo", "CThostFtdcRspInfoField*")
    field, number, last = ("pTrade", "CThostFtdcTradeField*"), ("nRequestID", "int"), ("bIsLast", "bool")
    by_hand = {
        (): ("PLAIN", ""),
        (number,): ("NUMBER", ""),
        (field,): ("RETURN", "CThostFtdcTradeField"),
        (field, info): ("REFUSAL", "CThostFtdcTradeField"),
        (info, number, last): ("ERROR", ""),
        (field, info, number, last): ("RESPONSE", "CThostFtdcTradeField"),
    }
    for arguments, shape in by_hand.items():
        assert shape_of(Slot(5, "On", "void", arguments)) == shape


# --- what compilers make of it ---------------------------------------------------------------------------------------

_PROBE = """
#include "ctp2_thost.h"
#include <stdio.h>
#include <string.h>
template <typename T> void show(const char *name, T method) {
    size_t word;
    memcpy(&word, &method, sizeof word);
    printf("%s %zu\\n", name, (word - 1) / sizeof(void *));
}
int main() {
"""


@pytest.mark.foreign
@pytest.mark.parametrize("name", [NAMES[0], "6.7.9_20241224", "6.7.9", NAMES[-1]])
def test_slots_and_sizes_as_a_compiler_sees_them(name: str, tmp_path: Path) -> None:
    """The header has its static assertions inside; slots are read out of pointers to members."""
    expected = []
    lines = [_PROBE]
    for class_name in (class_name for pair in CLASSES.values() for class_name in pair):
        for method in slots(by_name(name), class_name):
            lines.append(f'    show("{class_name}::{method.name}", &{class_name}::{method.name});\n')
            expected.append(f"{class_name}::{method.name} {method.slot}")
    source, binary = tmp_path / "probe.cpp", tmp_path / "probe"
    source.write_text("".join([*lines, "}\n"]))
    run(compiler(), "-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", headers(name), source, "-o", binary)
    assert run(binary).splitlines() == expected


@pytest.mark.foreign
@pytest.mark.parametrize("name", NAMES)
def test_the_header_compiles(name: str, tmp_path: Path) -> None:
    source = tmp_path / "program.cpp"
    source.write_text('#include "ThostFtdcTraderApi.h"\n#include "ThostFtdcMdApi.h"\n')
    run(compiler(), "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", headers(name), source)


@pytest.mark.foreign
@pytest.mark.parametrize("name", NAMES)
def test_the_sources_compile_without_a_warning(name: str, tmp_path: Path) -> None:
    for side in generate.SIDES:
        source = generate.write(name, side, tmp_path)
        run(compiler(), *"-std=c++17 -Wall -Wextra -Werror -fsyntax-only -I".split(), generate.RUNTIME, source)


@pytest.mark.foreign
def test_the_runtime_needs_no_libc_headers_but_on_its_edge() -> None:
    """Every file but the systems' own compiles where there is no C library, as the build for Windows has it."""
    for path in sorted(generate.RUNTIME.glob("*.cpp")):
        if path.stem.startswith(("platform_", "windows_", "tls")):
            continue
        flags = (
            "-std=c++17 -Wall -Wextra -Werror -fsyntax-only -ffreestanding -fno-exceptions -fno-rtti -D_WIN32".split()
        )
        run(compiler(), *flags, "-nostdinc", "-idirafter", _freestanding(), path)


def _freestanding() -> str:
    """The compiler's own headers: stddef.h, stdint.h."""
    return run(compiler(), "-print-file-name=include").strip()


@pytest.mark.foreign
def test_two_names_are_exported() -> None:
    for side, library in libraries("6.7.13").items():
        exports = run("nm", "-D", "--defined-only", library).split("\n")
        names = sorted(line.split()[-1] for line in exports if line)
        api_class = CLASSES[side][0]
        create = "CreateFtdcTraderApiEPKcb" if side == "trader" else "CreateFtdcMdApiEPKcbbb"
        prefix = f"_ZN{len(api_class)}{api_class}"
        assert names == sorted([f"{prefix}13GetApiVersionEv", f"{prefix}{len(create.split('EPK')[0])}{create}"])


_AS_USERS_WRITE = """
#include "ThostFtdcTraderApi.h"
#include "ThostFtdcMdApi.h"
void begin() {
    CThostFtdcTraderApi *trader = CThostFtdcTraderApi::CreateFtdcTraderApi();
    trader->SubscribePrivateTopic(THOST_TERT_QUICK);
    trader->SubscribePublicTopic(THOST_TERT_RESTART);
    CThostFtdcMdApi::CreateFtdcMdApi("flow/", true);
}
"""


@pytest.mark.foreign
@pytest.mark.parametrize("name", NAMES)
def test_what_calls_may_leave_out(name: str, tmp_path: Path) -> None:
    """A program that was written for one revision compiles with the next: arguments that came later have defaults."""
    source = tmp_path / "users.cpp"
    source.write_text(_AS_USERS_WRITE)
    run(compiler(), "-std=c++11", "-Wall", "-Werror", "-fsyntax-only", "-I", headers(name), source)
