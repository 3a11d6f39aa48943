"""An account begins anew, whatever it holds: fresh money, no positions, nothing that works (``ctp2 account reset``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.tts.exercise import take_back
from ctp2.tts.parked import NOT_SENT
from ctp2.tts.rights import AccountReset

if TYPE_CHECKING:
    from ctp2.tts.engine import Engine
    from ctp2.tts.events import Event


def reset(engine: Engine, account_id: str, balances: dict[str, int], now_ns: int) -> list[Event]:
    """Take out quotes, orders, parked orders and declarations, each told as its cancel is; then begin anew."""
    state = engine.state
    account = state.accounts[account_id]
    events = engine.reporter.begin(now_ns)
    for quote in list(state.quotes.by_id.values()):
        if quote.account is account and quote.stands():
            engine.quotes.take_out(quote)
    for order in list(account.orders):
        if not order.is_final():
            engine.take_out(order, now_ns)
    for known, is_cancel in ((state.parked.orders, False), (state.parked.cancels, True)):
        for number, parked in known.items():
            if parked.account_id == account_id and parked.status == NOT_SENT:
                events += engine.parking.remove(account_id, account_id, str(number), is_cancel, now_ns)
    for record in state.declared.records:
        if record.account is account and record.is_standing():
            events += take_back(state, record, now_ns)
    event = AccountReset(account_id, now_ns, balances)
    state.evolve(event)
    events.append(event)
    return events
