"""The project's schema files say exactly what their sources say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.ctp import schema
from tests.shared_data import shared
from tools import gen_ctp


@pytest.mark.parametrize("version", schema.VERSIONS)
def test_gives_the_source_back(version: str) -> None:
    source = (shared("data/ctp-api") / f"{version}.json").read_text("utf-8")
    # As text, so that the order of every section counts too.
    assert json.dumps(schema.load(version)) == json.dumps(json.loads(source))


def test_errors_are_the_source() -> None:
    assert schema.load_errors() == json.loads(shared("data/ctp-errors.json").read_text("utf-8"))


def test_import_writes_the_committed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gen_ctp.schema, "FOLDER", tmp_path)
    sources = [str(shared("data/ctp-api")), str(shared("data/ctp-errors.json"))]
    assert gen_ctp.main(["import", *sources]) == 0
    assert len(list(tmp_path.iterdir())) == len(schema.VERSIONS) + 1
    for path in tmp_path.iterdir():
        assert path.read_text("utf-8") == (schema.FOLDER / path.name).read_text("utf-8"), path.name


def test_unknown_version() -> None:
    with pytest.raises(ValueError, match=r"unknown CTP version '6\.6\.5'; known: 6\.3\.15, "):
        schema.load("6.6.5")


SECTION = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), max_size=8).map(dict)


@settings(deadline=None, derandomize=True, database=None)
@given(SECTION, SECTION)
def test_a_section_is_its_difference_to_any_other(entries: dict[str, int], base: dict[str, int]) -> None:
    stored = json.loads(json.dumps(schema.encode(entries, base)))
    assert list(schema.decode(stored, base).items()) == list(entries.items())
