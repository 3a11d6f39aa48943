"""vn.py on our libraries: vnpy_ctp's own tests, and its gateway in a ``MainEngine`` without windows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.shim.bindings import chinese, site_of
from tests.shim.child import TIMEOUT
from tests.shim.desk import PASSWORD, Desk
from tools import foreign_clients

pytestmark = pytest.mark.foreign

PROGRAM: Final = Path(__file__).parents[1] / "data" / "scripts" / "vnpy_headless.py"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.start()
    yield made
    made.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where the program finds vn.py and vnpy_ctp, the locale that the latter needs, and a home of its own."""
    path = os.pathsep.join(map(str, (site_of(foreign_clients.VNPY_CTP), foreign_clients.vnpy())))
    kept = {name: value for name, value in os.environ.items() if name != "CTP2_FRONT"}
    return {**kept, **chinese(), "PYTHONPATH": path, "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}


def run(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run Python there; what it printed."""
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=4 * TIMEOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout


# --- its own tests ---------------------------------------------------------------------------------------------------

FORM: Final = {
    "test_td.py": {
        "SYMBOL": '"rb2105"',
        "ALL_TRADED_PRICE": "4301",
        "NOT_TRADED_PRICE": "4200",
        "TD_ADDRESS": "{trade!r}",
    },
    # Its end hangs in the binding when a tick comes at that moment, so one that comes once.
    "test_md.py": {"SYMBOL": '"TA105"', "MD_ADDRESS": "{md!r}"},
}
"""What they ask a user to fill in: an account, addresses, an instrument and prices of the day."""
PASSED: Final = {"test_td.py": 7, "test_md.py": 2}


def filled(text: str, values: dict[str, str], desk: Desk) -> str:
    """A test of theirs with our account and addresses.

    Their factory has two arguments by now (the second: production mode), which their tests have not heard of.
    """
    text, count = re.subn(r'(createFtdc(Trader|Md)Api)\(""\)', r'\1("", True)', text)
    assert count == 1
    for name, value in values.items():
        line = f"{name} = {value.format(trade=desk.trade, md=desk.md)}"
        text, count = re.subn(rf"^{name} = \S+", lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
        assert count == 1, name
    text, count = re.subn(r'"(UserID|Password)": "xxx"', lambda found: _account(found[1]), text)
    assert count == 2
    return text


def _account(name: str) -> str:
    return f'"{name}": "{ {"UserID": "alice", "Password": PASSWORD}[name] }"'


@pytest.mark.parametrize("name", FORM)
def test_its_own_tests(desk: Desk, environment: dict[str, str], tmp_path: Path, name: str) -> None:
    theirs = foreign_clients.vnpy_ctp() / "test" / name
    (tmp_path / name).write_text(filled(theirs.read_text(encoding="utf-8"), FORM[name], desk), encoding="utf-8")
    said = run(tmp_path, environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:ctp2", name)
    assert re.search(rf"^{PASSED[name]} passed in", said, re.MULTILINE), said


STEPS: Final = (
    *("交易服务器连接成功", "交易服务器授权验证成功", "交易服务器登录成功", "结算信息确认成功", "合约信息查询成功"),
    *("行情服务器连接成功", "行情服务器登录成功"),
)
"""What the gateway tells on its way in."""

# --- its gateway -----------------------------------------------------------------------------------------------------


def test_gateway_in_a_main_engine(desk: Desk, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".vntrader").mkdir()
    settings = {
        "用户名": "alice",
        "密码": PASSWORD,
        "经纪商代码": "9999",
        "交易服务器": desk.trade,
        "行情服务器": desk.md,
        "产品名称": "simnow_client_test",
        "授权编码": "0000000000000000",
        "柜台环境": "测试",
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    printed = run(tmp_path, environment, str(PROGRAM), "settings.json").splitlines()
    said: dict[str, Any] = json.loads(printed[-1])
    # Each tick has two lots more than the one before it; the quote stands.
    first = said["ticks"][0][2]
    assert said["ticks"] == [["rb2105", said["name"], first + 2 * number, 4300, 4299, 4301] for number in range(5)]
    assert said["name"] == "螺纹钢2105"
    assert said["contracts"] == 669
    assert said["filled"] == {"traded": 2, "status": "ALLTRADED"}
    assert said["resting"] == {"traded": 0, "status": "NOTTRADED"}
    assert said["cancelled"] == {"traded": 0, "status": "CANCELLED"}
    assert said["rejected"] == said["refused"] == {"traded": 0, "status": "REJECTED"}
    assert said["trades"] == [[4301.0, 2, True]]
    assert said["account"] == "alice"
    # Six lots of yesterday and two of today.
    assert said["position"] == [8, 6]
    logs = said["logs"]
    assert set(STEPS) <= set(logs)
    assert any(log.endswith("状态更新，已撤单报单被拒绝SHFE:价格超出涨停板") for log in logs)
    assert any(log == "交易委托失败，代码：31，信息：CTP:资金不足" for log in logs), logs
