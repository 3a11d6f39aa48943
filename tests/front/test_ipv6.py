"""Fronts and clients over IPv6: in brackets, as CTP writes it, and by a name that has both kinds of address."""

from __future__ import annotations

import socket

import pytest

from ctp2.core.address import parse
from ctp2.core.errors import OpenFailed
from ctp2.front.backend import target_of
from ctp2.front.handshake import connect
from ctp2.front.limits import Limits
from tests.front.conftest import Make, Serve


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")


def test_every_way_to_write_it(serve: Serve, counter_address: str, trader: Make) -> None:
    server = serve(counter_address, Limits(per_address=3), host="::1")
    port = server.server.ports["trader"]
    assert server.trade == f"tcp://[::1]:{port}"
    for number, address in enumerate((server.trade, f"tcp6://[::1]:{port}", f"tcp6://::1:{port}")):
        trader(address, f"user{number}").start()
    hub = server.server.hubs["trader"]
    assert server.call(lambda: {connection.outbox.address for connection in hub.connections}) == {"::1"}
    with pytest.raises(OpenFailed), connect(target_of(parse(f"tcp6://127.0.0.1:{port}"))):
        pass


def test_a_name_with_both(serve: Serve, counter_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``tcp6://`` takes the IPv6 address of a name, wherever ``tcp://`` would go."""
    server = serve(counter_address, host="::1")
    port = server.server.ports["trader"]
    real = socket.getaddrinfo

    def both(host: str, port: int, family: int = 0, *more: int, **named: int) -> object:
        if host != "fronts.example":
            return real(host, port, family, *more, **named)
        v6 = real("::1", port, socket.AF_INET6, socket.SOCK_STREAM)
        return v6 if family == socket.AF_INET6 else [*real("127.0.0.1", port, socket.AF_INET, socket.SOCK_STREAM), *v6]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with connect(target_of(parse(f"tcp6://fronts.example:{port}"))) as link:
        assert link.getpeername()[:2] == ("::1", port)
