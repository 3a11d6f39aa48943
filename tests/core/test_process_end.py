"""Programs that end in every way end: exit code and stderr are looked at from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import sys, threading
from ctp2 import mdapi, registry, tdapi
from tests import toy

registry._modules["toy"] = toy.load()

class Spi(tdapi.CThostFtdcTraderSpi):
    def __init__(self):
        self.connected = threading.Event()
        self.traded = threading.Event()

    def OnFrontConnected(self):
        self.connected.set()

def client(start=True):
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    spi = Spi()
    api.RegisterSpi(spi)
    api.RegisterFront("toy://")
    if start:
        api.Init()
        assert spi.connected.wait(10)
    return api, spi
"""

ENDS = {
    "just ends": "api, spi = client()",
    "never calls Init": "api, spi = client(start=False)",
    "creates and drops": "tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()",
    "has no front": "api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(); api.Init()",
    "keeps no reference": "client()",
    "has many objects": "clients = [client() for _ in range(30)]",
    "releases and joins": "api, spi = client(); api.Release(); assert api.Join() == 0",
    "releases twice": "api, spi = client(); api.Release(); api.Release()",
    "releases without Init": "api, spi = client(start=False); api.Release(); assert api.Join() == 0",
    "releases from a thread": "api, spi = client(); t = threading.Thread(target=api.Release); t.start(); api.Join()",
    "exits in a thread's callback": """
class Exiting(Spi):
    def OnFrontConnected(self):
        self.connected.set()
        sys.exit(5)
api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
spi = Exiting()
import logging; logging.getLogger("ctp2.api").addHandler(logging.NullHandler())
logging.getLogger("ctp2.api").propagate = False
api.RegisterSpi(spi); api.RegisterFront("toy://"); api.Init()
assert spi.connected.wait(10)
""",
    "releases in a callback": """
class Releasing(Spi):
    def OnFrontConnected(self):
        api.Release()
api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
spi = Releasing()
api.RegisterSpi(spi); api.RegisterFront("toy://"); api.Init()
assert api.Join() == 0
""",
    "ends while callbacks run": """
class Busy(Spi):
    def OnRtnTrade(self, pTrade):
        self.traded.set()
        self.api.ReqOrderInsert(order, 1)
order = tdapi.CThostFtdcInputOrderField(InstrumentID="TOY", LimitPrice=1.0, VolumeTotalOriginal=1)
api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
spi = Busy()
spi.api = api
api.RegisterSpi(spi); api.RegisterFront("toy://"); api.Init()
assert spi.connected.wait(10)
api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(UserID="u"), 1)
api.ReqOrderInsert(order, 1)
assert spi.traded.wait(10)
del api, spi
""",
}


def program(body: str, root: Path) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(root)!r})\n{HEAD}\n{body}\n"
    return [sys.executable, "-X", "dev", "-W", "error", "-c", code]


@pytest.mark.parametrize("case", ENDS)
def test_a_program_that(case: str, root: Path) -> None:
    result = subprocess.run(program(ENDS[case], root), capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert [line for line in result.stderr.splitlines() if "Init without RegisterFront" not in line] == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("api, spi = client(); print('ready', flush=True); api.Join()", -signal.SIGINT),
        (
            "api, spi = client()\n"
            "try:\n    print('ready', flush=True); api.Join()\n"
            "except KeyboardInterrupt:\n    api.Release(); sys.exit(3)",
            3,
        ),
    ],
)
def test_ctrl_c_interrupts_join(body: str, code: int, root: Path) -> None:
    with subprocess.Popen(program(body, root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "Fatal" not in said
    assert ("KeyboardInterrupt" in said) == (code < 0)
