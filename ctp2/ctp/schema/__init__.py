"""The facts of every CTP revision, as ``load(version)`` gives them back.

``<version>.json`` holds one revision. The newest stands in full; each other names a ``base`` and tells only where it
differs: in every section, ``"A..B"`` means *the entries A to B as the base lists them*, anything else is an entry of
its own. So a file reads like a change list, and order, which is memory order and vtable order, is kept.

A schema has ``version``, sometimes ``revision``, and the sections ``resume``, ``types``, ``enums``, ``structs``,
``sizes`` and ``classes``; types are C types (``char[81]``), struct fields ``[name, typedef]``, methods in vtable order.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

FOLDER: Final = Path(__file__).parent
SECTIONS: Final = ("types", "enums", "structs", "sizes")
RUN: Final = ".."

VERSIONS: Final = (
    "6.3.15",
    "6.3.19",
    "6.5.1",
    "6.6.1",
    "6.6.7",
    "6.6.9",
    "6.7.0",
    "6.7.1",
    "6.7.2",
    "6.7.7",
    "6.7.8",
    "6.7.9_20241224",
    "6.7.9",
    "6.7.10",
    "6.7.11",
    "6.7.13",
)
"""All described revisions, oldest first; ``6.7.9`` is 6.7.9_P1."""
NEWEST: Final = VERSIONS[-1]

Entries = dict[str, Any]
"""An ordered section: name → what it is."""


@cache
def load(version: str) -> dict[str, Any]:
    """The whole schema of one revision. Treat it as read-only: callers share it."""
    if version not in VERSIONS:
        raise ValueError(f"unknown CTP version {version!r}; known: {', '.join(VERSIONS)}")
    stored = msgspec.json.decode((FOLDER / f"{version}.json").read_bytes())
    base = load(stored.pop("base")) if "base" in stored else None
    for section in SECTIONS:
        stored[section] = decode(stored[section], base[section] if base else {})
    for name, methods in stored["classes"].items():
        known = methods_by_name(base["classes"][name]) if base else {}
        stored["classes"][name] = [{"name": method, **rest} for method, rest in decode(methods, known).items()]
    return dict(stored)


def methods_by_name(methods: list[dict[str, Any]]) -> Entries:
    """A class as a section: method name → the rest of its description."""
    return {method["name"]: {key: value for key, value in method.items() if key != "name"} for method in methods}


def load_errors() -> list[dict[str, Any]]:
    """CTP's errors: ``id``, ``name`` and ``prompt`` of each."""
    return list(msgspec.json.decode((FOLDER / "errors.json").read_bytes()))


def encode(entries: Entries, base: Entries) -> list[Any]:
    """The form in which a section is stored: runs of the base's entries, and entries that differ."""
    names = list(base)
    place = {name: index for index, name in enumerate(names)}
    items: list[Any] = []
    run: list[int] = []
    for name, value in chain(entries.items(), [("", None)]):
        index = place.get(name, -1) if base.get(name) == value else -1
        if run and index != run[-1] + 1:
            items.append(names[run[0]] + RUN + names[run[-1]])
            run = []
        if index >= 0:
            run.append(index)
        elif name:
            items.append({name: value})
    return items


def decode(items: list[Any], base: Entries) -> Entries:
    """What :func:`encode` stored."""
    names = list(base)
    place = {name: index for index, name in enumerate(names)}
    entries: Entries = {}
    for item in items:
        if isinstance(item, str):
            first, _, last = item.partition(RUN)
            entries.update((name, base[name]) for name in names[place[first] : place[last] + 1])
        else:
            entries.update(item)
    return entries
