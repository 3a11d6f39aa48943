"""Locks that keep other processes from a file; they end with the file or its process."""

from __future__ import annotations

from typing import Any, BinaryIO


def lock_file(file: BinaryIO) -> bool:
    """Lock against other processes; True when locked or when the platform cannot."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file)
    # Any: on a platform without it the type checker knows the module and none of its functions.
    module: Any = fcntl
    try:
        module.flock(file.fileno(), module.LOCK_EX | module.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_on_windows(file: BinaryIO) -> bool:
    try:
        import msvcrt
    except ImportError:
        return True
    try:
        # A byte behind the content, because Windows locks also keep readers out.
        module: Any = msvcrt
        file.seek(1 << 20)
        module.locking(file.fileno(), module.LK_NBLCK, 1)
    except OSError:
        return False
    return True
