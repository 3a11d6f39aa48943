"""The listing of the specification's rows, and how names are matched with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import spec_rows
from tools.spec_rows import Row, examine, meant

ROWS = [
    Row("3.2 Market", "table", ""),
    Row("3.2 Market GFD", "table", ""),
    Row("3.6 A", "table", ""),
    Row("3.6 invariant 1", "rule", ""),
    Row("3.10 FAK", "rule", ""),
    Row("3.10 FOK", "rule", ""),
    Row("3.10 Price-time", "table", ""),
    Row("3.11 trigger", "table", ""),
    Row("3.11 triggered order rejected by CTP", "table", ""),
    Row("5.4 SHFE CloseToday", "table", ""),
    Row("5.4 SHFE Close", "table", ""),
    Row("6 rule 2", "rule", ""),
]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("3.6 A", ["3.6 A"]),
        ("3.6 row a", ["3.6 A"]),
        ("6 rule 2", ["6 rule 2"]),
        ("6 2", ["6 rule 2"]),
        ("3.2 Market", ["3.2 Market"]),
        ("3.2 market gfd", ["3.2 Market GFD"]),
        ("3.10", ["3.10 FAK", "3.10 FOK"]),
        ("5.4 SHFE", ["5.4 SHFE CloseToday", "5.4 SHFE Close"]),
        ("5.4 SHFE Close", ["5.4 SHFE Close"]),
        ("3.11 trigger", ["3.11 trigger"]),
        ("3.11 triggered", ["3.11 triggered order rejected by CTP"]),
        ("3.11 trigger when touched", ["3.11 trigger"]),
        ("3.10 price", ["3.10 Price-time"]),
        ("3.11 trigger/cancel", ["3.11 trigger"]),
        ("3.6 A: rests", ["3.6 A"]),
        ("3.6 Abc", []),
        ("3.10 F", []),
        ("3.2", []),
        ("3.1", []),
        ("9", []),
        ("3.6 Z", []),
        ("", []),
    ],
)
def test_what_a_name_means(name: str, ids: list[str]) -> None:
    assert [row.id for row in meant(name, ROWS)] == ids


SCENARIO = "proves 6 rule 2\nscenario one\nproves 3.6 A, {also}\nuser a 1\nscenario two\nuser a 1\n"
TEST = '@pytest.mark.proves("3.2 Market")\ndef test_it(): ...\n'


def found(folder: Path, also: str, excused: dict[str, str]) -> list[str]:
    (folder / "one.txt").write_text(SCENARIO.format(also=also), encoding="utf-8")
    (folder / "test_one.py").write_text(TEST, encoding="utf-8")
    rows = [ROWS[0], ROWS[2], ROWS[4], ROWS[11]]
    return examine(rows, [{"id": i, "reason": r} for i, r in excused.items()], folder, folder).problems


def test_every_row_is_shown_or_excused(tmp_path: Path) -> None:
    assert found(tmp_path, "3.10", {}) == []
    assert found(tmp_path, "3.10", {"3.10 FAK": "a section alone says little"}) == []
    assert found(tmp_path, "3.10, 13 156, 16 3, 2.1, 3.2", {}) == []
    assert found(tmp_path, "3.10", {"3.10 FAK": "in work: orders"}) == []
    assert found(tmp_path, "3.6 A", {"3.10 FAK": "comes later"}) == []
    (problem,) = found(tmp_path, "3.6 A", {})
    assert "nothing shows '3.10 FAK'" in problem


@pytest.mark.parametrize(
    ("also", "excused", "says"),
    [
        ("3.77 X", {"3.10 FAK": "later"}, "one.txt: no row, or more than one, is called '3.77 X'"),
        ("3.10 FAK", {"3.10 FAK": "later"}, "'3.10 FAK' is shown by now"),
        ("3.10", {"3.77": "later"}, "no row has the id '3.77'"),
        ("3.6 A", {"3.10 FAK": ""}, "'3.10 FAK' has no reason"),
    ],
)
def test_what_fails(tmp_path: Path, also: str, excused: dict[str, str], says: str) -> None:
    assert any(says in problem for problem in found(tmp_path, also, excused))


def test_ids_are_of_the_sections_that_are_proved_and_mean_themselves() -> None:
    rows = [Row(line["id"], line["kind"], line["what"]) for line in spec_rows.read(spec_rows.ROWS)]
    assert {row.id.split(".")[0].split()[0] for row in rows} == set(spec_rows.LISTED)
    assert {row.kind for row in rows} == {"table", "rule"}
    for row in rows:
        assert meant(row.id, rows) == [row]


def test_there_are_enough_scenarios() -> None:
    assert spec_rows.examine_tree().scenarios >= 150
