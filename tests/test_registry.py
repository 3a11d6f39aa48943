from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import Address, parse
from ctp2.core.errors import AddressError, Ctp2Error, MissingExtra, OpenFailed
from tests import toy

TIMEOUT = 10.0


class Module:
    """A backend's module: counts what is open."""

    CONTRACT = 1

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.error: Exception | None = None
        self.hold: threading.Event | None = None
        self.entered = threading.Semaphore(0)

    def check(self, address: Address) -> None:
        if "bad" in address.options:
            raise ValueError("unknown option bad")

    def open(self, address: Address, clock: Any) -> Any:
        self.entered.release()
        if self.hold is not None:
            assert self.hold.wait(TIMEOUT)
        if self.error is not None:
            raise self.error
        self.opened += 1
        return SimpleNamespace(close=self._close, address=address)

    def _close(self) -> None:
        self.closed += 1


class Joining(Module):
    """Identified by host alone; refuses another speed."""

    def identity(self, address: Address) -> str:
        return address.host or "default"

    def check_join(self, address: Address, opened_with: Address) -> None:
        if address.options.get("speed", "1") != opened_with.options.get("speed", "1"):
            raise ValueError("speed differs from the running one's")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    found = Module()
    monkeypatch.setitem(registry._modules, "m", found)
    yield found
    assert registry._slots == {}


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> Iterator[Joining]:
    found = Joining()
    monkeypatch.setitem(registry._modules, "j", found)
    yield found
    assert registry._slots == {}


def provide(monkeypatch: pytest.MonkeyPatch, found: Any) -> None:
    """Install an entry point for the scheme ``foreign``."""

    def load() -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    point = SimpleNamespace(name="foreign", value="some.module", load=load)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"foreign": point})
    monkeypatch.setattr(registry, "_modules", {})


# --- finding ---------------------------------------------------------------------------------------------------------


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(AddressError, match=r"unknown scheme nope://.*tts"):
        registry.check(parse("nope://x"))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BACKENDS, "fake", registry.Entry("ctp2.core.backend", "fake", "no_such_package"))
    with pytest.raises(MissingExtra, match=r"no_such_package.*pip install 'ctp2\[fake\]'") as caught:
        registry.check(parse("fake://x"))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ImportError)


def test_a_broken_module_of_our_own_is_not_called_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BACKENDS, "fake", registry.Entry("ctp2.no_such_module", "fake"))
    with pytest.raises(ModuleNotFoundError) as caught:
        registry.check(parse("fake://x"))
    assert not isinstance(caught.value, MissingExtra)


def test_an_entry_point_adds_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, Module())
    registry.check(parse("foreign://x"))
    assert "foreign" in registry.schemes()


@pytest.mark.parametrize("contract", [2, None])
def test_another_contract_is_refused(monkeypatch: pytest.MonkeyPatch, contract: int | None) -> None:
    found = Module()
    found.CONTRACT = contract  # type: ignore[assignment]
    provide(monkeypatch, found)
    with pytest.raises(AddressError, match=f"made for contract {contract}, this ctp2 has 1"):
        registry.check(parse("foreign://x"))


def test_an_entry_point_that_fails_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, ImportError("boom"))
    with pytest.raises(AddressError, match=r"some\.module.*cannot be loaded.*boom"):
        registry.check(parse("foreign://x"))


def test_the_backends_own_check_is_asked(module: Module) -> None:
    with pytest.raises(ValueError, match="unknown option bad"):
        registry.check(parse("m://x?bad=1"))


# --- counting --------------------------------------------------------------------------------------------------------


def test_equal_addresses_share_one_backend(module: Module) -> None:
    one, two, other = (registry.acquire(parse(text)) for text in ("m://x?a=1&b=2", "m://x?b=2&a=1", "m://y"))
    assert one is two is not other
    assert registry.running(parse("m://y")) is other
    assert registry.running(parse("m://z")) is None
    registry.release(one)
    assert module.closed == 0
    registry.release(two)
    registry.release(other)
    assert (module.opened, module.closed) == (2, 2)
    with pytest.raises(OpenFailed):
        registry.release(one)


def test_a_failed_opening_leaves_nothing(module: Module) -> None:
    module.error = OpenFailed("down")
    with pytest.raises(Ctp2Error, match="down"):
        registry.acquire(parse("m://x"))
    assert registry.running(parse("m://x")) is None
    module.error = None
    registry.release(registry.acquire(parse("m://x")))


def test_joining_by_identity(joining: Joining) -> None:
    backend = registry.acquire(parse("j://?speed=2"))
    assert registry.acquire(parse("j://default?speed=2")) is backend
    for ask in (registry.check, registry.acquire):
        with pytest.raises(ValueError, match="speed differs"):
            ask(parse("j://default?speed=3"))
    registry.release(backend)
    registry.release(backend)
    registry.check(parse("j://default?speed=3"))


def test_opening_happens_once_and_holds_up_only_its_own_place(module: Module) -> None:
    module.hold = threading.Event()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(registry.acquire(parse("m://x")))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert module.entered.acquire(timeout=TIMEOUT)
    hold, module.hold = module.hold, None
    other = registry.acquire(parse("m://y"))
    hold.set()
    for thread in threads:
        thread.join(TIMEOUT)
    assert len({id(backend) for backend in found}) == 1
    assert module.opened == 2
    for backend in (*found, other):
        registry.release(backend)
    assert module.closed == 2


# --- the example distribution ----------------------------------------------------------------------------------------

DRIVE = """
from ctp2 import mdapi, tdapi
from ctp2.testing import MdRecorder, TraderRecorder

spi = TraderRecorder()
api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
api.RegisterSpi(spi)
api.RegisterFront("toy://")
api.Init()
spi.wait_for("OnFrontConnected")
api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(UserID="u"), 1)
spi.answer(1)
order = tdapi.CThostFtdcInputOrderField(InstrumentID="TOY", LimitPrice=3.0, VolumeTotalOriginal=2, OrderRef="1")
assert api.ReqOrderInsert(order, 2) == 0
spi.wait_for("OnRtnTrade")
assert [call.field.OrderStatus for call in spi.of("OnRtnOrder")] == ["a", "3", "0"]
assert api.ReqQryInvestorPosition(tdapi.CThostFtdcQryInvestorPositionField(), 3) == 0
assert [(call.field, call.info) for call in spi.answer(3)] == [(None, None)]
api.Release()

quotes = MdRecorder()
md = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
md.RegisterSpi(quotes)
md.RegisterFront("toy://")
md.Init()
quotes.wait_for("OnFrontConnected")
md.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)
md.SubscribeMarketData([b"TOY"], 1)
assert quotes.wait_for("OnRtnDepthMarketData").field.BidPrice1 == 100.0
try:
    md.RegisterFront("toy://?nope=1")
except ValueError as error:
    print(error)
md.Release()
"""


def test_the_example_is_small() -> None:
    lines = [line for file in toy.FOLDER.rglob("*.py") for line in file.read_text("utf-8").splitlines()]
    assert len(lines) < 200


@pytest.mark.foreign
def test_the_example_distribution_installs_and_trades(tmp_path: Path, root: Path) -> None:
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    install += ["--target", str(target), str(toy.FOLDER)]
    subprocess.run(install, check=True)
    code = f"import sys; sys.path[:0] = [{str(target)!r}, {str(root)!r}]\n{DRIVE}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "toy:// has no option nope" in result.stdout
