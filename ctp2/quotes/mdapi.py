"""MdApi whose ``tcp://HOST:PORT`` means the quote sources: ``from ctp2.quotes import mdapi``.

For programs whose front address is written as for any CTP library: ``tcp://`` and ``tcp://HOST:PORT`` are
``quotes://`` and ``quotes://HOST:PORT`` here, with the same options. Every other address means what it always means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2 import registry
from ctp2.core import api as _api
from ctp2.core import public as _public
from ctp2.core.address import Address
from ctp2.ctp.spi import CThostFtdcMdSpi as CThostFtdcMdSpi

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ctp2.core.backend import Backend
    from ctp2.ctp.enums import *
    from ctp2.ctp.structs import *

_SCHEME: Final = "quotes"


class _Venue:
    """The registry, seen from a venue whose library would be asked by ``tcp://``."""

    def check(self, address: Address, /) -> None:
        """As the registry."""
        registry.check(_here(address))

    def acquire(self, address: Address, /) -> Backend:
        """As the registry."""
        return registry.acquire(_here(address))

    def release(self, backend: Backend, /) -> None:
        """As the registry."""
        registry.release(backend)

    def located(self, address: Address, /) -> Address:
        """As the registry."""
        return registry.located(_here(address))

    def identity(self, address: Address, /) -> Hashable:
        """As the registry."""
        return registry.identity(_here(address))


def _here(address: Address) -> Address:
    if address.scheme != "tcp":
        return address
    return Address(_SCHEME, address.host, address.path, address.options, address.text)


class CThostFtdcMdApi(_api.MdApi):
    """A market data session; made by :meth:`CreateFtdcMdApi`."""

    @staticmethod
    def CreateFtdcMdApi(
        pszFlowPath: str = "", bIsUsingUdp: bool = False, bIsMulticast: bool = False, bIsProductionMode: bool = True
    ) -> CThostFtdcMdApi:
        """Make an Api object, as :meth:`ctp2.mdapi.CThostFtdcMdApi.CreateFtdcMdApi`."""
        return CThostFtdcMdApi._create(_Venue(), pszFlowPath)


if not TYPE_CHECKING:  # seen by a type checker, __getattr__ would make every misspelt name an Any
    __getattr__, __dir__ = _public.names(globals(), CThostFtdcMdApi, CThostFtdcMdSpi)
