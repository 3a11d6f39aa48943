"""``ctp2 ping``: how a front is reached, how long everything takes, and in words what is wrong."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ctp2.core.backend import Event, Kind, Request
from ctp2.core.clock import Clock
from ctp2.core.errors import BadPacket, OpenFailed
from ctp2.ctp import methods, structs
from ctp2.front import wire
from ctp2.front.dialect import dialect
from ctp2.front.handshake import Greeted, Target, connect, greet

ROUNDS: Final = 9
ANSWER_SECONDS: Final = 5.0
WRONG_KIND, LOGIN, LOST = "wrong_kind", "login", "lost"
_READ: Final = 65_536


class Login(NamedTuple):
    """Who logs in; an empty user does not."""

    broker: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Login({self.broker!r}, {self.user!r}, ***)"


@dataclass(slots=True)
class Result:
    """What was found; times in milliseconds, None where it did not come so far. ``fault`` is empty when all is well.

    ``why`` is the fault in one word: of ``handshake.WHYS``, or ``wrong_kind``, ``login``, ``lost``; ``detail`` is what
    the other side said.
    """

    address: str
    fault: str = ""
    why: str = ""
    detail: str = ""
    kind: Kind | None = None
    server: str = ""
    trading_day: str = ""
    connect_ms: float | None = None
    handshake_ms: float | None = None
    login_ms: float | None = None
    round_ms: list[float] = field(default_factory=list)
    clock_ms: float | None = None
    """How far the front's clock is ahead of this machine's."""

    @property
    def typical_ms(self) -> float | None:
        """The median round trip."""
        return sorted(self.round_ms)[len(self.round_ms) // 2] if self.round_ms else None


class _Talk:
    """Frames over a connected socket, one after the other."""

    def __init__(self, link: socket.socket, greeted: Greeted) -> None:
        self.link = link
        self.cutter = greeted.cutter
        self.frames = greeted.frames

    def wait_for(self, *kinds: int) -> wire.Frame:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            for index, frame in enumerate(self.frames):
                if frame.kind in kinds:
                    del self.frames[: index + 1]
                    return frame
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.link.settimeout(left)
            data = self.link.recv(_READ)
            if not data:
                raise OpenFailed("the front closed the link", LOST)
            self.frames = self.cutter.feed(data)
            if not self.frames:
                self.cutter.check()


def ping(address: str, target: Target, clock: Clock, wanted: Kind | None = None, login: Login | None = None) -> Result:
    """Try one front. ``wanted`` is the kind it should be; without it a trading front is asked for first."""
    result = Result(address)
    try:
        _ping(result, target, clock, wanted, login or Login())
    except TimeoutError:
        _fail(result, f"{target.place} does not answer within {ANSWER_SECONDS:g} s", "no_answer")
    except OpenFailed as error:
        _fail(result, str(error), error.why, error.detail)
    except (BadPacket, OSError) as error:
        _fail(result, f"{target.place} broke off: {error}", LOST, str(error))
    return result


def _fail(result: Result, fault: str, why: str, detail: str = "") -> None:
    result.fault, result.why, result.detail = fault, why, detail


def _ping(result: Result, target: Target, clock: Clock, wanted: Kind | None, login: Login) -> None:
    began = time.perf_counter()
    with connect(target) as link:
        connected = time.perf_counter()
        result.connect_ms = _ms(began, connected)
        greeted = greet(link, target, wanted or "trader")
        result.handshake_ms = _ms(connected, time.perf_counter())
        welcome = greeted.welcome
        result.kind, result.server, result.trading_day = welcome.side, welcome.server, welcome.trading_day
        if wanted is not None and welcome.side != wanted:
            text = f"{target.place} is a {welcome.side} front, not a {wanted} front: use the other port"
            _fail(result, text, WRONG_KIND, welcome.side)
            return
        talk = _Talk(link, greeted)
        _rounds(result, talk, clock)
        if welcome.side == (wanted or "trader") and login.user:
            result.login_ms, refusal = _log_in(talk, target, welcome.side, login)
            if refusal:
                _fail(result, f"login refused: {refusal}", LOGIN, refusal)
        link.sendall(wire.goodbye(0, "pinged"))


def _rounds(result: Result, talk: _Talk, clock: Clock) -> None:
    best = None
    for number in range(1, ROUNDS + 1):
        sent_ns, sent = clock.now_ns(), time.perf_counter()
        talk.link.sendall(wire.ping(number))
        answered, theirs_ns = 0, 0
        while answered != number:
            answered, theirs_ns = wire.read_pong(talk.wait_for(wire.PONG))
        took = _ms(sent, time.perf_counter())
        result.round_ms.append(took)
        if best is None or took < best:
            # The quickest round says most about the clock: its middle is known best.
            best = took
            result.clock_ms = round((theirs_ns - sent_ns) / 1e6 - took / 2, 3)


def _log_in(talk: _Talk, target: Target, kind: Kind, login: Login) -> tuple[float | None, str]:
    """How long a login takes, and why it is refused."""
    spoken = dialect(target.revision, kind)
    method = (methods.TRADER if kind == "trader" else methods.MD)["ReqUserLogin"]
    who = structs.CThostFtdcReqUserLoginField(BrokerID=login.broker, UserID=login.user, Password=login.password)
    began = time.perf_counter()
    talk.link.sendall(b"".join(spoken.encode_request(Request(method, who, 1), 0)))
    answer: Event | None = None
    while answer is None or answer.callback not in ("OnRspUserLogin", "OnRspError"):
        answer = spoken.decode_event(talk.wait_for(wire.CALLBACK))
    if answer.info is not None and answer.info.ErrorID:
        return None, f"{answer.info.ErrorID} {answer.info.ErrorMsg}"
    return _ms(began, time.perf_counter()), ""


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
