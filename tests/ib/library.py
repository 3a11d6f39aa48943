"""Whether a client library of Interactive Brokers is installed; where there is none, what needs it is skipped."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def needed() -> None:
    """Skip without ``ib_async`` or ``ib_insync``; in CI, whose environment has it, fail."""
    if any(find_spec(name) for name in ("ib_async", "ib_insync")):
        return
    reason = "needs ib_async (extra ib): make env"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
