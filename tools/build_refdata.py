"""Make the reference files that may be shipped in ``ctp2/refdata/data`` (run when their source changes).

    python tools/build_refdata.py [FOLDER]        FOLDER holds products.csv …; default ../shared/data

Most are copies; two are excerpts. What is there besides them (boards.csv, option_rules.csv …) is edited by hand.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "ctp2" / "refdata" / "data"

#: Path in the source folder → name in the package; a name in .gz is compressed.
FILES = {
    "products.csv": "products.csv",
    "products_conflicts.csv": "products_conflicts.csv",
    "sessions.csv": "sessions.csv",
    "calendars/trading_days.csv": "trading_days.csv",
    "instruments/cn_futures_20250306.csv": "cn_futures_20250306.csv",
    "instruments/cn_futures_options_20200616.csv.gz": "cn_futures_options_20200616.csv.gz",
    "instruments/cn_securities.csv.gz": "cn_securities.csv.gz",
    "instruments/cn_securities_core.csv": "cn_securities_core.csv.gz",
    "instruments/hk_spread_table.csv": "hk_spread_table.csv",
    "instruments/us_securities.csv": "us_securities.csv",
    "instruments/cme_products.csv": "cme_products.csv",
    "instruments/market_rules.csv": "market_rules.csv",
}
#: Names of the excerpts.
EXCERPTS = ("cn_shares.csv.gz", "hk_lots.csv.gz")

_HK_FUNDS = ("Exchange Traded Products", "Real Estate Investment Trusts")


def build(source: Path, target: Path) -> None:
    """Make all files; the bytes depend on the sources alone."""
    for path, name in FILES.items():
        raw = (source / path).read_bytes()
        is_packed = raw[:2] == b"\x1f\x8b"
        (target / name).write_bytes(_packed(raw) if name.endswith(".gz") and not is_packed else raw)
    for name, raw in zip(EXCERPTS, (_other_shares(source), _hk_lots(source)), strict=True):
        (target / name).write_bytes(_packed(raw))


def _other_shares(source: Path) -> bytes:
    """Shares, funds and convertibles that the core does not have: code and name, for a quick search."""
    folder = source / "instruments"
    core = {
        (row["ExchangeID"], row["InstrumentID"]) for row in _table((folder / "cn_securities_core.csv").read_bytes())
    }
    columns = ("ExchangeID", "InstrumentID", "InstrumentName", "Class")
    table = _table(gzip.decompress((folder / "cn_securities.csv.gz").read_bytes()))
    others = (row for row in table if row["Class"] != "B" or row["SubType"] == "CONVERTIBLE")
    return _csv(
        columns,
        ([row[name] for name in columns] for row in others if (row["ExchangeID"], row["InstrumentID"]) not in core),
    )


def _hk_lots(source: Path) -> bytes:
    """Codes, lots, spread tables, currencies and kinds: no names, no identifiers (docs/decisions/0024)."""
    table = _table((source / "instruments" / "hk_securities_20260323.csv").read_bytes())
    return _csv(
        ("code", "board_lot", "spread_table", "currency", "product_class"),
        sorted(
            (
                row["InstrumentID"],
                row["BoardLot"],
                row["SpreadTable"],
                {"RMB": "CNY"}.get(row["Currency"], row["Currency"]),
                "fund" if row["Category"] in _HK_FUNDS else "stock",
            )
            for row in table
        ),
    )


def _table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))


def _csv(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return out.getvalue().encode("utf-8")


def _packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def main() -> None:
    """Run from the command line."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    if not source.is_dir():
        sys.exit(f"{source}: no such folder; give the folder that holds products.csv")
    build(source, TARGET)
    print(f"{len(FILES) + len(EXCERPTS)} files in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
