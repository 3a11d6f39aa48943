"""Addresses ``ib://HOST:PORT?option=value`` (spec ib 3.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.address import parse as parse_address
from ctp2.core.errors import AddressError
from ctp2.ib import config


def read(text: str) -> config.Config:
    return config.parse(parse_address(text))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ib://", "127.0.0.1", 7497),
        ("ib://127.0.0.1:7496", "127.0.0.1", 7496),
        ("ib://tws.example", "tws.example", 7497),
        ("ib://[::1]:4002", "::1", 4002),
        ("ib://[::1]", "::1", 7497),
    ],
)
def test_where_tws_is(text: str, host: str, port: int) -> None:
    found = read(text)
    assert (found.host, found.port) == (host, port)


def test_options() -> None:
    found = read(
        "ib://127.0.0.1:7497?client_id=7&account=DU1&readonly=1&data=delayed&tz=Asia/Shanghai&volume_scale=100"
    )
    options = found.options
    assert (options.client_id, options.md_client_id, options.account) == (7, 2, "DU1")
    assert (options.readonly, options.data, options.tz, options.volume_scale) == ("1", "delayed", "Asia/Shanghai", 100)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ib://127.0.0.1:7497?clientid=1", "unknown option clientid; known: "),
        ("ib://127.0.0.1:7497?client_id=-1", "option client_id='-1'"),
        ("ib://127.0.0.1:7497?client_id=2", "client_id and md_client_id are both 2"),
        ("ib://127.0.0.1:7497?data=realtime", "option data='realtime'"),
        ("ib://127.0.0.1:7497?tws_tz=Mars/Base", "no time zone of that name"),
        ("ib://127.0.0.1:0", "a port is a number from 1 to 65535"),
        ("ib://127.0.0.1:99999", "a port is a number from 1 to 65535"),
        ("ib://127.0.0.1:x", "write ib://HOST:PORT"),
        ("ib://user:secret@127.0.0.1:7497", "passwords never go into an address"),
        ("ib://127.0.0.1:7497/path", "nothing may follow the port"),
    ],
)
def test_what_can_never_work_is_refused(text: str, told: str) -> None:
    with pytest.raises(AddressError) as caught:
        read(text)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_every_option_is_explained_to_users(root: Path) -> None:
    text = (root / "docs/zh/ib.md").read_text(encoding="utf-8")
    for name, default, meaning in config.help_table():
        assert f"| `{name}` | {default} |".replace("|  |", "| |") in text, name
        assert meaning
