"""What stands behind TraderApi and MdApi: life cycle, return codes, connection, and the way to the backend.

One connection at a time: the callback thread opens a backend through the registry, then delivers. Everything that
changes with the connection changes on that thread, in the hooks that run just before a callback, so a program sees the
new state exactly from that callback on.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Hashable, Sequence
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

from ctp2 import __version__
from ctp2.core import address as addresses
from ctp2.core import arguments, opening
from ctp2.core.arguments import INT32
from ctp2.core.backend import Event, Kind, Request
from ctp2.core.dispatch import REOPEN, Dispatcher, Inbox
from ctp2.core.errors import Ctp2Error
from ctp2.core.flow import MD_FILES, TRADER_FILES, Flow, Resume
from ctp2.core.throttle import QuerySlot
from ctp2.core.unsupported import WrongFrontSession
from ctp2.ctp import api as abstract
from ctp2.ctp import layout, methods, spi, structs

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.backend import Backend, Session
    from ctp2.ctp.methods import Callback, Method
    from ctp2.ctp.structs import (
        CThostFtdcFensUserInfoField,
        CThostFtdcFrontInfoField,
        CThostFtdcUserSystemInfoField,
        CThostFtdcWechatUserSystemInfoField,
    )

log = logging.getLogger("ctp2.api")

API_VERSION: Final = f"v6.7.13_ctp2-{__version__}"

NOT_CONNECTED: Final = -1
TOO_MANY_PENDING: Final = -2

RETRY_SECONDS: Final = 1.0
"""Pause between attempts to connect, as CTP does it from 6.7.9 on."""
RELEASE_SECONDS: Final = 10.0
"""How long Release waits for the callback that runs, and for the backend to close."""
EXIT_SECONDS: Final = 3.0
"""How long the end of the program waits for all Api objects together."""

_ENVIRONMENT: Final = (Ctp2Error, OSError, ValueError)
"""Errors of the world; any other exception of a backend is its bug and is logged with a traceback."""


class Registry(Protocol):
    """How front addresses become backends; the module :mod:`ctp2.registry` is one."""

    def check(self, address: Address, /) -> None:
        """Raise for an address that can never work."""

    def located(self, address: Address, /) -> Address:
        """The address with its files named so that they are the same from every folder."""

    def acquire(self, address: Address, /) -> Backend:
        """Open, or join what is open."""

    def release(self, backend: Backend, /) -> None:
        """Give back what was acquired."""

    def identity(self, address: Address, /) -> Hashable:
        """Equal for addresses that mean the same backend."""


class _Link:
    """An open session and what it needs."""

    __slots__ = ("address", "backend", "inbox", "session")

    def __init__(self, address: Address, backend: Backend, session: Session, inbox: Inbox) -> None:
        self.address = address
        self.backend = backend
        self.session = session
        self.inbox = inbox

    def end(self) -> None:
        """End the session; nothing is put into the inbox after this."""
        self.inbox.close()
        try:
            self.session.close()
        except Exception:
            log.exception("closing the session at %s failed", self.address.text)


_started: set[BaseApi] = set()
"""Every Api object whose thread runs: kept alive by this, as the vendor's are by their threads."""
_numbers: Final = count(1)
_forced_front: str | None = None
_forced_md_front: str | None = None


def force_front(address: str | None, md_address: str | None = None) -> None:
    """Let every front and name server registered from now on be ``address``; None ends that.

    ``md_address`` is for MdApi, where market data has a front of its own (None: ``address`` too).
    """
    global _forced_front, _forced_md_front
    _forced_front, _forced_md_front = address, address if md_address is None else md_address


def stop_all(timeout: float = EXIT_SECONDS) -> None:
    """Release every Api object of the process, waiting at most ``timeout`` seconds for all of them together."""
    started = list(_started)
    for api in started:
        api._stop()
    deadline = time.monotonic() + timeout
    for api in started:
        api._dispatcher.join(max(0.0, deadline - time.monotonic()))


# Callback threads are daemons, so they never hold up the end of the program; this lets them end in order before the
# interpreter is taken down under them.
atexit.register(stop_all)


class BaseApi:
    """The part that TraderApi and MdApi share. Made by ``CreateFtdc…Api`` only."""

    _KIND: ClassVar[Kind]
    _SPI: ClassVar[type]
    _CALLBACKS: ClassVar[dict[str, Callback]]
    _METHODS: ClassVar[dict[str, Method]]
    _FILES: ClassVar[tuple[str, ...]]

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise AttributeError(f"No constructor defined - class is abstract: call {type(self).__name__}.Create…Api()")

    @classmethod
    def _create(cls, registry: Registry, flow_path: str | bytes) -> Self:
        """Make an object whose fronts are opened through ``registry``.

        Raises:
            FileNotFoundError: the folder of ``flow_path`` does not exist.
            FlowInUse: another live Api object uses ``flow_path``.
        """
        api = object.__new__(cls)
        api._setup(registry, arguments.text("pszFlowPath", flow_path))
        return api

    def _setup(self, registry: Registry, flow_path: str) -> None:
        self._registry = registry
        self._flow_path = flow_path
        self._flow = Flow(flow_path, self._FILES)
        # An object that is dropped without Init or Release gives its flow path free.
        weakref.finalize(self, self._flow.close)
        self._fronts: list[Address] = []
        self._name_servers: list[Address] = []
        self._fens_user: object = None
        self._front_index = 0
        self._link: _Link | None = None
        self._live: Session | None = None
        self._connection = 0
        self._request_number = 0
        self._login_user = ""
        self._logged_in = False
        self._initialised = False
        self._released = False
        self._lifecycle = threading.Lock()
        self._slot = QuerySlot()
        shapes = {name: callback.shape for name, callback in self._CALLBACKS.items()}
        name = f"ctp2-{self._KIND}-{next(_numbers)}"
        self._dispatcher = Dispatcher(name, shapes, self._SPI, self._flow.received)
        self._dispatcher.before = {
            **{method.response: self._slot.answered for method in self._METHODS.values() if method.is_query},
            "OnRspError": self._slot.refused,
            "OnFrontConnected": self._on_connected,
            "OnFrontDisconnected": self._on_disconnected,
            "OnRspUserLogin": self._on_login,
            REOPEN: self._on_reopen,
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._dispatcher.name}>"

    # --- life cycle --------------------------------------------------------------------------------------------------

    @staticmethod
    def GetApiVersion() -> str:
        """The version of the CTP interface, and of ctp2."""
        return API_VERSION

    def Init(self) -> None:
        """Start connecting; returns at once. A second call changes nothing."""
        with self._lifecycle:
            if self._initialised or self._released:
                return
            self._initialised = True
            _started.add(self)
        self._dispatcher.start(self._open, self._end)

    def Join(self) -> int:
        """Wait until the object is released; Ctrl-C interrupts it."""
        if self._dispatcher.is_current:
            log.warning("%s: Join inside a callback would wait for itself: ignored", self._dispatcher.name)
            return 0
        # Waiting in pieces, because on Windows a wait without end cannot be interrupted.
        while not self._dispatcher.join(0.5):
            pass
        return 0

    def Release(self) -> None:
        """End this object: no callback after it returns. From any thread, also inside a callback; harmless twice.

        From another thread it waits for the callback that runs (at most :data:`RELEASE_SECONDS`, then it logs).
        """
        self._stop()
        if self._dispatcher.is_current:
            return
        if not self._dispatcher.join(RELEASE_SECONDS):
            log.warning(
                "%s: Release waited %.0f s for a callback that has not returned", self._dispatcher.name, RELEASE_SECONDS
            )

    def _stop(self) -> None:
        with self._lifecycle:
            if self._released:
                return
            self._released = True
            self._live = None
            started = self._initialised
        self._dispatcher.stop()
        if not started:
            self._flow.close()

    def _end(self) -> None:
        """Last act of the callback thread."""
        self._live = None
        link, self._link = self._link, None
        if link is not None:
            link.end()
            self._give_back(link.backend)
        self._flow.close()
        self._dispatcher.spi = None
        _started.discard(self)

    # --- what is registered before Init ------------------------------------------------------------------------------

    def RegisterFront(self, pszFrontAddress: str | bytes) -> None:
        """Add a front address; several are alternatives.

        Raises:
            ValueError: the address can never work (unknown scheme or option, bad value, missing package).
        """
        self._register("pszFrontAddress", pszFrontAddress, self._fronts)

    def RegisterNameServer(self, pszNsAddress: str | bytes) -> None:
        """Add the address of a name server; these take priority over fronts."""
        self._register("pszNsAddress", pszNsAddress, self._name_servers)

    def _register(self, argument: str, value: str | bytes, known: list[Address]) -> None:
        text = arguments.text(argument, value)
        forced = _forced_md_front if self._KIND == "md" else _forced_front
        address = addresses.parse(text if forced is None else forced)
        self._registry.check(address)
        address = self._registry.located(address)
        if self._initialised:
            log.warning("%s: %s registered after Init: used at the next reconnect", self._dispatcher.name, address.text)
        identity = self._registry.identity
        if all(identity(address) != identity(other) for other in known):
            known.append(address)

    def RegisterFensUserInfo(self, pFensUserInfo: CThostFtdcFensUserInfoField) -> None:
        """Tell the name server who asks."""
        self._fens_user = arguments.of_struct(
            "RegisterFensUserInfo", pFensUserInfo, "CThostFtdcFensUserInfoField"
        ).__copy__()

    def _register_spi(self, pSpi: object) -> None:
        if pSpi is not None and not isinstance(pSpi, self._SPI):
            raise TypeError(f"RegisterSpi: expected a {self._SPI.__name__} or None, got {type(pSpi).__name__}")
        if not self._released:
            self._dispatcher.spi = pSpi

    # --- facts -------------------------------------------------------------------------------------------------------

    def GetTradingDay(self) -> str:
        """The trading day told at login; before: the one in the flow files, or ''."""
        return self._flow.trading_day

    # --- requests ----------------------------------------------------------------------------------------------------

    def _request(self, method: Method, field: Any, request_id: int, /) -> int:
        """Send one request: 0, -1 (not connected) or -2 (a query is pending).

        The struct is copied, so the caller may reuse his at once.

        Raises:
            TypeError: ``field`` is not the method's struct, or a member or ``request_id`` has the wrong type.
            ValueError: a member or ``request_id`` holds what the C struct cannot hold.
        """
        if type(field).__name__ != method.struct:
            arguments.of_struct(method.name, field, method.struct)
        layout.check(field)
        if type(request_id) is not int or request_id not in INT32:
            request_id = arguments.int32(method.name, "nRequestID", request_id)
        session = self._live
        if session is None:
            return NOT_CONNECTED
        is_query = method.is_query
        if is_query and not self._slot.take(method.response, request_id):
            return TOO_MANY_PENDING
        if method.response == "OnRspUserLogin":
            self._prepare_login(session, field.UserID)
        field = field.__copy__()
        if method.struct in _numbered():
            self._request_number += 1
            field.SessionReqSeq = self._request_number
        # The connection is read behind taking the slot: if it is the old one, connecting has yet to free the slot.
        result = NOT_CONNECTED
        try:
            result = session.handle(Request(method, field, request_id, self._connection))
        finally:
            if is_query and result != 0:
                self._slot.free()
        return result

    def _prepare_login(self, session: Session, user: str) -> None:
        """Say where the flows start. Not while logged in: the counter ignores a second login, and so do the flows."""
        link = self._link
        if self._logged_in or link is None:
            return
        if not self._flow_path:
            self._flow.use(self._default_flow_path(link.address, user))
        self._login_user = user
        subscribe = getattr(session, "subscribe_topic", None)
        if subscribe is not None:
            for topic, trading_day, after in self._flow.starts(_flow_identity(session, user)):
                subscribe(topic, trading_day, after)

    def _default_flow_path(self, address: Address, user: str) -> str:
        import hashlib

        from ctp2.core.paths import data_dir

        identity = repr(self._registry.identity(address)).encode()
        place = f"{_file_name(address.scheme + '-' + address.host)}-{hashlib.sha256(identity).hexdigest()[:8]}"
        return os.path.join(data_dir(), "flow", place, _file_name(user) or "_", f"{self._KIND}-")

    # --- connection: everything below runs on the callback thread ----------------------------------------------------

    def _addresses(self) -> list[Address]:
        return self._name_servers or self._fronts

    def _open(self) -> None:
        """Open the first front that can be opened, trying all of them every second until one can or Release comes."""
        fronts = self._addresses()
        if not fronts:
            log.warning("%s: Init without RegisterFront: nothing to connect to", self._dispatcher.name)
            return
        told: set[str] = set()
        stopping = self._dispatcher.stopping
        while not stopping.is_set():
            for _ in fronts:
                if stopping.is_set():
                    return
                if self._try_open(fronts[self._front_index % len(fronts)], told):
                    return
                self._front_index += 1
            stopping.wait(RETRY_SECONDS)

    def _try_open(self, address: Address, told: set[str]) -> bool:
        backend: Backend | None = None
        try:
            with opening.until(self._dispatcher.stopping):
                backend = self._registry.acquire(address)
                inbox = self._dispatcher.inbox()
                session = self._new_session(backend, inbox)
        except Exception as error:
            if backend is not None:
                self._give_back(backend)
            if not self._dispatcher.stopping.is_set():
                self._tell(address, error, told)
            return False
        self._link = _Link(address, backend, session, inbox)
        return True

    def _new_session(self, backend: Backend, inbox: Inbox) -> Session:
        if self._KIND not in backend.capabilities.kinds:
            return WrongFrontSession(inbox)
        return backend.session(self._KIND, inbox)

    def _tell(self, address: Address, error: Exception, told: set[str]) -> None:
        """Log a failure to open once, not every second."""
        text = f"{address.text}: {type(error).__name__}: {error}"
        if text in told:
            return
        told.add(text)
        bug = None if isinstance(error, _ENVIRONMENT) else error
        log.warning("cannot open %s; trying again every second", text, exc_info=bug)

    def _give_back(self, backend: Backend) -> None:
        try:
            self._registry.release(backend)
        except Exception:
            log.exception("closing a backend failed")

    def _on_connected(self, event: Event) -> None:
        link = self._link
        if link is None or self._released:
            return
        # This order lets _request stamp and drop correctly without a lock; see there.
        self._connection += 1
        self._request_number = 0
        self._slot.free()
        self._live = link.session

    def _on_disconnected(self, event: Event) -> None:
        self._live = None
        self._logged_in = False
        self._slot.free()
        if len(self._addresses()) > 1 and self._link is not None:
            # Alternatives: choose again instead of waiting for this one to come back.
            self._front_index += 1
            self._link.end()
            self._dispatcher.discard(Event(REOPEN))

    def _on_reopen(self, event: Event) -> None:
        """Open a new session. The old backend is given back afterwards, so that a shared one is not closed between."""
        old, self._link = self._link, None
        if old is not None:
            old.end()
        self._connection = 0
        self._open()
        if old is not None:
            self._give_back(old.backend)

    def _on_login(self, event: Event) -> None:
        field = event.struct()
        refused = event.info is not None and event.info.ErrorID != 0
        if refused or field is None or self._link is None:
            return
        self._logged_in = True
        self._flow.logged_in(field.TradingDay, _flow_identity(self._link.session, self._login_user))


class TraderApi(BaseApi, abstract.CThostFtdcTraderApi):
    """The trader's Api object; :mod:`ctp2.tdapi` adds the factory."""

    _KIND = "trader"
    _SPI = spi.CThostFtdcTraderSpi
    _CALLBACKS = methods.TRADER_CALLBACKS
    _METHODS = methods.TRADER
    _FILES = TRADER_FILES

    def RegisterSpi(self, pSpi: spi.CThostFtdcTraderSpi | None) -> None:
        """Say who is called back; None for nobody."""
        self._register_spi(pSpi)

    def _received_numbered(self, event: Event) -> None:
        """A callback of a flow returned: who resumes by numbers is told each private one (6.7.13)."""
        self._flow.received(event)
        if event.topic == "private":
            self._dispatcher.call("OnRtnPrivateSeqNo", event.sequence)

    def SubscribePrivateTopic(self, nResumeType: int, nSeqNo: int = 1) -> None:
        """Where the private flow starts; call it before Init (default: RESTART).

        ``nSeqNo`` is the first return that is wanted with ``THOST_TERT_RESUME_FROM_SEQ_NO``, counted from 1 each
        trading day; then ``OnRtnPrivateSeqNo`` tells the number of each, behind it.
        """
        sequence = arguments.int32("SubscribePrivateTopic", "nSeqNo", nSeqNo)
        mode = arguments.resume_type("SubscribePrivateTopic", nResumeType)
        self._flow.set_resume("private", mode, sequence)
        is_numbered = mode is Resume.RESUME_FROM_SEQ_NO
        self._dispatcher.received = self._received_numbered if is_numbered else self._flow.received

    def SubscribePublicTopic(self, nResumeType: int) -> None:
        """Where the public flow starts; call it before Init (default: RESTART)."""
        self._flow.set_resume("public", arguments.resume_type("SubscribePublicTopic", nResumeType))

    def GetFrontInfo(self, pFrontInfo: CThostFtdcFrontInfoField) -> None:
        """Fill ``pFrontInfo`` with the front in use; empty while not connected."""
        arguments.of_struct("GetFrontInfo", pFrontInfo, "CThostFtdcFrontInfoField")
        link = self._link
        pFrontInfo.FrontAddr = link.address.text if link is not None and self._live is not None else ""
        pFrontInfo.QryFreq = 0
        pFrontInfo.FTDPkgFreq = 0

    def RegisterUserSystemInfo(self, pUserSystemInfo: CThostFtdcUserSystemInfoField) -> int:
        """Hand in the terminal's data before login; taken and not used."""
        arguments.of_struct("RegisterUserSystemInfo", pUserSystemInfo, "CThostFtdcUserSystemInfoField")
        return 0

    def SubmitUserSystemInfo(self, pUserSystemInfo: CThostFtdcUserSystemInfoField) -> int:
        """Hand in the terminal's data after login; taken and not used."""
        arguments.of_struct("SubmitUserSystemInfo", pUserSystemInfo, "CThostFtdcUserSystemInfoField")
        return 0

    def RegisterWechatUserSystemInfo(self, pUserSystemInfo: CThostFtdcWechatUserSystemInfoField) -> int:
        """Hand in a WeChat terminal's data before login; taken and not used."""
        arguments.of_struct("RegisterWechatUserSystemInfo", pUserSystemInfo, "CThostFtdcWechatUserSystemInfoField")
        return 0

    def SubmitWechatUserSystemInfo(self, pUserSystemInfo: CThostFtdcWechatUserSystemInfoField) -> int:
        """Hand in a WeChat terminal's data after login; taken and not used."""
        arguments.of_struct("SubmitWechatUserSystemInfo", pUserSystemInfo, "CThostFtdcWechatUserSystemInfoField")
        return 0


class MdApi(BaseApi, abstract.CThostFtdcMdApi):
    """The market data Api object; :mod:`ctp2.mdapi` adds the factory."""

    _KIND = "md"
    _SPI = spi.CThostFtdcMdSpi
    _CALLBACKS = methods.MD_CALLBACKS
    _METHODS = methods.MD
    _FILES = MD_FILES

    def RegisterSpi(self, pSpi: spi.CThostFtdcMdSpi | None) -> None:
        """Say who is called back; None for nobody."""
        self._register_spi(pSpi)

    def SubscribeMarketData(self, ppInstrumentID: Sequence[str | bytes], nCount: int) -> int:
        """Subscribe quotes of the first ``nCount`` instruments."""
        return self._subscribe("SubscribeMarketData", ppInstrumentID, nCount)

    def UnSubscribeMarketData(self, ppInstrumentID: Sequence[str | bytes], nCount: int) -> int:
        """End the subscription of quotes."""
        return self._subscribe("UnSubscribeMarketData", ppInstrumentID, nCount)

    def SubscribeForQuoteRsp(self, ppInstrumentID: Sequence[str | bytes], nCount: int) -> int:
        """Subscribe requests for quotes of the first ``nCount`` instruments."""
        return self._subscribe("SubscribeForQuoteRsp", ppInstrumentID, nCount)

    def UnSubscribeForQuoteRsp(self, ppInstrumentID: Sequence[str | bytes], nCount: int) -> int:
        """End the subscription of requests for quotes."""
        return self._subscribe("UnSubscribeForQuoteRsp", ppInstrumentID, nCount)

    def _subscribe(self, name: str, instruments: Sequence[str | bytes], number: int) -> int:
        codes = arguments.codes(name, instruments, number)
        session = self._live
        if session is None:
            return NOT_CONNECTED
        if not codes:
            return 0
        return session.handle(Request(self._METHODS[name], codes, 0, self._connection))


@cache
def _numbered() -> frozenset[str]:
    """The structs whose requests the api counts (SessionReqSeq, spec ctp-semantics 3.1)."""
    return frozenset(name for name, fields in structs.FIELDS.items() if "SessionReqSeq:" in fields)


def _flow_identity(session: Session, user: str) -> str:
    """Names the logs that a login follows: the counter's and the user's own, in one width."""
    import hashlib

    name = f"{getattr(session, 'flow_identity', '')}/{user}"
    return hashlib.blake2b(name.encode("utf-8"), digest_size=16).hexdigest()


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)
