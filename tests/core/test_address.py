from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.address import parse


@pytest.mark.parametrize(
    ("text", "scheme", "host", "path", "options"),
    [
        ("tcp://127.0.0.1:20002", "tcp", "127.0.0.1:20002", "", {}),
        ("tts://", "tts", "", "", {}),
        ("TTS://7x24", "tts", "7x24", "", {}),
        ("tts://replay?data=a%20b.csv&speed=10", "tts", "replay", "", {"data": "a b.csv", "speed": "10"}),
        ("tcp://1.2.3.4:5/env/node", "tcp", "1.2.3.4:5", "env/node", {}),
        (" tcp://tts://sim?id= ", "tts", "sim", "", {"id": ""}),
        ("ctp+tcp://h:1", "ctp+tcp", "h:1", "", {}),
    ],
)
def test_addresses(text: str, scheme: str, host: str, path: str, options: dict[str, str]) -> None:
    address = parse(text)
    assert (address.scheme, address.host, address.path, address.options) == (scheme, host, path, options)


def test_the_order_of_options_does_not_matter() -> None:
    assert parse("tts://a?x=1&y=2").key == parse("tts://a?y=2&x=1").key != parse("tts://a?x=1").key


def test_files_are_located_from_where_they_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    address = parse("tts://replay?data=a%20b.csv&db=default&rates=/r.csv&speed=3")
    there = address.located(("data", "db", "rates", "instruments"), ("default",))
    assert there.options == {"data": str(tmp_path / "a b.csv"), "db": "default", "rates": "/r.csv", "speed": "3"}
    assert there.text == address.text
    assert parse(there.rendered()).key == there.key
    assert there.located(("data", "db", "rates"), ("default",)) is there


@pytest.mark.parametrize("text", ["tts://7x24", "ctp+tcp://1.2.3.4:5/env/node?a=1+2&b=%26%3D%3F&c=tcp://h:1&d=*,x&e="])
def test_rendered_is_what_was_parsed(text: str) -> None:
    assert parse(parse(text).rendered()).key == parse(text).key


@pytest.mark.parametrize("text", ["7x24", "", "tts://a?x=1&x=2", "tts://a?x"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
