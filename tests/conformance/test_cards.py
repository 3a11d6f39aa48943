"""The table of cards itself, and how the command line shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ctp2.cli.app import run
from ctp2.ctp import methods
from ctp2.testing.conformance import CARDS, GIVEN

ADDRESS = "tts://7x24?id=check-cli&markets=none&fills=full&speed=20"


def test_the_table() -> None:
    assert len(CARDS) >= 80
    assert len({card.title for card in CARDS.values()}) == len(CARDS)
    requests = methods.TRADER.keys() | methods.MD.keys()
    for card in CARDS.values():
        assert card.given in GIVEN
        assert re.match(r"\d+(\.\d+)?", card.spec), card
        assert re.search(r"[\u4e00-\u9fff]", card.title_zh) or card.number == 60, card
        assert requests >= set(card.needs)
        assert not (card.essential and card.needs), card


def test_both_guides_list_every_card(root: Path) -> None:
    for name in ("docs/conformance.md", "docs/zh/conformance.md"):
        text = (root / name).read_text(encoding="utf-8")
        listed = [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
        assert listed == sorted(CARDS), name
        for card in CARDS.values():
            title = card.title_zh if "zh" in name else card.title
            assert f"| {card.number} | {title} | {card.spec} |" in text, card.number


def test_the_verb_prints_every_card(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(["check", ADDRESS]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [int(line.split()[0]) for line in lines if re.match(r" *\d+  ", line)]
    assert shown == sorted(CARDS)
    assert "0 failed" in lines[-1]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", ADDRESS, "--instrument", "nosuch", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["passed"] + shown["failed"] + shown["not_supported"] == len(shown["cards"]) == len(CARDS)
    assert shown["address"] == ADDRESS
    failed = [card for card in shown["cards"] if card["outcome"] == "fail"]
    assert len(failed) == shown["failed"] > 0
    assert all(card["expected"] and card["got"] for card in failed)
    assert {"number", "title", "spec", "given", "outcome", "seconds"} <= shown["cards"][0].keys()


def test_not_reachable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "nowhere://x"]) == 3
    assert "unknown scheme" in capsys.readouterr().err
