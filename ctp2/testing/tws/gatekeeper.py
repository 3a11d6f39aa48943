"""What a client may not do at all: more messages than TWS takes, and more account summaries (spec ib 6.7)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final

from ctp2.testing.tws.limits import RATE_TEXT, MessageRate

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

TOO_MANY_SUMMARIES: Final = (
    "Error processing request:-'bN' : cause - Maximum number of account summary requests exceeded"
)


class Gatekeeper:
    """Looks at every request before it is carried out. Messages are counted by the machine's clock, as they come."""

    handlers: ClassVar[dict[str, Handler]] = {}

    def __init__(self, world: World) -> None:
        self.world = world
        world.gates.append(self.passes)

    def passes(self, session: ClientSession, request: Request) -> bool:
        """Whether the request goes on."""
        return self._is_slow_enough(session) and self._is_summary_free(session, request)

    def _is_slow_enough(self, session: ClientSession) -> bool:
        rate: MessageRate = session.state.setdefault("rate", MessageRate(self.world.script.market.limits))
        if rate.takes(time.monotonic()):
            return True
        session.error(-1, 100, RATE_TEXT)
        if rate.exhausted:
            session.close()
        return False

    def _is_summary_free(self, session: ClientSession, request: Request) -> bool:
        asked: set[int] = session.state.setdefault("summaries", set())
        if request.name == "cancelAccountSummary":
            asked.discard(request.req_id)
        elif request.name == "reqAccountSummary":
            if request.req_id not in asked and len(asked) >= self.world.script.market.limits.summaries:
                session.error(request.req_id, 322, TOO_MANY_SUMMARIES)
                return False
            asked.add(request.req_id)
        return True
