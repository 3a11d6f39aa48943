"""Where a setting comes from, and which of several origins counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.paths import data_dir
from ctp2.front.limits import Limits
from ctp2.settings import Environment, Serve, SettingsError, resolve


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)


def user_file(text: str) -> None:
    (data_dir() / "config.toml").write_text(text, encoding="utf-8")


def local_file(text: str) -> None:
    Path("ctp2.toml").write_text(text, encoding="utf-8")


def serve(file: str | None = None, address: dict[str, object] | None = None, **argument: object) -> Serve:
    return resolve(Serve, "serve", argument, address, file)


def test_each_origin_wins_over_those_below(monkeypatch: pytest.MonkeyPatch) -> None:
    # From the last in the order to the first; each is laid over all the others.
    assert serve().trade_port == 20002
    user_file("[serve]\ntrade_port = 1\n")
    assert serve().trade_port == 1
    local_file("[serve]\ntrade_port = 2\n")
    assert serve().trade_port == 2
    monkeypatch.setenv("CTP2_SERVE_TRADE_PORT", "3")
    assert serve().trade_port == 3
    assert serve(address={"trade_port": 4}).trade_port == 4
    assert serve(address={"trade_port": 4}, trade_port=5).trade_port == 5
    assert serve(address={"trade_port": 4}, trade_port=None).trade_port == 4


def test_origins_are_merged_setting_by_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    user_file('[serve]\nlog = "debug"\nmd_port = "off"\n[serve.limits]\nper_user = 3\nper_address = 7\n')
    local_file("[serve.limits]\nper_address = 8\n")
    monkeypatch.setenv("CTP2_SERVE_LIMITS_SUBSCRIPTIONS", "9")
    monkeypatch.setenv("CTP2_SERVE_OPEN", "true")
    settings = serve(host="::1")
    assert (settings.log, settings.md_port, settings.host, settings.open) == ("debug", None, "::1", True)
    assert settings.limits == Limits(per_user=3, per_address=8, subscriptions=9)
    assert settings.model_fields_set == {"log", "md_port", "limits", "host", "open"}


def test_a_file_that_is_named_takes_the_place_of_both() -> None:
    user_file('[serve]\nlog = "debug"\n')
    local_file("[serve]\nmd_port = 1\n")
    Path("own.toml").write_text("[serve]\ntrade_port = 2\n", encoding="utf-8")
    settings = serve("own.toml")
    assert (settings.log, settings.trade_port, settings.md_port) == ("info", 2, 20004)


def test_one_environment_or_several() -> None:
    assert serve(trade_port=7).served == (Environment(backend="tts://7x24", trade_port=7, md_port=20004),)
    local_file(
        '[[serve.environments]]\nname = "loop"\n'
        '[[serve.environments]]\nname = "vip"\nbackend = "tts://vip"\ntrade_port = 1\nmd_port = "off"\n'
    )
    assert serve().served == (
        Environment(name="loop", backend="tts://7x24", trade_port=20002, md_port=20004),
        Environment(name="vip", backend="tts://vip", trade_port=1, md_port=None),
    )
    with pytest.raises(SettingsError, match=r"trade_port is for a server of one environment"):
        serve(trade_port=1)


WRONG = [
    ("[serve]\ntrade_port = 70000\n", r"ctp2.toml: serve.trade_port: .*less than or equal to 65535"),
    ("[serve]\nport = 1\n", r"ctp2.toml: serve.port: no such setting"),
    ('[serve]\nlog = "loud"\n', r"ctp2.toml: serve.log: "),
    ("[serve.limits]\nlinks = 1\n", r"ctp2.toml: serve.limits: unknown limit links; known: behind_bytes, "),
    ("[serve.limits]\nper_user = -1\n", r"ctp2.toml: serve.limits: limit per_user is negative"),
    ("[[serve.environments]]\n[[serve.environments]]\n", r"needs a name of its own"),
    ('[[serve.environments]]\nname = "a b"\n', r"ctp2.toml: serve.environments.0.name: "),
    ("serve = 1\n", r"ctp2.toml: \[serve\] is no table"),
    ("[serve\n", r"ctp2.toml: "),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_what_is_wrong_is_told_with_its_place(text: str, why: str) -> None:
    local_file(text)
    with pytest.raises(SettingsError, match=why):
        serve()


def test_a_wrong_variable_and_a_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"no settings file nowhere.toml"):
        serve("nowhere.toml")
    monkeypatch.setenv("CTP2_SERVE_PORT", "1")
    with pytest.raises(SettingsError, match=r"environment variable CTP2_SERVE_PORT: no such setting; known: CTP2_"):
        serve()
    monkeypatch.delenv("CTP2_SERVE_PORT")
    monkeypatch.setenv("CTP2_SERVE_WEB_PORT", "many")
    with pytest.raises(SettingsError, match=r"environment: serve.web_port: "):
        serve()


def test_other_sections_are_not_ours() -> None:
    local_file("[other]\nanything = 1\n")
    assert serve() == Serve()
