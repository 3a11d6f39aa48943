"""The same as :mod:`ctp2.tdapi`, under the name of the SWIG module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.core import public as _public
from ctp2.tdapi import CThostFtdcTraderApi as CThostFtdcTraderApi
from ctp2.tdapi import CThostFtdcTraderSpi as CThostFtdcTraderSpi

if TYPE_CHECKING:
    from ctp2.ctp.enums import *
    from ctp2.ctp.structs import *

if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcTraderApi, CThostFtdcTraderSpi)
