"""What the struct classes and their byte layouts cost, next to what else they could have been.

    python benchmarks/structs.py [--json]

Method: one thread, no randomness (the values below are fixed), each figure is the median of five runs of 20,000 calls
in microseconds, the loop's own cost taken off. Candidates stand side by side in one run, because the same machine
drifts by ten per cent and more between runs. Every function's result is checked before it is timed. Imports are timed
in fresh processes with compiled files present.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import dataclasses
import json
import statistics
import struct as struct_module
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from ctp2.ctp import layout, structs  # noqa: E402
from ctp2.ctp.base import build, parse  # noqa: E402
from ctp2.ctp.text import encode_cut  # noqa: E402

RUNS = 5
CALLS = 20_000

INPUT_ORDER = "CThostFtdcInputOrderField"
ORDER = "CThostFtdcOrderField"

# What a strategy sets before ReqOrderInsert: 19 fields.
REQUEST: dict[str, Any] = {
    "BrokerID": "9999",
    "InvestorID": "000001",
    "InstrumentID": "IF2101",
    "OrderRef": "           1",
    "UserID": "000001",
    "OrderPriceType": "2",
    "Direction": "0",
    "CombOffsetFlag": "0",
    "CombHedgeFlag": "1",
    "LimitPrice": 5200.2,
    "VolumeTotalOriginal": 3,
    "TimeCondition": "3",
    "VolumeCondition": "1",
    "MinVolume": 1,
    "ContingentCondition": "1",
    "ForceCloseReason": "0",
    "RequestID": 7,
    "ExchangeID": "CFFEX",
    "IsAutoSuspend": 0,
}
# What a counter adds for OnRtnOrder.
REPORT: dict[str, Any] = {
    **REQUEST,
    "OrderLocalID": "           1",
    "ParticipantID": "0001",
    "ClientID": "00010001",
    "ExchangeInstID": "IF2101",
    "TraderID": "trader1",
    "InstallID": 1,
    "OrderSubmitStatus": "3",
    "NotifySequence": 1,
    "TradingDay": "20210104",
    "SettlementID": 1,
    "OrderSysID": "       12345",
    "OrderSource": "0",
    "OrderStatus": "3",
    "OrderType": "0",
    "VolumeTotal": 3,
    "InsertDate": "20210104",
    "InsertTime": "09:30:00",
    "SequenceNo": 12,
    "FrontID": 1,
    "SessionID": -123456,
    "StatusMsg": "未成交",
    "CurrencyID": "CNY",
}

DEFAULTS: dict[str, Any] = {"i": 0, "h": 0, "d": 0.0}


# --- the candidates -------------------------------------------------------------------------------------------------


def fields_of(name: str) -> dict[str, str]:
    return dict(parse(structs.FIELDS[name]))


def defaults_of(name: str) -> dict[str, Any]:
    return {field: DEFAULTS.get(kind, "") for field, kind in fields_of(name).items()}


def make_msgspec(name: str) -> Any:
    return build(name, structs.FIELDS[name], __name__)


def make_msgspec_plain(name: str) -> Any:
    """As msgspec makes it, without the two lines of base.build that follow."""
    fields = [(field, type(value), value) for field, value in defaults_of(name).items()]
    return msgspec.defstruct(name, fields, gc=False)


def make_slots(name: str) -> Any:
    """A class with slots whose constructor takes every field as a keyword."""
    defaults = defaults_of(name)
    arguments = ", ".join(f"{field}={value!r}" for field, value in defaults.items())
    lines = [f"def __init__(self, {arguments}):", *(f"  self.{field} = {field}" for field in defaults)]
    space: dict[str, Any] = {"__slots__": tuple(defaults)}
    exec("\n".join(lines), space)
    return type(name, (), {key: value for key, value in space.items() if key != "__builtins__"})


def make_dataclass(name: str) -> Any:
    fields = [(field, type(value), dataclasses.field(default=value)) for field, value in defaults_of(name).items()]
    return dataclasses.make_dataclass(name, fields, slots=True)


def make_ctypes(name: str) -> Any:
    """A C structure: bytes instead of text, and a length limit of its own."""
    types: dict[str, Any] = {"i": ctypes.c_int32, "h": ctypes.c_int16, "d": ctypes.c_double, "c": ctypes.c_char}
    fields = [(field, types.get(kind) or ctypes.c_char * int(kind)) for field, kind in fields_of(name).items()]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


CANDIDATES: dict[str, Callable[[str], Any]] = {
    "ours": make_msgspec,
    "msgspec": make_msgspec_plain,
    "slots": make_slots,
    "dataclass": make_dataclass,
    "ctypes": make_ctypes,
}


def filler(values: dict[str, Any]) -> Callable[[Any], Any]:
    """A function that sets fields one by one, as users do."""
    space: dict[str, Any] = {}
    lines = ["def fill(cls):", "  s = cls()", *(f"  s.{field} = {value!r}" for field, value in values.items())]
    exec("\n".join([*lines, "  return s"]), space)
    made: Callable[[Any], Any] = space["fill"]
    return made


# --- the plain way of packing: the judge of the fast one, and its yardstick -----------------------------------------


def pack_plainly(codec: layout.Codec, struct: Any) -> bytes:
    name = type(struct).__name__
    data = bytearray(codec.size(name))
    for field in codec.fields(name):
        value = getattr(struct, field.name)
        if field.kind in ("char", "text"):
            piece = encode_cut(value, max(field.length - 1, 1))
        else:
            piece = struct_module.pack({"int": "<i", "short": "<h", "double": "<d"}[field.kind], value)
        data[field.offset : field.offset + len(piece)] = piece
    return bytes(data)


def unpack_plainly(codec: layout.Codec, name: str, data: bytes) -> Any:
    made = getattr(structs, name)()
    for field in codec.fields(name):
        piece = data[field.offset : field.offset + field.length]
        if field.kind in ("char", "text"):
            setattr(made, field.name, layout.decode_text(piece))
        else:
            code = {"int": "<i", "short": "<h", "double": "<d"}[field.kind]
            setattr(made, field.name, struct_module.unpack(code, piece)[0])
    return made


# --- measuring ------------------------------------------------------------------------------------------------------


def microseconds(function: Callable[..., object], *arguments: object) -> float:
    """The median cost of one call."""

    def loop(body: Callable[..., object]) -> float:
        timer = timeit.Timer("body(*arguments)", globals={"body": body, "arguments": arguments})
        return statistics.median(timer.repeat(RUNS, CALLS)) / CALLS * 1e6

    return round(max(loop(function) - loop(lambda *_: None), 0.0), 3)


def class_figures() -> dict[str, float]:
    figures = {}
    for kind, make in CANDIDATES.items():
        cls = make(INPUT_ORDER)
        values = {f: v.encode() if kind == "ctypes" and isinstance(v, str) else v for f, v in REQUEST.items()}
        fill = filler(values)
        filled = fill(cls)
        twin = copy.copy(filled)
        for made in (filled, twin, cls(**values)):
            assert all(getattr(made, field) == value for field, value in values.items()), kind
        figures[f"{kind}: create"] = microseconds(cls)
        figures[f"{kind}: create, set 19 fields"] = microseconds(fill, cls)
        figures[f"{kind}: create with 19 keywords"] = microseconds(lambda c=cls, v=values: c(**v))
        figures[f"{kind}: copy"] = microseconds(copy.copy, filled)
        begin = time.perf_counter()
        assert len([make(name) for name in structs.FIELDS]) == len(structs.FIELDS)
        figures[f"{kind}: make all classes, ms"] = round((time.perf_counter() - begin) * 1e3, 1)
    return figures


def layout_figures() -> dict[str, float]:
    codec = layout.codec(layout.NEWEST)
    request = getattr(structs, INPUT_ORDER)(**REQUEST)
    order = getattr(structs, ORDER)(**REPORT)
    data = codec.pack(order)
    assert data == pack_plainly(codec, order)
    assert codec.unpack(ORDER, data) == order == unpack_plainly(codec, ORDER, data)
    form = struct_module.Struct(layout._format(codec.fields(ORDER), codec.size(ORDER), text_ends=False))
    values = form.unpack(data)
    assert form.pack(*values) == data
    layout.check(request)
    numbers = iter(range(10**9))
    texts = ("OrderRef", "OrderLocalID", "OrderSysID", "InsertTime")

    def changing() -> bytes:
        for field in texts:
            setattr(order, field, f"{next(numbers):>8}")
        return codec.pack(order)

    different = [changing() for _ in range(10_000)]
    turn = iter(different * (CALLS * RUNS * 2 // len(different)))
    figures = {
        "check InputOrder": microseconds(layout.check, request),
        "pack InputOrder": microseconds(codec.pack, request),
        "pack Order": microseconds(codec.pack, order),
        "pack Order, four texts new each time": microseconds(changing),
        "pack Order, loop over fields": microseconds(pack_plainly, codec, order),
        "pack Order, struct.pack alone": microseconds(form.pack, *values),
        "unpack Order": microseconds(codec.unpack, ORDER, data),
        "unpack Order, four texts new each time": microseconds(lambda: codec.unpack(ORDER, next(turn))),
        "unpack Order, loop over fields": microseconds(unpack_plainly, codec, ORDER, data),
        "unpack Order, struct.unpack alone": microseconds(form.unpack, data),
    }
    order.StatusMsg = order.StatusMsg * 2
    assert codec.unpack(ORDER, codec.pack(order)).StatusMsg == "未成交未成交"
    return figures


IMPORTS = {
    "import msgspec, ms": "import msgspec",
    "import structs after msgspec, ms": "import ctp2.ctp.structs",
    "import the interface after msgspec, ms": (
        "import ctp2.ctp.structs, ctp2.ctp.enums, ctp2.ctp.methods, ctp2.ctp.spi, ctp2.ctp.api, ctp2.ctp.errors"
    ),
    "first InputOrder class, ms": "from ctp2.ctp.structs import CThostFtdcInputOrderField",
}


def import_figures() -> dict[str, float]:
    figures = {}
    for label, statement in IMPORTS.items():
        before = "pass" if "msgspec, ms" in label and "after" not in label else "import msgspec, threading"
        before += "; import ctp2.ctp.structs" if "first" in label else ""
        script = f"import time; {before}; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        times = []
        for _ in range(RUNS + 1):  # the first one compiles
            command = [sys.executable, "-X", "utf8", "-c", script]
            environment = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bench")}
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            times.append(float(done.stdout))
        figures[label] = round(statistics.median(times[1:]) * 1e3, 2)
    return figures


def measure() -> dict[str, float]:
    """All figures: microseconds per call, or milliseconds where the name says so."""
    return {**class_figures(), **layout_figures(), **import_figures()}


def main() -> None:
    parser = argparse.ArgumentParser(description="cost of the struct classes and their byte layouts")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    print(f"Python {sys.version.split()[0]}, msgspec {msgspec.__version__}; µs per call, median of {RUNS} × {CALLS:,}")
    for label, figure in figures.items():
        print(f"{figure:10.3f}  {label}")


if __name__ == "__main__":
    main()
