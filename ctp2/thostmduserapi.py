"""The same as :mod:`ctp2.mdapi`, under the name of the SWIG module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.core import public as _public
from ctp2.mdapi import CThostFtdcMdApi as CThostFtdcMdApi
from ctp2.mdapi import CThostFtdcMdSpi as CThostFtdcMdSpi

if TYPE_CHECKING:
    from ctp2.ctp.enums import *
    from ctp2.ctp.structs import *

if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcMdApi, CThostFtdcMdSpi)
