"""MdApi whose ``tcp://HOST:PORT`` means TWS or IB Gateway: ``from ctp2.ib import mdapi``; as :mod:`ctp2.ib.tdapi`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2 import registry as _registry
from ctp2.core import api as _api
from ctp2.core import public as _public
from ctp2.ctp.spi import CThostFtdcMdSpi as CThostFtdcMdSpi

if TYPE_CHECKING:
    from ctp2.ctp.enums import *
    from ctp2.ctp.structs import *


class CThostFtdcMdApi(_api.MdApi):
    """A market data session; made by :meth:`CreateFtdcMdApi`."""

    @staticmethod
    def CreateFtdcMdApi(
        pszFlowPath: str = "", bIsUsingUdp: bool = False, bIsMulticast: bool = False, bIsProductionMode: bool = True
    ) -> CThostFtdcMdApi:
        """Make an Api object, as :meth:`ctp2.mdapi.CThostFtdcMdApi.CreateFtdcMdApi`."""
        return CThostFtdcMdApi._create(_registry.Venue("ib"), pszFlowPath)


if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcMdApi, CThostFtdcMdSpi)
