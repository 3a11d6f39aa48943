"""Struct classes: what a user may do with one, and that none is built before its use."""

from __future__ import annotations

import ast
import copy
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

from ctp2.ctp import schema, structs
from ctp2.ctp.base import SECRETS, CtpStruct, parse
from ctp2.ctp.structs import CThostFtdcInputOrderField, CThostFtdcReqUserLoginField, CThostFtdcRspInfoField
from tools.gen_ctp import ROOT, module_at

DEFAULTS: dict[str, Any] = {"i": 0, "h": 0, "d": 0.0}


def order() -> CThostFtdcInputOrderField:
    return CThostFtdcInputOrderField(InstrumentID="IF2101", LimitPrice=5200.2, VolumeTotalOriginal=3, Direction="0")


def test_every_field_has_its_default() -> None:
    for name, description in structs.FIELDS.items():
        made = getattr(structs, name)()
        for field, kind in parse(description):
            value = getattr(made, field)
            default = DEFAULTS.get(kind, b"" if kind[0] == "b" else "")
            assert value == default, (name, field)
            assert type(value) is type(default), (name, field)


def test_fields_are_the_union_of_all_versions_newest_first() -> None:
    union: dict[str, dict[str, None]] = {}
    for version in reversed(schema.VERSIONS):
        for name, fields in schema.load(version)["structs"].items():
            union.setdefault(name, {}).update(dict.fromkeys(field for field, _ in fields))
    assert {name: [field for field, _ in parse(text)] for name, text in structs.FIELDS.items()} == {
        name: list(fields) for name, fields in union.items()
    }


def test_set_by_attribute_and_by_keyword() -> None:
    field = CThostFtdcInputOrderField()
    field.InstrumentID = "IF2101"
    field.LimitPrice = 5200.2
    field.VolumeTotalOriginal = 3
    field.Direction = "0"
    assert field == order()
    field.Direction = "1"
    assert field != order()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_equal_and_independent(duplicate: Any) -> None:
    original = order()
    twin = duplicate(original)
    assert twin == original
    assert type(twin) is type(original)
    twin.InstrumentID = "IF2102"
    assert original.InstrumentID == "IF2101"


def test_repr_shows_what_is_set() -> None:
    assert repr(CThostFtdcRspInfoField(ErrorID=6, ErrorMsg="还没有登录")) == (
        "CThostFtdcRspInfoField(ErrorID=6, ErrorMsg='还没有登录')"
    )
    assert repr(CThostFtdcRspInfoField()) == "CThostFtdcRspInfoField()"


def test_repr_hides_secrets() -> None:
    login = CThostFtdcReqUserLoginField(UserID="alice", Password="wonderland", OneTimePassword="123456", SMSCode="9")
    assert repr(login) == (
        "CThostFtdcReqUserLoginField(UserID='alice', Password='***', OneTimePassword='***', SMSCode='***')"
    )
    assert "wonderland" not in repr([*login.__rich_repr__()])
    assert str(login) == f"{login}" == repr(login)


def test_no_secret_of_any_struct_shows() -> None:
    for name, description in structs.FIELDS.items():
        secret = {field: "tell-tale" for field, kind in parse(description) if kind.isdigit() and field in SECRETS}
        assert "tell-tale" not in repr(getattr(structs, name)(**secret)), name


def test_misspelt_attribute() -> None:
    field: Any = order()
    with pytest.raises(AttributeError):
        field.InstrumentId = "IF2101"
    with pytest.raises(AttributeError):
        field.InstrumentId  # noqa: B018


def test_misspelt_keyword() -> None:
    make: Any = CThostFtdcInputOrderField
    with pytest.raises(TypeError, match="InstrumentId"):
        make(InstrumentId="IF2101")


def test_unknown_struct() -> None:
    with pytest.raises(AttributeError, match="no attribute 'CThostFtdcOderField'"):
        structs.CThostFtdcOderField  # type: ignore[attr-defined]  # noqa: B018


def test_a_class_is_made_once() -> None:
    assert structs.CThostFtdcOrderField is structs.CThostFtdcOrderField
    assert structs.CThostFtdcOrderField.__module__ == "ctp2.ctp.structs"
    assert issubclass(structs.CThostFtdcOrderField, CtpStruct)


def test_all_names_are_listed() -> None:
    assert set(structs.FIELDS) <= set(dir(structs))
    listed: list[str] = structs.__all__  # type: ignore[attr-defined]
    assert set(listed) == {*structs.FIELDS, "CtpStruct"}


def test_threads_get_the_same_class() -> None:
    fresh = module_at(ROOT / "ctp2" / "ctp" / "structs.py", "structs_of_a_test")
    start = threading.Barrier(8)
    found: list[list[type]] = []

    def look() -> None:
        start.wait()
        found.append([getattr(fresh, name) for name in list(structs.FIELDS)[:40]])

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(classes == found[0] for classes in found)


def test_importing_the_interface_builds_nothing() -> None:
    script = (
        "import ctp2.ctp.api, ctp2.ctp.enums, ctp2.ctp.errors, ctp2.ctp.layout, ctp2.ctp.spi, ctp2.ctp.structs as s;"
        "print(*(name for name in s.FIELDS if name in vars(s)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_the_stub_says_what_the_table_says() -> None:
    stub = ast.parse((ROOT / "ctp2" / "ctp" / "structs.pyi").read_text("utf-8"))
    told = {
        node.name: [(line.target.id, line.annotation.id) for line in node.body if isinstance(line, ast.AnnAssign)
                    and isinstance(line.target, ast.Name) and isinstance(line.annotation, ast.Name)]
        for node in stub.body if isinstance(node, ast.ClassDef)
    }  # fmt: skip
    types = {"i": "int", "h": "int", "d": "float"}
    assert told == {
        name: [(field, types.get(kind, "bytes" if kind[0] == "b" else "str")) for field, kind in parse(text)]
        for name, text in structs.FIELDS.items()
    }
