"""The shipped kit for tests of programs and of backends (docs/zh/testing.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctp2.testing.clients import MdClient, Order, TraderClient
    from ctp2.testing.counters import LocalCounter, open_counter
    from ctp2.testing.days import Days
    from ctp2.testing.recorder import Call, MdRecorder, TraderRecorder

__all__ = [
    "Call",
    "Days",
    "LocalCounter",
    "MdClient",
    "MdRecorder",
    "Order",
    "TraderClient",
    "TraderRecorder",
    "open_counter",
]

_PLACES = {
    "Call": "recorder",
    "Days": "days",
    "LocalCounter": "counters",
    "MdClient": "clients",
    "MdRecorder": "recorder",
    "Order": "clients",
    "TraderClient": "clients",
    "TraderRecorder": "recorder",
    "open_counter": "counters",
}


def __getattr__(name: str) -> Any:
    """Each is imported when it is first used: pytest loads this package in every run that it is installed for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
