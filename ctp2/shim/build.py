"""Builds the two libraries of a revision; what was built before with the same inputs comes from the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from ctp2.core.paths import cache_dir
from ctp2.shim import generate, header, layout_check, linux
from ctp2.shim.compilers import Tools, run
from ctp2.shim.errors import ShimError
from ctp2.shim.files import Cache, replace
from ctp2.shim.interface import SIDES, Side
from ctp2.shim.revisions import REVISIONS, Revision, by_name
from ctp2.shim.targets import TARGETS, Target

RUNTIME: Final = Path(__file__).parent / "runtime"
PREBUILT: Final = Path(__file__).parent / "lib"
"""In native wheels: TARGET/REVISION/libraries (``hatch_build.py``)."""
_KEY: Final = re.compile(r"[0-9a-f]{16}")


def build(
    revision: Revision | str,
    out: Path,
    *,
    target: str = linux.NAME,
    compiler: str | None = None,
    cache: Path | None = None,
) -> tuple[Path, Path]:
    """Put the trader and the market data library of ``revision`` into the folder ``out``.

    Args:
        revision: Itself, or the name of its schema, ``6.7.11``.
        out: Made if it is not there; libraries of the same names in it are replaced, each at once.
        target: One of ``targets.TARGETS``.
        compiler: A compiler's command; default ``$CXX`` or the first that is found.
        cache: Where results are kept; default the user's cache folder.

    Raises:
        ShimError: No such revision or target, no compiler (``NoCompiler``), or the build fails (``BuildFailed``).
    """
    recipe = target_of(target)
    made = made_of(revision, target, compiler, cache)
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir()):
        replace(out / file.name, file.read_bytes(), 0o755 if file.name in recipe.files.values() else 0o644)
    return out / recipe.files["trader"], out / recipe.files["md"]


def made_of(revision: Revision | str, target: str, compiler: str | None = None, cache: Path | None = None) -> Path:
    """The folder of the cache with the libraries, built when they are not there; arguments and errors as ``build``."""
    recipe = target_of(target)
    wanted = revision if isinstance(revision, Revision) else revision_of(revision)
    return _libraries(wanted, recipe, recipe.find(compiler), Cache(cache or cache_dir() / "shim"))


def library(revision: str, target: str, side: Side) -> bytes:
    """A finished library: of this package when it brings it (``prebuilt``), else built. Errors as ``build``."""
    folder = prebuilt(revision, target) or made_of(revision, target)
    return (folder / target_of(target).files[side]).read_bytes()


def prebuilt(revision: str, target: str) -> Path | None:
    """The folder with the libraries that came with this package; None when it brought none for this target."""
    folder = PREBUILT / target / revision
    return folder if all((folder / file).is_file() for file in target_of(target).files.values()) else None


def is_cached(revision: str, target: str, cache: Path | None = None) -> bool:
    """Whether libraries of the revision were built here before, by whatever compiler."""
    names = (cache or cache_dir() / "shim").glob(f"{target}-{revision}-*")
    # Behind the name stands the key; that of another revision may begin with this one's.
    return any(_KEY.fullmatch(path.name.removeprefix(f"{target}-{revision}-")) for path in names)


def target_of(name: str) -> Target:
    """A target by its name; ``ShimError`` when there is none."""
    if name not in TARGETS:
        raise ShimError("no_target", target=name, targets=", ".join(TARGETS))
    return TARGETS[name]


def revision_of(name: str) -> Revision:
    """A revision by its name; ``ShimError`` when there is none."""
    try:
        return by_name(name)
    except ValueError:
        raise ShimError("no_revision", revision=name, revisions=", ".join(one.name for one in REVISIONS)) from None


def _libraries(revision: Revision, target: Target, tools: Tools, cache: Cache) -> Path:
    """The folder with the finished libraries."""
    sources = {f"{side}.cpp": generate.source(revision, side) for side in SIDES}
    sources[layout_check.SOURCE] = layout_check.source(revision.name, target.is_itanium)
    headers = {layout_check.HEADER: header.header(revision)}

    def fill(folder: Path) -> None:
        runtime = _runtime(target, tools, cache)
        with tempfile.TemporaryDirectory(prefix="ctp2-shim-") as scratch:
            work = Path(scratch)
            for name, text in {**sources, **headers}.items():
                (work / name).write_text(text, encoding="utf-8")
            _compile(target, tools, [work / name for name in sources], work)
            for side in SIDES:
                library, exports = work / target.files[side], target.exports(revision.name, side)
                for command in target.link(tools, [*runtime, work / f"{side}.o"], library, exports):
                    run(command, work)
                target.check(library, exports)
                for result in (library, *target.beside(library)):
                    shutil.move(result, folder / result.name)

    key = _key(target, tools, {**sources, **headers})
    return cache.folder(f"{target.name}-{revision.name}-{key}", fill)


def _runtime(target: Target, tools: Tools, cache: Cache) -> list[Path]:
    """The objects of the runtime, which are the same for every revision."""
    found = sorted(RUNTIME.glob("*.cpp"))
    # Of the seams to systems only this target's.
    sources = [path for path in found if not path.name.startswith("platform_") or path.name == target.platform]
    name = f"{target.name}-runtime-{_key(target, tools, {})}"
    folder = cache.folder(name, partial(_compile, target, tools, sources))
    return [_object(folder, source) for source in sources]


def _compile(target: Target, tools: Tools, sources: Sequence[Path], folder: Path) -> None:
    """Compile each into ``folder``, as many at once as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        commands = [target.compile(tools, source, _object(folder, source)) for source in sources]
        for _ in pool.map(lambda command: run(command, folder), commands):
            pass  # the first failure is raised here


def _object(folder: Path, source: Path) -> Path:
    return folder / f"{source.stem}.o"


def _key(target: Target, tools: Tools, texts: Mapping[str, str]) -> str:
    """Changes with everything that a result depends on: sources, flags, tools, and how they are called."""
    digest = hashlib.sha256("\0".join((target.name, *tools.command, tools.version, tools.machine)).encode())
    with tempfile.TemporaryDirectory() as scratch:
        one = Path(scratch, "one")
        commands = [target.compile(tools, one, one), *target.link(tools, [one], one, ("first", "second"))]
        digest.update(repr(commands).replace(scratch, "").encode())
    inputs = {name: text.encode() for name, text in texts.items()}
    inputs |= {f"runtime/{path.name}": path.read_bytes() for path in RUNTIME.iterdir() if path.is_file()}
    for name, data in sorted(inputs.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]
