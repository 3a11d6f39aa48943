"""The registry as a venue sees it whose own library would be asked by ``tcp://``: for the faces of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2 import registry
from ctp2.core.address import Address

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ctp2.core.backend import Backend

_SCHEME: Final = "ib"


class Venue:
    """``tcp://HOST:PORT`` is ``ib://HOST:PORT`` here; every other address means what it always means."""

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
