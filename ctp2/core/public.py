"""The names that ``tdapi`` and ``mdapi`` share: constants and structs, fetched when they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ctp2.ctp import structs


def names(namespace: dict[str, Any], *own: type) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a face module that offers ``own`` classes, all structs and all constants.

    Everything fetched is kept in ``namespace``, so each name costs this detour once. ``__all__`` is made on demand: it
    has thousands of names, and only ``from … import *`` wants it.
    """

    def constants() -> dict[str, Any]:
        from ctp2.ctp import enums

        return {name: value for name, value in vars(enums).items() if name.startswith("THOST_")}

    def listed() -> list[str]:
        return sorted([*(cls.__name__ for cls in own), *structs.FIELDS, *constants()])

    def fetch(name: str) -> Any:
        if name == "__all__":
            found: Any = listed()
        elif name in structs.FIELDS:
            found = getattr(structs, name)
        elif name.startswith("THOST_"):
            namespace.update(constants())
            found = namespace.get(name)
        else:
            found = None
        if found is None:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        namespace[name] = found
        return found

    def listing() -> list[str]:
        return sorted({*namespace, *listed()})

    return fetch, listing
