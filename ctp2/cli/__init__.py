"""The command line: verbs that compose the other packages, nothing else.

Exit codes: 0 done · 1 the work failed (a check, an order, a script's own failure) · 2 wrong use · 3 a file, a front or
a package was not found or not reachable · 130 interrupted. Errors are one line on standard error.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The entry point of the ``ctp2`` command."""
    # A terminal that cannot show a character shows a substitute; it never ends the program.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.argv[1:] in (["version"], ["--version"]):
        # Asked by scripts and editors: answered without loading the rest.
        from ctp2.cli.version import version_line

        print(version_line())
        return
    if sys.argv[1:3] == ["serve", "--private"] and len(sys.argv) == 4:
        # Run by native programs whenever they connect.
        from ctp2.cli.private import main as private

        sys.exit(private(sys.argv[3]))
    from ctp2.cli.app import run

    sys.exit(run(sys.argv[1:]))
