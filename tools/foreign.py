"""Prepare what the ``foreign`` tests need and is not in the repository, in ``.cache``.

- ``openctp-ctp``: its Python sources are parsed, never loaded, to see that ``tdapi`` and ``mdapi`` offer each of its
  names. So any platform's wheel will do, and the one for Windows is complete.
- ``exchange_calendars``: judges the shipped trading days (tools/gen_calendar.py); with pandas it is too large for the
  development environment of everybody.
- ``shinny-parsing``: a reader of statements by the makers of TqSdk, which judges the statements that we write. Only the
  one file that needs no pandas is used.
- ``easyquotation``: another reader of Sina's and Tencent's pages, which judges ours where the spec finds it right.
- our own wheels, pure and native, built once for a state of the sources.
- a small library that moves the date of a process (tools/future.py).
- the programs of others that run on our native libraries (tools/foreign_clients.py).
- zig and wine, for libraries of other systems (tools/foreign_systems.py).
- the clients of Interactive Brokers (tools/foreign_ib.py).

Each is kept under a key of its inputs, see tools/kept.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Final, Literal

from ctp2.shim import linux, verify
from ctp2.shim.errors import NoCompiler
from tools import foreign_clients, foreign_ib, foreign_systems
from tools.kept import CACHE as CACHE
from tools.kept import ROOT, downloaded, kept, pip

OPENCTP_VERSION: Final = "6.7.11.0"
CALENDARS_VERSION: Final = "4.13.2"
EASYQUOTATION_VERSION: Final = "0.7.7"
SHINNY_VERSION: Final = "0.0.2"
SHINNY_MODULE: Final = "parse_settlement_infos.py"
OPENCTP_MODULES: Final = ("thosttraderapi.py", "thostmduserapi.py")
BUILD_INPUTS: Final = ("pyproject.toml", "hatch_build.py", "requirements-dev.lock")

Mode = Literal["pure", "native"]


def openctp() -> Path:
    """The folder with the two modules of openctp-ctp."""

    def fill(folder: Path) -> None:
        options = ("--platform", "win_amd64", "--python-version", "3.11")
        with downloaded(f"openctp-ctp=={OPENCTP_VERSION}", *options) as archive:
            for module in OPENCTP_MODULES:
                (folder / module).write_bytes(archive.read(f"openctp_ctp/{module}"))

    return kept(f"openctp_ctp-{OPENCTP_VERSION}", fill)


def calendars() -> Path:
    """A folder for ``sys.path`` with exchange_calendars and what it needs."""

    def fill(folder: Path) -> None:
        pip("install", "--only-binary=:all:", "--target", str(folder), f"exchange_calendars=={CALENDARS_VERSION}")

    return kept(f"exchange_calendars-{CALENDARS_VERSION}-{sys.implementation.cache_tag}", fill)


def statement_parser() -> Path:
    """The file of shinny-parsing that takes a statement apart."""

    def fill(folder: Path) -> None:
        with downloaded(f"shinny-parsing=={SHINNY_VERSION}") as archive:
            (folder / SHINNY_MODULE).write_bytes(archive.read(f"shinny_parsing/{SHINNY_MODULE}"))

    return kept(f"shinny_parsing-{SHINNY_VERSION}", fill) / SHINNY_MODULE


def easyquotation() -> Path:
    """A folder for ``sys.path`` with easyquotation alone: its parsers need none of what it fetches pages with."""

    def fill(folder: Path) -> None:
        with downloaded(f"easyquotation=={EASYQUOTATION_VERSION}") as archive:
            archive.extractall(folder)

    return kept(f"easyquotation-{EASYQUOTATION_VERSION}", fill)


def shifted_clock() -> Path:
    """The folder of ``shifted_clock.so``, by which ``future.py`` moves the date of a process."""
    source = ROOT / "tools" / "shifted_clock.c"

    def fill(folder: Path) -> None:
        library = folder / "shifted_clock.so"
        command = [_compiler(), "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)

    key = hashlib.sha256(source.read_bytes() + sysconfig.get_platform().encode()).hexdigest()[:16]
    return kept(f"shifted_clock-{key}", fill)


def _compiler() -> str:
    named = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return named if shutil.which(named) else "cc"


def has_compiler() -> bool:
    """Whether C extensions can be built here."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return bool(shutil.which(compiler) or shutil.which("cc") or os.name == "nt") and header.is_file()


def has_cxx_compiler() -> bool:
    """Whether the native wheel gets its libraries here."""
    try:
        linux.find(None)
    except NoCompiler:
        return False
    return verify.here() == linux.NAME


def _build_key(mode: Mode) -> str:
    digest = hashlib.sha256(f"{mode} {sys.implementation.cache_tag} {sysconfig.get_platform()}".encode())
    if mode == "native":
        digest.update(str(has_cxx_compiler()).encode())
    files = [ROOT / name for name in BUILD_INPUTS]
    files += sorted(path for path in (ROOT / "ctp2").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def built_wheel(mode: Mode) -> Path:
    """Our wheel, built through the sdist as ``make wheel`` does, and unpacked beside itself in ``site``."""
    name = f"wheel-{mode}-{_build_key(mode)}"

    def fill(folder: Path) -> None:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
        environment = {**os.environ, "CTP2_BUILD": mode}
        result = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if result.returncode:
            print(result.stdout[-4000:], file=sys.stderr)
            result.check_returncode()
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")

    for old in CACHE.glob(f"wheel-{mode}-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)
    return kept(name, fill)


def _install_compiler() -> None:
    """On Debian, as root; elsewhere one line says what is missing."""
    packages = ["g++", "libc6-dev", "python3-dev"]
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        print(f"ctp2: no C or C++ compiler, tests of what is native are skipped (Debian: {' '.join(packages)})")
        return
    print(f"ctp2: installing {' '.join(packages)}")
    for step in (["update", "-qq"], ["install", "-y", "-qq", *packages]):
        subprocess.run(["apt-get", *step], stdout=subprocess.DEVNULL, check=False)


def _print_site() -> int:
    """``python tools/foreign.py site``: where the compiled package lies, for PYTHONPATH; nothing without a compiler."""
    if has_compiler():
        print(built_wheel("native") / "site")
    return 0


def main() -> int:
    """Prepare everything."""
    if sys.argv[1:] == ["site"]:
        return _print_site()
    try:
        openctp()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch openctp-ctp {OPENCTP_VERSION}: is a package index reachable?", file=sys.stderr)
        return 1
    try:
        calendars()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch exchange_calendars {CALENDARS_VERSION}", file=sys.stderr)
        return 1
    try:
        statement_parser()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch shinny-parsing {SHINNY_VERSION}", file=sys.stderr)
        return 1
    try:
        easyquotation()
    except subprocess.CalledProcessError:
        print(f"ctp2: could not fetch easyquotation {EASYQUOTATION_VERSION}", file=sys.stderr)
        return 1
    if not (has_compiler() and has_cxx_compiler()):
        _install_compiler()
    try:
        built_wheel("pure")
        if has_compiler():
            built_wheel("native")
    except subprocess.CalledProcessError:
        print("ctp2: the wheel could not be built; the reason stands above", file=sys.stderr)
        return 1
    if not foreign_systems.prepare():
        return 1
    failed = foreign_clients.prepare() + foreign_ib.prepare()
    if failed:
        print(f"ctp2: could not prepare {', '.join(failed)}; the reasons stand above", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
