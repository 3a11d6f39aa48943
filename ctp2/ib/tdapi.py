"""TraderApi whose ``tcp://HOST:PORT`` means TWS or IB Gateway: ``from ctp2.ib import tdapi``.

For programs whose front address is written as for any CTP library: ``tcp://HOST:PORT`` is ``ib://HOST:PORT`` here, with
the same options. Every other address means what it always means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2 import registry as _registry
from ctp2.core import api as _api
from ctp2.core import public as _public
from ctp2.ctp.spi import CThostFtdcTraderSpi as CThostFtdcTraderSpi

if TYPE_CHECKING:
    from ctp2.ctp.enums import *
    from ctp2.ctp.structs import *


class CThostFtdcTraderApi(_api.TraderApi):
    """A trading session; made by :meth:`CreateFtdcTraderApi`."""

    @staticmethod
    def CreateFtdcTraderApi(pszFlowPath: str = "", bIsProductionMode: bool = True) -> CThostFtdcTraderApi:
        """Make an Api object, as :meth:`ctp2.tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi`."""
        return CThostFtdcTraderApi._create(_registry.Venue("ib"), pszFlowPath)


if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcTraderApi, CThostFtdcTraderSpi)
