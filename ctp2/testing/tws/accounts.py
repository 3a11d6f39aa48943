"""Accounts: positions, summary, updates, models, profit; and the bookkeeping of fills (spec ib 6.3, 6.5)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.account_values import (
    BASE,
    Money,
    Row,
    account_rows,
    ledger_rows,
    money_text,
    summary_rows,
)
from ctp2.testing.tws.ledger import (
    ZERO,
    Holding,
    Ledger,
    after,
    commission_of,
    in_base,
    rate_of,
    totals_of,
    unrealized,
    worth,
)
from ctp2.testing.tws.watches import PositionWatch, ProfitWatch, UpdateWatch, ValueWatch, Watch
from ctp2.testing.tws.wire import UNSET_DOUBLE

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.quotes import Quotes
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

REFRESH_S: Final = 180.0
"""Values are told anew so often (spec ib 5.6), besides after each fill."""
PROFIT_S: Final = 1.0
"""So often profit is told."""


class Accounts:
    """Positions and money of all accounts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._quotes: Quotes = world.parts["quotes"].quotes
        self._ledgers: dict[str, Ledger] = {}
        self._start: dict[str, Decimal] = {}
        self._day = world.local().date()
        world.timers.after(REFRESH_S, self._again)
        world.timers.after(PROFIT_S, self._second)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqPositions": self.positions,
            "cancelPositions": self._forget("positions"),
            "reqAccountSummary": self.summary,
            "cancelAccountSummary": self._forget("summary"),
            "reqAccountUpdates": self.account_updates,
            "reqPositionsMulti": self.positions_multi,
            "cancelPositionsMulti": self._forget("positions multi"),
            "reqAccountUpdatesMulti": self.updates_multi,
            "cancelAccountUpdatesMulti": self._forget("updates multi"),
            "reqPnL": self.profit,
            "cancelPnL": self._forget("profit"),
            "reqPnLSingle": self.profit_single,
            "cancelPnLSingle": self._forget("profit single"),
        }

    # ------------------------------------------------------------------ bookkeeping
    def ledger(self, account: str) -> Ledger:
        """The books of an account, which begins with the cash of the script."""
        found = self._ledgers.get(account)
        if found is None:
            cash = Decimal(repr(self.world.script.accounts.get(account, 0.0)))
            found = self._ledgers[account] = Ledger(account, {BASE: cash})
            self._start[account] = cash
        return found

    def fill(
        self, account: str, listed: Listed, quantity: Decimal, price: float
    ) -> tuple[Decimal, str, Decimal | None]:
        """Book a trade (negative: sold); commission, its currency, realised profit (None: it only opened)."""
        exact = Decimal(repr(price))
        commission = commission_of(listed, abs(quantity), exact)
        realized = self.ledger(account).fill(listed, quantity, exact, commission, listed.currency)
        return commission, listed.currency, realized

    def set_position(self, account: str, listed: Listed, quantity: Decimal, average_cost: Decimal) -> None:
        """Give an account a position without a trade, and tell it (tests)."""
        self.ledger(account).holdings[listed.con_id] = Holding(listed, quantity, average_cost)
        self.changed(account, listed)

    def set_cash(self, account: str, currency: str, amount: Decimal) -> None:
        """Give an account cash, and tell it (tests)."""
        self.ledger(account).cash[currency] = amount
        self._refresh()

    def mark(self, listed: Listed) -> float:
        """What a position is marked at: the last price, else the middle, else where the contract began."""
        quote = self._quotes.of(listed)
        middle = None if quote.bid is None or quote.ask is None else (quote.bid + quote.ask) / 2
        for price in (quote.last, quote.mark, middle):
            if price is not None and price == price:
                return price
        return listed.price

    def _mark(self, listed: Listed) -> Decimal:
        return Decimal(repr(self.mark(listed)))

    def money(self, account: str) -> Money:
        """All amounts of an account."""
        ledger, rates = self.ledger(account), self.world.script.rates
        parts = {one: (totals_of(ledger, one, self._mark), rate_of(rates, one)) for one in ledger.currencies()}
        return Money(in_base(ledger, rates, self._mark), parts, self._start[account])

    def shortage(self, account: str, listed: Listed, quantity: Decimal, price: float | None) -> str | None:
        """Why an order cannot be carried: the equity would be below the margin. None if it can."""
        at = self._mark(listed) if price is None else Decimal(repr(price))
        ledger, rates = self.ledger(account), self.world.script.rates
        before = in_base(ledger, rates, self._mark)
        then = in_base(after(ledger, [(listed, quantity, at)]), rates, self._mark)
        if then.available >= 0 or then.available >= before.available:
            return None
        return (
            "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE "
            f"[{money_text(then.net_liquidation)} {BASE}] MUST EXCEED THE INITIAL MARGIN "
            f"[{money_text(then.initial)} {BASE}]"
        )

    def what_if(self, account: str, listed: Listed, quantity: Decimal, price: float | None) -> dict[str, Any]:
        """The members of openOrder that tell what an order would do, in the base currency."""
        at = self._mark(listed) if price is None else Decimal(repr(price))
        ledger, rates = self.ledger(account), self.world.script.rates
        before = in_base(ledger, rates, self._mark)
        then = in_base(after(ledger, [(listed, quantity, at)]), rates, self._mark)
        pairs = {
            "initMargin": (before.initial, then.initial),
            "maintMargin": (before.maintenance, then.maintenance),
            "equity": (before.net_liquidation, then.net_liquidation),
        }
        told: dict[str, Any] = {
            "commission": float(commission_of(listed, abs(quantity), at)),
            "minCommission": UNSET_DOUBLE,
            "maxCommission": UNSET_DOUBLE,
            "commissionCurrency": listed.currency,
        }
        for name, (old, new) in pairs.items():
            told |= {f"{name}Before": money_text(old), f"{name}Change": money_text(new - old)}
            told[f"{name}After"] = money_text(new)
        return told

    def changed(self, account: str, listed: Listed) -> None:
        """Tell everybody who watches that a position of the account is another one."""
        holding = self.ledger(account).holdings[listed.con_id]
        for watch in self._watches():
            watch.moved(account, holding)
        self._refresh()

    # ------------------------------------------------------------------ watching
    def _watches(self) -> list[Watch]:
        return [watch for one in self.world.ready_sessions() for watch in one.state.get("watches", {}).values()]

    def _watch(self, session: ClientSession, kind: str, number: int, watch: Watch) -> None:
        session.state.setdefault("watches", {})[kind, number] = watch

    def _forget(self, kind: str) -> Handler:
        """What answers the end of a watch."""

        def forget(session: ClientSession, request: Request) -> None:
            session.state.get("watches", {}).pop((kind, max(request.req_id, 0)), None)

        return forget

    def _refresh(self) -> None:
        for watch in self._watches():
            watch.refresh()

    def _again(self) -> None:
        self._refresh()
        self.world.timers.after(REFRESH_S, self._again)

    def _second(self) -> None:
        if self._day != self.world.local().date():
            self._day = self.world.local().date()
            for account, ledger in self._ledgers.items():
                ledger.new_day()
                self._start[account] = in_base(ledger, self.world.script.rates, self._mark).net_liquidation
        for watch in self._watches():
            watch.second()
        self.world.timers.after(PROFIT_S, self._second)

    def _is_unknown(self, session: ClientSession, request: Request, account: str, *, is_all: str = "") -> bool:
        """Whether an account is neither one of the login nor the word for all; the client is told."""
        if account in (*self.world.script.accounts, is_all):
            return False
        session.error(
            request.req_id, 321, f"Error validating request.-'bP' : cause - Invalid account code '{account}'."
        )
        return True

    # ------------------------------------------------------------------ positions
    def positions(self, session: ClientSession, request: Request) -> None:
        """Positions of all accounts, then the end; changes follow."""

        def send(account: str, one: Holding) -> None:
            session.send(
                replies.position(account, one.listed, _venue(one.listed), one.quantity, float(one.average_cost))
            )

        self._tell_positions("", send)
        session.send(replies.position_end())
        self._watch(session, "positions", 0, PositionWatch("", send))

    def positions_multi(self, session: ClientSession, request: Request) -> None:
        """Positions of an account (empty: of all), then the end; changes follow."""
        account, model, number = request.text("account"), request.text("model"), request.req_id
        if self._is_unknown(session, request, account):
            return

        def send(account: str, one: Holding) -> None:
            session.send(
                replies.position_multi(
                    number, account, one.listed, _venue(one.listed), one.quantity, float(one.average_cost), model
                )
            )

        self._tell_positions(account, send)
        session.send(replies.position_multi_end(number))
        self._watch(session, "positions multi", number, PositionWatch(account, send))

    def _tell_positions(self, wanted: str, send: Callable[[str, Holding], None]) -> None:
        for account in self._accounts(wanted):
            for holding in self._held(account):
                send(account, holding)

    def _accounts(self, wanted: str = "") -> list[str]:
        return [one for one in self.world.script.accounts if wanted in ("", one)]

    def _held(self, account: str) -> list[Holding]:
        return [one for one in self.ledger(account).holdings.values() if one.quantity]

    # ------------------------------------------------------------------ values
    def summary(self, session: ClientSession, request: Request) -> None:
        """The tags of all accounts (group ``All``) or of one, then the end; changes follow every three minutes."""
        group, tags, number = request.text("group"), request.text("tags"), request.req_id
        if self._is_unknown(session, request, group, is_all="All"):
            return
        wanted = "" if group == "All" else group
        watch = ValueWatch(
            lambda: [(one, row) for one in self._accounts(wanted) for row in summary_rows(self.money(one), tags)],
            lambda account, row: session.send(replies.summary(number, account, *row)),
        )
        session.send(replies.summary_end(number))
        self._watch(session, "summary", number, watch)

    def account_updates(self, session: ClientSession, request: Request) -> None:
        """Values and portfolio of one account, then the end; changes follow. A client has one such account."""
        account = request.text("account")
        if not request.flag("subscribe"):
            self._forget("updates")(session, request)
            return
        if not account:
            account = self._accounts()[0]
        if self._is_unknown(session, request, account):
            return
        is_new = ("updates", 0) in session.state.get("watches", {})
        if is_new and session.state.get("updates of") != account:
            session.error(-1, 2100, "API client has been unsubscribed from account data.")
        session.state["updates of"] = account
        watch = UpdateWatch(
            account,
            lambda: [(account, ("AccountCode", account, "")), *((account, row) for row in self._rows(account))],
            lambda _, row: session.send(replies.account_value(*row, account)),
            lambda one: session.send(self._portfolio(account, one)),
            lambda: session.send(replies.account_time(f"{self.world.local():%H:%M}")),
        )
        for holding in self.ledger(account).holdings.values():
            session.send(self._portfolio(account, holding))
        session.send(replies.account_download_end(account))
        self._watch(session, "updates", 0, watch)

    def updates_multi(self, session: ClientSession, request: Request) -> None:
        """Values of an account (empty: of all), then the end; changes follow."""
        account, model, number = request.text("account"), request.text("model"), request.req_id
        if self._is_unknown(session, request, account):
            return
        is_short = request.flag("ledgerAndNLV")

        def make() -> list[tuple[str, Row]]:
            return [(one, row) for one in self._accounts(account) for row in self._rows(one, is_short)]

        watch = ValueWatch(make, lambda one, row: session.send(replies.account_multi(number, one, model, *row)))
        session.send(replies.account_multi_end(number))
        self._watch(session, "updates multi", number, watch)

    def _rows(self, account: str, is_short: bool = False) -> list[Row]:
        """All rows of an account; ``is_short``: of what is not the ledger only the net liquidation."""
        money = self.money(account)
        rows = [row for row in account_rows(money) if not is_short or row[0] == "NetLiquidation"]
        return rows + ledger_rows(money)

    def _portfolio(self, account: str, holding: Holding) -> replies.Fields:
        price = self._mark(holding.listed)
        return replies.portfolio(
            holding.listed,
            holding.quantity,
            float(price),
            float(worth(holding, price)),
            float(holding.average_cost),
            float(unrealized(holding, price)),
            float(holding.realized),
            account,
        )

    # ------------------------------------------------------------------ profit
    def profit(self, session: ClientSession, request: Request) -> None:
        """Profit of an account: of the day, not realised, realised; every second when it changed."""
        account, number = request.text("account"), request.req_id
        if self._is_unknown(session, request, account, is_all="All"):
            return

        def make() -> tuple[float, float, float]:
            found = [self.money(one) for one in self._accounts("" if account == "All" else account)]
            return (
                float(sum(one.whole.net_liquidation - one.start for one in found)),
                float(sum(one.whole.unrealized for one in found)),
                float(sum(one.whole.realized for one in found)),
            )

        watch = ProfitWatch(make, lambda told: session.send(replies.pnl(number, *told)))
        self._watch(session, "profit", number, watch)

    def profit_single(self, session: ClientSession, request: Request) -> None:
        """Profit of one position."""
        account, con_id, number = request.text("account"), request.integer("conId"), request.req_id
        if self._is_unknown(session, request, account):
            return

        def make() -> tuple[Decimal, float, float, float, float]:
            holding = self.ledger(account).holdings.get(con_id)
            if holding is None:
                return ZERO, 0.0, 0.0, 0.0, 0.0
            price = self._mark(holding.listed)
            open_profit, realized = float(unrealized(holding, price)), float(holding.realized)
            return holding.quantity, open_profit + realized, open_profit, realized, float(worth(holding, price))

        watch = ProfitWatch(make, lambda told: session.send(replies.pnl_single(number, *told)))
        self._watch(session, "profit single", number, watch)


def _venue(listed: Listed) -> str:
    """The exchange of a position, which is empty for stocks and options (spec ib 5.6)."""
    return "" if listed.exchange == "SMART" or listed.sec_type == "STK" else listed.exchange
