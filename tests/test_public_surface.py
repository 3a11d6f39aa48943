"""``tdapi`` and ``mdapi`` offer what ``openctp_ctp`` offers: its two modules are parsed, nothing of them is loaded."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ctp2 import mdapi, tdapi
from ctp2.ctp.schema import load

pytestmark = pytest.mark.foreign

MODULES = [("thosttraderapi", tdapi), ("thostmduserapi", mdapi)]
SWIG_OWN = re.compile(r"_|thisown$|this$|annotations$")
"""Names that SWIG adds for itself."""
API_AND_SPI = re.compile(r"CThostFtdc(Trader|Md)(Api|Spi)$")


@cache
def parsed(folder: Path, name: str) -> ast.Module:
    return ast.parse((folder / f"{name}.py").read_text("utf-8"))


def constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if not SWIG_OWN.match(name):
                yield name


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    found = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return {name: node for name, node in found.items() if not SWIG_OWN.match(name)}


def fields(node: ast.ClassDef) -> list[str]:
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def methods(node: ast.ClassDef) -> dict[str, list[str]]:
    """Method → names of its arguments without ``self``; ``*args`` is left out, its names are in the docstring."""
    found = {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and not SWIG_OWN.match(item.name):
            names = [argument.arg for argument in item.args.args if argument.arg != "self"]
            if item.args.vararg is not None:
                names = re.findall(r":param (\w+)", ast.get_docstring(item) or "")
            found[item.name] = names
    return found


def own_arguments(cls: Any, name: str) -> list[str]:
    return [argument for argument in inspect.signature(getattr(cls, name)).parameters if argument != "self"]


@pytest.mark.parametrize(("name", "ours"), MODULES)
def test_every_constant_with_its_value(openctp_sources: Path, name: str, ours: ModuleType) -> None:
    theirs = list(constants(parsed(openctp_sources, name)))
    schema = load("6.7.11")
    values = dict(schema["resume"])
    for members in schema["enums"].values():
        values.update(members)
    assert len(theirs) > 1300
    assert [constant for constant in theirs if constant not in ours.__all__] == []
    wrong = [constant for constant in theirs if getattr(ours, constant) != values[constant]]
    assert wrong == []


@pytest.mark.parametrize(("name", "ours"), MODULES)
def test_every_struct_with_its_fields(openctp_sources: Path, name: str, ours: ModuleType) -> None:
    theirs = {cls: fields(node) for cls, node in classes(parsed(openctp_sources, name)).items()}
    structs = {cls: names for cls, names in theirs.items() if not API_AND_SPI.match(cls)}
    assert len(structs) > 400
    assert [cls for cls in structs if cls not in ours.__all__] == []
    missing = {
        cls: lacking
        for cls, names in structs.items()
        if (lacking := set(names) - set(getattr(ours, cls).__struct_fields__))
    }
    assert missing == {}


@pytest.mark.parametrize(("name", "ours"), MODULES)
def test_every_method_with_its_arguments(openctp_sources: Path, name: str, ours: ModuleType) -> None:
    compared = 0
    for cls, node in classes(parsed(openctp_sources, name)).items():
        if not API_AND_SPI.match(cls):
            continue
        for method, theirs in methods(node).items():
            found = own_arguments(getattr(ours, cls), method)
            # Ours may take more, as newer versions do, but behind theirs.
            expected = [*theirs, *found[len(theirs) :]] if method not in DOCSTRING_LACKS else DOCSTRING_LACKS[method]
            assert found == expected, f"{cls}.{method}"
            assert all(_optional(getattr(ours, cls), method, extra) for extra in found[len(theirs) :])
            compared += 1
    assert compared >= 30


DOCSTRING_LACKS = {"CreateFtdcMdApi": ["pszFlowPath", "bIsUsingUdp", "bIsMulticast", "bIsProductionMode"]}
"""Factories whose docstring there does not name every argument of the C++ header."""


def _optional(cls: Any, method: str, argument: str) -> bool:
    return inspect.signature(getattr(cls, method)).parameters[argument].default is not inspect.Parameter.empty
