"""Recorded data that is too large for the repository and lies beside it, where it lies at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """A file or folder of the shared data; where there is none the test is skipped, and in CI it fails."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        reason = f"needs {'/'.join(parts)} of the shared data beside the checkout"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
