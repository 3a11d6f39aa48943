"""Who asks, and the counter that is asked: what every query function gets (spec ctp-semantics 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ctp2.tts.account import Account
from ctp2.tts.contract import Contract
from ctp2.tts.environments import World
from ctp2.tts.state import State
from ctp2.tts.statements import Statements

Rows = Iterable[Any]


class Asker:
    """Who asks, and the counter that is asked; ``name`` is the investor's, ``statements`` are of the days before."""

    __slots__ = ("account", "broker_id", "name", "statements", "world")

    def __init__(
        self,
        world: World,
        account: Account,
        broker_id: str,
        name: str = "",
        statements: Statements | None = None,
    ) -> None:
        self.world = world
        self.account = account
        self.broker_id = broker_id
        self.name = name or account.account_id
        self.statements = statements or Statements()

    @property
    def state(self) -> State:
        """The counter's state."""
        return self.world.engine.state

    def is_own(self, field: Any) -> bool:
        """Whether the query is about the asker's own account (an empty InvestorID is)."""
        return field.InvestorID in ("", self.account.account_id)

    def is_own_account(self, field: Any) -> bool:
        """The same for queries that name the account by AccountID."""
        return field.AccountID in ("", self.account.account_id)


Query = Callable[[Asker, Any], Rows]
"""A query: its rows, in their order; a pure look at the counter's state."""


def matches(wanted: str, value: str) -> bool:
    """An empty filter means all."""
    return not wanted or wanted == value


def named(asker: Asker, code: str, exchange: str) -> Iterable[Contract]:
    """The instruments of a code, all that are listed when it is empty; the exchange only tells two of one code apart.

    Most queries ignore ExchangeID (spec 8.3). Taken literally that would answer two rows to whoever asks for 000001
    of SZSE, because SSE has that code as well.
    """
    if not code:
        return (asker.world.snapshot(instrument)[0] for instrument in asker.world.instruments())
    found = asker.state.named(code)
    chosen = [contract for contract in found if contract.exchange == exchange] if len(found) > 1 else []
    return chosen or found


def nothing(asker: Asker, field: Any) -> Rows:
    """A query that the counter serves and that has no rows in it: notices that nobody sends, and the like."""
    return ()
