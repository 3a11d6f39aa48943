"""Which ctp2 this is."""

from __future__ import annotations

from ctp2 import __version__


def version_line() -> str:
    """What ``ctp2 --version`` prints."""
    return f"ctp2 {__version__}"
