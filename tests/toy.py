"""The example backend of examples/third_party, without installing it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "third_party"


def load() -> ModuleType:
    """The module ``ctp2_toy``."""
    known = sys.modules.get("ctp2_toy")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location("ctp2_toy", FOLDER / "ctp2_toy" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["ctp2_toy"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
