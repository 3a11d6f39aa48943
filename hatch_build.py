"""The build hook: what a native wheel adds to the pure one (docs/decisions/0002-build.md).

``CTP2_BUILD=pure``, the default, changes nothing. ``CTP2_BUILD=native`` compiles the modules named in
``pyproject.toml`` with mypyc, builds the native libraries into ``build/native`` (tools/native_libraries.py), takes in
all that is there, and tags the wheel for the platform.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED_LIBRARY: Final = "ctp2._compiled"
"""mypyc puts the code of all compiled modules into one library; this name keeps it inside the package."""


class CustomBuildHook(BuildHookInterface[BuilderConfig]):
    """Drives mypyc and collects native libraries, in native mode only."""

    @property
    def native(self) -> bool:
        """Whether this is a native build of the wheel."""
        mode = os.environ.get("CTP2_BUILD", "pure")
        if mode not in {"pure", "native"}:
            raise ValueError(f"CTP2_BUILD={mode}: use pure or native")
        return mode == "native" and self.target_name == "wheel"

    @property
    def compiled(self) -> list[str]:
        """The source files to compile."""
        names: list[str] = self.config.get("compiled", [])
        missing = [name for name in names if not (Path(self.root) / name).is_file()]
        if missing:
            raise ValueError(f"pyproject.toml names files to compile that do not exist: {', '.join(missing)}")
        return names

    def dependencies(self) -> list[str]:
        """The compiler is a build requirement of the native wheel alone, as is what generates the native libraries."""
        if not self.native:
            return []
        return [
            *(["hatch-mypyc>=0.16", "setuptools>=68"] if self.compiled else []),
            "msgspec>=0.18.6",
            "platformdirs>=4.0",
        ]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, before hatchling collects the files."""
        if not self.native or version == "editable":
            return
        build_data["pure_python"] = False
        libraries = Path(self.root) / "build" / "native"
        # Before mypyc, which compiles modules in place; in a process of its own, which leaves them unloaded here.
        command = [sys.executable, "-m", "tools.native_libraries", str(libraries)]
        subprocess.run(command, cwd=self.root, check=True)
        if self.compiled:
            self._mypyc().initialize(version, build_data)
            build_data["artifacts"].append(f"/{COMPILED_LIBRARY.replace('.', '/')}__mypyc.*")
        else:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"
        if libraries.is_dir():
            build_data["force_include"][str(libraries)] = "ctp2/shim/lib"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave no compiled module beside its source, where it would shadow later edits."""
        del build_data, artifact_path
        if self.native and version != "editable" and self.compiled:
            self._mypyc().clean([version])
            package, _, stem = COMPILED_LIBRARY.rpartition(".")
            for path in (Path(self.root) / package.replace(".", "/")).glob(f"{stem}__mypyc.*"):
                path.unlink()

    def _mypyc(self) -> Any:
        from hatch_mypyc.plugin import MypycBuildHook

        config = {
            "include": [f"/{name}" for name in self.compiled],
            # The compiled modules are checked by `make check`; here only their own types matter.
            "mypy-args": ["--ignore-missing-imports", "--follow-imports=silent"],
            "options": {"group_name": COMPILED_LIBRARY, "opt_level": "3"},
        }
        return MypycBuildHook(
            self.root, config, self.build_config, self.metadata, self.directory, self.target_name, self.app
        )
