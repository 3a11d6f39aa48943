from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctp2 import registry, tdapi
from ctp2.core import api as core_api
from ctp2.run import run
from tests import toy

SCRIPTS = Path(__file__).parent / "data" / "scripts"


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry._modules, "toy", toy.load())
    modules = set(sys.modules)
    yield
    assert not [name for name in sys.modules if name.startswith("openctp")]
    assert registry._slots == {}
    assert core_api._forced_front is None and core_api._forced_md_front is None
    assert modules <= set(sys.modules)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


@pytest.mark.parametrize(
    "line",
    [
        "from openctp_ctp import tdapi, mdapi",
        "import openctp_ctp; tdapi = openctp_ctp.tdapi; mdapi = openctp_ctp.mdapi",
        "import openctp_ctp.tdapi as tdapi, openctp_ctp.mdapi as mdapi",
        "from openctp_ctp import thosttraderapi as tdapi, thostmduserapi as mdapi",
        "from openctp_ctp.thosttraderapi import *; from openctp_ctp import tdapi, mdapi; CThostFtdcTraderSpi",
        "from openctp_ctp_667 import tdapi, mdapi",
        "from openctp_ctp_6_3_15 import tdapi, mdapi",
        "from openctp_tts import tdapi, mdapi",
        "import thosttraderapi as tdapi, thostmduserapi as mdapi",
    ],
)
def test_imports_resolve_to_ctp2(script: Path, line: str) -> None:
    script.write_text(f"{line}\nassert tdapi.CThostFtdcTraderApi.GetApiVersion().startswith('v6.7.13_ctp2-')\n")
    assert run(str(script), []) == 0


def test_other_imports_are_left_alone(script: Path) -> None:
    script.write_text("try:\n    import openctp_ctp_channels\nexcept ImportError:\n    raise SystemExit(7)\n")
    assert run(str(script), []) == 7


def test_the_script_sees_its_own_world(script: Path) -> None:
    script.with_name("beside.py").write_text("NAME = 'beside'\n")
    script.write_text(
        "import sys, beside\n"
        "assert __name__ == '__main__'\n"
        f"assert sys.argv == [{str(script)!r}, 'a', '--b'], sys.argv\n"
        "assert beside.NAME == 'beside'\n"
    )
    before = (list(sys.argv), list(sys.path))
    assert run(str(script), ["a", "--b"]) == 0
    assert (sys.argv, sys.path) == before
    del sys.modules["beside"]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no luck')", 1, "no luck\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("def (", 1, "SyntaxError"),
    ],
)
def test_the_exit_code_is_the_scripts(
    script: Path, capsys: pytest.CaptureFixture[str], body: str, code: int, said: str
) -> None:
    script.write_text(body)
    assert run(str(script), []) == code
    printed = capsys.readouterr().err
    assert said in printed
    assert "run.py" not in printed, "our own frames are not the user's business"


def test_a_missing_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("/no/such/script.py", []) == 2
    assert "no such script: /no/such/script.py" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["RegisterFront", "RegisterNameServer"])
def test_every_front_becomes_the_given_one(script: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    script.write_text(
        "import threading\n"
        "from openctp_ctp import tdapi\n"
        "connected = threading.Event()\n"
        "class Spi(tdapi.CThostFtdcTraderSpi):\n"
        "    def OnFrontConnected(self):\n"
        "        connected.set()\n"
        "api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()\n"
        "spi = Spi()\n"
        "api.RegisterSpi(spi)\n"
        f"api.{name}('tcp://180.168.146.187:10130')\n"
        f"api.{name}('tcp://180.168.146.187:10131')\n"
        "api.Init()\n"
        "assert connected.wait(10)\n"
        "info = tdapi.CThostFtdcFrontInfoField()\n"
        "api.GetFrontInfo(info)\n"
        "print(info.FrontAddr)\n"
    )
    assert run(str(script), [], "toy://") == 0
    assert capsys.readouterr().out == "toy://\n"


def test_market_data_may_have_a_front_of_its_own(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.write_text(
        "from openctp_ctp import mdapi, tdapi\n"
        "for api in (tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(), mdapi.CThostFtdcMdApi.CreateFtdcMdApi()):\n"
        "    api.RegisterFront('tcp://180.168.146.187:10130')\n"
        "    print(*(one.text for one in api._fronts))\n"
    )
    assert run(str(script), [], "tcp://127.0.0.1:20002", "tcp://127.0.0.1:20004") == 0
    assert capsys.readouterr().out == "tcp://127.0.0.1:20002\ntcp://127.0.0.1:20004\n"


def test_threads_the_script_leaves_running_are_waited_for(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.write_text(
        "import threading\n"
        "go_on = threading.Event()\n"
        "def late():\n"
        "    assert go_on.wait(10)\n"
        "    from openctp_ctp import mdapi\n"
        "    print('late', mdapi.THOST_FTDC_D_Buy)\n"
        "threading.Thread(target=late).start()\n"
        "go_on.set()\n"
    )
    assert run(str(script), []) == 0
    assert capsys.readouterr().out == "late 0\n"


def test_md_demo_runs_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(SCRIPTS / "md_demo.py"), ["tcp://127.0.0.1:1", "1", "TOY"], "toy://") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == ["OnFrontConnected", "OnRspUserLogin 20260105", "OnRspSubMarketData TOY 0"]
    assert lines[-1] == "done"


def test_td_demo_runs_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(SCRIPTS / "td_demo.py"), ["tcp://127.0.0.1:1", "TOY", "100"], "toy://") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "OnRtnTrade 1 100.0 1" in lines
    # The toy venue fills whatever comes and knows no cancels.
    assert "cancel refused: 27 CTP:不支持的功能" in lines
    assert lines[-1] == "done"


def test_md_demo_runs_with_only_its_import_changed(tmp_path: Path, root: Path) -> None:
    """As a program of its own, without ``ctp2 run``."""
    changed = (SCRIPTS / "md_demo.py").read_text("utf-8").replace("from openctp_ctp import", "from ctp2 import")
    code = f"import sys; sys.path.insert(0, {str(root)!r})\nfrom ctp2 import registry\nfrom tests import toy\n"
    code += "registry._modules['toy'] = toy.load()\n" + changed
    program = tmp_path / "program.py"
    program.write_text(code, "utf-8")
    command = [sys.executable, str(program), "toy://", "1", "TOY"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "done"


def as_own_process(tmp_path: Path, root: Path, body: str) -> subprocess.CompletedProcess[str]:
    """``ctp2 run`` of a script with the toy venue, in a process of its own."""
    script = tmp_path / "script.py"
    script.write_text(body, "utf-8")
    code = f"import sys; sys.path.insert(0, {str(root)!r})\nfrom ctp2 import registry, run\nfrom tests import toy\n"
    code += f"registry._modules['toy'] = toy.load()\nsys.exit(run.main({str(script)!r}, [], 'toy://'))\n"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


CLIENT = """
import sys, threading
from openctp_ctp import tdapi

class Spi(tdapi.CThostFtdcTraderSpi):
    def OnFrontConnected(self):
        req = tdapi.CThostFtdcReqUserLoginField()
        req.UserID = "u"
        api.ReqUserLogin(req, 1)

    def OnRspUserLogin(self, pRspUserLogin, pRspInfo, nRequestID, bIsLast):
        logged_in(pRspUserLogin)

    def OnRspQryInstrument(self, pInstrument, pRspInfo, nRequestID, bIsLast):
        print(nRequestID, pInstrument.InstrumentID)
        if bIsLast:
            done.set()

def start():
    global api, spi
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    spi = Spi()
    api.RegisterSpi(spi)
    api.RegisterFront("tcp://180.168.146.187:10130")
    api.Init()

done = threading.Event()
"""


def test_structs_take_attributes_that_ctp_does_not_know(tmp_path: Path, root: Path) -> None:
    """As SWIG's do: members of another struct or version, and notes that a program keeps in them."""
    body = """
import copy

def logged_in(field):
    field.my_note = "kept"
    assert field.my_note == "kept" and field.UserID == "u"
    assert vars(field) == {"my_note": "kept"}
    assert copy.copy(field).UserID == "u"
    req = tdapi.CThostFtdcQryInstrumentField()
    req.BrokerID = "9999"
    req.ExchangeID = None
    assert api.ReqQryInstrument(req, 2) == 0

start()
assert done.wait(20)
req = tdapi.CThostFtdcQryInstrumentField()
req.BrokerID = "9999"
done.clear()
assert api.ReqQryInstrument(req, 4) == 0
assert done.wait(20)
"""
    result = as_own_process(tmp_path, root, CLIENT + body)
    assert (result.returncode, result.stdout) == (0, "2 TOY\n4 TOY\n"), result.stderr
    # Told once, not for every request.
    told = "CThostFtdcQryInstrumentField has no member BrokerID: what it was set to is not sent"
    assert result.stderr.splitlines() == [told]


@pytest.mark.parametrize(("call", "code", "said"), [("sys.exit(5)", 5, ""), ("exit('no luck')", 1, "no luck\n")])
def test_exit_in_a_callback_ends_the_program(tmp_path: Path, root: Path, call: str, code: int, said: str) -> None:
    """Also while the main thread waits for what never comes."""
    body = f"def logged_in(field):\n    print('bye')\n    {call}\n\nstart()\ndone.wait()\n"
    result = as_own_process(tmp_path, root, CLIENT + body)
    assert (result.returncode, result.stdout, result.stderr) == (code, "bye\n", said)


def test_faces_keep_their_own_names() -> None:
    assert tdapi.__name__ == "ctp2.tdapi"
    assert tdapi.__spec__ is not None
    assert tdapi.__spec__.name == "ctp2.tdapi"
