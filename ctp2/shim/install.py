"""Puts libraries of ours in the place of a vendor's, and back.

The original is kept beside its place as ``NAME.ctp2-original`` and never overwritten. Each file is exchanged at once.
Whatever fails on the way, also an interrupt, everything is put back as it was; after a kill every file is still whole,
and installing again or restoring goes on from there.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, Literal

from ctp2.shim import binary, compilers, files, macho, record, verify
from ctp2.shim.binary import Library
from ctp2.shim.errors import ShimError
from ctp2.shim.names import Side
from ctp2.shim.places import Place
from ctp2.shim.revisions import Revision
from ctp2.shim.targets import TARGETS, Target

KEPT: Final = ".ctp2-original"
"""Behind the name of a library: the file that was there before."""
FRONT_FILE: Final = "ctp2_front.txt"
"""Beside a library: the addresses that count instead of those that a program registers (``runtime/address.h``)."""
_FRONT_HEAD: Final = "# ctp2 shim install --front\n"
"""How ``restore`` knows a file of this name that it may remove."""

Make = Callable[[str, str, Side], bytes]
"""(revision, target, side) → the finished library, without a stamp."""
State = Literal["installed", "updated", "restored", "other", "ours", "foreign"]


@dataclass(frozen=True)
class Done:
    """What became of one library.

    ``installed`` in the place of a vendor's, ``updated`` one of ours, ``foreign``: left alone, for it is for another
    system than the others. ``restored``; ``other``: not restored, for by now another library of the vendor's is there;
    ``ours``: not restored, for there is no original.
    """

    path: Path
    state: State
    side: Side | None
    revision: str
    kept: Path | None
    """Where the original lies now; None when it is nowhere beside."""


@dataclass(frozen=True)
class _Exchange:
    """One file, read before anything is touched."""

    library: Library
    revision: Revision
    before: bytes
    link: str | None
    """Where the file points, if it is a link (to elsewhere: others are no candidates)."""
    mode: int
    after: bytes

    @property
    def path(self) -> Path:
        return self.library.path

    @property
    def proof(self) -> verify.Proof:
        names = TARGETS[verify.here()].exports(self.revision.name, self.library.side)
        is_macos = self.library.system == "macos"
        return self.path, names, self.revision.macos_api_version if is_macos else self.revision.api_version


def kept_of(path: Path) -> Path:
    """Where the original of a library is kept."""
    return path.with_name(path.name + KEPT)


def install(place: Place, make: Make, python: str, fronts: Mapping[str, Sequence[str]]) -> list[Done]:
    """Exchange the CTP libraries of ``place``, each for the build of exactly its revision.

    Libraries for other systems than this one are left alone, unless there are no others.

    Args:
        place: Where they lie.
        make: Gives a library.
        python: The interpreter that is to start private servers.
        fronts: Addresses for the front file: of ``""`` both sides, of ``td`` and ``md`` one. None: no file is written.

    Raises:
        ShimError: No library, a revision without a schema, no permission, or the new library does not load. Then
            everything is as it was before.
    """
    with _told(place, "cannot_write"):
        found = list(binary.find(path for path in place.files if not path.name.endswith(KEPT)))
        if not found:
            raise ShimError("no_library", place=place.name)
        here = [one for one in found if verify.here() in one.targets()] or found
        exchanges = [_exchange(library, make, python) for library in here]
        with ExitStack() as undo:
            added = [path for exchange in exchanges for path in _put(exchange, undo)]
            added += _write_fronts([one.path.parent for one in here], fronts, undo)
            verify.loads([one.proof for one in exchanges if verify.here() in one.library.targets()])
            if place.record is not None:
                undo.callback(files.replace, place.record, place.record.read_bytes(), _mode(place.record))
                contents = {path: path.read_bytes() for path in added if not path.is_symlink()}
                contents |= {one.path: one.after for one in exchanges}
                record.rewrite(place.record, place.root, contents, ())
            undo.pop_all()
    done = [
        Done(
            one.path,
            "updated" if one.library.is_ours else "installed",
            one.library.side,
            one.revision.name,
            kept_of(one.path) if os.path.lexists(kept_of(one.path)) else None,
        )
        for one in exchanges
    ]
    return done + [Done(one.path, "foreign", one.side, one.name, None) for one in found if one not in here]


def restore(place: Place) -> list[Done]:
    """Put every original in ``place`` back, byte for byte; an empty list when there is nothing to do.

    ``ShimError`` without permission; what was put back until then stays so.
    """
    with _told(place, "cannot_restore"):
        kept = dict.fromkeys(
            path if path.name.endswith(KEPT) else kept_of(path) for path in place.files if path.name != FRONT_FILE
        )
        done = [_put_original_back(path) for path in kept if os.path.lexists(path)]
        handled = {one.path for one in done}
        left = [one for one in binary.find(place.files) if one.is_ours and one.path not in handled]
        done += [Done(one.path, "ours", one.side, one.name, None) for one in left]
        restored = {one.path for one in done if one.state == "restored"}
        fronts = [path.parent / FRONT_FILE for path in restored]
        removed = [path for path in dict.fromkeys(fronts) if path.is_file() and _is_front_file_of_ours(path)]
        for path in removed:
            path.unlink()
        if place.record is not None and restored:
            contents = {path: path.read_bytes() for path in restored}
            record.rewrite(place.record, place.root, contents, [*map(kept_of, restored), *fronts])
    return done


@contextmanager
def _told(place: Place, why: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or place.name
        raise ShimError(why, path=name, reason=error.strerror or error, place=place.name) from None


def _exchange(library: Library, make: Make, python: str) -> _Exchange:
    """Everything that can be refused is refused here."""
    revision, path = library.revision(), library.path
    targets = [_target(library, name) for name in library.targets()]
    factory, _ = targets[0].exports(revision.name, library.side)
    if library.factory != factory:
        raise ShimError("wrong_factory", library=path, said=library.said[0], found=library.factory)
    parts = [make(revision.name, target.name, library.side) for target in targets]
    after = stamped(parts[0] if len(parts) == 1 else macho.join(parts), library.targets(), python)
    link = os.readlink(path) if path.is_symlink() else None
    return _Exchange(library, revision, path.read_bytes(), link, _mode(path), after)


def stamped(data: bytes, targets: Sequence[str], python: str) -> bytes:
    """A library that knows the interpreter, if it is for this system: elsewhere that path would mean nothing.

    On macOS a changed file must be signed again; where that cannot be done the library stays as it is, and programs
    name the interpreter in CTP2_PYTHON.
    """
    here = verify.here()
    if here not in targets:
        return data
    if not here.startswith("macos"):
        return binary.stamped(data, python)
    sign = shutil.which("codesign")
    if sign is None:
        return data
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "library")
        path.write_bytes(binary.stamped(data, python))
        compilers.run([sign, "-f", "-s", "-", str(path)], path.parent)
        return path.read_bytes()


def _target(library: Library, name: str) -> Target:
    if name not in TARGETS:
        raise ShimError("no_build_for", library=library.path, target=name, targets=", ".join(TARGETS))
    return TARGETS[name]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _put(exchange: _Exchange, undo: ExitStack) -> list[Path]:
    """Keep the original, put the new library in its place; how to take that back goes to ``undo``."""
    path = exchange.path
    files.sweep(path)
    added = []
    if not exchange.library.is_ours:
        added = [_keep(exchange, undo)]
    undo.callback(_put_back, exchange)
    files.replace(path, exchange.after, exchange.mode)
    return added


def _keep(exchange: _Exchange, undo: ExitStack) -> Path:
    kept = kept_of(exchange.path)
    files.sweep(kept)
    if os.path.lexists(kept):
        if kept.is_symlink() == (exchange.link is not None) and kept.read_bytes() == exchange.before:
            return kept  # of an install that was killed
        # The package was updated since: what was kept is of the version before, and still somebody's.
        aside = next(name for number in count(1) if not os.path.lexists(name := Path(f"{kept}.{number}")))
        kept.rename(aside)
        undo.callback(aside.rename, kept)
    undo.callback(partial(kept.unlink, missing_ok=True))
    if exchange.link is not None:
        files.link(kept, exchange.link)
    else:
        files.replace(kept, exchange.before, exchange.mode)
        shutil.copystat(exchange.path, kept)
    return kept


def _put_back(exchange: _Exchange) -> None:
    if exchange.link is not None:
        files.link(exchange.path, exchange.link)
    else:
        files.replace(exchange.path, exchange.before, exchange.mode)


def _put_original_back(kept: Path) -> Done:
    path = kept.with_name(kept.name.removesuffix(KEPT))
    files.sweep(path)
    now = binary.read(path) if path.is_file() else None
    # A link may point to what is gone.
    is_whole = kept.is_file()
    original = binary.read(kept) if is_whole else None
    side, name = (original.side, original.name) if original is not None else (None, "")
    if now is not None and not now.is_ours and not (is_whole and path.read_bytes() == kept.read_bytes()):
        return Done(path, "other", side, name, kept)
    kept.replace(path)
    return Done(path, "restored", side, name, None)


def _write_fronts(folders: Iterable[Path], fronts: Mapping[str, Sequence[str]], undo: ExitStack) -> list[Path]:
    """The front file of each folder. What stood there before is lost on success: it is a setting, given anew."""
    if not any(fronts.values()):
        return []
    lines = [f"{side} {address}".lstrip() for side, addresses in fronts.items() for address in addresses]
    made = [folder / FRONT_FILE for folder in dict.fromkeys(folders)]
    for path in made:
        if path.exists():
            undo.callback(files.replace, path, path.read_bytes(), _mode(path))
        else:
            undo.callback(partial(path.unlink, missing_ok=True))
        files.replace(path, (_FRONT_HEAD + "\n".join(lines) + "\n").encode())
    return made


def _is_front_file_of_ours(path: Path) -> bool:
    return path.read_bytes().startswith(_FRONT_HEAD.encode())
