"""The scenario files: who does what, the callbacks in order, and the money and positions that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.testing.scenario import Scenario, ScenarioFailed, load, run

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
SCENARIOS = [scenario for path in sorted(FOLDER.glob("*.txt")) for scenario in load(path)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    run(scenario)


def test_every_row_of_the_sequences_has_run_on_every_exchange() -> None:
    """Spec ctp-semantics 3.6: rows A to J and D2, each column, and the profiles simnow and clean."""
    exchanges = {"SHFE", "INE", "CFFEX", "CZCE", "DCE", "GFEX"}
    seen = {
        (s.title.partition(":")[0], s.exchange, dict(s.settings).get("profile", "exchange"))
        for s in SCENARIOS
        if Path(s.source).stem.startswith("rows_")
    }
    for profile in ("exchange", "simnow", "clean"):
        for row in ("A", "B", "C", "D", "D2", "E", "F", "G", "H", "I", "J"):
            assert {exchange for name, exchange, kind in seen if (name, kind) == (row, profile)} == exchanges, row


MINI = """
on DCE
settings fills=full
instrument X tick=1 multiplier=10 margin=0.1 limits=90..110 settled=100
user alice 1000
scenario small
alice buys open 1 X at 100
{expected}
"""


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("    order 1  a/0  -  0+1  报单已提交", "order 1 3/3 #1 0+1 未成交"),
        ("", "order 1 a/0 - 0+1 报单已提交"),
        ("    order 1  a/0  -  0+1  报单已提交\n    order 1  3/3  #2  0+1  未成交", "order 1 3/3 #2 0+1 未成交"),
    ],
)
def test_a_scenario_that_goes_otherwise_fails_and_shows_both_sides(tmp_path: Path, expected: str, says: str) -> None:
    path = tmp_path / "mini.txt"
    path.write_text(MINI.format(expected=expected), encoding="utf-8")
    with pytest.raises(ScenarioFailed) as failure:
        run(load(path)[0])
    assert says in str(failure.value)
    assert "mini.txt:7" in str(failure.value)


def test_a_wrong_table_fails(tmp_path: Path) -> None:
    path = tmp_path / "mini.txt"
    calm = "    order 1  a/0  -  0+1  报单已提交\n    order 1  3/3  #1  0+1  未成交\n"
    for table, fails in (("Available\n    900", False), ("Available\n    900.01", True), ("Available\n", True)):
        path.write_text(MINI.format(expected=f"{calm}account alice\n    {table}"), encoding="utf-8")
        if fails:
            with pytest.raises(ScenarioFailed, match="900"):
                run(load(path)[0])
        else:
            run(load(path)[0])


@pytest.mark.parametrize(
    "text",
    ["scenario empty\nalice dances", "user alice 1", "    order 1", "scenario x\nuser a 1\na cancels 1 by magic"],
)
def test_what_is_no_scenario_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.txt"):
        run(load(path)[0])
