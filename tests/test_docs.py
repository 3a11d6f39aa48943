"""The documents say what is so: links lead somewhere, verbs and addresses exist, CTP's texts are CTP's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ctp2.ctp import errors

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "ctp2").rglob("*.md")]
    if ".venv" not in path.parts
)
TEXT_SUFFIXES = {".py", ".pyi", ".md", ".toml", ".lock", ".json", ".txt", ".yml", ".cfg", ""}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)", text)
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not broken


def test_every_verb_of_make_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in DOCUMENTS:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, f"{name_of(path)}: {named - targets}"


def test_every_verb_of_ctp2_that_readmes_name_exists() -> None:
    from ctp2.cli.app import app

    verbs = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    for name in ("README.md", "README.zh-CN.md", "CHANGELOG.md"):
        named = set(re.findall(r"(?:^|`)ctp2 ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= verbs, f"{name}: {named - verbs}"


def test_both_readmes_hold_the_same_figures_and_addresses() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    for text in (english, chinese):
        assert text.count("<!-- bench:start -->") == text.count("<!-- bench:end -->") == 1

    def addresses(text: str) -> set[str]:
        rows = [line for line in text.splitlines() if line.startswith("| `")]
        return {scheme for row in rows for scheme in re.findall(r"([a-z+0-9]+)://", row.split("|")[1])}

    assert addresses(english) == addresses(chinese) != set()


def test_every_option_of_the_counter_is_explained() -> None:
    from ctp2.tts.config import help_table

    text = (ROOT / "docs" / "zh" / "environments.md").read_text(encoding="utf-8")
    table = text.split("| 选项 |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == {name for name, _, _ in help_table()}


def test_the_error_list_quotes_ctp() -> None:
    text = (ROOT / "docs" / "zh" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", text, re.MULTILINE)
    assert len(rows) > 10
    for number, message in rows:
        assert errors.rsp_info(int(number)).ErrorMsg == message


def test_decisions_are_numbered_once_and_titled() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(numbers) == len(set(numbers)) > 0
    for page in pages:
        assert page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]}"), page.name


def test_no_place_of_one_machine_is_named() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    # Written in two parts, so that this file does not find itself.
    places = re.compile("/ro" + "ot/|/ho" + r"me/\w|/wo" + r"rk/|[A-Z]:\\Use" + "rs")
    found = []
    for name in listing.stdout.splitlines():
        path = ROOT / name
        if path.suffix in TEXT_SUFFIXES and path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if places.search(line):
                    found.append(f"{name}:{number}")
    assert not found
