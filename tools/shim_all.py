"""The native libraries of all revisions for all systems: ``python -m tools.shim_all OUT [REVISION…]`` (make shim-all).

``OUT/TARGET/REVISION`` has the two libraries (for Windows with their import libraries), ``OUT/macos/REVISION`` the two
frameworks for both processors, ``OUT/include/REVISION`` the headers. Linux is built by this machine's compiler, all
others by zig. A target that cannot be built here is said in one line, and the exit code is 1.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ctp2.shim import linux, macos
from ctp2.shim.build import build
from ctp2.shim.errors import ShimError
from ctp2.shim.header import write_headers
from ctp2.shim.interface import SIDES
from ctp2.shim.names import Side
from ctp2.shim.revisions import REVISIONS, Revision, by_name
from ctp2.shim.targets import TARGETS
from tools import foreign_systems


def build_all(out: Path, revisions: Sequence[Revision]) -> list[str]:
    """Everything of these revisions into ``out``; returns what could not be built, a line each."""
    failures = []
    zig = f"{shlex.quote(str(foreign_systems.zig()))} c++"
    for target in TARGETS:
        start, size = time.monotonic(), 0
        try:
            for revision in revisions:
                compiler = None if target == linux.NAME else zig
                folder = out / target / revision.name
                made = build(revision, folder, target=target, compiler=compiler, cache=foreign_systems.BUILDS)
                size += sum(file.stat().st_size for file in made)
        except ShimError as error:
            failures.append(f"{target}: {error}")
            continue
        seconds = time.monotonic() - start
        print(f"{target}: {len(revisions)} revisions, {size / 1e6:.1f} MB, {seconds:.0f} s")
    for revision in revisions:
        headers = out / "include" / revision.name
        headers.mkdir(parents=True, exist_ok=True)
        write_headers(revision, headers)
    _write_frameworks(out, revisions)
    return failures


def _write_frameworks(out: Path, revisions: Sequence[Revision]) -> None:
    machines = [machine.name for machine in (macos.X86_64, macos.ARM64)]
    for revision in revisions:
        libraries = [_libraries(out / machine / revision.name) for machine in machines]
        if all(one is not None for one in libraries):
            folder = out / "macos" / revision.name
            folder.mkdir(parents=True, exist_ok=True)
            macos.frameworks([one for one in libraries if one is not None], revision.name, folder)


def _libraries(folder: Path) -> Mapping[Side, Path] | None:
    files = {side: folder / macos.FILES[side] for side in SIDES}
    return files if all(file.is_file() for file in files.values()) else None


def main() -> int:
    """Build; 1 when something could not be."""
    out, *names = sys.argv[1:]
    revisions = [by_name(name) for name in names] or REVISIONS
    failures = build_all(Path(out).resolve(), revisions)
    for failure in failures:
        print(f"ctp2: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
