"""Build the sample day that ships with the package from three recorded days.

    python tools/build_sample.py [FOLDER]         FOLDER holds the ticks and index.json; default ../shared/data/ticks

Rows are kept as text, merged by time of day, and their two date columns rewritten to one trading day. The same sources
give the same bytes.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "ctp2" / "refdata" / "data" / "sample"

SOURCES = ("cffex_IF2101_20210104.csv.gz", "sse_600519_20230207.csv.gz", "sse_688293_20230323.csv.gz")
#: The trading day under which all rows are stored: that of the future, whose code names its month.
TRADING_DAY = "20210104"
NAME = f"day_{TRADING_DAY}.csv.gz"


def merged(sources: list[str]) -> str:
    """The text of the day: one header, all rows by time of day; rows of equal time in order of the sources."""
    header = ""
    rows: list[tuple[str, int, list[str]]] = []
    for text in sources:
        first, *lines = text.splitlines()
        if header and first != header:
            raise ValueError("the sources have different columns")
        header = first
        names = header.split(",")
        at = {name: names.index(name) for name in ("TradingDay", "ActionDay", "UpdateTime", "UpdateMillisec")}
        for line in lines:
            cells = line.split(",")
            cells[at["TradingDay"]] = cells[at["ActionDay"]] = TRADING_DAY
            rows.append((cells[at["UpdateTime"]], int(cells[at["UpdateMillisec"]]), cells))
    rows.sort(key=lambda row: row[:2])
    return "".join(f"{line}\n" for line in [header, *(",".join(cells) for _, _, cells in rows)])


def readme(entries: list[dict[str, Any]]) -> str:
    """Provenance, licence and what was done to the data."""
    lines = [
        "# The sample day",
        "",
        f"`{NAME}`: half-second snapshots of a stock index future and three-second snapshots of two stocks, full days,",
        "in one file. Columns are the names of CTP's market-data record; an empty price cell is absent (`DBL_MAX`).",
        "",
        "| instrument | exchange | recorded on | rows | repository, commit | path | licence |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        source = f"{entry['repository']}, `{entry['commit'][:12]}`"
        lines.append(
            f"| {entry['instruments'][0]} | {entry['market']} | {entry['trading_day']} | {entry['rows']} | {source} "
            f"| `{entry['path']}` | {entry['licence']} |"
        )
    lines += [
        "",
        "What the first reading of each source did to it:",
        "",
        *(f"- {entry['instruments'][0]}: {entry['transform']}." for entry in entries),
        "",
        f"What was done here: `TradingDay` and `ActionDay` of every row are rewritten to {TRADING_DAY}, so that the",
        "three days form one trading day, and the rows are merged by time of day. **The prices of the two stocks are",
        f"therefore not those of {TRADING_DAY}.** Nothing else is changed; limits left empty are derived on reading.",
        "",
        "Licence texts: `../licences/MIT.txt`, `../licences/Apache-2.0.txt`. Rebuilt by `tools/build_sample.py`.",
        "",
    ]
    return "\n".join(lines)


def build(source: Path) -> dict[str, bytes]:
    """The files of the sample by name."""
    index = json.loads((source / "index.json").read_text(encoding="utf-8"))
    by_name = {entry["file"]: entry for entry in index["files"]}
    texts = [gzip.decompress((source / name).read_bytes()).decode("utf-8") for name in SOURCES]
    return {
        NAME: gzip.compress(merged(texts).encode("utf-8"), compresslevel=9, mtime=0),
        "README.md": readme([by_name[name] for name in SOURCES]).encode("utf-8"),
    }


def main() -> None:
    """Run from the command line."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "ticks"
    if not (source / "index.json").is_file():
        sys.exit(f"{source}: no index.json there; give the folder that holds the recorded ticks")
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, content in build(source).items():
        (TARGET / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
