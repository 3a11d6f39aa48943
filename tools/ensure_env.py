"""Make the development environment: ``.venv`` with the locked packages and this project, editable.

Run by the Makefile with whatever ``python3`` the machine has, so this file itself uses nothing newer than Python 3.6.
An environment that is up to date costs a few milliseconds; otherwise it is completed, or made anew for another Python.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, ".ready")
LOCK = os.path.join(ROOT, "requirements-dev.lock")
WANTED = (3, 11)
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python")


def fail(message: str) -> None:
    """End with one line that says what to do."""
    sys.exit("ctp2: " + message)


def version_of(command: str) -> "tuple[int, int] | None":
    """(major, minor) of a Python command, or None where it does not run."""
    try:
        text = subprocess.check_output(
            [command, "-c", "import sys; print('%d %d' % sys.version_info[:2])"], stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = text.split()
    return int(major), int(minor)


def find_python() -> "tuple[str, tuple[int, int]]":
    """The first Python that is new enough; ``PYTHON`` in the environment is asked first."""
    asked = os.environ.get("PYTHON")
    found = []
    for command in (asked,) if asked else CANDIDATES:
        version = version_of(command)
        if version and version >= WANTED:
            return command, version
        if version:
            found.append("%s is %d.%d" % ((command,) + version))
    fail(
        "Python 3.11 or newer is needed (%s): install one, or name it, as in make PYTHON=/path/to/python3.12"
        % ("; ".join(found) or "none found")
    )
    raise AssertionError


def fingerprint(version: "tuple[int, int]") -> str:
    """What the environment depends on: the lock, the parts of pyproject.toml that are installed, the Python."""
    digest = hashlib.sha256(("%d.%d %s" % (version + (ROOT,))).encode("utf-8"))
    with open(LOCK, "rb") as file:
        digest.update(file.read())
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        digest.update(file.read().split(b"[tool.ruff]")[0])
    return digest.hexdigest()


def venv_python() -> str:
    """The environment's interpreter."""
    windows = os.path.join(VENV, "Scripts", "python.exe")
    return windows if os.name == "nt" else os.path.join(VENV, "bin", "python")


def make_venv(command: str, version: "tuple[int, int]") -> None:
    """Create an empty environment; on Debian its package may be missing, which root can mend."""
    make = [command, "-m", "venv", "--clear", VENV]
    if subprocess.call(make, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return
    package = "python%d.%d-venv" % version
    if os.path.exists("/etc/debian_version") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("ctp2: installing %s" % package, flush=True)
        for step in (["update", "-qq"], ["install", "-y", "-qq", package]):
            subprocess.call(["apt-get"] + step, stdout=subprocess.DEVNULL)
        if subprocess.call(make) == 0:
            return
    fail(
        "%s cannot make virtual environments: install the package %s (apt-get install %s)" % (command, package, package)
    )


def run(*arguments: str) -> None:
    """Run the environment's Python."""
    code = subprocess.call([venv_python(), *arguments], cwd=ROOT)
    if code:
        fail("could not set up .venv (%s ended with %d)" % (" ".join(arguments[:3]), code))


def main() -> None:
    """Bring the environment up to date."""
    command, version = find_python()
    wanted = fingerprint(version)
    if os.path.exists(STAMP):
        with open(STAMP, encoding="utf-8") as file:
            if file.read() == wanted:
                os.utime(STAMP, None)
                return
    if version_of(venv_python()) != version:
        print("ctp2: making .venv with Python %d.%d" % version, flush=True)
        make_venv(command, version)
    print("ctp2: installing the locked packages", flush=True)
    pip = ("-m", "pip", "install", "-q", "-q", "--disable-pip-version-check")
    run(*pip, "-r", LOCK)
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    with open(STAMP, "w", encoding="utf-8") as file:
        file.write(wanted)


if __name__ == "__main__":
    main()
