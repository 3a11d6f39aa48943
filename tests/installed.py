"""A distribution's metadata made of pyproject.toml: what ``importlib.metadata`` sees of an installed ctp2."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import ctp2

ROOT = Path(__file__).resolve().parents[1]


def python_path(folder: Path) -> str:
    """A ``PYTHONPATH`` on which ctp2 of this checkout is installed, entry points and all."""
    metadata = folder / f"ctp2-{ctp2.__version__}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ctp2\nVersion: {ctp2.__version__}\n")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return os.pathsep.join((str(folder), str(ROOT)))
