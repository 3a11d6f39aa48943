"""Values that come from JSON or a command line, and whether they are what a declared type says."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

TIME_FORMATS: Final = ("zone", "utc", "login")
PERMISSIONS: Final = ("live", "delayed", "none")
CHOICES: Final = {"time_format": TIME_FORMATS, "permission": PERMISSIONS}
"""Members that are one of a few words."""


class BadMember(ValueError):
    """A member that there is not, or a value that it cannot have; the text says what could be."""


def fits(hint: Any, value: Any) -> bool:
    """Whether a value is of a type as ``typing.get_type_hints`` gives it; a list is a tuple too, no flag a number."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(fits(one, value) for one in arguments)
    if hint in (int, float):
        return isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    if origin in (dict, Mapping):
        pairs = value.items() if isinstance(value, dict) else [(None, None)]
        return all(fits(arguments[0], key) and fits(arguments[1], one) for key, one in pairs)
    if origin in (list, Sequence, tuple):
        if not isinstance(value, (list, tuple)):
            return False
        if origin is not tuple or arguments[1:] == (Ellipsis,):
            return all(fits(arguments[0], one) for one in value)
        return len(value) == len(arguments) and all(map(fits, arguments, value))
    return isinstance(value, hint)


def name_of(hint: Any) -> str:
    """The type in words of Python: ``float | None``."""
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def set_members(target: Any, members: Mapping[str, Any]) -> None:
    """Set members of a dataclass, all or none.

    Raises:
        BadMember: one is unknown, or not of its kind.
    """
    checked = {name: checked_member(target, name, value) for name, value in members.items()}
    for name, value in checked.items():
        setattr(target, name, value)


def checked_member(target: Any, name: str, value: Any) -> Any:
    """The value as the member takes it: lists as tuples where it is one.

    Raises:
        BadMember: it is unknown, or the value is not of its kind.
    """
    hints = typing.get_type_hints(type(target) if dataclasses.is_dataclass(target) else object)
    if name not in hints:
        raise BadMember(f"no {name}; there are {', '.join(hints) or 'no members'}")
    if not fits(hints[name], value):
        raise BadMember(f"{name} is {name_of(hints[name])}, not {value!r}; it is now {getattr(target, name)!r}")
    if value not in CHOICES.get(name, (value,)):
        raise BadMember(f"{name} is one of {', '.join(CHOICES[name])}, not {value}")
    if name == "zone" and not is_zone(value):
        raise BadMember(f"zone {value} is not in the time zone database")
    return frozen(value) if typing.get_origin(hints[name]) is tuple else value


def is_zone(name: str) -> bool:
    """Whether it is in the time zone database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def zone_or_utc(name: str) -> ZoneInfo:
    """The clock of a contract. TWS tells names that no database has (``JST``), and so may a test: they tick as UTC."""
    return ZoneInfo(name if is_zone(name) else "UTC")


def frozen(value: Any) -> Any:
    """Lists as tuples, however deep."""
    return tuple(map(frozen, value)) if isinstance(value, (list, tuple)) else value
