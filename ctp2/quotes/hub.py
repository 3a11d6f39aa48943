"""The pollers of the process: one per host, shared by all backends that ask it. On the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.quotes import client
from ctp2.quotes.config import base_of
from ctp2.quotes.poller import Poller
from ctp2.quotes.sources.sina import Sina
from ctp2.quotes.sources.tencent import Tencent
from ctp2.quotes.trouble import Trouble

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.core.loop import Loop
    from ctp2.quotes.sources import Source

SOURCES: Final[dict[str, type[Source]]] = {"sina": Sina, "tencent": Tencent}

_Key = tuple[str, tuple[str, ...], bool]
_pollers: dict[_Key, tuple[Poller, int]] = {}
_troubles: dict[tuple[str, tuple[str, ...]], Trouble] = {}
"""Outlives the pollers: whoever closes and opens again must not begin with a request that the host forbade."""


def acquire(name: str, place: str, tls: str, clock: Clock, loop: Loop, *, push: bool = False) -> Poller:
    """The poller of a source at a place (empty: its public hosts). Each call needs one :func:`release`."""
    source = SOURCES[name]()
    bases = tuple(base_of(host, tls) for host in ([place] if place else source.hosts))
    key = (name, bases, push)
    found = _pollers.get(key)
    if found is None:
        trouble = _troubles.get(key[:2])
        if trouble is None or trouble.is_up:
            trouble = Trouble(list(bases), source.batch_max, client.jitter)
            _troubles[key[:2]] = trouble
        push_base = bases[0].replace("http", "ws", 1) if push else ""
        found = Poller(source, trouble, clock, loop, client.jitter, push=push_base), 0
    _pollers[key] = found[0], found[1] + 1
    return found[0]


async def release(poller: Poller) -> None:
    """Give a poller back; the last user's call closes it."""
    key = next(key for key, (known, _) in _pollers.items() if known is poller)
    users = _pollers[key][1] - 1
    if users:
        _pollers[key] = poller, users
        return
    del _pollers[key]
    await poller.close()
