"""``tts://sim`` with a log: a counter that was down for a while goes on in the phase that the clock says."""

from __future__ import annotations

from pathlib import Path

from ctp2.tts.store import settlements
from tests.tts.sessions import session_counter
from tests.tts.test_sim import recorded, told


def test_orders_survive_a_break_in_which_the_counter_was_down(tmp_path: Path) -> None:
    stored = f"&db={tmp_path / 'sim.db'}"
    with session_counter(tmp_path, "2026-01-12 10:00:00", recorded("rb2605"), stored) as sim:
        trader = sim.trader()
        sim.watcher("rb2605")
        sim.show("2026-01-12 09:00:01")
        resting = trader.rest("rb2605", 2995.0)
        sim.clock.move("10:20:00")
        assert told(trader, "rb").endswith("10:15 1")
    later = tmp_path / "later"
    later.mkdir()
    with session_counter(later, "2026-01-12 10:30:30", recorded("rb2605"), stored) as sim:
        trader = sim.trader()
        assert trader.login_field.TradingDay == "20260112"
        expected = "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2 | 23:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1 | 10:30 2"
        assert told(trader, "rb") == expected, "the same numbers, and what changed meanwhile"
        assert [(row.OrderSysID, row.OrderStatus) for row in trader.rows("ReqQryOrder")] == [(resting.OrderSysID, "3")]
        sim.watcher("rb2605")
        sim.show("2026-01-12 10:30:01")  # 2989 to 2991 reaches 2995
        trader.spi.wait_for("OnRtnTrade")


def test_a_day_that_ended_while_the_counter_was_down_is_settled_first(tmp_path: Path) -> None:
    stored = f"&db={tmp_path / 'sim.db'}"
    with session_counter(tmp_path, "2026-01-12 10:14:00", recorded("rb2605"), stored) as sim:
        trader = sim.trader()
        sim.watcher("rb2605")
        sim.show("2026-01-12 09:00:01")
        sim.clock.move("10:14:59")
        sim.show("2026-01-12 10:14:59")
        trader.fill("rb2605", 3010.0)
        trader.rest("rb2605", 2995.0)
    later = tmp_path / "later"
    later.mkdir()
    with session_counter(later, "2026-01-13 09:30:00", recorded("rb2605"), stored) as sim:
        trader = sim.trader()
        if trader.login_field.TradingDay == "20260112":  # logged in before the roll of 17:00 was made up for
            trader.spi.wait_for("OnFrontDisconnected")
            trader.spi.wait_for("OnFrontConnected", count=2)
            (answer,) = trader.ask("ReqUserLogin", BrokerID="9999", UserID=trader.user, Password="secret")
            trader.login_field = answer.field
        assert trader.login_field.TradingDay == "20260113"
        assert trader.rows("ReqQryOrder") == []
        (row,) = trader.rows("ReqQryInvestorPosition", BrokerID="9999", InvestorID=trader.user)
        assert (row.InstrumentID, row.YdPosition, row.TodayPosition) == ("rb2605", 1, 0)
    assert [one.trading_day for one in settlements(str(tmp_path / "sim.db"))] == ["20260112"]
