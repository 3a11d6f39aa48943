from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core import paths


def test_everything_is_below_ctp2_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))
    assert paths.data_dir() == tmp_path
    assert paths.runtime_dir() == tmp_path / "runtime"
    assert paths.cache_dir() == tmp_path / "cache"


def test_without_it_the_users_folders_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CTP2_HOME")
    for path in (paths.data_dir(), paths.runtime_dir(), paths.cache_dir()):
        assert "ctp2" in path.parts
        assert path.is_absolute()
