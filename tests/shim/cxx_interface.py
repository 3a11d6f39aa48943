"""What ``cxx_program.cpp`` knows of a revision besides its header: members of structs, methods by name, Spis that tell.

Generated from the schema, like the header itself; compiled against it, so a name or type that does not fit is an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from ctp2.ctp import layout
from ctp2.shim.interface import CLASSES, SIDES, Side, Slot, argument, factory_arguments, slots, statics, struct_of
from ctp2.shim.revisions import Revision, by_name

_TAKES = {"int": "with.number({0})", "char*": "with.text({0})", "char*[]": "with.names({0})"}
_PREFIX = {"trader": "Trader", "md": "Md"}


def interface(name: str) -> str:
    """The text that ``cxx_program.cpp`` includes."""
    revision = by_name(name)
    lines = [f"// Of CTP {revision.name}: generated, do not edit.", "#pragma once", '#include "cxx_program.h"', ""]
    for struct in sorted(_structs(revision)):
        lines += _table(revision, struct)
    for side in SIDES:
        lines += [*_ear(revision, side), *_calls(revision, side), *_factory(revision, side)]
    return "\n".join(lines) + "\n"


def _structs(revision: Revision) -> set[str]:
    types = (
        c_type for side in SIDES for owner in CLASSES[side] for one in slots(revision, owner) for c_type in one.types
    )
    return {struct_of(c_type) for c_type in types} - {""}


def _table(revision: Revision, struct: str) -> Iterator[str]:
    yield f'template <> const Table Of<{struct}>::table = {{"{struct}", sizeof({struct}), {{'
    for field in layout.codec(revision.name).fields(struct):
        place = f"offsetof({struct}, {field.name}), sizeof({struct}::{field.name})"
        yield f'    {{"{field.name}", Kind::{field.kind.upper()}_, {place}}},'
    yield "}};"


def _ear(revision: Revision, side: Side) -> Iterator[str]:
    _, spi = CLASSES[side]
    yield f"struct {_PREFIX[side]}Ear final : {spi}, Ear {{"
    yield "    using Ear::Ear;"
    for method in slots(revision, spi):
        given = ", ".join(argument(f"a{at}", c_type) for at, c_type in enumerate(method.types))
        passed = "".join(f", a{at}" for at in range(len(method.types)))
        yield f'    void {method.name}({given}) override {{ heard("{method.name}"{passed}); }}'
    yield "};"
    yield ""


def _calls(revision: Revision, side: Side) -> Iterator[str]:
    api, spi = CLASSES[side]
    yield f"const std::map<std::string, Call<{api}>> {side.upper()}_CALLS = {{"
    for method in slots(revision, api):
        taken = ", ".join(_taken(method, at, spi, _PREFIX[side]) for at in range(len(method.types)))
        call = f"api.{method.name}({taken})"
        body = f"{call}; return Value();" if method.returns == "void" else f"return Value({call});"
        yield f'    {{"{method.name}", []({api} &api, const Arguments &with) -> Value {{ (void)with; {body} }}}},'
    yield "};"
    yield ""


def _taken(method: Slot, at: int, spi: str, prefix: str) -> str:
    c_type = method.types[at]
    if c_type == f"{spi}*":
        return f"static_cast<{prefix}Ear *>(with.spi({at}))"
    if struct := struct_of(c_type):
        return f"with.field<{struct}>({at})"
    if c_type in _TAKES:
        return _TAKES[c_type].format(at)
    return f"static_cast<{c_type}>(with.number({at}))"


def _factory(revision: Revision, side: Side) -> Iterator[str]:
    api, _ = CLASSES[side]
    create = statics(revision, side)[0]["name"]
    flags = "".join(f", with.number({at}) != 0" for at in range(1, len(factory_arguments(revision, side))))
    yield f"inline {api} *create_{side}(const Arguments &with) {{ return {api}::{create}(with.text(0){flags}); }}"
    yield ""
