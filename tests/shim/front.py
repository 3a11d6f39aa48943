"""A front whose backend is the test's: it takes every request and calls back whatever it is told to."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.backend import Event, Request
from tests.front import fake
from tests.shim.child import TIMEOUT


class Session(fake.Session):
    """Answers queries, of which a link may have one at a time."""

    def handle(self, request: Request) -> int:
        result = super().handle(request)
        if request.method.is_query:
            self.put(Event(request.method.response, None, None, request.request_id))
        return result

    def next(self, name: str) -> Request:
        while True:
            request = self.requests.get(timeout=TIMEOUT)
            if request.method.name == name:
                return request

    def stream(self, *events: Event) -> None:
        """Call back the same again and again, as fast as the client takes it, until the client is gone."""
        idle = threading.Event()

        def pump() -> None:
            while not self.closed.is_set():
                idle.clear()
                self.put(*events)
                self.sink.when_idle(idle.set)
                idle.wait(1)

        threading.Thread(target=pump, daemon=True).start()


class Backend(fake.Backend):
    """Makes such sessions."""

    def session(self, kind: Any, sink: Any) -> Session:
        session = Session(kind, sink)
        session.put(Event("OnFrontConnected"))
        self.made.put(session)
        return session

    def next(self) -> Session:
        return self.made.get(timeout=TIMEOUT)  # type: ignore[return-value]


def installed(monkeypatch: pytest.MonkeyPatch, backend: Backend | None = None) -> Backend:
    """The backend of ``fake://``."""
    made = backend or Backend()
    monkeypatch.setitem(registry._modules, "fake", fake.Module(made))
    return made
