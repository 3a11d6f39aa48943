"""Where ctp2 keeps files: one place per purpose, all under ``CTP2_HOME`` when that is set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOME_VARIABLE = "CTP2_HOME"


def _home(folder: str) -> Path | None:
    home = os.environ.get(HOME_VARIABLE)
    return Path(home, folder) if home else None


def data_dir() -> Path:
    """Databases, recorded days, ``config.toml``, default flows. Not created here."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home)
    # Imported late: programs that never ask need not pay for it.
    from platformdirs import user_data_path

    return user_data_path("ctp2", appauthor=False)


def runtime_dir() -> Path:
    """Lock, port and helper files. Not created here."""
    home = _home("runtime")
    if home:
        return home
    from platformdirs import user_runtime_path, user_state_path

    if sys.platform not in ("win32", "darwin") and not os.environ.get("XDG_RUNTIME_DIR"):
        # No login session (a container, a service): a folder of the user's is better than one in /tmp for all.
        return user_state_path("ctp2", appauthor=False) / "runtime"
    return user_runtime_path("ctp2", appauthor=False)


def cache_dir() -> Path:
    """What can be made again: unpacked samples, built bindings. Not created here."""
    home = _home("cache")
    if home:
        return home
    from platformdirs import user_cache_path

    return user_cache_path("ctp2", appauthor=False)
