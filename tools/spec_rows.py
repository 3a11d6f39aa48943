"""Which rows of the specification are shown by scenarios: ``python tools/spec_rows.py`` (part of ``make check``).

``tests/spec_rows.csv`` lists the table rows (``table``) and the rules in prose (``rule``) of spec ctp-semantics 3 to 8,
12 and 14, what settlement does (11.2, the rules of 11.3) and the steps of its worked examples (17), each with an id:
the section, a blank, and the first words of the row (``3.6 A``, ``5.4 SHFE CloseToday``, ``17.1 step 5``).
A scenario names rows in a line ``proves 3.6 A, 3.10``; a test of another kind in ``@pytest.mark.proves("8.1 no rows")``
or ``pytestmark = pytest.mark.proves(...)``. ``tests/spec_excused.csv`` says of every other row why nothing shows it.

How a name is matched, without regard to case and to the words *row*, *rule* and *step*:

1. an id means its row;
2. a section number alone (``3.10``) means the rules of that section that are not excused, never the rows of its tables;
3. whole first words of ids mean all of these (``5.4 SHFE``: both rows), and an id with more words behind it means its
   row (``4 Success: as told``);
4. the beginning of exactly one id means that row (``3.4 exchange rej``).

Names of sections that are not listed (``13 156``, ``16 3``) and the number of a section that is nothing but a table
are for the reader and show nothing; anything else is unknown. The tool prints the rows that no scenario names, with the
test or the excuse that answers for them, and fails on a row with neither, on a name that means nothing, and on an
excuse that is no longer needed (``--tidy`` removes those).
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ctp2.testing.scenario import load

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "tests" / "spec_rows.csv"
EXCUSED = ROOT / "tests" / "spec_excused.csv"
SCENARIOS = ROOT / "tests" / "scenarios"
TESTS = ROOT / "tests"

LISTED = ("3", "4", "5", "6", "7", "8", "11", "12", "14", "17")
"""The sections that the list is about."""
SECTION = re.compile(r"([1-9]|1[0-7])(\.[1-9][0-9]?)?$")
IN_WORK = "in work"
"""How a reason begins that is expected to go soon."""
FILLERS = frozenset({"row", "rows", "rule", "rules", "step"})


@dataclass(frozen=True)
class Row:
    """A row of the specification."""

    id: str
    kind: str
    what: str

    @property
    def words(self) -> list[str]:
        """The id as it is compared."""
        return _words(self.id)


@dataclass
class Result:
    """What the tool found; ``problems`` must be empty."""

    rows: list[Row]
    by_scenario: set[str] = field(default_factory=set)
    by_test: dict[str, str] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Excused as in work, although something names the number of its section."""
    needless: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    scenarios: int = 0
    runs: int = 0


def _words(text: str) -> list[str]:
    words = text.lower().split()
    return words[:1] + [word for word in words[1:] if word not in FILLERS]


def meant(name: str, rows: Sequence[Row]) -> list[Row]:
    """The rows that ``name`` means; none when it is unknown or means several things."""
    words = _words(name)
    if not words:
        return []
    exact = [row for row in rows if row.words == words]
    if exact:
        return exact
    if len(words) == 1:
        return [row for row in rows if row.kind == "rule" and row.words[0] == words[0]]
    begun = [row for row in rows if row.words[: len(words)] == words]
    if begun:
        return begun
    text = " ".join(words)
    longer = [row for row in rows if re.match(rf"{re.escape(' '.join(row.words))}\b", text)]
    if longer:
        return [max(longer, key=lambda row: len(row.id))]
    beginning = [row for row in rows if " ".join(row.words).startswith(text)]
    return beginning if len(beginning) == 1 else []


def shows_nothing(name: str, rows: Sequence[Row]) -> bool:
    """Whether the name is of a section that the list is not about, or of a whole table."""
    section = SECTION.match((name.split() or [""])[0])
    if section is None:
        return False
    is_table = len(name.split()) == 1 and {row.kind for row in rows if row.words[0] == name} == {"table"}
    return section[1] not in LISTED or is_table


def read(path: Path) -> list[dict[str, str]]:
    """The lines of one of the two lists."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_of_tests(folder: Path) -> Iterator[tuple[str, str]]:
    """(place, name) of every ``pytest.mark.proves(...)`` in the folder's Python files."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "mark.proves(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.proves":
                for argument in node.args:
                    yield f"{path.name}:{node.lineno}", ast.literal_eval(argument)


def examine(rows: list[Row], excused: list[dict[str, str]], scenarios: Path, tests: Path) -> Result:
    """Match everything that is named with what there is."""
    result = Result(rows)
    claims: list[tuple[str, str, bool]] = []
    for path in sorted(scenarios.glob("*.txt")):
        found = load(path)
        result.runs += len(found)
        result.scenarios += len({scenario.title for scenario in found})
        claims += sorted({(path.name, name, True) for scenario in found for name in scenario.proves})
    claims += [(place, name, False) for place, name in names_of_tests(tests)]
    excuses = {line["id"]: line["reason"] for line in excused}
    for place, name, is_scenario in claims:
        if shows_nothing(name, rows):
            continue
        named = meant(name, rows)
        if not named:
            result.problems.append(f"{place}: no row, or more than one, is called {name!r}")
        for row in named:
            if len(name.split()) == 1 and row.id in excuses:
                if excuses[row.id].startswith(IN_WORK):
                    result.doubtful.add(row.id)
                continue
            if is_scenario:
                result.by_scenario.add(row.id)
            else:
                result.by_test.setdefault(row.id, place)
    known = {row.id for row in rows}
    for line in excused:
        if line["id"] not in known:
            result.problems.append(f"{EXCUSED.name}: no row has the id {line['id']!r}")
        elif line["id"] in result.by_scenario or line["id"] in result.by_test:
            result.needless.append(line["id"])
            result.problems.append(f"{EXCUSED.name}: {line['id']!r} is shown by now (--tidy removes the line)")
        elif not line["reason"]:
            result.problems.append(f"{EXCUSED.name}: {line['id']!r} has no reason")
        else:
            result.excused[line["id"]] = line["reason"]
    for row in rows:
        if row.id not in result.by_scenario and row.id not in result.by_test and row.id not in result.excused:
            result.problems.append(f"nothing shows {row.id!r} ({row.what})")
    return result


def examine_tree() -> Result:
    """``examine`` with the files of this tree."""
    rows = [Row(line["id"], line["kind"], line["what"]) for line in read(ROWS)]
    return examine(rows, read(EXCUSED), SCENARIOS, TESTS)


def report(result: Result) -> str:
    """What no scenario names, by the reason for it, and the counts."""
    groups: dict[str, list[str]] = {}
    for row in result.rows:
        if row.id in result.by_scenario:
            continue
        if row.id in result.by_test:
            groups.setdefault("shown by a test of another kind", []).append(row.id)
        elif row.id in result.excused:
            groups.setdefault(f"excused, {result.excused[row.id]}", []).append(row.id)
    lines = [f"spec rows without a scenario, {why}: {'; '.join(ids)}" for why, ids in sorted(groups.items())]
    in_work = sum(reason.startswith(IN_WORK) for reason in result.excused.values())
    only_by_test = len(result.by_test.keys() - result.by_scenario)
    lines.append(
        f"spec rows: {len(result.rows)}, named by scenarios {len(result.by_scenario)}, by other tests {only_by_test}, "
        f"excused {len(result.excused)} ({in_work} in work)"
    )
    if result.doubtful:
        lines.append(f"perhaps shown by now, as their section is named: {'; '.join(sorted(result.doubtful))}")
    lines.append(f"scenarios: {result.scenarios}, {result.runs} with each exchange and profile")
    return "\n".join([*lines, *result.problems])


def tidy(needless: Sequence[str]) -> None:
    """Take needless excuses out of their file."""
    kept = [line for line in read(EXCUSED) if line["id"] not in needless]
    with EXCUSED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("id", "reason"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)


def main() -> int:
    """1 when something is left to answer for."""
    result = examine_tree()
    if "--tidy" in sys.argv[1:] and result.needless:
        tidy(result.needless)
        result = examine_tree()
    print(report(result))
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
