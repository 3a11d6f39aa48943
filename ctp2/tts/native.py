"""What the compiler is told about a class; without the compiler it says nothing.

``@mypyc_attr(acyclic=True)``: objects of the class are never part of a reference cycle, so in the compiled package the
interpreter's collector does not track them (docs/decisions/0080-memory.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr
else:

    def mypyc_attr(**_):
        """Leave the class as it is."""
        return lambda cls: cls
