"""The bindings that the tests run: where each is, and in what small ways they differ from each other."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from ctp2.ctp import schema
from ctp2.shim.revisions import by_name
from tests.shim import cxx
from tests.shim.child import Child
from tools import foreign_clients

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Client:
    """A binding, under which ``binding.py`` runs."""

    name: str
    revision: str
    imports: str
    binding: foreign_clients.Binding | None = None
    marks: tuple[Any, ...] = field(default=())
    check: cxx.Check | Literal[""] = ""
    """A program in C++ (``cxx.py``), compiled with this checker or ``plain``."""

    def says(self, version: str) -> bool:
        """Whether this is the version of our library (or of our own Python face)."""
        if self.binding is None and not self.check:
            return version.startswith("v6.7.13_ctp2-")
        return version == by_name(self.revision).api_version

    def is_since(self, revision: str) -> bool:
        """Whether its interface is this one or a later one."""
        return schema.VERSIONS.index(self.revision) >= schema.VERSIONS.index(revision)

    def statement(self, pieces: list[Any]) -> Any:
        """A statement of its pieces: openctp-ctp gives bytes; ctp-python text, piece by piece."""
        return b"".join(pieces).decode("gbk") if isinstance(pieces[0], bytes) else "".join(pieces)

    def statement_text(self, text: str) -> Any:
        """What that must be."""
        return text

    def complaints(self, stderr: str) -> list[str]:
        """Lines on stderr that nobody expects. Our libraries say in one line each what a user should know."""
        if self.binding is None:
            return [line for line in stderr.splitlines() if "Traceback" in line or "Error" in line]
        return [line for line in stderr.splitlines() if not line.startswith("ctp2: ")]


CLIENTS: Final = (
    Client("ctp2", "6.7.13", "ctp2"),
    *(
        Client(one.name, one.revision, one.package, one, (pytest.mark.foreign,))
        for one in foreign_clients.chosen().values()
    ),
)
FOREIGN: Final = tuple(one for one in CLIENTS if one.binding is not None)


def site_of(binding: foreign_clients.Binding) -> Path:
    """The folder with a binding in which our libraries are."""
    why = foreign_clients.why_not()
    if why:
        pytest.skip(why)
    return foreign_clients.swapped(binding)


def path_of(client: Client) -> list[Path]:
    """Where the program finds the binding."""
    return [ROOT] if client.binding is None else [site_of(client.binding)]


def original_of(client: Client) -> Path:
    """The folder with the binding as it was published, the vendor's libraries in it."""
    assert client.binding is not None
    return foreign_clients.site(client.binding)


def chinese() -> dict[str, str]:
    """The locale that openctp-ctp and vnpy_ctp need to convert text, which few machines have; ours alone needs none."""
    return {"LOCPATH": str(foreign_clients.locale_folder()), "LC_ALL": "C"}


def environment_of(client: Client) -> dict[str, str]:
    """What a binding needs around it."""
    return {} if client.binding is None else chinese()


def start(client: Client, folder: Path, stack: ExitStack, **environment: str) -> Child:
    """The program under a binding, until the stack is closed."""
    if client.check:
        return cxx.start(client.check, folder, stack, **environment)
    known = {name: value for name, value in os.environ.items() if name == "CTP2_HOME"}
    child = Child(client.imports, path_of(client), folder, **known, **environment_of(client), **environment)
    stack.callback(child.close)
    return child
