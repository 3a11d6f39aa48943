"""One CTP API, every venue: ``from ctp2 import tdapi, mdapi``.

PYTEST_DONT_REWRITE: ctp2 is a pytest plugin, and may be imported before pytest is started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ctp2.mdapi as mdapi
    import ctp2.tdapi as tdapi

__version__ = "0.1.0"

__all__ = ["__version__", "mdapi", "tdapi"]


def __getattr__(name: str) -> Any:
    """``import ctp2; ctp2.tdapi`` works too, and costs nothing until it is used."""
    if name in ("mdapi", "tdapi"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
