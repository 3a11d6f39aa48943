"""``ctp2.ib.tdapi`` and ``mdapi``: ``tcp://`` means TWS there, for programs with an address of that form."""

from __future__ import annotations

from typing import Any

from ctp2.ctp import structs
from ctp2.ib import mdapi, tdapi
from ctp2.testing import MdRecorder, TraderRecorder
from tests.ib.stand import LIMIT_S, stand


def test_both_faces_reach_tws() -> None:
    with stand() as tws:
        trader: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        md: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        for api, spi in ((trader, TraderRecorder()), (md, MdRecorder())):
            api.RegisterSpi(spi)
            api.RegisterFront(f"tcp://127.0.0.1:{tws.tws.port}")
            try:
                api.Init()
                spi.wait_for("OnFrontConnected", LIMIT_S)
                api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(UserID="me"), 1)
                answer = spi.wait_for("OnRspUserLogin", LIMIT_S)
                assert (answer.error_id, answer.field.SystemName) == (0, "IB TWS")
            finally:
                api.Release()
