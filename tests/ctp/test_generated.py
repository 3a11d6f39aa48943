"""The generated modules are what the generator would write now."""

from __future__ import annotations

import pytest

from tools import gen_ctp


def test_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert gen_ctp.main(["check"]) == 0, capsys.readouterr().err


def test_a_stale_file_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(gen_ctp.FILES, "enums.py", lambda _: "something else")
    assert gen_ctp.main(["check"]) == 1
    assert capsys.readouterr().err.splitlines() == ["ctp2/ctp/enums.py is stale: run python tools/gen_ctp.py generate"]


def test_an_undecided_secret_stops_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gen_ctp, "NOT_SECRET", gen_ctp.NOT_SECRET - {"OTPVendorsID"})
    with pytest.raises(SystemExit, match="OTPVendorsID"):
        gen_ctp.main(["check"])


def test_headers_forbid_editing() -> None:
    for name in gen_ctp.FILES:
        assert "do not edit" in (gen_ctp.PACKAGE / name).read_text("utf-8")[:300], name
