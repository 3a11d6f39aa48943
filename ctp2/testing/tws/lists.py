"""What needs neither market nor orders: contract details, search, market rules, time, accounts, the log level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.kinds import zone_or_utc

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

NO_DEFINITION: Final = "No security definition has been found for the request"

MARKET_RULES: Final[dict[int, tuple[tuple[float, float], ...]]] = {
    26: ((0.0, 0.01),),
    32: ((0.0, 0.01), (3.0, 0.01)),
    67: ((0.0, 0.25),),
    100: ((0.0, 0.2),),
    109: ((0.0, 0.01), (3.0, 0.05)),
    239: ((0.0, 0.00005),),
}
"""Rule → from this price on, this increment."""


class Lists:
    """Contract details and the other lists."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqContractDetails": self.contract_details,
            "reqMatchingSymbols": self.matching_symbols,
            "reqMarketRule": self.market_rule,
            "reqCurrentTime": self.current_time,
            "reqManagedAccts": self.managed_accounts,
            "setServerLogLevel": _nothing,
            "startApi": _nothing,
        }

    def contract_details(self, session: ClientSession, request: Request) -> None:
        """Every contract that is meant, then the end; 200 for none."""
        found = self.world.contracts.find(request.values, request.text("secIdType"), request.text("secId"))
        if not found:
            session.error(request.req_id, 200, NO_DEFINITION)
            return
        for contract in found:
            session.send(self._details(session, request, contract))
        session.send(replies.contract_details_end(request.req_id))

    def _details(self, session: ClientSession, request: Request, contract: Listed) -> replies.Fields:
        if contract.sec_type == "BOND":
            return replies.bond_details(session.version, request.req_id, contract)
        day = self.world.now().astimezone(zone_or_utc(contract.time_zone)).date()
        hours, liquid = contract.hours_on(day), contract.hours_on(day, is_liquid=True)
        exchange = request.text("exchange")
        return replies.contract_details(session.version, request.req_id, contract, exchange, hours, liquid)

    def matching_symbols(self, session: ClientSession, request: Request) -> None:
        """Candidates for a text."""
        found = self.world.contracts.matching(request.text("pattern"))
        session.send(replies.symbol_samples(session.version, request.req_id, found))

    def market_rule(self, session: ClientSession, request: Request) -> None:
        """The increments of a rule; 321 for an unknown one."""
        number = request.integer("ruleId")
        rows = MARKET_RULES.get(number)
        if rows is None:
            session.error(-1, 321, f"Error validating request: market rule {number} is unknown")
            return
        session.send(replies.market_rule(number, rows))

    def current_time(self, session: ClientSession, request: Request) -> None:
        """Epoch seconds."""
        session.send(replies.current_time(int(self.world.now().timestamp())))

    def managed_accounts(self, session: ClientSession, request: Request) -> None:
        """The accounts of the login."""
        session.send(replies.managed_accounts(list(self.world.script.accounts)))


def _nothing(session: ClientSession, request: Request) -> None:
    """TWS answers nothing."""
