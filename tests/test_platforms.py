"""Every module imports where Linux's own modules are missing (Windows and macOS themselves cannot be run here)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Runs in a fresh interpreter: what is taken away must be gone before anything of ctp2 is imported.
SCRIPT = """
import importlib, pkgutil, socket, sys

MISSING = {"fcntl", "resource", "pwd", "grp", "termios", "uvloop"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Refuse())
if hasattr(socket, "AF_UNIX"):
    del socket.AF_UNIX

import ctp2
count = 0
for module in pkgutil.walk_packages(ctp2.__path__, "ctp2."):
    if module.name.endswith("__main__"):
        continue
    importlib.import_module(module.name)
    count += 1
left = MISSING & {name.split(".")[0] for name in sys.modules}
assert not left, f"imported all the same: {left}"
print(count)
"""


def test_every_module_imports_without_the_modules_of_linux(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 20
