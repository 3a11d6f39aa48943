"""A revision's full C++ header, from its schema: all types, constants, structs and classes, and proofs of their layout.

For tests, and for programs that have no vendor's header. The shipped libraries never include it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ctp2.ctp import layout, schema
from ctp2.shim.interface import (
    CLASSES,
    SIDES,
    Side,
    argument,
    declared,
    factory_arguments,
    resume_enum,
    slots,
    statics,
)
from ctp2.shim.revisions import Revision, by_name

NAME: Final = "ctp2_thost.h"
FORWARDING: Final = (
    "ThostFtdcUserApiDataType.h",
    "ThostFtdcUserApiStruct.h",
    "ThostFtdcTraderApi.h",
    "ThostFtdcMdApi.h",
)
"""The names under which CTP programs include their headers."""

MACOS_LOGIN: Final = ("6.7.7", "trader", "ReqUserLogin")
MACOS_MORE: Final = "int length, char systemInfo[273]"
"""The one method that has more arguments on macOS, in the last revision there (spec native 10): what describes the
terminal. Its slot is the same, and a callee that does not know of them is not disturbed: they come in registers. So the
library takes them as it takes ``RegisterUserSystemInfo``: without use for them."""

_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", '"': '\\"'}


def header(revision: Revision | str) -> str:
    """The header: everything of the revision's interface, with ``static_assert`` on every size and offset.

    Raises:
        ValueError: no such revision.
    """
    revision = by_name(revision)
    facts = schema.load(revision.name)
    lines = [
        f"// The interface of CTP {revision.name}: generated from ctp2/ctp/schema, do not edit.",
        "#pragma once",
        "",
        "#include <stddef.h>",
        "",
        "#if defined(_WIN32)",
        "#define CTP2_API __declspec(dllimport)",
        "#else",
        "#define CTP2_API",
        "#endif",
        "",
        *_types(facts),
        "",
        resume_enum(revision),
        "",
        *_structs(facts),
        *(line for side in SIDES for line in _classes(revision, side)),
        *_proofs(revision),
    ]
    return "\n".join(lines) + "\n"


def write_headers(revision: Revision | str, folder: Path) -> Path:
    """Write the header into ``folder``, and the names by which programs know it; returns the header's path."""
    path = folder / NAME
    path.write_text(header(revision), encoding="utf-8")
    for name in FORWARDING:
        folder.joinpath(name).write_text(f'#pragma once\n#include "{NAME}"\n', encoding="utf-8")
    return path


def _declared(c_type: str, name: str) -> str:
    base, _, length = c_type.partition("[")
    return f"{base} {name}[{length}" if length else f"{base} {name}"


def _quoted(value: str, c_type: str) -> str:
    text = "".join(_ESCAPES.get(char, char) for char in value)
    return f"'{text}'" if c_type == "char" else f'"{text}"'


def _types(facts: dict[str, Any]) -> Iterator[str]:
    for name, c_type in facts["types"].items():
        yield f"typedef {_declared(c_type, name)};"
    for name, values in facts["enums"].items():
        yield ""
        for constant, value in values.items():
            yield f"#define {constant} {_quoted(value, facts['types'].get(name, 'char'))}"


def _structs(facts: dict[str, Any]) -> Iterator[str]:
    for name, members in facts["structs"].items():
        yield f"struct {name} {{"
        for member, c_type in members:
            yield f"    {_declared(c_type, member)};"
        yield "};"
        yield ""


def _classes(revision: Revision, side: Side) -> Iterator[str]:
    api_class, spi_class = CLASSES[side]
    yield f"class {spi_class} {{"
    yield "  public:"
    for method in slots(revision, spi_class):
        unnamed = ", ".join(argument("", c_type).rstrip() for c_type in method.types)
        yield f"    virtual {method.returns} {method.name}({unnamed}) {{}}"
    yield "};"
    yield ""
    create = statics(revision, side)[0]
    arguments = ", ".join(_with_default(arg) for arg in create["args"])
    assert len(create["args"]) == len(factory_arguments(revision, side))
    yield f"class {api_class} {{"
    yield "  public:"
    yield f"    CTP2_API static {api_class} *{create['name']}({arguments});"
    yield "    CTP2_API static const char *GetApiVersion();"
    for method in slots(revision, api_class):
        if (revision.name, side, method.name) == MACOS_LOGIN:
            yield "#if defined(__APPLE__)"
            yield f"    virtual {declared(method).removesuffix(')')}, {MACOS_MORE}) = 0;"
            yield "#else"
            yield f"    virtual {declared(method)} = 0;"
            yield "#endif"
        else:
            yield f"    virtual {declared(method)} = 0;"
    yield ""
    yield "  protected:"
    yield f"    ~{api_class}() {{}}"
    yield "};"
    yield ""


def _with_default(given: list[str]) -> str:
    text = argument(given[0], given[1])
    return f"{text} = {given[2]}" if len(given) > 2 else text


def _proofs(revision: Revision) -> Iterator[str]:
    sizes = schema.load(revision.name)["sizes"]
    codec = layout.codec(revision.name)
    for name, size in sizes.items():
        yield f'static_assert(sizeof({name}) == {size}, "{name}");'
        for field in codec.fields(name):
            yield f'static_assert(offsetof({name}, {field.name}) == {field.offset}, "{name}.{field.name}");'
