"""The guide names every option and every verb, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from ctp2.testing.tws.control_port import VERBS
from ctp2.testing.tws.options import parser

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "zh" / "tws.md").read_text(encoding="utf-8")


def rows(head: str) -> str:
    """The first column of the table under a heading row."""
    table = GUIDE.split(f"| {head} |")[1].split("\n\n")[0]
    # A bar inside of a word is written with a backslash.
    return "\n".join(re.split(r"(?<!\\)\|", line)[1] for line in table.splitlines()[2:])


def test_options() -> None:
    named = set(re.findall(r"--[a-z-]+", rows("选项")))
    assert named == {name for action in parser()._actions for name in action.option_strings} - {"-h", "--help"}


def test_verbs() -> None:
    assert set(re.findall(r"`([a-z_]+)`", rows("动词"))) == set(VERBS)
