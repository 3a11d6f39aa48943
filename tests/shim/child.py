"""Drives ``binding.py`` under a binding in a process of its own, with the face of the other test programs.

``ChildTrader`` and ``ChildMd`` are the ``Trader`` and ``Watcher`` of :mod:`tests.tts.programs` whose Api object lives
in that process: requests go there as JSON, and each callback that comes back is recorded with every member that the
binding shows, as a ``SimpleNamespace``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, Final

from ctp2.core.backend import Kind
from ctp2.ctp import methods, structs
from ctp2.ctp.base import CtpStruct
from ctp2.testing import Call, MdRecorder, TraderRecorder
from tests.tts.programs import Trader, Watcher

PROGRAM: Final = Path(__file__).parents[1] / "data" / "scripts" / "binding.py"
TIMEOUT: Final = 60.0
"""Seconds for anything that must come; the machine may be busy with other tests."""
_TABLES: Final[dict[Kind, dict[str, methods.Callback]]] = {
    "trader": methods.TRADER_CALLBACKS,
    "md": methods.MD_CALLBACKS,
}


class _Patient:
    """Recorders that wait longer than an embedded counter needs."""

    def wait_for(self, condition: Any, timeout: float = TIMEOUT, **options: Any) -> Call:
        return super().wait_for(condition, max(timeout, TIMEOUT), **options)  # type: ignore[misc,no-any-return]


class PatientTraderRecorder(_Patient, TraderRecorder):
    """Of a trader."""


class PatientMdRecorder(_Patient, MdRecorder):
    """Of market data."""


class Child:
    """The process."""

    def __init__(
        self, binding: str, path: list[Path], folder: Path, command: list[str] | None = None, /, **environment: str
    ) -> None:
        """``path`` is where ``binding`` is found, ``folder`` the working folder; ``command``: another program."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CTP2_FRONT")}
        environment = {**kept, "PYTHONPATH": os.pathsep.join(map(str, path)), **environment}
        self.binding = binding
        self._errors = folder / "stderr.txt"
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                command or [sys.executable, "-X", "faulthandler", str(PROGRAM), binding],
                env=environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._answers: dict[str, SimpleQueue[dict[str, Any]]] = {}
        self._members: SimpleQueue[list[str]] = SimpleQueue()
        self._ears: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def stderr(self) -> str:
        """What the program has complained of."""
        return self._errors.read_text(errors="replace")

    def send(self, **line: Any) -> None:
        """Tell it to do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def register(self, api: str, ear: Callable[[dict[str, Any]], None]) -> None:
        """Who hears the callbacks of ``api``."""
        self._ears[api] = ear
        self._answers[api] = SimpleQueue()

    def answer(self, api: str) -> dict[str, Any]:
        """The result of the last call of ``api``, or the answer to ``create``."""
        return self._answers[api].get(timeout=TIMEOUT)

    def members(self, kind: Kind, struct: str) -> list[str]:
        """The members of a struct, as the binding has them."""
        self.send(do="members", kind=kind, struct=struct)
        return self._members.get(timeout=TIMEOUT)

    def end(self) -> int:
        """Let the main thread return; the exit code."""
        self.send(do="end")
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self.close()
        return code

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            if "members" in line:
                self._members.put(line["members"])
            elif "callback" in line:
                self._ears[line["api"]](line)
            else:
                self._answers[line["api"]].put(line)


def plain(value: Any) -> Any:
    """A value of a callback: structs become namespaces, texts of bytes bytes."""
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    if "gb18030" in value:
        return bytes.fromhex(value["gb18030"]).decode("gb18030", "replace")
    return SimpleNamespace(**{name: plain(one) for name, one in value["has"].items()})


def call_of(kind: Kind, line: dict[str, Any]) -> Call:
    """A line of the program as a recorder has it."""
    name = line["callback"]
    arguments = [plain(one) for one in line["arguments"]]
    match _TABLES[kind][name].shape:
        case "plain":
            return Call(name)
        case "number":
            return Call(name, number=arguments[0])
        case "rtn":
            return Call(name, arguments[0])
        case "errrtn":
            return Call(name, arguments[0], arguments[1])
        case "error":
            return Call(name, None, *arguments)
        case _:
            return Call(name, *arguments)


class Api:
    """The Api object in the other process."""

    def __init__(self, child: Child, name: str, kind: Kind, spi: Any, *arguments: Any, binding: str = "") -> None:
        """``binding``: another than the program's own."""
        self.child = child
        self.name = name
        self.kind = kind
        self._number = 0

        self.threads: set[int] = set()
        """On which the callbacks came."""

        def hear(line: dict[str, Any]) -> None:
            self.threads.add(line["thread"])
            spi.record(call_of(kind, line))

        child.register(name, hear)
        child.send(do="create", api=name, kind=kind, binding=binding or child.binding, arguments=list(arguments))
        self.version = child.answer(name)["created"]

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call a method there; what it returned."""
        return self.asked(name, *arguments, **options)["result"]

    def asked(self, name: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Call a method there; the whole line that tells of it."""
        self._number += 1
        values = [_argument(one) for one in arguments]
        self.child.send(do="call", api=self.name, name=name, number=self._number, arguments=values, **options)
        return self.child.answer(self.name)

    def when(self, callback: str, name: str, *arguments: Any) -> None:
        """Call a method there inside the next ``callback``; :meth:`result` is its result."""
        values = [_argument(one) for one in arguments]
        self.child.send(do="when", api=self.name, callback=callback, name=name, arguments=values)

    def result(self) -> Any:
        """The result of what :meth:`when` asked for."""
        return self.child.answer(self.name)["result"]

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.call(name, *arguments)


def _argument(value: Any) -> Any:
    if isinstance(value, CtpStruct):
        return {"struct": type(value).__name__, "set": dict(_given(value))}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list | tuple):
        return [_argument(one) for one in value]
    return value


def _given(struct: Any) -> Iterator[tuple[str, Any]]:
    for name, default in zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True):
        value = getattr(struct, name)
        if value != default:
            yield name, _argument(value)


class ChildTrader(Trader):
    """A TraderApi in another process."""

    def __init__(
        self,
        child: Child,
        address: str,
        user: str = "alice",
        *,
        name: str = "",
        flow: str = "",
        resume: int | None = None,
        binding: str = "",
    ) -> None:
        self.user = user
        self.spi = PatientTraderRecorder()
        self.api: Any = Api(child, name or user, "trader", self.spi, flow, binding=binding)
        if resume is not None:
            self.api.SubscribePrivateTopic(resume)
            self.api.SubscribePublicTopic(resume)
        self.api.RegisterFront(address)
        self._last_id = 0
        self.login_field: Any = None


class ChildMd(Watcher):
    """An MdApi in another process."""

    def __init__(self, child: Child, address: str, name: str = "md", flow: str = "") -> None:
        self.spi = PatientMdRecorder()
        self.api: Any = Api(child, name, "md", self.spi, flow)
        self.api.RegisterFront(address)

    def login_again(self) -> ChildMd:
        """After a break of the link."""
        before = len(self.spi.calls)
        assert self.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(), 2) == 0
        assert self.spi.wait_for("OnRspUserLogin", after=before).error_id == 0
        return self

    def subscribe(self, *codes: str) -> Watcher:
        """Subscribe and wait for the answers."""
        before = len(self.spi.calls)
        assert self.ask_for("SubscribeMarketData", *codes) == 0
        self.spi.wait_for("OnRspSubMarketData", after=before, count=len(codes))
        return self

    def ask_for(self, name: str, *codes: str) -> int:
        """A call with a list of codes: ctp-python counts them itself, openctp-ctp wants bytes."""
        if self.api.child.binding == "ctp":
            return int(self.api.call(name, list(codes)))
        return int(self.api.call(name, [code.encode() for code in codes], len(codes)))
