"""Spis that record every callback and let a test wait for one, without sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ctp2.ctp import methods, spi


@dataclass(frozen=True, slots=True)
class Call:
    """One callback: its name, a copy of its struct, and the rest of its arguments.

    ``number`` is the argument of ``OnFrontDisconnected`` and ``OnHeartBeatWarning``.
    """

    name: str
    field: Any = None
    info: Any = None
    request_id: int = 0
    is_last: bool = True
    number: int = 0

    @property
    def error_id(self) -> int:
        """The error number; 0 without ``pRspInfo``."""
        return self.info.ErrorID if self.info is not None else 0


Condition = str | Callable[[Call], object]
"""A callback's name, or a test of a call."""


def _copied(struct: Any) -> Any:
    return None if struct is None else struct.__copy__()


def _plain(name: str) -> Call:
    return Call(name)


def _number(name: str, number: int) -> Call:
    return Call(name, number=number)


def _rsp(name: str, field: Any, info: Any, request_id: int, is_last: bool) -> Call:
    return Call(name, _copied(field), _copied(info), request_id, is_last)


def _rtn(name: str, field: Any) -> Call:
    return Call(name, _copied(field))


def _errrtn(name: str, field: Any, info: Any) -> Call:
    return Call(name, _copied(field), _copied(info))


def _error(name: str, info: Any, request_id: int, is_last: bool) -> Call:
    return Call(name, None, _copied(info), request_id, is_last)


_MAKE: dict[str, Callable[..., Call]] = {
    "plain": _plain,
    "number": _number,
    "rsp": _rsp,
    "rtn": _rtn,
    "errrtn": _errrtn,
    "error": _error,
}


_SHOWN: Final = 500
"""So many callbacks are named when one did not come."""


class _Recorder:
    """Records calls; the two Spis below add the callbacks of their kind."""

    def __init__(self, on_call: Callable[[Call], object] | None = None) -> None:
        """``on_call`` runs inside each callback, after it was recorded: what a strategy would do there."""
        self.calls: list[Call] = []
        self.threads: set[int] = set()
        self._on_call = on_call
        self._changed = threading.Condition()

    def record(self, call: Call) -> None:
        """Keep ``call`` and wake whoever waits for it."""
        with self._changed:
            self.calls.append(call)
            self.threads.add(threading.get_ident())
            self._changed.notify_all()
        if self._on_call is not None:
            self._on_call(call)

    @property
    def names(self) -> list[str]:
        """Names of all callbacks so far, in order."""
        return [call.name for call in list(self.calls)]

    def of(self, condition: Condition) -> list[Call]:
        """All calls so far that fit ``condition``."""
        return [call for call in list(self.calls) if _fits(condition, call)]

    def wait_for(self, condition: Condition, timeout: float = 10.0, *, after: int = 0, count: int = 1) -> Call:
        """The ``count``-th call that fits ``condition``, not looking at the first ``after`` calls.

        Raises:
            TimeoutError: it did not come in time; the message shows what came instead.
        """
        deadline = time.monotonic() + timeout
        fitting: list[Call] = []
        with self._changed:
            while True:
                # Each call is looked at once: an answer may have tens of thousands of rows.
                fitting += [call for call in self.calls[after:] if _fits(condition, call)]
                after = len(self.calls)
                if len(fitting) >= count:
                    return fitting[count - 1]
                left = deadline - time.monotonic()
                if left <= 0:
                    wanted = condition if isinstance(condition, str) else "the call"
                    raise TimeoutError(
                        f"waited {timeout:g} s for {wanted} ({len(fitting)} of {count}); came: {self.names[-_SHOWN:]}"
                    )
                self._changed.wait(left)

    def answer(self, request_id: int, timeout: float = 10.0) -> list[Call]:
        """All rows of the answer to a request, once the last one is there."""
        self.wait_for(lambda call: _answers(call, request_id) and call.is_last, timeout)
        return self.of(lambda call: _answers(call, request_id))


def _fits(condition: Condition, call: Call) -> bool:
    return call.name == condition if isinstance(condition, str) else bool(condition(call))


def _answers(call: Call, request_id: int) -> bool:
    return call.name.startswith("OnRsp") and call.request_id == request_id


def _method(name: str, make: Callable[..., Call]) -> Callable[..., None]:
    def callback(self: _Recorder, *arguments: Any) -> None:
        self.record(make(name, *arguments))

    callback.__name__ = name
    return callback


def _callbacks(table: Mapping[str, methods.Callback]) -> dict[str, Callable[..., None]]:
    return {name: _method(name, _MAKE[callback.shape]) for name, callback in table.items()}


class TraderRecorder(_Recorder, spi.CThostFtdcTraderSpi):
    """Records what a TraderApi calls back."""


class MdRecorder(_Recorder, spi.CThostFtdcMdSpi):
    """Records what an MdApi calls back."""


for _class, _table in ((TraderRecorder, methods.TRADER_CALLBACKS), (MdRecorder, methods.MD_CALLBACKS)):
    for _name, _callback in _callbacks(_table).items():
        setattr(_class, _name, _callback)
