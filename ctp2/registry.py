"""Front address → backend: the only list of backends, and the count of their users.

A backend's module is imported when its scheme is first named. Other distributions add schemes by the entry point group
``ctp2.backends`` (entry name = scheme); they cannot replace one of the list.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from ctp2.core import opening
from ctp2.core.address import Address
from ctp2.core.backend import CONTRACT_VERSION
from ctp2.core.clock import process_clock
from ctp2.core.errors import AddressError, MissingExtra, OpenFailed

if TYPE_CHECKING:
    from ctp2.core.backend import Backend, BackendModule
    from ctp2.core.clock import Clock

GROUP: Final = "ctp2.backends"


class Entry:
    """Where a scheme's backend is: its module, and the extra (with a package of it to look for) that it needs."""

    __slots__ = ("extra", "module", "needs")

    def __init__(self, module: str, extra: str = "", needs: str = "") -> None:
        self.module = module
        self.extra = extra
        self.needs = needs


_QUOTES: Final = Entry("ctp2.quotes.backend", "quotes", "aiohttp")
BACKENDS: Final[dict[str, Entry]] = {
    "ib": Entry("ctp2.ib.backend"),
    "quotes": _QUOTES,
    "sina": _QUOTES,
    "ssl": Entry("ctp2.front.backend"),
    "tcp": Entry("ctp2.front.backend"),
    "tcp6": Entry("ctp2.front.backend"),
    "tencent": _QUOTES,
    "tts": Entry("ctp2.tts.backend"),
}
"""Scheme → backend."""
PLANNED: Final = frozenset(("quotes", "sina", "tencent", "tcp", "ssl", "ctp+tcp", "ib", "xtp", "stp", "ost"))
"""Schemes of DESIGN section 2 that are documented; those that are no key of ``BACKENDS`` are not built yet."""


class _Slot:
    """One backend that is open, opening or closing."""

    __slots__ = ("address", "backend", "lock", "users")

    def __init__(self) -> None:
        self.users = 0
        self.lock = threading.Lock()
        """Held while the backend opens or closes, so that nobody uses it before, and nobody opens it twice."""
        self.backend: Backend | None = None
        self.address: Address | None = None


_lock: Final = threading.Lock()
"""Guards the two tables below; never held while a backend opens, closes or checks."""
_slots: Final[dict[Hashable, _Slot]] = {}
_modules: Final[dict[str, BackendModule]] = {}


def schemes() -> list[str]:
    """All schemes that a front address may have now."""
    return sorted({*BACKENDS, *_entry_points()})


def check(address: Address, /) -> None:
    """Raise for an address that can never work, or that contradicts the running backend it would join.

    Raises:
        AddressError: unknown scheme, or a backend of another contract.
        MissingExtra: the scheme's package is not installed.
        ValueError: what the backend says about options and values.
    """
    module = _module(address.scheme)
    module.check(address)
    slot = _slots.get(identity(address))
    opened_with = slot.address if slot is not None else None
    if opened_with is not None:
        _check_join(module, address, opened_with)


def located(address: Address, /) -> Address:
    """The address with its files named so that they are the same wherever the program goes."""
    own = getattr(_module(address.scheme), "located", None)
    return cast("Address", own(address)) if own is not None else address


def identity(address: Address, /) -> Hashable:
    """Equal for addresses that share one backend in this process."""
    own = getattr(_module(address.scheme), "identity", None)
    return (address.scheme, own(address)) if own is not None else address.key


def acquire(address: Address, /, clock: Clock | None = None) -> Backend:
    """The backend of ``address``: the running one, or a new one. Each call needs one :func:`release`.

    Opening may take long; users of other addresses are not held up, those of the same one wait for it.
    """
    module = _module(address.scheme)
    key = identity(address)
    with _lock:
        slot = _slots.setdefault(key, _Slot())
        slot.users += 1
    try:
        opening.hold(slot.lock)
    except BaseException:
        _forget(key, slot)
        raise
    try:
        try:
            if slot.backend is None:
                slot.backend = module.open(address, clock or process_clock())
                slot.address = address
            elif slot.address is not None:
                _check_join(module, address, slot.address)
            return slot.backend
        finally:
            slot.lock.release()
    except BaseException:
        _leave(key, slot)
        raise


def release(backend: Backend, /) -> None:
    """Give ``backend`` back; the last user's call closes it."""
    with _lock:
        found = next(((key, slot) for key, slot in _slots.items() if slot.backend is backend), None)
    if found is None:
        raise OpenFailed("released a backend that is not open")
    _leave(*found)


def running(address: Address, /) -> Backend | None:
    """The open backend that ``address`` would join, if there is one."""
    slot = _slots.get(identity(address))
    return slot.backend if slot is not None else None


def _forget(key: Hashable, slot: _Slot) -> None:
    """Leave without having had the lock: whoever has it closes, and takes the slot out of the table."""
    with _lock:
        slot.users -= 1
        if slot.users == 0 and slot.backend is None and not slot.lock.locked():
            _slots.pop(key, None)


def _leave(key: Hashable, slot: _Slot) -> None:
    # The slot stays in the table while its backend closes: whoever opens the same place meanwhile waits for that.
    with slot.lock:
        with _lock:
            slot.users -= 1
            is_last = slot.users == 0
        if not is_last:
            return
        backend, slot.backend, slot.address = slot.backend, None, None
        try:
            if backend is not None:
                backend.close()
        finally:
            with _lock:
                if slot.users == 0:
                    _slots.pop(key, None)


def _check_join(module: BackendModule, address: Address, opened_with: Address) -> None:
    own = getattr(module, "check_join", None)
    if own is not None:
        own(address, opened_with)


# --- finding modules -------------------------------------------------------------------------------------------------


def _module(scheme: str) -> BackendModule:
    module = _modules.get(scheme)
    if module is None:
        module = _modules[scheme] = _load(scheme)
    return module


def _load(scheme: str) -> BackendModule:
    entry = BACKENDS.get(scheme)
    if entry is not None:
        return cast("BackendModule", _import_own(scheme, entry))
    point = _entry_points().get(scheme)
    if point is None and scheme in PLANNED:
        raise AddressError(f"{scheme}:// is not built yet in this version of ctp2; known: {', '.join(schemes())}")
    if point is None:
        raise AddressError(f"unknown scheme {scheme}:// in a front address; known: {', '.join(schemes())}")
    try:
        found = point.load()
    except Exception as error:
        raise AddressError(
            f"the backend of {scheme}:// ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    _check_contract(scheme, point.value, found)
    return cast("BackendModule", found)


def _import_own(scheme: str, entry: Entry) -> Any:
    try:
        if entry.needs:
            import_module(entry.needs)
        return import_module(entry.module)
    except ModuleNotFoundError as error:
        if not entry.extra or (error.name or "").partition(".")[0] == "ctp2":
            raise
        raise MissingExtra(
            f"{scheme}:// needs the package {error.name}, which is not installed: pip install 'ctp2[{entry.extra}]'"
        ) from error


def _check_contract(scheme: str, where: str, module: Any) -> None:
    contract = getattr(module, "CONTRACT", None)
    if contract != CONTRACT_VERSION:
        raise AddressError(
            f"the backend of {scheme}:// ({where}) is made for contract {contract}, this ctp2 has {CONTRACT_VERSION}:"
            " install a version of one that fits the other"
        )


def _entry_points() -> dict[str, Any]:
    # Imported late: reading the metadata of installed packages is slow, and needed for foreign schemes only.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


class Venue:
    """The registry as a venue sees it whose own library would be asked by ``tcp://``: for the faces of its package.

    ``tcp://HOST:PORT`` is ``scheme://HOST:PORT`` here; every other address means what it always means.
    """

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def check(self, address: Address, /) -> None:
        """As :func:`check`."""
        check(self._here(address))

    def acquire(self, address: Address, /) -> Backend:
        """As :func:`acquire`."""
        return acquire(self._here(address))

    def release(self, backend: Backend, /) -> None:
        """As :func:`release`."""
        release(backend)

    def located(self, address: Address, /) -> Address:
        """As :func:`located`."""
        return located(self._here(address))

    def identity(self, address: Address, /) -> Hashable:
        """As :func:`identity`."""
        return identity(self._here(address))

    def _here(self, address: Address) -> Address:
        if address.scheme != "tcp":
            return address
        return Address(self._scheme, address.host, address.path, address.options, address.text)
