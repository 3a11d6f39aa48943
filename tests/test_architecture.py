"""The house rules: who may import whom, who may read the clock or the environment, how large things get.

Each rule is a table; a new package or an exception is one line there, with its reason.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ctp2"

PUBLIC_FACE = {"ctp2.tdapi", "ctp2.mdapi"}

# Unit of ctp2 (its first level) → what it may import of ctp2, as prefixes. Its own unit is always allowed.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": PUBLIC_FACE,
    "ctp": set(),
    "refdata": set(),
    "core": {"ctp2.ctp"},
    "registry": {"ctp2.core", "ctp2.ctp"},
    "settings": {"ctp2.core", "ctp2.front.limits"},
    "tts": {"ctp2.core", "ctp2.refdata", "ctp2.ctp"},
    "front": {"ctp2.core", "ctp2.ctp"},
    "quotes": {"ctp2.core", "ctp2.refdata", "ctp2.ctp"},
    "ib": {"ctp2.core", "ctp2.refdata", "ctp2.ctp"},
    "tdapi": {"ctp2.core", "ctp2.ctp", "ctp2.registry"},
    "mdapi": {"ctp2.core", "ctp2.ctp", "ctp2.registry"},
    "thosttraderapi": PUBLIC_FACE | {"ctp2.core", "ctp2.ctp"},
    "thostmduserapi": PUBLIC_FACE | {"ctp2.core", "ctp2.ctp"},
    "run": PUBLIC_FACE | {"ctp2.core", "ctp2.ctp", "ctp2.registry", "ctp2.thosttraderapi", "ctp2.thostmduserapi"},
    "testing": PUBLIC_FACE | {"ctp2.core", "ctp2.ctp", "ctp2.tts", "ctp2.refdata", "ctp2.registry"},
    "recording": {"ctp2.mdapi", "ctp2.core", "ctp2.ctp", "ctp2.refdata"},
    "shim": {"ctp2.ctp", "ctp2.front.wire", "ctp2.front.dialect"},
    "cli": {"ctp2"},
    "__main__": {"ctp2.cli"},
}

# A module that may import more than the rest of its unit.
MAY_IMPORT_ALSO: dict[str, set[str]] = {
    "front/server.py": {"ctp2.registry", "ctp2.settings"},
    "front/service.py": {"ctp2.registry", "ctp2.settings"},
    "front/private.py": {"ctp2.registry"},  # which options of an address are files, the backends know
    "front/private_server.py": {"ctp2.settings"},
    "shim/build.py": {"ctp2.core.paths"},  # the cache folder
    # Faces of the package's own, on which tcp:// means this venue.
    "ib/tdapi.py": {"ctp2.registry"},
    "ib/mdapi.py": {"ctp2.registry"},
    "quotes/mdapi.py": {"ctp2.registry"},
    "tts/source.py": {"ctp2.registry"},  # its quotes come from any backend, which only the registry can open
}

# The standard library is open to all; of other distributions these, per unit.
MAY_IMPORT_OUTSIDE: dict[str, set[str]] = {
    "ctp": {"msgspec"},
    "refdata": {"msgspec", "pyarrow"},
    "core": {"msgspec", "platformdirs"},
    "registry": set(),
    "settings": {"pydantic"},
    # All but msgspec for the server alone (extra `server`), imported where it needs them.
    "front": {"msgspec", "uvloop", "starlette", "uvicorn", "prometheus_client", "cryptography"},
    # mypy_extensions for the type checker alone; rich for the bar of ``Control.show_progress``, when it is asked for.
    "tts": {"msgspec", "pydantic", "pyarrow", "mypy_extensions", "rich"},
    # The web's two libraries in client.py alone (yarl is aiohttp's), imported when a source is opened.
    "quotes": {"pydantic", "aiohttp", "yarl", "websockets"},
    # The client library in client*.py alone (test_the_library_of_ib_is_behind_one_seam).
    "ib": {"msgspec", "pydantic", "ib_async", "ib_insync"},
    "recording": {"pyarrow"},
    "testing": {"pytest", "aiohttp"},  # the plugin, which only pytest loads; the stand-in web server
    "cli": {"typer", "rich"},
}

# The domain of the counter is pure: these files know CTP, clocks, files or threads, all others only their like and
# refdata.
TTS_EDGE = {
    "__init__",
    "config",
    "codes",
    "translate",
    "rows",
    "cashmodel",
    "backend",
    "flows",
    "session",
    "client",
    "worker",
    "days",
    "live_days",
    "ears",
    "lockstep",
    "fullspeed",
    "progress",
    "control",
    "queries",
    "parked_requests",
    "batch_requests",
    "option_queries",
    "declaring",
    "declared_rows",
    "queries_account",
    "queries_market",
    "queries_rates",
    "asker",
    "answering",
    "combo_requests",
    "quote_records",
    "quote_requests",
    "bank",
    "users",
    "directory",
    "members",
    "errands",
    "operators",
    "datafolder",
    "journal",
    "logfile",
    "recovering",
    "store",
    "snapshots",
    "environments",
    "timers",
    "fault_rules",
    "fault_link",
    "faults",
    "fault_control",
    "source",
    "listed",
    "live_feed",
    "loop",
    "made",
}
TTS_KNOWS_CTP = {
    "__init__",
    "codes",
    "translate",
    "rows",
    "cashmodel",
    "backend",
    "flows",
    "journal",
    "session",
    "queries",
    "parked_requests",
    "option_queries",
    "declaring",
    "declared_rows",
    "queries_account",
    "queries_market",
    "queries_rates",
    "bank",
    "control",
    "errands",
    "combo_requests",
    "quote_records",
    "fault_rules",
    "fault_link",
    "faults",
    "source",
}

CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
MAY_READ_THE_CLOCK = {"core/clock.py"}
MAY_USE_RANDOM = {
    "core/passwords.py",  # salts of passwords
    "front/private.py",  # the token of a private server
    "ib/flows.py",  # a name for what a client id has told
    "ib/links.py",  # jitter of connection attempts; nothing that a test relies on
    "tts/backend.py",  # a name for its logs; nothing that the engine sees
    "tts/directory.py",  # salts of passwords, and names of files that are being made
    "tts/members.py",  # a key for comparing passwords in this process
    "quotes/client.py",  # jitter of requests; nothing that a test relies on
    "refdata/synthetic.py",  # only Random(seed).random(), whose numbers Python promises for every version
    "refdata/walks.py",  # as synthetic
    "refdata/endless.py",  # as synthetic
    "testing/tws/quotes.py",  # a seeded walk
    "testing/tws/bars.py",  # as quotes
}
MAY_READ_ENVIRONMENT = {
    "settings.py",
    "core/paths.py",
    "shim/compilers.py",  # CXX, and what a compiler itself reads there
    "cli/messages.py",  # the user's language
}
MAY_PRINT = {"cli/*", "run.py", "testing/tws/__main__.py"}

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
GENERATED = {
    "ctp/structs.py",
    "ctp/enums.py",
    "ctp/enum_values.py",
    "ctp/methods.py",
    "ctp/spi.py",
    "ctp/api.py",
    "ctp/errors.py",
}
LARGER_FILES: set[str] = set()
LONGER_FUNCTIONS: set[str] = set()


@dataclass
class Module:
    """A parsed source file."""

    path: str
    lines: int
    tree: ast.Module
    imports: list[tuple[int, str]] = field(default_factory=list)

    @property
    def unit(self) -> str:
        """The first level below ctp2."""
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def stem(self) -> str:
        """The file's name."""
        return self.path.split("/")[-1].removesuffix(".py")


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            assert node.module is not None
            for alias in node.names:
                # `from ctp2 import tdapi` imports ctp2.tdapi; `from ctp2 import __version__` only ctp2.
                name = f"{node.module}.{alias.name}"
                yield node.lineno, name if _is_module(name) else node.module


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


@cache
def modules() -> list[Module]:
    """All modules of ctp2."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source)
        module = Module(file.relative_to(PACKAGE).as_posix(), source.count("\n"), tree)
        module.imports = list(_imports(tree))
        found.append(module)
    return found


def _within(name: str, prefixes: set[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def _listed(path: str, patterns: set[str]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def _report(complaints: list[str]) -> None:
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def test_every_unit_is_in_the_table() -> None:
    units = {module.unit for module in modules()}
    _report([f"ctp2/{unit} is new: add it to the table MAY_IMPORT" for unit in sorted(units - MAY_IMPORT.keys())])


def test_import_table() -> None:
    complaints = []
    for module in modules():
        allowed = MAY_IMPORT.get(module.unit, set()) | {f"ctp2.{module.unit}"}
        allowed |= MAY_IMPORT_ALSO.get(module.path, set())
        for line, name in module.imports:
            if name != "ctp2" and _within(name, {"ctp2"}) and not _within(name, allowed):
                complaints.append(f"ctp2/{module.path}:{line} imports {name}; {module.unit} may not")
    _report(complaints)


def test_other_distributions() -> None:
    import sys

    complaints = []
    for module in modules():
        allowed = MAY_IMPORT_OUTSIDE.get(module.unit, set()) | {"ctp2", "__future__"}
        for line, name in module.imports:
            top = name.split(".")[0]
            if top not in allowed and top not in sys.stdlib_module_names:
                complaints.append(f"ctp2/{module.path}:{line} imports {top}; {module.unit} may not")
    _report(complaints)


def test_nobody_imports_cli_and_only_tests_import_testing() -> None:
    complaints = []
    for module in modules():
        for line, name in module.imports:
            if module.unit not in ("cli", "__main__") and _within(name, {"ctp2.cli"}):
                complaints.append(f"ctp2/{module.path}:{line} imports {name}: only __main__ imports cli")
            if module.unit not in {"cli", "testing"} and _within(name, {"ctp2.testing"}):
                complaints.append(f"ctp2/{module.path}:{line} imports {name}: only tests and cli import testing")
    _report(complaints)


def test_the_counters_domain_is_pure() -> None:
    complaints = []
    domain = {f"ctp2.tts.{m.stem}" for m in modules() if m.unit == "tts" and m.stem not in TTS_EDGE}
    impure = {"threading", "socket", "asyncio", "queue", "time", "random", "os", "sys", "pathlib", "logging", "sqlite3"}
    for module in modules():
        if module.unit != "tts":
            continue
        for line, name in module.imports:
            where = f"ctp2/{module.path}:{line} imports {name}"
            if _within(name, {"ctp2.ctp"}) and module.stem not in TTS_KNOWS_CTP:
                complaints.append(f"{where}: in tts only {', '.join(sorted(TTS_KNOWS_CTP))} know CTP")
            if module.stem in TTS_EDGE:
                continue
            if _within(name, {"ctp2"}) and not _within(name, domain | {"ctp2.refdata"}) and name != "ctp2.tts":
                complaints.append(f"{where}: a domain file imports only its like and refdata")
            if name.split(".")[0] in impure:
                complaints.append(f"{where}: a domain file has no clock, thread, file or random source")
    _report(complaints)


def test_the_library_of_ib_is_behind_one_seam() -> None:
    complaints = []
    for module in modules():
        for line, name in module.imports:
            is_seam = module.unit == "ib" and module.stem.startswith("client")
            if name.split(".")[0] in {"ib_async", "ib_insync", "eventkit", "nest_asyncio"} and not is_seam:
                complaints.append(
                    f"ctp2/{module.path}:{line} imports {name}: only ctp2/ib/client*.py knows the library"
                )
    _report(complaints)


def _attribute_uses(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            yield node.lineno, name, node.attr


def test_clock_random_and_environment_are_handed_in() -> None:
    complaints = []
    for module in modules():
        for line, owner, name in _attribute_uses(module.tree):
            where = f"ctp2/{module.path}:{line} uses {owner}.{name}"
            if (owner, name) in CLOCKS and module.path not in MAY_READ_THE_CLOCK:
                complaints.append(f"{where}: only core/clock.py reads a clock")
            if owner == "os" and name in {"environ", "getenv"} and module.path not in MAY_READ_ENVIRONMENT:
                complaints.append(f"{where}: only settings and core/paths read the environment")
        for line, name in module.imports:
            if name.split(".")[0] in {"random", "secrets"} and module.path not in MAY_USE_RANDOM:
                complaints.append(f"ctp2/{module.path}:{line} imports {name}: randomness is handed in")
    _report(complaints)


def test_only_the_command_line_prints() -> None:
    complaints = []
    for module in modules():
        if _listed(module.path, MAY_PRINT):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                complaints.append(f"ctp2/{module.path}:{node.lineno} prints; use logging")
    _report(complaints)


def test_files_and_functions_stay_readable() -> None:
    complaints = []
    for module in modules():
        if module.path in GENERATED:
            continue
        if module.lines > MAX_FILE_LINES and module.path not in LARGER_FILES:
            complaints.append(f"ctp2/{module.path} has {module.lines} lines: is there a second subject in it?")
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES and f"{module.path}:{node.name}" not in LONGER_FUNCTIONS:
                complaints.append(f"ctp2/{module.path}:{node.lineno} {node.name} has {length} lines")
    _report(complaints)


def test_exceptions_are_still_needed() -> None:
    """An exception for a file that is gone, or for one that has become small, is a leftover."""
    paths = {module.path for module in modules()}
    by_path = {module.path: module for module in modules()}
    listed = LARGER_FILES | MAY_USE_RANDOM | MAY_READ_THE_CLOCK | {name.split(":")[0] for name in LONGER_FUNCTIONS}
    complaints = [f"{path} is listed as an exception and does not exist" for path in sorted(listed - paths)]
    complaints += [f"{path} is small now" for path in LARGER_FILES & paths if by_path[path].lines <= MAX_FILE_LINES]
    _report(complaints)
