"""``tcp://HOST:PORT``, ``tcp6://…``, ``ssl://…``: a front of another process behind the ``Backend`` contract.

Options: ``layout`` (the interface version to speak, the newest if not given), ``compress`` (``on``: market data comes
packed), and for ``ssl://`` ``ca`` (a file with the certificate to trust, for servers that signed their own).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Kind, Sink
from ctp2.core.errors import AddressError
from ctp2.ctp import layout, methods
from ctp2.front.handshake import Target
from ctp2.front.link import Link

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.clock import Clock

CONTRACT: Final = CONTRACT_VERSION
_MAX_PORT: Final = 65_535
_ALL: Final = Capabilities(frozenset(("trader", "md")), frozenset(methods.TRADER) | frozenset(methods.MD))
"""What is assumed until the front has told."""


def check(address: Address) -> None:
    """Raise for an address that can never work."""
    target_of(address)


def located(address: Address) -> Address:
    """The address with its certificate's file named so that it is the same from every folder."""
    return address.located(("ca",))


def open(address: Address, clock: Clock) -> RemoteBackend:
    """A backend whose sessions connect when they are made."""
    return RemoteBackend(target_of(address))


class RemoteBackend:
    """A front elsewhere. Each session is a link of its own; there is nothing to share but what the front serves."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.capabilities = _ALL

    def session(self, kind: Kind, sink: Sink) -> Link:
        """Connect; raises ``OpenFailed`` when that does not succeed within a few seconds."""
        return Link(self.target, kind, sink, self._tell)

    def close(self) -> None:
        """Nothing is open but the sessions."""

    def _tell(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities


# ------------------------------------------------------------------ the address
def target_of(address: Address) -> Target:
    """Where an address leads.

    Raises:
        AddressError: no host or port, an unknown option or a value that it cannot have.
        FileNotFoundError: the file of ``ca`` is not there.
    """
    if address.path:
        raise AddressError(f"front address {address.text!r}: nothing may follow the port but ?option=value")
    host, port = _place(address)
    options = dict(address.options)
    revision = _choice(address, options, "layout", layout.NEWEST, layout.versions())
    packs = _choice(address, options, "compress", "off", ("on", "off")) == "on"
    is_tls = address.scheme == "ssl"
    ca = options.pop("ca", "")
    if ca and not is_tls:
        raise AddressError(f"front address {address.text!r}: ca is for ssl://")
    if ca and not Path(ca).is_file():
        raise FileNotFoundError(2, "front address: no certificate in the file of ca", ca)
    if options:
        known = "layout, compress, ca" if is_tls else "layout, compress"
        raise AddressError(f"front address {address.text!r}: unknown option {min(options)}; known: {known}")
    return Target(host, port, revision, is_tls, ca, packs, is_v6=address.scheme == "tcp6")


def _place(address: Address) -> tuple[str, int]:
    host, _, port = address.host.rpartition(":")
    if "@" in host:
        raise AddressError("front address: passwords never go into an address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
        scheme = address.scheme
        raise AddressError(f"front address {address.text!r}: write {scheme}://HOST:PORT, for example 127.0.0.1:20002")
    return host, int(port)


def _choice(address: Address, options: dict[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    value = options.pop(name, default)
    if value not in known:
        raise AddressError(f"front address {address.text!r}: {name}={value}: one of {', '.join(known)}")
    return value
