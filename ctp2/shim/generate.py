"""A revision's C++ source, from its schema: what a native library consists of besides ``runtime/`` (spec native 5).

One file per side: the structs by name alone, the two classes with their methods in vtable order, the object behind the
Api, and the tables from which the runtime knows sizes and shapes. :mod:`ctp2.shim.header` writes the full header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ctp2 import __version__
from ctp2.ctp import layout, methods, schema
from ctp2.front.dialect import checksum
from ctp2.front.wire import NUMBER_OF_SIDE
from ctp2.shim.header import header, write_headers
from ctp2.shim.interface import (
    CLASSES,
    LIBRARIES,
    SIDES,
    Side,
    Slot,
    argument,
    declared,
    factory_arguments,
    resume_enum,
    shape_of,
    slots,
    statics,
    struct_of,
)
from ctp2.shim.revisions import Revision, by_name

__all__ = ["LIBRARIES", "RUNTIME", "SIDES", "Side", "header", "source", "source_name", "write", "write_headers"]

RUNTIME: Final = Path(__file__).parent / "runtime"
"""The part that is written by hand; every ``.cpp`` in it belongs to every library of its system."""

_METHODS: Final = {"trader": methods.TRADER, "md": methods.MD}
_FRONT_INFO: Final = "CThostFtdcFrontInfoField"
_MOST_STRUCT: Final = 8192
"""Bytes that the runtime has for the struct of one request (``MOST_STRUCT`` in requests.cpp)."""
_WARNS_FROM: Final = (6, 6, 7)
"""The first revision that warns of a missing heartbeat (spec ctp-semantics 1.5)."""

_FACTORY_FLAGS: Final = {"bIsUsingUdp": 1, "bIsMulticast": 2, "bIsProductionMode": 4}
"""Arguments of the factories, as hello carries them."""

_LOCAL: Final = {
    "Release": "client_release(*client);",
    "Init": "client_init(*client);",
    "Join": "return client_join(*client);",
    "GetTradingDay": "return client_trading_day(*client);",
    "GetFrontInfo": "client_front_info(*client, {0});",
    "RegisterFront": "client_register_front(*client, {0});",
    "RegisterNameServer": "client_register_name_server(*client, {0});",
    "RegisterFensUserInfo": "",
    "RegisterSpi": "client_register_spi(*client, {0});",
    "SubscribePrivateTopic": "client_subscribe_topic(*client, PRIVATE_TOPIC, {0}, {1});",
    "SubscribePublicTopic": "client_subscribe_topic(*client, PUBLIC_TOPIC, {0}, 1);",
    "RegisterUserSystemInfo": "return 0;",
    "SubmitUserSystemInfo": "return 0;",
    "RegisterWechatUserSystemInfo": "return 0;",
    "SubmitWechatUserSystemInfo": "return 0;",
}
"""What needs no front: the body of each; ``{n}`` is argument n. The terminal's data is taken and not used."""

# --- tables ----------------------------------------------------------------------------------------------------------


def _callback_rows(revision: Revision, spi: Iterable[Slot]) -> Iterator[str]:
    sizes = schema.load(revision.name)["sizes"]
    for method in spi:
        shape, struct = shape_of(method)
        yield f"    {{Shape::{shape}, {sizes[struct] if struct else 0}}},  // {method.slot} {method.name}"


def _is_names(method: Slot) -> bool:
    return method.types == ("char*[]", "int")


def _is_request(method: Slot) -> bool:
    return len(method.args) == 2 and bool(struct_of(method.types[0])) and method.types[1] == "int"


def _request_rows(revision: Revision, side: Side, api: Iterable[Slot], places: dict[str, int]) -> Iterator[str]:
    for method in api:
        yield f"    {{{_request_row(revision, side, method, places)}}},  // {method.slot} {method.name}"


def _request_row(revision: Revision, side: Side, method: Slot, places: dict[str, int]) -> str:
    if method.name in _LOCAL:
        return "Ask::LOCAL, 0, 0, NO_SLOT, -1, -1"
    known = _METHODS[side].get(method.name)
    answer = places.get(known.response) if known else None
    answer_text = "NO_SLOT" if answer is None else str(answer)
    if _is_names(method):
        return f"Ask::NAMES, 0, 0, {answer_text}, -1, -1"
    struct = struct_of(method.types[0])
    size = schema.load(revision.name)["sizes"][struct]
    if size > _MOST_STRUCT:
        raise ValueError(f"{struct} has {size} bytes: more than the runtime takes")
    numbered = _member(revision, struct, "SessionReqSeq")
    sequence_at = numbered.offset if numbered else -1
    if known is not None and known.response == "OnRspUserLogin":
        user = _member(revision, struct, "UserID")
        if user is None:
            raise ValueError(f"{struct} of {revision.name} names no user")
        return f"Ask::LOGIN, {user.length}, {size}, {answer_text}, {user.offset}, {sequence_at}"
    is_query = known is not None and known.is_query and answer is not None
    return f"Ask::{'QUERY' if is_query else 'PLAIN'}, 0, {size}, {answer_text}, -1, {sequence_at}"


def _member(revision: Revision, struct: str, name: str) -> layout.Field | None:
    """Where a member lies; None when the struct has none of that name."""
    return next((field for field in layout.codec(revision.name).fields(struct) if field.name == name), None)


def _front_info(revision: Revision) -> str:
    sizes = schema.load(revision.name)["sizes"]
    if _FRONT_INFO not in sizes:
        return "0, 0, 0, 0, 0"
    places = {field.name: field for field in layout.codec(revision.name).fields(_FRONT_INFO)}
    address = places["FrontAddr"]
    others = f"{places['QryFreq'].offset}, {places['FTDPkgFreq'].offset}"
    return f"{address.offset}, {address.length}, {others}, {sizes[_FRONT_INFO]}"


def _face(revision: Revision, side: Side, places: dict[str, int]) -> Iterator[str]:
    first = layout.codec(revision.name).fields("CThostFtdcRspUserLoginField")[0]
    if (first.name, first.offset, first.length) != ("TradingDay", 0, 9):
        raise ValueError(f"{revision.name}: the answer to a login does not begin with the trading day")
    numbers = tuple(int(part) for part in revision.name.partition("_")[0].split("."))
    warns = side == "trader" and numbers >= _WARNS_FROM
    known = [
        str(places.get(name, "NO_SLOT"))
        for name in ("OnHeartBeatWarning", "OnRspUserLogin", "OnRspError", "OnRtnPrivateSeqNo")
    ]
    if revision.macos_api_version != revision.api_version:
        yield "#if defined(__APPLE__)"
        yield f'#define API_VERSION "{revision.macos_api_version}"'
        yield "#else"
        yield f'#define API_VERSION "{revision.api_version}"'
        yield "#endif"
    else:
        yield f'#define API_VERSION "{revision.api_version}"'
    yield "const Face FACE = {"
    yield f'    "{revision.name}", API_VERSION, "ctp2 {__version__}",'
    yield f"    0x{checksum(revision.name, side):016x}u,"
    yield f"    {NUMBER_OF_SIDE[side]}, {str(warns).lower()},"
    yield "    sizeof REQUESTS / sizeof REQUESTS[0], sizeof CALLBACKS / sizeof CALLBACKS[0],"
    yield "    REQUESTS, CALLBACKS, NAMES,"
    yield f"    {', '.join(known)},"
    yield f"    {_front_info(revision)},"
    yield "};"


# --- classes ---------------------------------------------------------------------------------------------------------


def _interface(name: str, methods_: Iterable[Slot], statics: Iterable[str] = ()) -> Iterator[str]:
    yield f"class {name} {{"
    yield "  public:"
    for static in statics:
        yield f"    {static};"
    for method in methods_:
        yield f"    virtual {declared(method)} = 0;"
    # No virtual destructor: it would add slots.
    yield ""
    yield "  protected:"
    yield f"    ~{name}() {{}}"
    yield "};"


def _body(method: Slot) -> str:
    """What the object behind the Api does in a method.

    Raises:
        ValueError: a method that is neither local nor a request.
    """
    names = [name for name, _ in method.args]
    if method.name in _LOCAL:
        return _LOCAL[method.name].format(*names, "1")
    if _is_names(method):
        return f"return client_post_names(*client, {method.slot}, {names[0]}, {names[1]});"
    if _is_request(method):
        return f"return client_post(*client, {method.slot}, {names[0]}, {names[1]});"
    raise ValueError(f"{method.name}({', '.join(method.types)}) is neither a local method nor a request")


def _implementation(api_class: str, api: Iterable[Slot]) -> Iterator[str]:
    yield f"class Impl final : public {api_class} {{"
    yield "  public:"
    yield "    explicit Impl(Client* made) : client(made) {}"
    for method in api:
        body = _body(method)
        used = [argument(name, c_type) if name in body else c_type for name, c_type in method.args]
        yield f"    {method.returns} {method.name}({', '.join(used)}) override {{ {body} }}".replace("{  }", "{}")
    yield ""
    yield "  private:"
    yield "    Client* client;"
    yield "};"


def _factory(revision: Revision, side: Side) -> Iterator[str]:
    api_class = CLASSES[side][0]
    create, _ = statics(revision, side)
    arguments = factory_arguments(revision, side)
    flags = [f"({name} ? {_FACTORY_FLAGS[name]}u : 0u)" for name, _ in arguments[1:]]
    yield f"{api_class} *{api_class}::{create['name']}({', '.join(argument(*arg) for arg in arguments)}) {{"
    yield f"    Client* client = client_create(FACE, sizeof(Impl), {arguments[0][0]}, {' | '.join(flags) or '0u'});"
    yield "    return client ? new (client->api, Here{}) Impl(client) : nullptr;"
    yield "}"
    yield ""
    yield f"const char *{api_class}::GetApiVersion() {{ return FACE.api_version; }}"


def _static_declarations(revision: Revision, side: Side) -> list[str]:
    api_class = CLASSES[side][0]
    create = statics(revision, side)[0]["name"]
    arguments = ", ".join(argument(*arg) for arg in factory_arguments(revision, side))
    return [
        f"CTP2_EXPORT static {api_class} *{create}({arguments})",
        "CTP2_EXPORT static const char *GetApiVersion()",
    ]


def source(revision: Revision | str, side: Side) -> str:
    """The C++ source of one library, to be compiled with the files of ``runtime``.

    Raises:
        ValueError: no such revision, or its schema has a method that the runtime cannot serve.
    """
    revision = by_name(revision)
    api_class, spi_class = CLASSES[side]
    api, spi = slots(revision, api_class), slots(revision, spi_class)
    places = {method.name: method.slot for method in spi}
    if [method.name for method in spi[:2]] != ["OnFrontConnected", "OnFrontDisconnected"]:
        raise ValueError(f"{revision.name}: {spi_class} does not begin with OnFrontConnected and OnFrontDisconnected")
    structs = sorted({struct_of(c_type) for method in (*api, *spi) for c_type in method.types} - {""})
    lines = [
        f"// {LIBRARIES[side]} of CTP {revision.name}: generated from ctp2/ctp/schema, do not edit.",
        '#include "client.h"',
        "",
        *(f"struct {name};" for name in structs),
        resume_enum(revision),
        f"class {spi_class};",
        "",
        *_interface(api_class, api, _static_declarations(revision, side)),
        "",
        "using namespace ctp2;",
        "",
        "namespace {",
        "",
        "const RequestRow REQUESTS[] = {",
        *_request_rows(revision, side, api, places),
        "};",
        "",
        "const CallbackRow CALLBACKS[] = {",
        *_callback_rows(revision, spi),
        "};",
        "",
        "const char NAMES[] =",
        *(f'    "{method.name}\\0"' for method in spi),
        "    ;",
        "",
        *_face(revision, side, places),
        "",
        *_implementation(api_class, api),
        "",
        "}  // namespace",
        "",
        *_factory(revision, side),
    ]
    return "\n".join(lines) + "\n"


def source_name(side: Side) -> str:
    """The file that :func:`write` makes."""
    return f"{LIBRARIES[side]}.cpp"


def write(revision: Revision | str, side: Side, folder: Path) -> Path:
    """Write the source of one library into ``folder``."""
    path = folder / source_name(side)
    path.write_text(source(revision, side), encoding="utf-8")
    return path
