"""Records that repeat another one but for some members, as bytes: only those members are packed.

The reports of an order differ in a third of their members, and those of all orders of one kind too. Their bytes are
then put together of pieces of the bytes they share and of the members that differ, in one call of ``struct.pack``.
"""

from __future__ import annotations

import struct as struct_module
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from ctp2.ctp.layout import Codec, Field, table

_CODE: Final = {"int": "i", "short": "h", "double": "d"}

Pieces = tuple[bytes, ...]


class Patcher:
    """One struct of one version behind a head of fixed form; ``names`` of its members differ.

    ``pack(*head, pieces, values)`` gives the bytes, padded to ``size``. ``values`` stand in the order of ``names``;
    what the version lacks is left out. It raises ``struct.error``, ``OverflowError`` or ``UnicodeEncodeError`` for a
    value that needs more care than that (:meth:`ctp2.ctp.layout.Codec.pack` takes it): a number out of range, or a text
    of ``own`` that is not ASCII. ``own`` are texts that hardly two records share: they do not go through a table.
    """

    __slots__ = ("_cuts", "pack")

    def __init__(
        self, codec: Codec, name: str, head: str, size: int, names: Sequence[str], own: Collection[str] = ()
    ) -> None:
        fields = [field for field in codec.fields(name) if field.name in names]
        head_items = [f"h{place}" for place in range(len(struct_module.unpack(f"<{head}", bytes(_size(head)))))]
        form, items = f"<{head}", list(head_items)
        self._cuts: list[slice] = []
        tables: dict[str, Any] = {}
        end = 0
        for field in [*fields, Field("", "text", size, 0)]:
            if field.offset > end:
                form += f"{field.offset - end}s"
                items.append(f"p{len(self._cuts)}")
                self._cuts.append(slice(end, field.offset))
            end = field.offset + field.length
            if field.name:
                form += _CODE.get(field.kind) or (f"{field.length - 1}sx" if field.kind == "text" else "1s")
                items.append(_expression(field, names.index(field.name), field.name in own, tables))
        pieces = "".join(f"p{place}, " for place in range(len(self._cuts)))
        values = "".join(f"v{place}, " for place in range(len(names)))
        source = [
            f"def pack({', '.join(head_items)}, pieces, values):",
            f"  {pieces} = pieces",
            f"  {values} = values",
            f"  return form({', '.join(items)})",
        ]
        scope = {"form": struct_module.Struct(form).pack, **tables}
        exec(compile("\n".join(source), f"<ctp2.ctp.patching {name}>", "exec"), scope)
        self.pack: Callable[..., bytes] = scope["pack"]

    def pieces(self, data: bytes) -> Pieces:
        """What stays of ``data``, the padded bytes of a record."""
        return tuple(data[cut] for cut in self._cuts)


def _size(form: str) -> int:
    return struct_module.calcsize(f"<{form}")


def _expression(field: Field, place: int, is_own: bool, tables: dict[str, Any]) -> str:
    if field.kind in _CODE:
        return f"v{place}"
    if is_own:
        return f"v{place}.encode('ascii')"
    limit = 1 if field.kind == "char" else field.length - 1
    tables[f"t{limit}"] = table(limit)
    return f"t{limit}[v{place}]"
