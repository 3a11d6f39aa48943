"""Files of a front address are those of the folder in which it was registered, wherever the program goes then."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from tests.tts.programs import DAY, Trader, address_of


def test_a_program_that_changes_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and log; another file of that name, with other instruments, is where the program goes."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    options = "&db=day.db&markets=none"
    address = address_of(here, options).replace(f"{here}/", "")
    address_of(there, options, DAY.replace("rb2105", "hc2105"))
    monkeypatch.chdir(here)
    trader = Trader(address)
    try:
        monkeypatch.chdir(there)
        trader.start()
        assert [row.InstrumentID for row in trader.rows("ReqQryInstrument", InstrumentID="rb2105")] == ["rb2105"]
        assert (here / "day.db").is_file()
        assert not (there / "day.db").exists()
    finally:
        trader.api.Release()


def test_what_is_located(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that name files, also of the address inside ``quotes``; nothing else, and no words that stand there."""
    monkeypatch.chdir(tmp_path)
    text = "tts://7x24?data=sample&db=default&accounts=open&instruments=i.csv&rates=/r.csv"
    assert registry.located(parse(text)).options == {
        **parse(text).options,
        "instruments": str(tmp_path / "i.csv"),
    }
    inner = "tts://replay?data=a b.csv&speed=3"
    outer = registry.located(parse(f"tts://sim?quotes={quote(inner)}&db=x.db"))
    assert outer.options["db"] == str(tmp_path / "x.db")
    assert parse(outer.options["quotes"]).options == {"data": str(tmp_path / "a b.csv"), "speed": "3"}
    assert registry.located(parse("ssl://h:1?ca=c.pem")).options == {"ca": str(tmp_path / "c.pem")}
    for text in ("tcp://h:1?layout=6.3.15", "tts://7x24", f"tts://sim?quotes={quote('tcp://h:1')}"):
        address = parse(text)
        assert registry.located(address) is address


def test_one_file_by_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second program of the process may name the running counter's file in another way."""
    address = address_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    backend = registry.acquire(parse(address))
    try:
        registry.check(parse(address.replace(f"{tmp_path}/", "")))
        with pytest.raises(ValueError, match="runs in this process with data="):
            registry.check(parse(address.replace(str(tmp_path / "day_20210104.csv"), "sample")))
    finally:
        registry.release(backend)
