"""Users of a server that share one TWS: passwords, and which IB account each may see and use (DESIGN 1.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.passwords import hashed
from ctp2.ib.users import Users, load
from ctp2.refdata.table import DataError
from ctp2.testing.tws import Script
from tests.ib.stand import LIMIT_S, stand

APPLE = "AAPL-USD-STK"
TWO = Script(accounts={"DU1": 1_000_000.0, "DU2": 1_000_000.0})


def test_who_may_log_in(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text(f"user,password,account\nalice,Alice01,DU1\nbob,{hashed('Bob4567')},DU2\nchief,Chief99,\n")
    users = Users(str(file))
    assert not users.is_open
    assert [users.account(*pair) for pair in (("alice", "Alice01"), ("bob", "Bob4567"), ("chief", "Chief99"))] == [
        *("DU1", "DU2", "")
    ]
    assert [users.account(*pair) for pair in (("alice", "Bob4567"), ("nobody", ""), ("", ""))] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user,account\na,DU1\n", "missing column password"),
        ("user,password,age\na,secret1,3\n", "unknown column 'age'"),
        ("user,password\na,\n", "is empty"),
        ("user,password\na,secret1\na,secret2\n", "stands there twice"),
        ("user,password\nsomebody-with-a-long-name,secret1\n", "not 1 to 15 characters"),
        ("user,password\na,scrypt:zz:secret1\n", "is not what hashed_password() makes"),
        ("user,password\n", "has no user"),
    ],
)
def test_a_bad_file_is_named_without_its_passwords(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "users.csv"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        load(file)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_each_user_sees_his_own_account(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user,password,account\nalice,Alice01,DU1\nbob,Bob4567,DU2\nchief,Chief99,\n")
    with stand(TWO) as tws:
        option = f"accounts={file}"
        alice, bob, chief = (tws.trader(option, user=name).connect() for name in ("alice", "bob", "chief"))
        (answer,) = alice.ask("ReqUserLogin", UserID="alice", Password="wrong")
        assert answer.error_id == 3
        alice.login("Alice01")
        bob.login("Bob4567")
        chief.login("Chief99")
        assert len(tws.tws.world.sessions) == 1

        alice.order(APPLE, "buy", "open", 1, InvestorID="DU1").filled(LIMIT_S)
        chief.spi.wait_for("OnRtnTrade", LIMIT_S)
        bob.order(APPLE, "buy", "open", 2, InvestorID="").filled(LIMIT_S)
        chief.spi.wait_for("OnRtnTrade", LIMIT_S, count=2)
        assert [call.field.InvestorID for call in chief.spi.of("OnRtnTrade")] == ["DU1", "DU2"]
        assert [call.field.InvestorID for call in alice.spi.of("OnRtnTrade")] == ["DU1"]
        assert [call.field.InvestorID for call in bob.spi.of("OnRtnTrade")] == ["DU2"]

        assert alice.order(APPLE, "buy", "open", 1, 50.0, InvestorID="DU2").refused(LIMIT_S).error == 13
        assert [row.InvestorID for row in bob.rows("ReqQryOrder")] == ["DU2"]
        assert [row.InvestorID for row in bob.rows("ReqQryInvestor")] == ["DU2"]
        (refused,) = bob.ask("ReqQryInvestorPosition", InvestorID="DU1")
        assert refused.error_id == 13
