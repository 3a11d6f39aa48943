"""Running a script that was written for ``openctp_ctp``, unchanged: the machinery of ``ctp2 run``."""

from __future__ import annotations

import os
import re
import runpy
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Final

from ctp2.core.api import force_front, stop_all
from ctp2.core.dispatch import on_exit
from ctp2.ctp.base import accept_any_attribute

FOREIGN: Final = re.compile(r"openctp_(ctp|tts)(_\d\w*)?|thosttraderapi|thostmduserapi")
"""Top-level packages that become ctp2: ``openctp_ctp``, the older ones per version such as ``openctp_ctp_667``, and the
bare modules of the binding, for scripts that have it beside them."""
BARE: Final = ("thosttraderapi", "thostmduserapi")
NOT_FOUND: Final = 2
FAILED: Final = 1
INTERRUPTED: Final = 130


class _Foreign(MetaPathFinder, Loader):
    """Finds the packages of :data:`FOREIGN`, installed or not, and fills them with ctp2's modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A package of its own, whose submodules are already there once it is imported."""
        is_ours = FOREIGN.fullmatch(fullname) is not None and fullname not in BARE
        return ModuleSpec(fullname, self, is_package=True) if is_ours else None

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary empty module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Make the four names importable below this package, and its attributes."""
        from ctp2 import __version__, mdapi, tdapi, thostmduserapi, thosttraderapi

        for face in (mdapi, tdapi, thostmduserapi, thosttraderapi):
            name = face.__name__.rpartition(".")[2]
            setattr(module, name, face)
            sys.modules[f"{module.__name__}.{name}"] = face
        module.__dict__["__version__"] = __version__


def main(script: str, argv: Sequence[str], front: str | None = None, md_front: str | None = None) -> int:
    """:func:`run` in a process that serves nothing else, so that the program finds more of what SWIG does.

    Structs keep attributes that CTP does not know, and ``sys.exit`` in a callback ends the program.
    """
    accept_any_attribute()
    on_exit(_leave)
    return run(script, argv, front, md_front)


def run(script: str, argv: Sequence[str], front: str | None = None, md_front: str | None = None) -> int:
    """Run ``script`` as ``python script argv…`` would; the exit code is the script's.

    Imports of :data:`FOREIGN` get ctp2, and with ``front`` every front and name server that the script registers
    becomes that address, or ``md_front`` where MdApi registers it. Threads the script leaves running are waited for, as
    Python does at its end; Api objects it did not release are released.
    """
    if not Path(script).is_file():
        print(f"ctp2 run: no such script: {script}", file=sys.stderr)
        return NOT_FOUND
    before = set(threading.enumerate())
    with _as_program(script, argv), _foreign_imports(), _fronts(front, md_front):
        code = _execute(script)
        _wait_for_threads(before)
        stop_all()
    return code


def _execute(script: str) -> int:
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        # The frames above the script's own are ours and would only puzzle.
        trace = _from_script(error, script)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return 0


def _leave(end: SystemExit) -> None:
    """End the process from a callback, whatever the main thread waits for."""
    code = _exit_code(end.code)

    def leave() -> None:
        # Not on the callback thread: what ends in order waits for that one, too.
        stop_all()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    # No daemon: should the main thread end meanwhile, Python waits for this one, and the code is the callback's.
    threading.Thread(target=leave, name="ctp2-exit").start()


def _exit_code(code: object) -> int:
    """What Python makes of ``sys.exit(code)``."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return FAILED


def _from_script(error: BaseException, script: str) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace


def _wait_for_threads(before: set[threading.Thread]) -> None:
    for thread in threading.enumerate():
        if thread not in before and not thread.daemon:
            thread.join()


@contextmanager
def _as_program(script: str, argv: Sequence[str]) -> Iterator[None]:
    old_argv, old_path = sys.argv, sys.path
    sys.argv = [script, *argv]
    sys.path = [str(Path(script).resolve().parent), *old_path]
    try:
        yield
    finally:
        sys.argv, sys.path = old_argv, old_path


@contextmanager
def _foreign_imports() -> Iterator[None]:
    finder = _Foreign()
    hidden = _take_foreign_modules()
    sys.meta_path.insert(0, finder)
    for name in BARE:
        sys.modules[name] = import_module(f"ctp2.{name}")
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _take_foreign_modules()
        sys.modules.update(hidden)


def _take_foreign_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if FOREIGN.fullmatch(name.partition(".")[0])]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def _fronts(front: str | None, md_front: str | None) -> Iterator[None]:
    force_front(front, md_front)
    try:
        yield
    finally:
        force_front(None)
