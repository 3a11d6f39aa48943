"""Api objects over a fake backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ctp2 import mdapi, tdapi
from ctp2.core.api import BaseApi
from ctp2.ctp import structs
from ctp2.testing import Call, MdRecorder, TraderRecorder
from tests.core.fake import FakeBackend, FakeRegistry, FakeSession


@dataclass
class Client:
    api: Any
    spi: Any
    backend: FakeBackend
    registry: FakeRegistry

    @property
    def session(self) -> FakeSession:
        return self.backend.last

    def connect(self) -> FakeSession:
        self.api.RegisterFront("fake://one")
        self.api.Init()
        session = self.backend.wait_for_session()
        self.spi.wait_for("OnFrontConnected")
        return session

    def login(self, user: str = "u", request_id: int = 1, day: str = "20260105") -> None:
        before = len(self.spi.calls)
        assert self.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(UserID=user), request_id) == 0
        self.session.accept_login(day, request_id)
        self.spi.wait_for("OnRspUserLogin", after=before)


Maker = Callable[..., Client]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """Makes a trader or md client, with a home of its own; released at the end."""
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))
    made: list[BaseApi] = []

    def make(
        kind: str = "trader",
        flow: str = "",
        on_call: Callable[[Call], object] | None = None,
        **backends: Any,
    ) -> Client:
        backends = backends or {"one": FakeBackend()}
        registry = FakeRegistry(**backends)
        spi = (TraderRecorder if kind == "trader" else MdRecorder)(on_call)
        face: Any = tdapi.CThostFtdcTraderApi if kind == "trader" else mdapi.CThostFtdcMdApi
        api = face._create(registry, flow)
        made.append(api)
        api.RegisterSpi(spi)
        return Client(api, spi, backends.get("one") or FakeBackend(), registry)

    yield make
    for api in made:
        api.Release()
