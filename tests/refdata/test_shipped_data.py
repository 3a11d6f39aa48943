"""The package data is what the tools make of the shared data."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

from ctp2.refdata.table import DATA_DIR
from tests.shared_data import shared

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def content(raw: bytes) -> bytes:
    """Compressed bytes differ between zlib builds; what they hold does not."""
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def test_sample_is_what_the_tool_builds() -> None:
    built: dict[str, bytes] = tool("build_sample").build(shared("data/ticks"))
    folder = DATA_DIR / "sample"
    assert sorted(path.name for path in folder.iterdir()) == sorted(built)
    for name, raw in built.items():
        assert content((folder / name).read_bytes()) == content(raw), name


def test_the_tool_builds_the_same_bytes_every_time() -> None:
    source = shared("data/ticks")
    build = tool("build_sample").build
    assert build(source) == build(source)


def test_sample_is_small_and_carries_no_time_stamp() -> None:
    raw = (DATA_DIR / "sample" / "day_20210104.csv.gz").read_bytes()
    assert len(raw) < 1_200_000
    assert raw[4:8] == b"\0\0\0\0"


def test_reference_files_are_the_shared_ones(tmp_path: Path) -> None:
    module = tool("build_refdata")
    module.build(shared("data"), tmp_path)
    for name in (*module.FILES.values(), *module.EXCERPTS):
        assert content((DATA_DIR / name).read_bytes()) == content((tmp_path / name).read_bytes()), name
