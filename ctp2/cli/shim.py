"""``ctp2 shim``: native libraries, built, installed in the place of a vendor's, and taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core import address as addresses
from ctp2.shim import build as builder
from ctp2.shim import install as installer
from ctp2.shim import places, verify
from ctp2.shim.errors import NoCompiler, ShimError
from ctp2.shim.files import replace
from ctp2.shim.header import write_headers
from ctp2.shim.install import Done
from ctp2.shim.interface import SIDES
from ctp2.shim.revisions import REVISIONS
from ctp2.shim.targets import TARGETS

_CODES: Final = {
    **dict.fromkeys(("no_revision", "no_target"), WRONG_USE),
    **dict.fromkeys(("no_package", "no_folder", "no_interpreter", "no_library", "no_compiler"), NOT_REACHABLE),
}
"""Exit codes of errors; all others are ``FAILED``."""
_OUT: Final = "ctp2-native"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ShimError as error:
        raise CliError(text(f"shim.{error.why}", **error.details), _CODES.get(error.why, FAILED)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror or error}") from None


def show(as_json: bool) -> int:
    """Which revisions there are, and for which platforms libraries are at hand."""
    compilers = {name: _compiler(name) for name in TARGETS}
    states = {revision.name: {name: _state(revision.name, name) for name in TARGETS} for revision in REVISIONS}
    if as_json:
        rows = [
            {"revision": revision.name, "vendor": list(revision.vendor), "targets": states[revision.name]}
            for revision in REVISIONS
        ]
        print(json.dumps({"revisions": rows, "compilers": compilers}, ensure_ascii=False))
        return DONE
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(text("shim.revision"), text("shim.vendor"), text("shim.at_hand"), box=box.SIMPLE)
    for revision in REVISIONS:
        at_hand = [f"{name} ({text(f'shim.{state}')})" for name, state in states[revision.name].items() if state]
        table.add_row(revision.name, revision.vendor[0], ", ".join(at_hand) or "-")
    Console().print(table)
    for name, compiler in compilers.items():
        print(text("shim.compiler", target=name, compiler=compiler) if compiler else text("shim.none", target=name))
    return DONE


def _state(revision: str, target: str) -> str:
    if builder.prebuilt(revision, target) is not None:
        return "prebuilt"
    return "built" if builder.is_cached(revision, target) else ""


def _compiler(target: str) -> str:
    try:
        return TARGETS[target].find(None).name
    except NoCompiler:
        return ""


def build_all(version: str | None, out: Path | None, target: str, with_headers: bool, as_json: bool) -> int:
    """Build one revision into ``out``, or all, each into a folder of its name there."""
    target = target or verify.here()
    told = []
    with _told():
        wanted = [builder.revision_of(version)] if version is not None else list(REVISIONS)
        for revision in wanted:
            folder = out or Path(_OUT)
            folder = folder if version is not None else folder / revision.name
            made = builder.build(revision, folder, target=target)
            for path in made:
                replace(path, installer.stamped(path.read_bytes(), [target], sys.executable), 0o755)
            if with_headers:
                write_headers(revision, folder)
            row = {"revision": revision.name, "target": target} | dict(zip(SIDES, map(str, made), strict=True))
            told.append(row)
            if not as_json:
                print(text("shim.made", revision=revision.name, folder=folder, files=", ".join(p.name for p in made)))
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    return DONE


def install(where: str, python: str, fronts: Sequence[str], md_fronts: Sequence[str], as_json: bool) -> int:
    """Exchange the libraries of a package or folder."""
    for address in (*fronts, *md_fronts):
        _check(address)
    written = {"td": fronts, "md": md_fronts} if md_fronts else {"": fronts}
    with _told():
        place = places.of(where, python or None)
        done = installer.install(place, builder.library, sys.executable, written)
    _tell(place.name, done, as_json)
    if not as_json:
        print(text("shim.next_front") if fronts or md_fronts else text("shim.next"))
    return DONE


def restore(where: str, python: str, as_json: bool) -> int:
    """Put the originals back; failed when a library of ours stays because there is no original."""
    with _told():
        place = places.of(where, python or None)
        done = installer.restore(place)
    _tell(place.name, done, as_json)
    if not as_json and not done:
        print(text("shim.nothing", place=place.name))
    return FAILED if any(one.state == "ours" for one in done) else DONE


def _check(address: str) -> None:
    """The front file has words and comments: what would be taken for either is refused."""
    try:
        addresses.parse(address)
    except ValueError as error:
        raise CliError(str(error), WRONG_USE) from None
    if any(one.isspace() or one == "#" for one in address):
        raise CliError(text("shim.bad_address", address=address), WRONG_USE)


def _tell(place: str, done: Sequence[Done], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "path": str(one.path),
                "state": one.state,
                "side": one.side or "",
                "revision": one.revision,
                "original": str(one.kept or ""),
            }
            for one in done
        ]
        print(json.dumps({"place": place, "libraries": rows}, ensure_ascii=False))
        return
    for one in done:
        side = text(f"ping.{one.side}") if one.side else ""
        kept = one.kept.name if one.kept else "-"
        print(text(f"shim.{one.state}", path=one.path, side=side, revision=one.revision, kept=kept))
