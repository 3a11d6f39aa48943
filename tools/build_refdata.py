"""Copy the reference files that may be shipped into ``ctp2/refdata/data`` (run when their source changes).

    python tools/build_refdata.py [FOLDER]        FOLDER holds products.csv …; default ../shared/data

What is there besides them (boards.csv, board_limits.csv, security_fees.csv, special.csv) is edited by hand.
"""

from __future__ import annotations

import gzip
import sys
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
    "instruments/cn_securities_core.csv": "cn_securities_core.csv.gz",
    "instruments/market_rules.csv": "market_rules.csv",
}


def build(source: Path, target: Path) -> None:
    """Copy all files; the bytes depend on the sources alone."""
    for path, name in FILES.items():
        raw = (source / path).read_bytes()
        (target / name).write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)


def main() -> None:
    """Run from the command line."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    if not source.is_dir():
        sys.exit(f"{source}: no such folder; give the folder that holds products.csv")
    build(source, TARGET)
    print(f"{len(FILES)} files in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
