"""The shipped kit for tests of programs and of backends."""

from __future__ import annotations

from ctp2.testing.recorder import Call, MdRecorder, TraderRecorder

__all__ = ["Call", "MdRecorder", "TraderRecorder"]
