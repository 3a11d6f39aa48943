"""What an operator's login may do: look at every investor, and touch nothing (docs/decisions/0131-operators.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ctp2.core.unsupported import answer as unsupported
from ctp2.core.unsupported import refuse
from ctp2.tts import rejections as error
from ctp2.tts.account import Account
from ctp2.tts.queries import QUERIES, Asker

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.tts.session import TtsSession

_WHOSE: Final = ("InvestorID", "AccountID")
"""Members of a query that say whose rows are wanted; a query with none of them is about no investor."""


def serve(session: TtsSession, request: Request) -> None:
    """Queries, and the change of his own password; anything else is error 9, and nobody else hears of it."""
    name = request.method.name
    query = QUERIES.get(name)
    if query is not None:
        found: list[Any] = []
        for asker in _askers(session, request.field):
            found += query(asker, request.field)
        session.answer_query(request, found)
    elif name == "ReqUserPasswordUpdate":
        session.update_password(request)
    elif request.method.is_query:
        session.put(unsupported(request.method, request))
    else:
        session.put(refuse(request, error.NO_PRIVILEGE))


def _askers(session: TtsSession, field: Any) -> list[Asker]:
    """One for each investor who is meant: the one that is named, or all; nobody's for what is no investor's."""
    backend = session.backend
    accounts = backend.engine.state.accounts
    member = next((name for name in _WHOSE if hasattr(field, name)), "")
    if not member:
        chosen = [Account(session.account_id, {})]
    elif wanted := getattr(field, member):
        chosen = [accounts[wanted]] if wanted in accounts else []
    else:
        chosen = list(accounts.values())
    broker_id = getattr(field, "BrokerID", "") or session.broker_id
    return [
        Asker(backend.world, account, broker_id, backend.users.name(account.account_id), backend.statements)
        for account in chosen
    ]
