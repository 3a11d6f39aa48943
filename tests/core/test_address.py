from __future__ import annotations

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


@pytest.mark.parametrize("text", ["7x24", "", "tts://a?x=1&x=2", "tts://a?x"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
