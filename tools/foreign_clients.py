"""The programs of others that run on our native libraries (tests/shim): bindings, vn.py, and the locale that they need.

- ``openctp-ctp`` of four revisions and ``ctp-python``: wheels, unpacked in a folder each.
- ``vnpy_ctp``: built from its sdist, as there is no wheel for Linux; its own tests lie beside it.
- ``vnpy`` without its packages for windows, charts and research: what its ``MainEngine`` imports and no more.
- the locale ``zh_CN.GB18030``, without which openctp-ctp cannot convert text (``localedef``, into the cache).
- each binding once more with our libraries in place of the vendor's, as ``ctp2 shim install`` puts them there.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.kept import CACHE, ROOT, downloaded, forget_others, kept, pip, run, unpack

LOCALE: Final = "zh_CN.GB18030"
VNPY: Final = "vnpy==4.5.0"
VNPY_NEEDS: Final = ("loguru==0.7.3", "tzlocal==5.4.5", "numpy==2.4.6", "ta-lib==0.8.2", "requests==2.34.2")
"""What ``vnpy.trader.engine`` imports; vnpy itself names a desktop toolkit and more, which a server has no use for."""
_TAG: Final = f"{sys.implementation.cache_tag}"


@dataclass(frozen=True)
class Binding:
    """A published Python package over the C++ interface."""

    name: str
    distribution: str
    version: str
    revision: str
    """The schema of its interface."""
    package: str
    """Folder of the package in its site folder; also what a program imports."""


BINDINGS: Final = {
    one.name: one
    for one in (
        Binding("openctp-6.3.15", "openctp-ctp", "6.3.15.7", "6.3.15", "openctp_ctp"),
        Binding("openctp-6.6.7", "openctp-ctp", "6.6.7.9", "6.6.7", "openctp_ctp"),
        Binding("openctp-6.7.2", "openctp-ctp", "6.7.2.8", "6.7.2", "openctp_ctp"),
        Binding("openctp-6.7.11", "openctp-ctp", "6.7.11.0", "6.7.11", "openctp_ctp"),
        Binding("ctp-python-6.7.13", "ctp-python", "6.7.13", "6.7.13", "ctp"),
    )
}
MORE: Final = {
    one.name: one
    for one in (
        Binding(f"openctp-{revision}", "openctp-ctp", version, revision, "openctp_ctp")
        for version, revision in (
            ("6.3.19.8", "6.3.19"),
            ("6.5.1.7", "6.5.1"),
            ("6.6.1.7", "6.6.1"),
            ("6.6.9.9", "6.6.9"),
            ("6.7.0.9", "6.7.0"),
            ("6.7.1.7", "6.7.1"),
            ("6.7.7.1", "6.7.7"),
            ("6.7.8.0", "6.7.8"),
            ("6.7.9.0", "6.7.9_20241224"),
            ("6.7.10.0", "6.7.10"),
        )
    )
}
"""Every other published one, for ``CTP2_CLIENTS=all``: the same code with another table, so not in every run."""
VNPY_CTP: Final = Binding("vnpy_ctp-6.7.11", "vnpy_ctp", "6.7.11.4", "6.7.11", "vnpy_ctp")


def chosen() -> dict[str, Binding]:
    """The bindings that tests are to run."""
    return BINDINGS | MORE if os.environ.get("CTP2_CLIENTS") == "all" else BINDINGS


def why_not() -> str:
    """Why the clients cannot run on this machine; empty if they can."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return "bindings of others run on Linux x86-64 alone"
    if _missing():
        return f"bindings of others need {' and '.join(_missing())} (Debian's names)"
    return ""


def _missing() -> list[str]:
    """Debian's packages for what is not here: a compiler for our libraries and vnpy_ctp, and the sources of locales."""
    has_compiler = shutil.which(os.environ.get("CXX", "")) or shutil.which("g++") or shutil.which("clang++")
    missing = [] if has_compiler else ["g++"]
    return missing if Path("/usr/share/i18n/locales/zh_CN").is_file() else [*missing, "locales"]


def site(binding: Binding) -> Path:
    """The folder that a program puts on its path: the package as it was published."""

    def fill(folder: Path) -> None:
        with downloaded(f"{binding.distribution}=={binding.version}") as archive:
            archive.extractall(folder)

    return kept(f"{binding.distribution}-{binding.version}-{_TAG}", fill)


def vnpy_ctp() -> Path:
    """The folder with vnpy_ctp built here in ``site`` and its own tests in ``test``. About a minute of compiling."""

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            # pip compiles once for metadata and wheel; its work folder is kept for the tests of the sdist.
            options = ["--no-deps", "--no-cache-dir", "--no-clean", "--no-binary", VNPY_CTP.distribution]
            wanted = f"{VNPY_CTP.distribution}=={VNPY_CTP.version}"
            pip(
                "wheel",
                *options,
                "--wheel-dir",
                f"{scratch}/out",
                wanted,
                environment={**os.environ, "TMPDIR": scratch},
            )
            unpack(Path(scratch, "out"), folder / "site")
            (tests,) = Path(scratch).glob("pip-wheel-*/*/test")
            shutil.copytree(tests, folder / "test")

    return kept(f"vnpy_ctp-{VNPY_CTP.version}-{_TAG}", fill)


def vnpy() -> Path:
    """A folder for the path with vn.py and what its engine needs."""

    def fill(folder: Path) -> None:
        common = ("install", "--only-binary=:all:", "--no-warn-conflicts", "--target", str(folder))
        pip(*common, *VNPY_NEEDS)
        pip(*common, "--no-deps", VNPY)

    key = hashlib.sha256(" ".join((VNPY, *VNPY_NEEDS)).encode()).hexdigest()[:8]
    return kept(f"vnpy-{key}-{_TAG}", fill)


def locale_folder() -> Path:
    """A folder for ``LOCPATH`` with the locale of the vendor's text."""

    def fill(folder: Path) -> None:
        run(["localedef", "-i", "zh_CN", "-f", "GB18030", str(folder / LOCALE)])

    return kept(f"locale-{platform.libc_ver()[1]}", fill)


# --- with our libraries ----------------------------------------------------------------------------------------------


_MADE_OF: Final = ("__init__.py", "shim/**/*", "ctp/schema/*", "ctp/*.py", "front/dialect.py", "front/wire.py")
"""Files of ctp2 that our libraries come from."""


def _shim_key() -> str:
    digest = hashlib.sha256()
    found = {path for pattern in _MADE_OF for path in (ROOT / "ctp2").glob(pattern)}
    for path in sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def swapped(binding: Binding) -> Path:
    """A copy of the binding's folder in which ``ctp2 shim install`` has put our libraries."""
    name = f"swapped-{binding.name}-{_TAG}-{_shim_key()}"

    def fill(folder: Path) -> None:
        original = vnpy_ctp() / "site" if binding is VNPY_CTP else site(binding)
        shutil.copytree(original, folder, dirs_exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CTP2_HOME": str(CACHE / "shim-home")}
        run([sys.executable, "-m", "ctp2", "shim", "install", str(folder / binding.package)], environment, ROOT)

    forget_others(f"swapped-{binding.name}-{_TAG}-*", name)
    return kept(name, fill)


# --- everything ------------------------------------------------------------------------------------------------------


def _install_tools() -> None:
    """On Debian, as root."""
    missing = _missing()
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"ctp2: installing {' '.join(missing)}")
    for step in (["update", "-qq"], ["install", "-y", "-qq", *missing]):
        subprocess.run(["apt-get", *step], stdout=subprocess.DEVNULL, check=False)


def prepare(jobs: int = 4) -> list[str]:
    """Prepare everything, several at a time; the names of what failed, whose reasons stand on stderr."""
    if sys.platform.startswith("linux"):
        _install_tools()
    if why_not():
        print(f"ctp2: {why_not()}: their tests are skipped")
        return []
    # The longest first.
    steps: dict[str, Callable[[], object]] = {VNPY_CTP.name: vnpy_ctp, "vnpy": vnpy}
    steps |= {name: lambda one=one: site(one) for name, one in chosen().items()}  # type: ignore[misc]
    steps["locale"] = locale_folder
    failed = _all(steps, jobs)
    installed = [one for one in (*chosen().values(), VNPY_CTP) if one.name not in failed]
    return failed + _all({f"{one.name} with our libraries": lambda one=one: swapped(one) for one in installed}, jobs)  # type: ignore[misc]


def _all(steps: dict[str, Callable[[], object]], jobs: int) -> list[str]:
    with ThreadPoolExecutor(jobs) as pool:
        started = {name: pool.submit(step) for name, step in steps.items()}
    return list(_failures((name, one.exception()) for name, one in started.items()))


def _failures(ended: Iterable[tuple[str, BaseException | None]]) -> Iterable[str]:
    for name, error in ended:
        if isinstance(error, subprocess.CalledProcessError | OSError):
            yield name
        elif error is not None:
            raise error
