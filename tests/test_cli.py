"""The command line as a user calls it: output, language, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.cli.demo_books import add_up, check_account, check_activity, check_mark, check_positions
from ctp2.cli.demo_strategy import FirstTrade, Trend
from ctp2.cli.messages import TEXTS, language

COMMAND = [sys.executable, "-c", "from ctp2.cli import main; main()"]


def ctp2(*arguments: str, cwd: Path | None = None, timeout_s: int = 60, **environment: str) -> Any:
    """Run the command with a locale of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**kept, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )


def test_help_names_every_verb() -> None:
    result = ctp2("--help")
    assert result.returncode == 0
    for verb in ("demo", "run", "version"):
        assert re.search(rf"\b{verb}\b", result.stdout)


def test_help_follows_the_locale() -> None:
    assert "示例策略" in ctp2("--help", LANG="zh_CN.UTF-8", PYTHONUTF8="1").stdout
    assert "A strategy trades" in ctp2("--help", LANG="zh_CN.UTF-8", LC_ALL="C", PYTHONUTF8="1").stdout


def test_version() -> None:
    plain = ctp2("--version").stdout.strip()
    assert re.fullmatch(r"ctp2 \d+\.\d+\.\d+.*", plain)
    assert ctp2("version").stdout.strip() == plain
    assert json.loads(ctp2("version", "--json").stdout)["ctp2"] == plain.split()[1]


def test_the_package_runs_as_a_module() -> None:
    result = subprocess.run([sys.executable, "-m", "ctp2", "version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ctp2("version").stdout.strip()


def test_wrong_use_is_exit_code_2() -> None:
    assert ctp2("no-such-verb").returncode == 2
    assert ctp2("demo", "--speed", "fast").returncode == 2


def test_a_missing_script_is_one_line_and_exit_code_3() -> None:
    result = ctp2("run", "no_such_script.py")
    assert result.returncode == 3
    assert result.stderr.strip().splitlines() == ["ctp2: no such script: no_such_script.py"]


@pytest.mark.parametrize("position", ["before", "behind"])
def test_run_passes_arguments_and_exit_code(position: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n", encoding="utf-8")
    front = ["--front", "tts://7x24", "--md-front=tts://sim"]
    arguments = [*front, str(script)] if position == "before" else [str(script), *front]
    result = ctp2("run", *arguments, "--own", "-x", "word")
    assert result.returncode == 7, result.stderr
    assert "['--own', '-x', 'word']" in result.stdout


def test_every_message_has_both_languages_with_the_same_values() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert chinese, key
        assert sorted(re.findall(r"{(\w+)", english)) == sorted(re.findall(r"{(\w+)", chinese)), key


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "en"),
    ],
)
def test_language(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


# ── the demo ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_demo_trades_and_balances() -> None:
    result = ctp2("demo", "--json", "--speed", "1000")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["passed"] is True
    assert {trade["OffsetFlag"] for trade in report["trades"]} >= {
        tdapi.THOST_FTDC_OF_Open,
        tdapi.THOST_FTDC_OF_Close,
    }
    names = {check["name"] for check in report["checks"]}
    assert {"Balance", "Available", "orders cancelled", "long lots"} <= names


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupted_demo_says_so_in_one_line() -> None:
    process = subprocess.Popen(
        [*COMMAND, "demo"],
        env={**os.environ, "LC_ALL": "C", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(2):
        process.stdout.readline()  # the title, then the first quote: it runs
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "ctp2: interrupted\n"


@pytest.mark.slow
def test_demo_in_plain_lines_ends_in_time() -> None:
    result = ctp2("demo", timeout_s=30, LC_ALL="C", LOCPATH="/nonexistent")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "checks passed" in result.stdout
    assert result.stdout.count(" trade ") >= 4


class Paper:
    """A market that only writes orders down."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str, int, float]] = []
        self.cancels: list[str] = []

    def send(self, instrument: str, exchange: str, direction: str, offset: str, volume: int, price: float) -> str:
        self.orders.append((direction, offset, volume, price))
        return str(len(self.orders))

    def cancel(self, instrument: str, exchange: str, order_ref: str) -> None:
        self.cancels.append(order_ref)


BUY, SELL = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_D_Sell
OPEN, CLOSE = tdapi.THOST_FTDC_OF_Open, tdapi.THOST_FTDC_OF_Close


def quote(price: float) -> Any:
    return SimpleNamespace(
        InstrumentID="IF2101", BidPrice1=price - 0.2, AskPrice1=price + 0.2, BidVolume1=5, AskVolume1=5
    )


def order(ref: str, status: str, traded: int, submit: str = tdapi.THOST_FTDC_OSS_Accepted) -> Any:
    return SimpleNamespace(OrderRef=ref, OrderStatus=status, VolumeTraded=traded, OrderSubmitStatus=submit)


def trade(direction: str, offset: str, price: float, volume: int) -> Any:
    return SimpleNamespace(Direction=direction, OffsetFlag=offset, Price=price, Volume=volume)


def test_strategy_probes_cancels_and_buys_once_although_a_quote_comes_between_report_and_trade() -> None:
    market = Paper()
    strategy = FirstTrade(market, "IF2101", "CFFEX", 0.2, rounds=1)
    strategy.trend = Trend(fast=2, slow=4, threshold=0.1)
    strategy.patience = 3
    for _ in range(3):
        assert market.orders == []
        strategy.on_quote(quote(100))
    assert market.orders == [(BUY, OPEN, 1, 79.8)]
    for _ in range(strategy.patience):
        strategy.on_quote(quote(100))
    assert market.cancels == ["1"]
    strategy.on_order(order("1", tdapi.THOST_FTDC_OST_Canceled, 0))
    assert strategy.cancelled == 1
    strategy.on_quote(quote(101))
    assert market.orders[1] == (BUY, OPEN, 2, 101.2)
    strategy.on_order(order("2", tdapi.THOST_FTDC_OST_AllTraded, 2))
    strategy.on_quote(quote(102))
    assert len(market.orders) == 2
    strategy.on_trade(trade(BUY, OPEN, 101.2, 2))
    for price in (100, 99, 98):
        strategy.on_quote(quote(price))
    assert market.orders[2][:3] == (SELL, CLOSE, 1)
    strategy.on_order(order("3", tdapi.THOST_FTDC_OST_AllTraded, 1))
    strategy.on_trade(trade(SELL, CLOSE, 98.0, 1))
    assert strategy.done
    assert strategy.held == 1


def test_an_order_that_the_exchange_refuses_is_not_a_cancelled_one() -> None:
    strategy = FirstTrade(Paper(), "IF2101", "CFFEX", 0.2)
    strategy.patience = 1
    strategy.on_quote(quote(100))
    strategy.on_order(order("1", tdapi.THOST_FTDC_OST_Canceled, 0, tdapi.THOST_FTDC_OSS_InsertRejected))
    assert (strategy.cancelled, strategy.refused, strategy.working) == (0, 1, "")


RATE: Any = SimpleNamespace(
    OpenRatioByMoney=0.000023, OpenRatioByVolume=0.0, CloseTodayRatioByMoney=0.00023, CloseTodayRatioByVolume=0.0
)
MARGIN: Any = SimpleNamespace(
    LongMarginRatioByMoney=0.12, LongMarginRatioByVolume=0.0, ShortMarginRatioByMoney=0.12, ShortMarginRatioByVolume=0.0
)
TRADES = [trade(BUY, OPEN, 3910.0, 2), trade(SELL, CLOSE, 3920.0, 1)]


def balanced_account(**changes: float) -> Any:
    """By hand: fees 2 × 26.979 + 270.48, closed +3000, one lot of 3910 held at 3925."""
    commission, close_profit, profit, margin = 324.438, 3000.0, 4500.0, 140760.0
    balance = 2_000_000 + close_profit + profit - commission
    zeros = "PreCredit PreMortgage Mortgage Deposit Withdraw CashIn FrozenMargin FrozenCash FrozenCommission"
    values = dict.fromkeys([*zeros.split(), "DeliveryMargin", "Reserve", "Credit"], 0.0)
    values |= {"PreBalance": 2_000_000.0, "Commission": commission, "CloseProfit": close_profit}
    values |= {"PositionProfit": profit, "CurrMargin": margin, "Balance": balance}
    values |= {"Available": balance - profit - margin}
    return SimpleNamespace(**(values | changes))


def failures(account: Any, lots: int = 1, seen: tuple[float, ...] = (3924.8, 3925.0)) -> set[str]:
    sums = add_up(TRADES, 300, RATE)
    row = SimpleNamespace(PosiDirection=tdapi.THOST_FTDC_PD_Long, Position=lots, UseMargin=140760.0)
    checks = [
        *check_activity(sums, 1, 0),
        *check_account(account, sums, "2"),
        check_mark(account, sums, 300, seen),
        *check_positions([row], sums, 300, MARGIN, account),
    ]
    return {check.name for check in checks if not check.passed}


def test_books_that_balance_pass() -> None:
    assert failures(balanced_account()) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Commission": 324.0}, {"Commission"}),
        ({"CloseProfit": 3000.01}, {"CloseProfit"}),
        ({"Balance": 2_000_000.0}, {"Balance"}),
        ({"Available": 0.0}, {"Available"}),
        ({"FrozenMargin": 1.0}, {"Available", "nothing frozen"}),
        ({"CurrMargin": 140761.0}, {"Available", "CurrMargin"}),
    ],
)
def test_each_error_in_the_books_is_found(changes: dict[str, float], expected: set[str]) -> None:
    assert failures(balanced_account(**changes)) == expected


def test_a_wrong_position_or_mark_is_found() -> None:
    assert failures(balanced_account(), lots=2) == {"long lots"}
    assert failures(balanced_account(), seen=(3924.8,)) == {"PositionProfit"}
