"""TraderApi: the names of the module ``tdapi`` of ``openctp_ctp``.

One rule for programs: callbacks of one Api object come one at a time on that object's own thread, never inside a
``Req…`` call, so a callback may send requests and must not wait for their answers.
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
        """Make an Api object. ``pszFlowPath`` is a prefix of file names; its folder must exist.

        ``bIsProductionMode`` is accepted and makes no difference.
        """
        return CThostFtdcTraderApi._create(_registry, pszFlowPath)


if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcTraderApi, CThostFtdcTraderSpi)
