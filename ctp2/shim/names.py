"""The two sides of the interface, and what programs import of a library: the factory and the version.

Source: ``shared/spec/native.md`` section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal

from ctp2.ctp import schema

Side = Literal["trader", "md"]
SIDES: Final[tuple[Side, Side]] = ("trader", "md")
CLASSES: Final[Mapping[Side, str]] = {"trader": "CThostFtdcTraderApi", "md": "CThostFtdcMdApi"}
FACTORIES: Final[Mapping[Side, str]] = {"trader": "CreateFtdcTraderApi", "md": "CreateFtdcMdApi"}
VERSION: Final = "GetApiVersion"


@cache
def static_arguments(revision: str, side: Side) -> Mapping[str, tuple[str, ...]]:
    """The argument types of the static methods, as declared (``const bool`` is not ``bool`` to every compiler).

    ``ValueError`` for a revision without a schema.
    """
    if revision not in schema.VERSIONS:
        raise ValueError(f"no revision {revision}: one of {', '.join(schema.VERSIONS)}")
    methods = schema.load(revision)["classes"][CLASSES[side]]
    return {one["name"]: tuple(kind for _, kind, *_ in one["args"]) for one in methods if one.get("static")}


_ITANIUM: Final = {"const char*": "PKc", "bool": "b", "const bool": "b"}


def itanium(revision: str, side: Side) -> tuple[str, str]:
    """Factory and version as g++ and clang spell them on Linux (on macOS one more leading ``_``)."""
    statics, owner = static_arguments(revision, side), CLASSES[side]

    def mangled(name: str) -> str:
        arguments = "".join(_ITANIUM[kind] for kind in statics[name]) or "v"
        return f"_ZN{len(owner)}{owner}{len(name)}{name}E{arguments}"

    return mangled(FACTORIES[side]), mangled(VERSION)


def decorated(revision: str, side: Side, pointer_size: int) -> tuple[str, str]:
    """Factory and version as MSVC spells them for Windows.

    An argument of a type that an argument before it was *declared* with stands as a digit, if the type takes more than
    one character; ``const bool`` and ``bool`` are two such types, though they are spelled alike.
    """
    statics, owner = static_arguments(revision, side), CLASSES[side]
    wide = "E" if pointer_size == 8 else ""

    def spelled(kinds: tuple[str, ...]) -> str:
        seen: list[str] = []
        parts = []
        for kind in kinds:
            parts.append(str(seen.index(kind)) if kind in seen else f"P{wide}BD" if "*" in kind else "_N")
            seen += [] if kind in seen else [kind]
        return "".join(parts) + "@" if parts else "X"

    return (
        f"?{FACTORIES[side]}@{owner}@@SAP{wide}AV1@{spelled(statics[FACTORIES[side]])}Z",
        f"?{VERSION}@{owner}@@SAP{wide}BD{spelled(statics[VERSION])}Z",
    )
