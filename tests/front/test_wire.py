"""The frames: every method of every version there and back, any stream in any pieces, hostile bytes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.core.backend import Event, Kind, Request
from ctp2.core.errors import BadPacket
from ctp2.ctp import layout, methods, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import Dialect, checksum, dialect

KINDS: tuple[Kind, ...] = ("trader", "md")
VERSIONS = layout.versions()
SIDES = [(version, kind) for version in VERSIONS for kind in KINDS]
CALLBACKS = {"trader": methods.TRADER_CALLBACKS, "md": methods.MD_CALLBACKS}
METHODS = {"trader": methods.TRADER, "md": methods.MD}

VALUES: dict[str, list[Any]] = {
    "text": ["", "a", "rb2605", "涨停价", "x" * 200],
    "char": ["", "0", "~"],
    "piece": [b"", b"a", b"\xd5\xc7\xcd"],
    "int": [0, 1, -(2**31), 2**31 - 1],
    "short": [0, -1],
    "double": [0.0, -1.5, 1.7976931348623157e308],
}


def filled(here: Dialect, struct: str, seed: str) -> Any:
    """A struct of the version with some values; its codes fit."""
    choose = random.Random(seed).choice
    values = {}
    for field in here.codec.fields(struct):
        value = choose(VALUES[field.kind])
        if field.kind == "text":
            value = layout.decode_text(value.encode("gb18030")[: (field.length - 1) // 2 * 2 or 1])
            value = value.replace("\ufffd", "")
        values[field.name] = value
    return getattr(structs, struct)(**values)


def cut(data: bytes) -> wire.Frame:
    frames = wire.Cutter().feed(data)
    assert len(frames) == 1
    return frames[0]


def same(left: Event, right: Event) -> None:
    assert (left.callback, left.request_id, left.is_last, left.topic, left.sequence, left.info, left.struct()) == (
        *(right.callback, right.request_id, right.is_last, right.topic, right.sequence, right.info, right.struct()),
    )


# --- every method of every version -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "kind"), SIDES)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 10**6), number=st.integers(-(2**31), 2**31 - 1), link=st.integers(0, 2**31 - 1))
def test_every_request(version: str, kind: Kind, seed: int, number: int, link: int) -> None:
    here = dialect(version, kind)
    for name in here.requests:
        method = METHODS[kind][name]
        field = filled(here, method.struct, f"{name}{seed}") if method.struct else ("rb2605", "", "沪深", "IF2601")
        (data,) = here.encode_request(Request(method, field, number, 3), link)
        for is_gb18030 in (True, False):
            back = here.decode_request(cut(data), is_gb18030)
            assert back is not None
            assert back.method is method
            assert (back.request_id, back.connection) == (number, link)
            if is_gb18030:
                assert back.field == field, name


@pytest.mark.parametrize(("version", "kind"), SIDES)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 10**6), number=st.integers(-(2**31), 2**31 - 1), is_last=st.booleans())
def test_every_callback(version: str, kind: Kind, seed: int, number: int, is_last: bool) -> None:
    here = dialect(version, kind)
    for name in here.callbacks:
        callback = CALLBACKS[kind][name]
        field = filled(here, callback.struct, f"{name}{seed}") if callback.struct else None
        info = rsp_info(27)
        events = {
            "plain": [Event(name)],
            "number": [Event(name, request_id=number)],
            "rsp": [Event(name, field, info, number, is_last), Event(name, None, None, number, is_last)],
            "rtn": [Event(name, field), Event(name, field, topic="private", sequence=max(1, number))],
            "errrtn": [Event(name, field, info, topic="public", sequence=7)],
            "error": [Event(name, None, info, number, is_last)],
        }[callback.shape]
        for event in events:
            back = here.decode_event(cut(here.encode_event(event)))
            assert back is not None
            same(back, event)


def test_the_slots_are_vtable_positions() -> None:
    """Counted by hand in the header of 6.7.13: Release, Init, Join, GetTradingDay, GetFrontInfo, RegisterFront, ..."""
    trader, market = dialect("6.7.13", "trader"), dialect("6.7.13", "md")
    logout = Request(methods.TRADER["ReqUserLogout"], structs.CThostFtdcUserLogoutField(), 0)
    assert cut(trader.encode_request(logout, 0)[0]).slot == 17
    codes = Request(methods.MD["SubscribeMarketData"], ("a",), 0)
    assert cut(market.encode_request(codes, 0)[0]).slot == 8
    assert cut(trader.encode_event(Event("OnRspAuthenticate", None, rsp_info(0), 1))).slot == 3


def test_every_version_and_side_has_a_checksum_of_its_own() -> None:
    assert len({checksum(version, kind) for version, kind in SIDES}) == len(SIDES)


# --- what a version lacks --------------------------------------------------------------------------------------------


def test_a_callback_that_the_version_lacks_leaves_its_number() -> None:
    old = dialect("6.3.15", "trader")
    new = dialect("6.7.13", "trader")
    missing = sorted(new.callbacks - old.callbacks)
    assert missing
    event = Event(missing[0], None, None, 1)
    assert old.encode_event(event) == b""
    said = cut(old.encode_event(Event(missing[0], topic="private", sequence=9)))
    assert (said.kind, said.flags, said.aux) == (wire.PASSED, wire.PRIVATE, 9)
    assert new.decode_event(cut(wire.frame(wire.CALLBACK, slot=60_000))) is None


LONG = "SPD m2605&m2609-and-a-longer-tail"
assert len(LONG) > 30


def test_a_code_that_does_not_fit_is_left_out_not_cut(caplog: pytest.LogCaptureFixture) -> None:
    old = Dialect("6.3.19", "trader")
    order = structs.CThostFtdcOrderField(InstrumentID=LONG)
    said = cut(old.encode_event(Event("OnRtnOrder", order, topic="private", sequence=4)))
    assert (said.kind, said.flags, said.aux) == (wire.PASSED, wire.PRIVATE, 4)
    assert old.encode_event(Event("OnRspQryOrder", order, None, 5, is_last=False)) == b""
    last = old.decode_event(cut(old.encode_event(Event("OnRspQryOrder", order, None, 5))))
    assert last is not None
    assert (last.struct(), last.info, last.request_id, last.is_last) == (None, None, 5, True)
    assert Dialect("6.3.19", "md").encode_event(
        Event("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID=LONG))
    ) == b""  # fmt: skip
    assert caplog.text.count("CThostFtdcOrderField.InstrumentID") == 1
    fits = structs.CThostFtdcOrderField(InstrumentID=LONG[:30])
    back = old.decode_event(cut(old.encode_event(Event("OnRtnOrder", fits))))
    assert back is not None and back.struct().InstrumentID == LONG[:30]
    new = dialect("6.5.1", "trader")
    back = new.decode_event(cut(new.encode_event(Event("OnRtnOrder", order))))
    assert back is not None and back.struct().InstrumentID == LONG


def test_the_long_code_of_a_dominated_member_counts_too() -> None:
    old = Dialect("6.3.15", "trader")
    row = structs.CThostFtdcInstrumentField(InstrumentID="rb2605", UnderlyingInstrID=LONG)
    assert old.encode_event(Event("OnRspQryInstrument", row, None, 1, is_last=False)) == b""


def test_a_similar_struct_of_a_backend_is_converted() -> None:
    here = dialect("6.7.13", "trader")
    order = structs.CThostFtdcInputOrderField(InstrumentID="rb2605", OrderRef="7")
    back = here.decode_event(cut(here.encode_event(Event("OnRtnOrder", order))))
    assert back is not None and (back.struct().InstrumentID, back.struct().OrderRef) == ("rb2605", "7")


def test_a_request_that_the_version_lacks() -> None:
    here = dialect("6.3.15", "trader")
    method = methods.TRADER["ReqQryClassifiedInstrument"]
    with pytest.raises(ValueError, match=r"6\.3\.15 has no ReqQryClassifiedInstrument"):
        here.encode_request(Request(method, structs.CThostFtdcQryClassifiedInstrumentField(), 1), 0)


# --- texts of foreign programs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "foreign", "gb18030"),
    [
        ("涨停".encode("gb18030"), "涨停", "涨停"),
        ("涨停".encode(), "涨停", "娑ㄥ仠"),  # what UTF-8 looks like when it is taken for GB18030
        (b"abc\0\xff\xff", "abc", "abc"),
        (b"a" * 41, "a" * 41, "a" * 41),  # no NUL at all
        (b"a\xff", "a\ufffd", "a\ufffd"),
    ],
)
def test_texts_of_foreign_programs(data: bytes, foreign: str, gb18030: str) -> None:
    here = dialect("6.7.13", "trader")
    login = methods.TRADER["ReqUserLogin"]
    body = bytearray(here.codec.size(login.struct))
    field = next(field for field in here.codec.fields(login.struct) if field.name == "Password")
    body[field.offset : field.offset + len(data)] = data
    (plain,) = here.encode_request(Request(login, structs.CThostFtdcReqUserLoginField(), 1), 0)
    said = cut(plain)._replace(body=memoryview(bytes(body)))
    for is_gb18030, text in ((False, foreign), (True, gb18030)):
        request = here.decode_request(said, is_gb18030)
        assert request is not None and request.field.Password == text


# --- streams ---------------------------------------------------------------------------------------------------------

BODIES = st.binary(max_size=200)
FRAMES = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 65_535), BODIES), max_size=8)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(said=FRAMES, cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_pieces_give_the_same_frames(said: list[tuple[int, int, int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(wire.frame(kind, body, flags, slot) for kind, flags, slot, body in said)
    cutter = wire.Cutter()
    frames = []
    edges = sorted({min(place, len(stream)) for place in cuts} | {0, len(stream)})
    for start, end in zip(edges, edges[1:], strict=False):
        frames += cutter.feed(stream[start:end])
    assert cutter.pending == 0
    assert [(frame.kind, frame.flags, frame.slot, bytes(frame.body[: len(body)])) for frame, (*_, body) in zip(
        frames, said, strict=True
    )] == said  # fmt: skip


@pytest.mark.parametrize("length", [0, 15, 17, wire.MAX_FRAME + 8, 2**32 - 8])
def test_lengths_that_no_frame_has(length: int) -> None:
    """What stands before such a length is served, what stands behind it is not."""
    cutter = wire.Cutter()
    assert len(cutter.feed(wire.heartbeat())) == 1
    cutter.check()
    assert len(cutter.feed(wire.heartbeat() + length.to_bytes(4, "little") + bytes(12) + wire.heartbeat())) == 1
    with pytest.raises(BadPacket, match="by eights"):
        cutter.check()
    assert cutter.feed(wire.heartbeat()) == []


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(data=st.binary(max_size=300), kind=st.integers(0, 16), slot=st.integers(0, 200), flags=st.integers(0, 31))
def test_any_bytes_are_read_or_refused(data: bytes, kind: int, slot: int, flags: int) -> None:
    """Nothing but BadPacket comes out of a frame, whatever is in it."""
    said = cut(wire.frame(kind, data, flags, slot))
    readers = [wire.read_hello, wire.read_welcome, wire.read_refused, wire.read_topic, wire.read_pong, wire.read_text]
    for version in ("6.3.15", "6.7.13"):
        for side in KINDS:
            readers += [dialect(version, side).decode_event, dialect(version, side).decode_request]  # type: ignore[list-item]
    for read in readers:
        try:
            found = read(said)
        except BadPacket:
            continue
        if isinstance(found, Event):
            found.struct()


# --- lists of codes --------------------------------------------------------------------------------------------------


def test_a_long_list_of_codes_becomes_several_frames() -> None:
    here = dialect("6.7.13", "md")
    codes = tuple(f"code-{number:040d}" for number in range(3000))  # 46 bytes each, 138,000 in all
    frames = [cut(data) for data in here.encode_request(Request(methods.MD["SubscribeMarketData"], codes, 0), 1)]
    assert [said.flags & wire.LAST for said in frames] == [0, 0, wire.LAST]
    back: list[str] = []
    for said in frames:
        request = here.decode_request(said)
        assert request is not None
        back += request.field
    assert tuple(back) == codes


@pytest.mark.parametrize("body", [b"", b"\2\0\0\0a\0", b"\xff\xff\xff\xff", b"\1\0\0\0abc"])
def test_a_list_that_is_shorter_than_it_says(body: bytes) -> None:
    here = dialect("6.7.13", "md")
    said = wire.Frame(wire.REQUEST, wire.FIELD, 8, 0, 0, memoryview(body))
    with pytest.raises(BadPacket):
        here.decode_request(said)


# --- packing ---------------------------------------------------------------------------------------------------------


def test_packed_frames_come_back_and_repeat_cheaply() -> None:
    here = dialect("6.7.13", "md")
    tick = Event("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", LastPrice=3999))
    run = here.encode_event(tick) * 10
    packer, unpacker = wire.Packer(), wire.Unpacker()
    sizes = []
    for _ in range(3):
        packed = packer.pack(run)
        sizes.append(len(packed))
        frames = unpacker.unpack(cut(packed))
        assert b"".join(wire.frame(f.kind, bytes(f.body), f.flags, f.slot, f.request_id, f.aux) for f in frames) == run
    assert sizes[2] < len(run) / 40


def test_what_does_not_repeat_still_fits_into_a_frame() -> None:
    noise = random.Random(1).randbytes(wire.MAX_PACKED - wire.HEADER_SIZE)
    packed = wire.Packer().pack(wire.frame(99, noise))
    assert len(packed) <= wire.MAX_FRAME
    assert bytes(wire.Unpacker().unpack(cut(packed))[0].body) == noise


def test_packed_frames_that_are_too_large_or_broken() -> None:
    bomb = wire.Packer(9)._stream
    data = bomb.compress(bytes(wire.MAX_UNPACKED + 1_000_000)) + bomb.flush()
    with pytest.raises(BadPacket, match="more than"):
        wire.Unpacker().unpack(cut(wire.frame(wire.PACKED, data, aux=len(data))))
    with pytest.raises(BadPacket, match="cannot be unpacked"):
        wire.Unpacker().unpack(cut(wire.frame(wire.PACKED, b"\xff" * 16, aux=16)))
    with pytest.raises(BadPacket, match="within a frame"):
        wire.Unpacker().unpack(cut(wire.Packer().pack(wire.heartbeat()[:-1])))
    with pytest.raises(BadPacket, match="a packed frame of"):
        wire.Unpacker().unpack(cut(wire.frame(wire.PACKED, b"", aux=9)))
