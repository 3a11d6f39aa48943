"""The pytest plugin as a user's project has it: found by its entry point, in a pytest of its own."""

from __future__ import annotations

import re

import pytest

from tests.installed import python_path

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder whose pytest finds ctp2 as an installed distribution."""
    monkeypatch.setenv("PYTHONPATH", python_path(pytester.path / "site"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def run(project: pytest.Pytester, source: str, **expected: int) -> pytest.RunResult:
    """Run one test file in a pytest of its own."""
    project.makepyfile(source)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-q", timeout=120)
    result.assert_outcomes(**expected)
    return result


def test_fixtures_in_one_line_each(project: pytest.Pytester) -> None:
    run(
        project,
        """
        def test_a_fill(ctp2_trader):
            # The day's first quote of rb2605 is 4299 to 4301; two lots fill at the ask.
            order = ctp2_trader.order("rb2605", "buy", "open", 2, 4310).filled()
            assert [(trade.Price, trade.Volume) for trade in order.trades] == [(4301, 2)]
            assert ctp2_trader.position("rb2605") == {"long": 2, "short": 0}
            assert ctp2_trader.account().CurrMargin > 0

        def test_what_rests_is_cancelled(ctp2_trader):
            order = ctp2_trader.order("m2605", "sell", "open", 1, 3500).working()
            assert order.cancel().cancelled().status == "5" and order.trades == []

        def test_what_ctp_refuses(ctp2_trader):
            assert ctp2_trader.order("rb2605", "sell", "close_today", 1, 4299).refused().error == 50

        def test_the_market_stands_until_it_is_stepped(ctp2_counter, ctp2_md):
            ctp2_md.subscribe("rb2605")
            order = ctp2_counter.trader("alice").order("rb2605", "sell", "open", 1, 4302).working()
            ctp2_counter.step(1)  # the next line of the day: 4302 to 4304
            order.filled()
            ctp2_md.wait_for("OnRtnDepthMarketData", count=2)
            assert [tick.BidPrice1 for tick in ctp2_md.ticks("rb2605")] == [4299, 4302]

        def test_a_day_of_ones_own(ctp2_counter, ctp2_day):
            day = ctp2_day('''
                10:00        au2606  900.00  900.02
                10:00:01.5   au2606  -       900.04  900.04  0 3
            ''', trading_day="20260303")
            counter = ctp2_counter(data=day)
            trader = counter.trader()
            assert trader.order("au2606", "buy", "open", 1).filled().trades[0].Price == 900.02
            counter.step()
            trader.order("au2606", "sell", "close_today", 1, 900.0).working()  # nobody buys
            assert counter.control.trading_day == "20260303"

        def test_a_synthetic_day_and_the_sample(ctp2_counter, ctp2_day):
            day = ctp2_day.synthetic("600519", minutes=1, seed=3)
            counter = ctp2_counter(data=day, speed=100)
            md = counter.md("600519")
            counter.run()
            md.wait_for("OnRtnDepthMarketData", count=5)
            sample = ctp2_counter(data=ctp2_day.sample).trader()
            assert sample.exchange_of("IF2101") == "CFFEX"

        def test_another_environment(ctp2_counter):
            trader = ctp2_counter("7x24", seed=5).trader()
            trader.order("TEST", "buy", "open", 1, 100).working()

        def test_a_night_in_a_moment(ctp2_trader, ctp2_counter, ctp2_clock):
            trader = ctp2_counter("7x24").trader()
            assert trader.api.GetTradingDay() == "20260302"
            trader.order("TEST", "buy", "open", 1, 100).working()
            ctp2_clock.move("04:00:00")  # 7x24 settles, and the next day begins
            assert trader.relogin().api.GetTradingDay() == "20260303"
            assert trader.rows("ReqQryOrder") == []

        def test_a_recorder_beside_the_program(ctp2_counter, ctp2_recorder):
            seen = ctp2_recorder("alice")
            ctp2_counter.trader("alice").order("TA605", "buy", "open", 1, 3810).filled()
            seen.wait_for("OnRtnTrade")
            assert seen.spi.of("OnRspOrderInsert") == []

        def test_a_break(ctp2_counter, ctp2_trader):
            ctp2_counter.faults.drop_link(reconnect=0.01)
            ctp2_trader.relogin()
            ctp2_counter.faults.drop_link(reconnect=0.01)
            ctp2_trader.relogin().order("rb2605", "buy", "open", 1, 4310).filled()

        def test_faults_in_the_address(ctp2_counter):
            trader = ctp2_counter(faults="refuse:order=1;reject:order=2,text=席位 未登录").trader()
            assert trader.order("rb2605", "buy", "open", 1, 4310).refused().error == 31
            order = trader.order("rb2605", "buy", "open", 1, 4310).cancelled()
            assert order.returns[-1].StatusMsg == "已撤单报单被拒绝SHFE:席位 未登录"
        """,
        passed=11,
    )


def test_an_exception_in_a_callback_fails_the_test(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        from ctp2 import tdapi

        class Broken(tdapi.CThostFtdcTraderSpi):
            def OnFrontConnected(self):
                connected.set()
                raise KeyError("rb2610")

        import threading
        connected = threading.Event()

        def test_a_program(ctp2_counter):
            api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
            api.RegisterSpi(Broken())
            api.RegisterFront(ctp2_counter.address)
            api.Init()
            assert connected.wait(10)
            api.Release()

        def test_the_next_one_is_clean(ctp2_trader):
            ctp2_trader.rows("ReqQryExchange")
        """,
        passed=2,
        errors=1,
    )
    result.stdout.fnmatch_lines(["*ctp2 logged errors during this test*", "*KeyError: 'rb2610'*"])


def test_nothing_is_left_behind(project: pytest.Pytester) -> None:
    run(
        project,
        """
        import threading

        def test_a_counter_that_a_client_stays_on(ctp2_counter):
            ctp2_counter.trader("a")
            ctp2_counter(faults="drop:order=1").trader("b")

        def test_afterwards():
            from ctp2 import registry
            assert registry._slots == {}
            assert [t.name for t in threading.enumerate() if t.name.startswith("ctp2")] == []
        """,
        passed=2,
    )


def test_other_peoples_tests_do_not_pay(project: pytest.Pytester) -> None:
    """Two small modules and no library are all that a run without ctp2's fixtures imports."""
    run(
        project,
        """
        import sys

        def test_what_is_imported():
            assert {name for name in sys.modules if name.split(".")[0] == "ctp2"} == {
                "ctp2", "ctp2.testing", "ctp2.testing.plugin"
            }
            assert not {"msgspec", "pydantic"} & set(sys.modules)
        """,
        passed=1,
    )


def test_the_fixtures_explain_themselves(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:anyio", "--fixtures", timeout=60)
    names = ["ctp2_clock", "ctp2_counter", "ctp2_day", "ctp2_md", "ctp2_recorder", "ctp2_trader"]
    for name in names:
        (line,) = (at for at, text in enumerate(result.outlines) if re.match(rf"{name} -- .*plugin\.py", text))
        assert "no docstring" not in result.outlines[line + 1]


def test_stand_in_tws(project: pytest.Pytester) -> None:
    run(
        project,
        """
        import socket

        def test_it_listens(ctp2_tws):
            with socket.create_connection(("127.0.0.1", ctp2_tws.port), 30) as line:
                line.sendall(b"API\\0" + (9).to_bytes(4, "big") + b"v157..176")
                assert line.recv(100)[4:8] == b"157\\0"
            assert ctp2_tws.control.quote("AAPL")["bid"] > 0
        """,
        passed=1,
    )
