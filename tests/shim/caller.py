"""A program over a native library, made of ctypes: it knows slots and bytes, as a C++ program's compiled code does."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from ctp2.core.backend import Kind
from ctp2.ctp import layout, schema, structs

TIMEOUT: Final = 30.0
INFO_SIZE: Final = 88
CLASSES: Final[dict[Kind, tuple[str, str, str]]] = {
    "trader": ("CThostFtdcTraderApi", "CThostFtdcTraderSpi", "CreateFtdcTraderApi"),
    "md": ("CThostFtdcMdApi", "CThostFtdcMdSpi", "CreateFtdcMdApi"),
}
_C_TYPES: Final[dict[str, Any]] = {"int": ctypes.c_int, "bool": ctypes.c_bool, "void": None}


class Call(NamedTuple):
    """One call of the Spi; structs as their bytes, None for a null pointer."""

    name: str
    field: bytes | None
    info: bytes | None
    number: int
    is_last: bool
    thread: int

    @property
    def error_id(self) -> int:
        assert self.info is not None
        return int.from_bytes(self.info[:4], "little", signed=True)


def slots(version: str, class_name: str) -> list[dict[str, Any]]:
    """The methods of a class in vtable order."""
    return [method for method in schema.load(version)["classes"][class_name] if not method.get("static")]


def _pointer(c_type: str) -> Any:
    return _C_TYPES.get(c_type, ctypes.c_void_p)


class Spi:
    """An object with a vtable whose every slot records; ``hooks`` run inside the callback, on the library's thread."""

    def __init__(self, version: str, kind: Kind) -> None:
        self.version = version
        self.calls: SimpleQueue[Call] = SimpleQueue()
        self.hooks: dict[str, Callable[[Call], object]] = {}
        self.sizes = schema.load(version)["sizes"]
        methods = slots(version, CLASSES[kind][1])
        self._keep = [self._slot(method) for method in methods]
        self._table = (ctypes.c_void_p * len(methods))(*(ctypes.cast(keep, ctypes.c_void_p) for keep in self._keep))
        self._object = (ctypes.c_void_p * 1)(ctypes.addressof(self._table))
        self.address = ctypes.addressof(self._object)

    def _slot(self, method: dict[str, Any]) -> Any:
        types = [argument[1] for argument in method["args"]]

        def called(_this: int, *values: Any) -> None:
            field = info = None
            number, is_last = 0, False
            for at, (c_type, value) in enumerate(zip(types, values, strict=True)):
                if c_type == "int":
                    number = value
                elif c_type == "bool":
                    is_last = value
                elif c_type == "CThostFtdcRspInfoField*" and (at == 1 or len(types) == 3):
                    info = ctypes.string_at(value, INFO_SIZE) if value else None
                else:
                    assert value is None or value % 8 == 0, "a struct that is not aligned"
                    field = ctypes.string_at(value, self.sizes[c_type[:-1]]) if value else None
            call = Call(method["name"], field, info, number, is_last, threading.get_native_id())
            hook = self.hooks.get(call.name)
            if hook is not None:
                hook(call)
            self.calls.put(call)

        return ctypes.CFUNCTYPE(None, ctypes.c_void_p, *map(_pointer, types))(called)

    def next(self, name: str = "") -> Call:
        """The next call (of ``name``: those before it are forgotten)."""
        while True:
            call = self.calls.get(timeout=TIMEOUT)
            if not name or call.name == name:
                return call

    def struct(self, call: Call, name: str) -> Any:
        """The struct of a call, decoded."""
        assert call.field is not None
        return layout.codec(self.version).unpack(name, call.field)


class Api:
    """An object of a library."""

    def __init__(self, library: Path, version: str, kind: Kind, flow: str | None = "", *flags: bool) -> None:
        self.version, self.kind = version, kind
        api_class, _, factory = CLASSES[kind]
        self._library = ctypes.CDLL(str(library))
        statics = {m["name"]: m["args"] for m in schema.load(version)["classes"][api_class] if m.get("static")}
        arguments = statics[factory]
        name = f"_ZN{len(api_class)}{api_class}{len(factory)}{factory}EPKc{'b' * (len(arguments) - 1)}"
        create = getattr(self._library, name)
        create.restype = ctypes.c_void_p
        create.argtypes = [ctypes.c_char_p, *[ctypes.c_bool] * (len(arguments) - 1)]
        given = [*flags, *[False] * (len(arguments) - 1)][: len(arguments) - 1]
        self.address = create(None if flow is None else flow.encode(), *given)
        assert self.address
        self._slots = {method["name"]: (slot, method) for slot, method in enumerate(slots(version, api_class))}
        self._version = getattr(self._library, f"_ZN{len(api_class)}{api_class}13GetApiVersionEv")
        self._version.restype = ctypes.c_char_p

    def api_version(self) -> str:
        """What ``GetApiVersion`` says."""
        return str(self._version().decode())

    def has(self, name: str) -> bool:
        """Whether the revision has the method."""
        return name in self._slots

    def call(self, name: str, *values: Any) -> Any:
        """Call a method through the vtable; structs are addresses or None."""
        slot, method = self._slots[name]
        types = [argument[1] for argument in method["args"]]
        returns = ctypes.c_char_p if method["returns"] == "const char*" else _C_TYPES[method["returns"]]
        arguments = [
            ctypes.c_int
            if c_type == "THOST_TE_RESUME_TYPE"
            else ctypes.c_char_p
            if c_type == "char*"
            else _pointer(c_type)
            for c_type in types
        ]
        table = ctypes.cast(ctypes.c_void_p.from_address(self.address).value or 0, ctypes.POINTER(ctypes.c_void_p))
        return ctypes.CFUNCTYPE(returns, ctypes.c_void_p, *arguments)(table[slot] or 0)(self.address, *values)

    def request(self, name: str, request_id: int = 0, data: bytes | None = None, **members: Any) -> int:
        """Call a request with a struct of ``members``, or of these bytes."""
        struct = self._slots[name][1]["args"][0][1][:-1]
        codec = layout.codec(self.version)
        content = codec.pack(getattr(structs, struct)(**members)) if data is None else data
        buffer = ctypes.create_string_buffer(content, len(content))
        arguments = (ctypes.addressof(buffer),) + ((request_id,) if len(self._slots[name][1]["args"]) == 2 else ())
        return int(self.call(name, *arguments))

    def names(self, name: str, codes: list[bytes | None], count: int | None = None) -> int:
        """Call a subscription."""
        table = (ctypes.c_char_p * len(codes))(*codes)
        return int(self.call(name, ctypes.addressof(table), len(codes) if count is None else count))
