"""The native libraries that go into a native wheel: ``python -m tools.native_libraries OUT`` (hatch_build.py).

All revisions for Linux x86-64 into OUT/linux-x86_64/REVISION, when this is such a machine and a C++ compiler is there;
else one line says why there are none, and the wheel goes without: ``ctp2 shim`` then builds what it needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ctp2.shim import linux, verify
from ctp2.shim.build import build
from ctp2.shim.errors import NoCompiler
from ctp2.shim.revisions import REVISIONS


def main() -> int:
    """Build them; 1 only when a compiler is there and fails."""
    out = Path(sys.argv[1]) / linux.NAME
    if verify.here() != linux.NAME:
        print(f"ctp2: no native libraries in this wheel: they are prebuilt for {linux.NAME} alone")
        return 0
    try:
        for revision in REVISIONS:
            build(revision, out / revision.name, target=linux.NAME)
    except NoCompiler as error:
        print(f"ctp2: no native libraries in this wheel: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
