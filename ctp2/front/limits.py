"""What a front allows its clients, in one place; the numbers are in docs/protocol.md and docs/operations.md."""

from __future__ import annotations

from dataclasses import dataclass

from ctp2.front import wire


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one front; 0 is no limit where that is said. Seconds and bytes."""

    connections: int = 5_000
    """Links in all."""
    per_address: int = 1_000
    """Links of one network address."""
    links_per_second: int = 0
    """New links of one network address in a second, CTP's ConnectFreq; 0: no limit."""
    per_user: int = 0
    """Logins of one user at this front, refused with error 60; 0: the backend's own limit alone."""
    requests_per_second: int = 0
    """Requests of one link that are served in a second; more wait in the network. 0: no limit."""
    waiting_requests: int = 256
    """Requests of all links that wait for a backend that counts them; more wait in the network. 0: no limit."""
    subscriptions: int = 50_000
    """Instruments of one link, error 6000 beyond; 0: no limit."""
    behind_events: int = 1_000
    """Waiting events from which a client counts as behind, so that its snapshots are conflated."""
    behind_bytes: int = 262_144
    """Written and not taken bytes from which a client counts as behind."""
    waiting_events: int = 100_000
    """Waiting events from which a client is cut."""
    stalled: float = 30.0
    """How long a client that is behind may take nothing before it is cut."""
    handshake: float = 10.0
    """How long a client may take to say who it is."""
    heartbeat: float = wire.HEARTBEAT_OF_FRONT
    client_heartbeat: float = wire.HEARTBEAT_OF_CLIENT
    warning: float = wire.SILENCE_WARNING
    silence: float = wire.SILENCE_LIMIT
    packs: bool = True
    """Whether a client that asks for packed market data gets it."""
