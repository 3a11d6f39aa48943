"""TWS behind ``ctp2 serve``: clients of the server share its connections."""

from __future__ import annotations

from pathlib import Path

from ctp2.cli.serve import unprotected
from ctp2.front.server import Config, ServerThread
from ctp2.testing.clients import TraderClient
from tests.ib.stand import ACCOUNT, LIMIT_S, stand

APPLE = "AAPL-USD-STK"


def test_a_client_of_a_server_trades(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text(f"user,password,account\nalice,Alice01,{ACCOUNT}\n")
    with (
        stand() as tws,
        ServerThread(Config(tws.address(f"accounts={file}"), trade_port=0, md_port=0)) as server,
    ):
        client = TraderClient(server.trade, "alice")
        try:
            client.connect().login("Alice01")
            client.order(APPLE, "buy", "open", 100, InvestorID="").filled(LIMIT_S)
            assert [row.Position for row in client.rows("ReqQryInvestorPosition")] == [100]
            tws.cut()
            client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
            client.spi.wait_for("OnFrontConnected", LIMIT_S, count=2)
            client.login("Alice01")
            assert [row.VolumeTraded for row in client.rows("ReqQryOrder")] == [100]
        finally:
            client.close()


def test_a_server_says_who_may_log_in(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user,password\nalice,Alice01\n")
    open_to_all = Config("ib://127.0.0.1:7497")
    listed = Config(f"ib://127.0.0.1:7497?accounts={file}")
    assert "who may log in" in unprotected(open_to_all, is_open=False, is_insecure=False)
    assert unprotected(open_to_all, is_open=True, is_insecure=False) == ""
    assert unprotected(listed, is_open=False, is_insecure=False) == ""
    assert unprotected(listed, is_open=True, is_insecure=False) != ""
