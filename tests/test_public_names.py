"""What is public is listed: a name that is not here is internal, however it is spelled."""

from __future__ import annotations

from importlib import import_module

import pytest

from ctp2.ctp import enums, structs

PUBLIC: dict[str, set[str]] = {
    "ctp2": {"__version__", "mdapi", "tdapi"},
    "ctp2.testing": {
        "Call",
        "Days",
        "LocalCounter",
        "MdClient",
        "MdRecorder",
        "Order",
        "TraderClient",
        "TraderRecorder",
        "open_counter",
    },
    "ctp2.tts": {"counter", "hashed_password"},
}
FACES = {
    "ctp2.tdapi": {"CThostFtdcTraderApi", "CThostFtdcTraderSpi"},
    "ctp2.mdapi": {"CThostFtdcMdApi", "CThostFtdcMdSpi"},
    "ctp2.thosttraderapi": {"CThostFtdcTraderApi", "CThostFtdcTraderSpi"},
    "ctp2.thostmduserapi": {"CThostFtdcMdApi", "CThostFtdcMdSpi"},
}
CONTRACT = {
    "CONTRACT_VERSION",
    "Alarm",
    "Backend",
    "Builder",
    "BackendModule",
    "Capabilities",
    "Event",
    "Host",
    "Kind",
    "NONE",
    "Opener",
    "QUICK",
    "Recipe",
    "Request",
    "Session",
    "Sink",
    "Topic",
}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_package_lists_its_public_names(name: str) -> None:
    module = import_module(name)
    assert set(module.__all__) == PUBLIC[name]
    assert [item for item in module.__all__ if not hasattr(module, item)] == []


@pytest.mark.parametrize("name", sorted(FACES))
def test_a_face_offers_the_interface_and_nothing_else(name: str) -> None:
    module = import_module(name)
    constants = {item for item in vars(enums) if item.startswith("THOST_")}
    records = {item for item in structs.FIELDS if item.startswith("CThostFtdc")}
    assert set(module.__all__) == constants | records | FACES[name]
    assert len(module.__all__) == len(set(module.__all__))


def test_the_contract_of_a_backend() -> None:
    module = import_module("ctp2.core.backend")
    own = {
        item
        for item, value in vars(module).items()
        if item[0] not in "_@" and getattr(value, "__module__", module.__name__) == module.__name__
    }
    foreign = {"annotations", "msgspec", "Any", "Callable", "Final", "Literal", "Protocol", "Sequence", "TYPE_CHECKING"}
    assert own | {"Builder", "Kind", "Topic", "Opener"} == CONTRACT | (own & foreign)
