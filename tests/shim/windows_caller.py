"""A program for Windows that uses a built library by numbers alone (windows_caller.cpp), compiled here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ctp2.ctp import layout, schema
from ctp2.shim import names, windows
from ctp2.shim.compilers import Tools, run
from ctp2.shim.names import Side
from ctp2.shim.windows import Machine

SOURCE: Final = Path(__file__).with_name("windows_caller.cpp")
FUNCTIONS: Final = {
    "LoadLibraryA": 1,
    "GetProcAddress": 2,
    "GetEnvironmentVariableA": 3,
    "GetStdHandle": 1,
    "WriteFile": 5,
    "CreateEventA": 4,
    "SetEvent": 1,
    "WaitForSingleObject": 2,
    "ExitProcess": 1,
    "GetCurrentProcess": 0,
    "GetProcessHandleCount": 2,
}
"""What it calls of KERNEL32 → how many arguments, each of four bytes on x86."""

CONFIRMATION: Final = {"BrokerID": "9999", "InvestorID": "alice"}
LOGIN: Final = {"BrokerID": "9999", "UserID": "alice", "Password": "secret"}
ORDER: Final = {
    "BrokerID": "9999",
    "InvestorID": "alice",
    "UserID": "alice",
    "InstrumentID": "TEST",
    "OrderRef": "7",
    "OrderPriceType": "2",
    "Direction": "0",
    "CombOffsetFlag": "0",
    "CombHedgeFlag": "1",
    "LimitPrice": 90.0,
    "VolumeTotalOriginal": 1,
    "TimeCondition": "3",
    "VolumeCondition": "1",
    "MinVolume": 1,
    "ContingentCondition": "1",
    "ForceCloseReason": "0",
}
"""Buy one below the market: it rests."""

_SLOTS: Final = {
    "RELEASE": "Release",
    "INIT": "Init",
    "TRADING_DAY": "GetTradingDay",
    "REGISTER_FRONT": "RegisterFront",
    "REGISTER_SPI": "RegisterSpi",
    "LOGIN": "ReqUserLogin",
}
_SLOTS_OF: Final = {
    "trader": {
        "CONFIRM": "ReqSettlementInfoConfirm",
        "ORDER": "ReqOrderInsert",
        "PRIVATE_TOPIC": "SubscribePrivateTopic",
    },
    "md": {"SUBSCRIBE": "SubscribeMarketData"},
}
_HANDLED: Final = {
    "OnFrontConnected": "on_connected",
    "OnFrontDisconnected": "on_disconnected",
    "OnRspUserLogin": "on_login",
    "OnRspError": "on_error",
    "OnRspSettlementInfoConfirm": "on_confirmed",
    "OnRspOrderInsert": "on_order_refused",
    "OnRtnOrder": "on_order",
    "OnRtnDepthMarketData": "on_tick",
}
_READ: Final = {
    "trader": {
        "AT_TRADING_DAY": ("CThostFtdcRspUserLoginField", "TradingDay"),
        "AT_ORDER_STATUS": ("CThostFtdcOrderField", "OrderStatus"),
        "AT_ORDER_REF": ("CThostFtdcOrderField", "OrderRef"),
        "AT_LIMIT_PRICE": ("CThostFtdcOrderField", "LimitPrice"),
    },
    "md": {
        "AT_TRADING_DAY": ("CThostFtdcRspUserLoginField", "TradingDay"),
        "AT_INSTRUMENT": ("CThostFtdcDepthMarketDataField", "InstrumentID"),
        "AT_LAST_PRICE": ("CThostFtdcDepthMarketDataField", "LastPrice"),
    },
}


def build(machine: Machine, tools: Tools, revision: str, side: Side, folder: Path) -> Path:
    """The program for one library; ``tools`` has to build for MSVC's interface."""
    (folder / "numbers.h").write_text("\n".join(numbers(machine, revision, side)) + "\n", encoding="ascii")
    return linked(machine, tools, SOURCE, folder)


def linked(machine: Machine, tools: Tools, source: Path, folder: Path, *libraries: Path) -> Path:
    """A program without a C runtime, of ``source`` and the headers in ``folder``."""
    made, program = folder / "program.o", folder / "program.exe"
    command = list(windows.compile_command(machine, tools, source, made))
    run([*command[:-4], "-I", str(folder), *command[-4:]], folder)
    functions = [f"{name}@{4 * count}" if machine.is_x86 else name for name, count in FUNCTIONS.items()]
    commands, imports = windows.import_libraries(
        machine, tools, {"kernel32": functions, "msvcrt": ("memcpy", "memset", "strlen")}, folder
    )
    link = (
        *windows.partner(tools, "lld-link"),
        *("/nodefaultlib", "/entry:start", "/subsystem:console", *machine.link, f"/out:{program}"),
    )
    for step in (*commands, [*link, *map(str, (made, *imports, *libraries))]):
        run(step, folder)
    return program


def numbers(machine: Machine, revision: str, side: Side) -> Iterator[str]:
    """The lines of ``numbers.h``."""
    facts = schema.load(revision)
    api, spi = (
        [one for one in facts["classes"][name] if not one.get("static")]
        for name in (names.CLASSES[side], names.CLASSES[side].replace("Api", "Spi"))
    )
    slots = {one["name"]: slot for slot, one in enumerate(api)}
    yield f"#define IS_TRADER {int(side == 'trader')}"
    for name, method in {**_SLOTS, **_SLOTS_OF[side]}.items():
        yield f"#define SLOT_{name} {slots[method]}"
    if side == "trader":
        # From 6.7.13 on a sequence number follows.
        more = len(api[slots["SubscribePrivateTopic"]]["args"]) - 1
        yield f"#define PRIVATE_TOPIC_MORE {', 0' * more}"
    factory, version = windows.exports(machine, revision, side)
    kinds = names.static_arguments(revision, side)[names.FACTORIES[side]]
    yield f'#define NAME_FACTORY "{factory}"'
    yield f'#define NAME_VERSION "{version}"'
    yield f"#define FACTORY_TYPES {', '.join(kinds)}"
    yield f"#define FACTORY_ARGUMENTS(flow) {', '.join(['flow', *['false'] * (len(kinds) - 1)])}"
    yield f"#define SIZE_LOGIN {facts['sizes']['CThostFtdcReqUserLoginField']}"
    yield f"#define SIZE_CONFIRM {facts['sizes']['CThostFtdcSettlementInfoConfirmField']}"
    yield f"#define SIZE_ORDER {facts['sizes']['CThostFtdcInputOrderField']}"
    for name, (struct, member) in _READ[side].items():
        yield f"#define {name} {_places(revision, struct)[member].offset}"
    yield from _filling(revision, "fill_login", "CThostFtdcReqUserLoginField", LOGIN)
    yield from _filling(revision, "fill_confirm", "CThostFtdcSettlementInfoConfirmField", CONFIRMATION)
    yield from _filling(revision, "fill_order", "CThostFtdcInputOrderField", ORDER)
    yield f"#define CALLBACKS {', '.join(f'(void*){_callback(one)}' for one in spi)}"


def _callback(method: Mapping[str, Any]) -> str:
    letters = {"int": "n", "bool": "b"}
    ignored = "ignore_" + "".join(letters.get(kind, "p") for _, kind, *_ in method["args"])
    return _HANDLED.get(method["name"], ignored)


def _filling(revision: str, name: str, struct: str, values: Mapping[str, object]) -> Iterator[str]:
    yield f"static inline void {name}(char* at) {{"
    places = _places(revision, struct)
    for member, value in values.items():
        offset = places[member].offset
        if isinstance(value, str):
            yield from (f"    at[{offset + place}] = '{one}';" for place, one in enumerate(value))
        else:
            kind = "double" if isinstance(value, float) else "int"
            yield f"    *reinterpret_cast<{kind}*>(at + {offset}) = {value};"
    yield "    (void)at;"
    yield "}"


def _places(revision: str, struct: str) -> dict[str, layout.Field]:
    return {field.name: field for field in layout.codec(revision).fields(struct)}
