"""What can go wrong outside the program, in one tree.

::

    Ctp2Error
    ├── AddressError (ValueError)      an address that can never work; raised in RegisterFront
    │   └── MissingExtra               its scheme needs a package that is not installed
    ├── FlowInUse                      two Api objects with one flow prefix
    ├── OpenFailed                     a venue cannot be opened now; the Api tries again
    │   └── VersionRefused             the peer speaks another major version
    └── LinkLost                       an open link broke
        ├── ReadFailed                 4097
        ├── WriteFailed                4098
        ├── HeartbeatTimeout           8193
        ├── HeartbeatSendFailed        8194
        └── BadPacket                  8195

Refusals of a counter are not exceptions: they are CTP errors and travel as values up to ``pRspInfo``.
"""

from __future__ import annotations

from typing import Final


class Ctp2Error(Exception):
    """Base of all environment errors; the text is one line that says what to do."""


class AddressError(Ctp2Error, ValueError):
    """A front address that can never work."""


class MissingExtra(AddressError, ImportError):
    """A front address whose backend needs a package that is not installed."""


class FlowInUse(Ctp2Error):
    """A flow prefix that another live Api object uses."""


class OpenFailed(Ctp2Error):
    """A venue that cannot be opened now. ``why`` is a word for programs, where there is one."""

    def __init__(self, message: str = "", why: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.why = why
        self.detail = detail
        """What the other side or the system said."""


class VersionRefused(OpenFailed):
    """A peer of another major version."""


class LinkLost(Ctp2Error):
    """An open link that broke."""


class ReadFailed(LinkLost):
    """The peer closed the link or reading failed."""


class WriteFailed(LinkLost):
    """Writing failed."""


class HeartbeatTimeout(LinkLost):
    """Nothing came from the peer for too long."""


class HeartbeatSendFailed(LinkLost):
    """Nothing could be sent for too long."""


class BadPacket(LinkLost):
    """The peer sent something that cannot be read."""


READ_FAILED: Final = 4097
WRITE_FAILED: Final = 4098
HEARTBEAT_TIMEOUT: Final = 8193
HEARTBEAT_SEND_FAILED: Final = 8194
BAD_PACKET: Final = 8195

REASONS: Final[dict[type[LinkLost], int]] = {
    LinkLost: READ_FAILED,
    ReadFailed: READ_FAILED,
    WriteFailed: WRITE_FAILED,
    HeartbeatTimeout: HEARTBEAT_TIMEOUT,
    HeartbeatSendFailed: HEARTBEAT_SEND_FAILED,
    BadPacket: BAD_PACKET,
}
"""``nReason`` of ``OnFrontDisconnected`` for each way a link breaks."""


def reason_of(error: BaseException) -> int:
    """``nReason`` for ``error``; what is no :class:`LinkLost` (an ``OSError`` of a socket) counts as a failed read."""
    for base in type(error).__mro__:
        if base in REASONS:
            return REASONS[base]
    return READ_FAILED
