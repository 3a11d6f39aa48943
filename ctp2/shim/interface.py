"""The classes of a revision as C++ sees them: methods by vtable slot, their arguments and shapes."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from ctp2.ctp import schema
from ctp2.shim.revisions import Revision

Side = Literal["trader", "md"]
SIDES: Final[tuple[Side, Side]] = ("trader", "md")
LIBRARIES: Final[dict[Side, str]] = {"trader": "thosttraderapi_se", "md": "thostmduserapi_se"}
"""The libraries' names without prefix and suffix."""

CLASSES: Final[dict[Side, tuple[str, str]]] = {
    "trader": ("CThostFtdcTraderApi", "CThostFtdcTraderSpi"),
    "md": ("CThostFtdcMdApi", "CThostFtdcMdSpi"),
}
_INFO: Final = "CThostFtdcRspInfoField*"

_SHAPES: Final = {
    (): "PLAIN",
    ("int",): "NUMBER",
    ("field",): "RETURN",
    ("field", "info"): "REFUSAL",
    ("info", "int", "bool"): "ERROR",
    ("field", "info", "int", "bool"): "RESPONSE",
}


class Slot(NamedTuple):
    """A method that is not static, with its place in the vtable."""

    slot: int
    name: str
    returns: str
    args: tuple[tuple[str, str], ...]
    """Name and C type of each argument."""
    defaults: tuple[str, ...] = ()
    """What C++ takes for the last of the arguments when a call leaves them out; none for those before."""

    @property
    def types(self) -> tuple[str, ...]:
        """The arguments' C types."""
        return tuple(c_type for _, c_type in self.args)


def slots(revision: Revision, class_name: str) -> list[Slot]:
    """The methods of a class in vtable order."""
    virtual = [method for method in schema.load(revision.name)["classes"][class_name] if not method.get("static")]
    return [
        Slot(
            slot,
            method["name"],
            method["returns"],
            tuple((arg[0], arg[1]) for arg in method["args"]),
            tuple(arg[2] for arg in method["args"] if len(arg) > 2),
        )
        for slot, method in enumerate(virtual)
    ]


def factory_arguments(revision: Revision, side: Side) -> list[tuple[str, str]]:
    """Name and C type of each argument of the side's factory."""
    return [(arg[0], arg[1]) for arg in statics(revision, side)[0]["args"]]


def statics(revision: Revision, side: Side) -> list[dict[str, Any]]:
    """The factory and ``GetApiVersion``."""
    declared = schema.load(revision.name)["classes"][CLASSES[side][0]]
    found: list[dict[str, Any]] = [method for method in declared if method.get("static")]
    if [method["name"][:10] for method in found] != ["CreateFtdc", "GetApiVers"]:
        raise ValueError(f"{revision.name}: the static methods are {[method['name'] for method in found]}")
    return found


def struct_of(c_type: str) -> str:
    """The struct that an argument points to; empty for any other argument."""
    return c_type[:-1] if c_type.endswith("Field*") else ""


def shape_of(method: Slot) -> tuple[str, str]:
    """The shape of a callback, and its struct (empty: none).

    Raises:
        ValueError: a shape that the runtime does not know.
    """
    kinds = tuple(
        "info" if c_type == _INFO and (at == 1 or len(method.args) == 3) else "field" if struct_of(c_type) else c_type
        for at, c_type in enumerate(method.types)
    )
    if kinds not in _SHAPES:
        raise ValueError(f"callback {method.name}({', '.join(method.types)}) has a shape that the runtime cannot call")
    return _SHAPES[kinds], struct_of(method.types[0]) if kinds[:1] == ("field",) else ""


def argument(name: str, c_type: str) -> str:
    """An argument as it is declared."""
    if c_type.endswith("[]"):
        return f"{c_type[:-2]} {name}[]"
    if c_type.endswith("*"):
        return f"{c_type[:-1]} *{name}"
    return f"{c_type} {name}"


def declared(method: Slot) -> str:
    """A method as it is declared, without ``virtual`` and what follows its arguments."""
    plain = len(method.args) - len(method.defaults)
    values = ("",) * plain + tuple(f" = {value}" for value in method.defaults)
    given = (argument(*arg) + value for arg, value in zip(method.args, values, strict=True))
    return f"{method.returns} {method.name}({', '.join(given)})"


def resume_enum(revision: Revision) -> str:
    """``THOST_TE_RESUME_TYPE`` as the revision has it."""
    values = ", ".join(f"{name} = {value}" for name, value in schema.load(revision.name)["resume"].items())
    return f"enum THOST_TE_RESUME_TYPE {{ {values} }};"
