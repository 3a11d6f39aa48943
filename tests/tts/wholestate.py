"""Everything that a state holds, as plain values that two states can be compared by: no attribute is left out.

Objects are named by where they are first met, so that two states are equal only when the same things refer to the same
things. What follows from market data or is a cache is not compared (``_NOT_COMPARED``), an instrument is its codes.
"""

from __future__ import annotations

from typing import Any

from ctp2.tts.account import Purse
from ctp2.tts.commands import Common
from ctp2.tts.contract import Contract
from ctp2.tts.kept import Told, Trades
from ctp2.tts.state import State

_NOT_COMPARED = {"opener", "rates_of", "contracts", "by_key", "by_code", "options_on", "exchanges"}
_OF_CONTRACT = ("exchange", "code", "index", "last", "holders", "conditions")


def everything(state: State) -> list[str]:
    """One line per attribute of everything that can be reached from the state."""
    walk = _Walk()
    for name in sorted(vars(state) if hasattr(state, "__dict__") else _attributes(state)):
        if name not in _NOT_COMPARED:
            walk.visit(name, getattr(state, name))
    for contract in sorted(state.contracts, key=lambda one: (one.exchange, one.code)):
        for name in _OF_CONTRACT:
            walk.visit(f"{contract.exchange}.{contract.code}.{name}", getattr(contract, name))
    return walk.lines


def _attributes(thing: Any) -> list[str]:
    found: list[str] = []
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        found += [slots] if isinstance(slots, str) else list(slots)
        found += [name for name in getattr(kind, "__mypyc_attrs__", ()) if not name.startswith("__")]
    return list(dict.fromkeys(found))


class _Walk:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._met: dict[int, str] = {}
        self._kept: list[Any] = []

    def visit(self, path: str, thing: Any) -> None:
        if thing is None or isinstance(thing, bool | int | float | str | bytes):
            self.lines.append(f"{path} = {thing!r}")
            return
        if isinstance(thing, Contract):
            self.lines.append(f"{path} = contract {thing.exchange} {thing.code}")
            return
        if isinstance(thing, Common):
            # Shared or not is a matter of memory, not of state.
            self.lines.append(f"{path} = {[getattr(thing, name) for name in sorted(_attributes(thing))]}")
            return
        if isinstance(thing, Told | Trades):
            self.lines.append(f"{path} = {_shown(thing)}")
            return
        if callable(thing):
            return
        if isinstance(thing, tuple) and all(one is None or isinstance(one, bool | int | float | str) for one in thing):
            self.lines.append(f"{path} = {thing!r}")
            return
        known = self._met.get(id(thing))
        if known is not None:
            self.lines.append(f"{path} = {known}")
            return
        self._met[id(thing)] = path
        self._kept.append(thing)
        if isinstance(thing, dict):
            for key, value in thing.items():
                if not _is_empty(value):
                    name = key if not hasattr(key, "order_id") else f"order {key.order_id}"
                    self.visit(f"{path}[{name!r}]", value)
        elif isinstance(thing, list | tuple | set):
            for place, value in enumerate(sorted(thing) if isinstance(thing, set) else thing):
                self.visit(f"{path}[{place}]", value)
        elif hasattr(thing, "__dict__") and vars(thing):
            for name, value in vars(thing).items():
                self.visit(f"{path}.{name}", value)
        elif _attributes(thing):
            for name in sorted(_attributes(thing)):
                self.visit(f"{path}.{name}", getattr(thing, name))
        elif hasattr(thing, "tolist"):
            self.lines.append(f"{path} = {thing.tolist()}")
        else:
            raise TypeError(f"{path}: {type(thing).__name__} shows nothing")


def _is_empty(thing: Any) -> bool:
    """A purse, a margin group or a level that was only looked at."""
    if isinstance(thing, Purse):
        return not any(getattr(thing, name) for name in _attributes(thing) if name not in ("currency", "groups"))
    if type(thing).__name__ == "MarginGroup":
        return not any(getattr(thing, name) for name in _attributes(thing) if name != "larger_side")
    return False


def _shown(kept: Any) -> str:
    if isinstance(kept, Trades):
        return repr(list(kept))
    return repr([repr(kept.again(place)) for place in range(len(kept))])
