"""Whether finished libraries load: tried in a process of its own, which a faulty one may take down."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ctp2.shim.errors import ShimError

_SECONDS: Final = 30

Proof = tuple[Path, tuple[str, str], str]
"""A library, its two names, what it must say as its version."""

_SCRIPT: Final = """
import ctypes, json, sys
for path, factory, version, wanted in json.loads(sys.argv[1]):
    library = ctypes.CDLL(path)
    # On macOS the loader puts the leading _ before a name.
    names = [name[1:] if sys.platform == "darwin" else name for name in (factory, version)]
    _, answer = [getattr(library, name) for name in names]
    answer.restype, answer.argtypes = ctypes.c_char_p, []
    said = answer().decode()
    if said != wanted:
        sys.exit(f"{path}: GetApiVersion says {said!r}, not {wanted!r}")
"""


def here() -> str:
    """The target whose libraries this interpreter can load."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if system == "windows":
        # An interpreter of 32 bits loads libraries of 32 bits, whatever the machine.
        return "windows-x86_64" if sys.maxsize > 1 << 32 else "windows-x86"
    return f"{'macos' if system == 'darwin' else system}-{machine}"


def loads(libraries: Sequence[Proof]) -> None:
    """Load each in one process and ask for its version; ``ShimError`` when that fails."""
    if not libraries:
        return
    asked = json.dumps([(str(path), *names, said) for path, names, said in libraries])
    command = [sys.executable, "-I", "-c", _SCRIPT, asked]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ShimError("not_loaded", reason=f"no answer in {_SECONDS} s") from None
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        raise ShimError("not_loaded", reason=lines[-1] if lines else f"the process ended with {result.returncode}")
