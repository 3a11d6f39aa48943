"""The ledger: positions and money of every account that TWS shows, fed by its records (spec ib 5.6, 5.7).

What a fill of an order without our tag closed, how much a Close may still close, and what the queries of
:mod:`ctp2.ib.money_requests` show: all of it is worked out by the pure modules (``offsets holdings account``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.ib import offsets, records
from ctp2.ib.account import SUMMARY_TAGS, Values
from ctp2.ib.holdings import Fill, Holding, exact
from ctp2.ib.hours import login_trading_day
from ctp2.ib.identity import read_tag, split_revision
from ctp2.ib.offsets import ZERO, Part, Working
from ctp2.ib.translate_money import Marks

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link

log = logging.getLogger("ctp2.ib")

Key = tuple[str, int]
"""Account and conId."""
Failure = records.Refused | records.LinkLost

STALE_NS: Final = 5_000_000_000
"""An older answer is asked for again (spec ib 5.6)."""
_DOWNLOAD_S: Final = 3.0
"""How long a query waits for newer values before it answers with those that are there."""
_TURN_S: Final = 10.0
"""How often positions are settled and the day is looked at."""
_RECONCILE_S: Final = 20.0
"""Behind a link's beginning: by then the executions that were missed are in, so that none is waited for."""
_TABLE: Final = "yesterday"
_DAY: Final = "day"
_COMBINATION: Final = "BAG"
"""Of a combination the legs are told as executions of their own (spec ib 5.5)."""


class Ledger:
    """Positions and money. On the loop's thread."""

    def __init__(self, backend: IbBackend) -> None:
        self._backend = backend
        self._timers = backend.timers
        self._holdings: dict[Key, Holding] = {}
        self._contracts: dict[int, records.Contract] = {}
        self._portfolio: dict[Key, records.PortfolioRow] = {}
        self._values: dict[str, Values] = {}
        self._fills: dict[str, tuple[Key, Fill]] = {}
        """Of the day, by the execId without its revision."""
        self._early: dict[str, records.Commission] = {}
        """Commission reports that came before their execution."""
        self._missed: list[records.Execution] = []
        """Executions that were asked for and are not entered yet: all of one answer belong together."""
        self._day = ""
        self._settled_from = 0.0
        self._listed: set[Key] = set()
        self._summaries: dict[int, int] = {}
        """Client id → its one summary subscription."""
        self._downloads: dict[str, asyncio.Task[Failure | None]] = {}
        self._is_turning = False
        self._take: Final[dict[type, Callable[[Link, Any], None]]] = {
            records.Execution: self._on_execution,
            records.Commission: self._on_commission,
            records.PositionRow: self._on_position,
            records.PortfolioRow: self._on_portfolio,
            records.AccountValue: self._on_value,
            records.SummaryRow: self._on_value,
            records.AccountDownloadEnd: self._on_download_end,
            records.LinkUp: self._on_up,
            records.Restored: self._on_restored,
            records.LinkDown: self._on_down,
        }

    # ------------------------------------------------------------------ what the link tells
    def on_record(self, link: Link, record: records.Record) -> None:
        """A record; only of a trading connection, as the one of market data hears of the same accounts."""
        take = self._take.get(type(record))
        if take is not None and link.role == "trader":
            take(link, record)

    async def reconcile(self, link: Link) -> Sequence[str]:
        """Ask for positions and money after a link came up, or TWS has IB again (spec ib 3.1, 3.3)."""
        if link.role != "trader":
            return ()
        missing: list[str] = []
        for name, ask in (("positions", self._list), ("account summary", self._subscribe), ("account", self._update)):
            try:
                await ask(link)
            except records.Refused as refused:
                log.warning("%s: %s", name, refused)
                missing.append(name)
        return missing

    async def _list(self, link: Link) -> None:
        self._listed.clear()
        await link.positions()
        now_ns = self._timers.now_ns()
        for key, holding in self._holdings.items():
            if key not in self._listed and key[0] in link.accounts:
                holding.report(ZERO, now_ns)

    async def _subscribe(self, link: Link) -> None:
        # At most two subscriptions are allowed, and TWS goes on with this one after 1102 (spec ib 3.2, 5.6).
        if link.client_id not in self._summaries:
            self._summaries[link.client_id] = 0
            try:
                self._summaries[link.client_id], _ = await link.summary(SUMMARY_TAGS)
            except BaseException:
                del self._summaries[link.client_id]
                raise

    async def _update(self, link: Link) -> None:
        account = self._backend.config.options.account or (link.accounts[0] if len(link.accounts) == 1 else "")
        if account:
            refused = await self._download(link, account)
            if refused is not None:
                raise refused

    def _on_restored(self, link: Link, record: records.Restored) -> None:
        self._settled_from = self._timers.monotonic() + _RECONCILE_S

    def _on_up(self, link: Link, record: records.LinkUp) -> None:
        self._settled_from = self._timers.monotonic() + _RECONCILE_S
        self._summaries.pop(link.client_id, None)
        if not self._is_turning:
            self._is_turning = True
            self._timers.later(_TURN_S, self._turn)

    def _on_down(self, link: Link, record: records.LinkDown) -> None:
        self._summaries.pop(link.client_id, None)
        self._settled_from = float("inf")
        for holding in self._holdings.values():
            holding.forget_nets()

    def _turn(self) -> None:
        self._timers.later(_TURN_S, self._turn)
        if self._timers.monotonic() >= self._settled_from:
            self.settle()

    # ------------------------------------------------------------------ executions
    def parts(self, execution: records.Execution) -> tuple[Part, ...]:
        """What an execution closed and opened, whichever of ledger and orders heard of it first."""
        self._enter_missed()
        known = self._fills.get(split_revision(execution.exec_id)[0])
        if known is None:
            self._on_execution(None, execution)
            self._enter_missed()
            known = self._fills.get(split_revision(execution.exec_id)[0])
        if known is None:  # of a day before
            return (Part(offsets.OPEN, exact(execution.shares), ""),)
        return known[1].parts

    def _on_execution(self, link: Link | None, record: records.Execution) -> None:
        if record.contract.sec_type == _COMBINATION:
            return
        if record.req_id >= 0:
            self._missed.append(record)
            return
        self._enter_missed()
        known = self._fills.get(split_revision(record.exec_id)[0])
        if known is not None:
            self._correct(known, record)
            return
        key = self._key(record.account, record.contract)
        fill = self._fill_of(key, record)
        holding = self._holding(key)
        holding.settle(self._timers.now_ns())
        holding.fill(fill, unit_of(record.contract))

    def _enter_missed(self) -> None:
        """Enter what an answer to ``reqExecutions`` brought: what is not of today only its position tells."""
        if not self._missed:
            return
        missed, self._missed = self._missed, []
        today = self._backend.trading_day
        found: dict[Key, dict[str, Fill]] = {}
        for record in sorted(missed, key=lambda record: (record.time_ns, record.exec_id)):
            root = split_revision(record.exec_id)[0]
            known = self._fills.get(root)
            key = self._key(record.account, record.contract)
            if known is not None:
                self._correct(known, record)
            elif login_trading_day(record.time_ns) >= today:
                found.setdefault(key, {})[root] = self._fill_of(key, record)
        for key, fills in found.items():
            self._holding(key).history(list(fills.values()))

    def _fill_of(self, key: Key, record: records.Execution) -> Fill:
        root, revision = split_revision(record.exec_id)
        fill = Fill(
            record.exec_id,
            record.time_ns,
            signed(record),
            record.price,
            is_own=read_tag(record.order_ref) is not None,
            revision=revision,
        )
        self._fills[root] = key, fill
        report = self._early.pop(root, None)
        if report is not None:
            _add_commission(fill, report)
        return fill

    def _correct(self, known: tuple[Key, Fill], record: records.Execution) -> None:
        key, fill = known
        revision = split_revision(record.exec_id)[1]
        if revision > fill.revision:
            log.warning("%s corrects %s: %s at %s", record.exec_id, fill.exec_id, record.shares, record.price)
            if self._holding(key).find(fill.exec_id) is fill:
                self._holding(key).correct(fill, revision, signed(record), record.price)

    def _on_commission(self, link: Link, record: records.Commission) -> None:
        root = split_revision(record.exec_id)[0]
        known = self._fills.get(root)
        if known is not None:
            _add_commission(known[1], record)
        else:
            self._early[root] = record

    # ------------------------------------------------------------------ positions
    def _on_position(self, link: Link, record: records.PositionRow) -> None:
        key = self._key(record.account, record.contract)
        self._listed.add(key)
        holding = self._holding(key)
        holding.report(exact(record.position), self._timers.now_ns())
        holding.average_cost = record.avg_cost

    def _on_portfolio(self, link: Link, record: records.PortfolioRow) -> None:
        key = self._key(record.account, record.contract)
        self._portfolio[key] = record
        self._updated(record.account)

    def _key(self, account: str, contract: records.Contract) -> Key:
        self._contracts.setdefault(contract.con_id, contract)
        return account, contract.con_id

    def _holding(self, key: Key) -> Holding:
        holding = self._holdings.get(key)
        if holding is None:
            holding = self._holdings[key] = Holding()
        return holding

    def settle(self) -> None:
        """Take over what no execution explains, and begin the trading day when another one has come."""
        now_ns = self._timers.now_ns()
        for (account, con_id), holding in self._holdings.items():
            difference = holding.settle(now_ns)
            if difference:
                log.warning("%s: position of contract %d changed by %s without a trade", account, con_id, difference)
        if self._day != self._backend.trading_day:
            self._begin_day(self._backend.trading_day)

    def _begin_day(self, day: str) -> None:
        self._enter_missed()
        store = self._backend.store_of(self._backend.link_of("trader"))
        kept = store.load(_TABLE, _DAY)
        is_kept = kept is not None and kept.decode() == day
        for (account, con_id), holding in self._holdings.items():
            holding.roll(lambda fill: login_trading_day(fill.time_ns) >= day)
            if is_kept:
                value = store.load(_TABLE, f"{account}|{con_id}")
                holding.yesterday = Decimal(value.decode()) if value is not None else ZERO
        self._fills = {root: found for root, found in self._fills.items() if login_trading_day(found[1].time_ns) >= day}
        self._early.clear()
        if not is_kept:
            with store.together():
                store.clear(_TABLE)
                for (account, con_id), holding in self._holdings.items():
                    if holding.yesterday:
                        store.save(_TABLE, f"{account}|{con_id}", str(holding.yesterday).encode())
                store.save(_TABLE, _DAY, day.encode())
        self._day = day

    # ------------------------------------------------------------------ money
    def _on_value(self, link: Link, record: records.AccountValue | records.SummaryRow) -> None:
        values = self._value_of(record.account)
        values.take(record.tag, record.value, record.currency)
        if isinstance(record, records.AccountValue):
            self._updated(record.account)
        else:
            values.updated_ns = self._timers.now_ns()

    def _on_download_end(self, link: Link, record: records.AccountDownloadEnd) -> None:
        self._updated(record.account)

    def _updated(self, account: str) -> None:
        values = self._value_of(account)
        values.updated_ns = values.downloaded_ns = self._timers.now_ns()

    def _value_of(self, account: str) -> Values:
        values = self._values.get(account)
        if values is None:
            values = self._values[account] = Values()
        return values

    async def refresh(self, link: Link, account: str, *, with_marks: bool = False) -> None:
        """Ask once for newer values where the known ones are old, and wait for them a little.

        ``with_marks``: those of positions are wanted, which the summary does not tell. Of several accounts TWS tells
        them of the one that was asked for last.

        Raises:
            LinkLost: the link broke meanwhile.
        """
        known = self._values.get(account)
        if known is not None:
            told_ns = known.downloaded_ns if with_marks else known.updated_ns
            if self._timers.now_ns() - told_ns <= STALE_NS:
                return
        download = self._download(link, account)
        limit = self._timers.start(self._timers.sleep(_DOWNLOAD_S))
        try:
            await asyncio.wait((download, limit), return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
        if not download.done():
            log.info("%s: no newer values within %g s", account, _DOWNLOAD_S)
            return
        refused = download.result()
        if isinstance(refused, records.LinkLost):
            raise refused
        if refused is not None:
            log.warning("%s: account updates: %s", account, refused)

    def _download(self, link: Link, account: str) -> asyncio.Task[Failure | None]:
        """The one download of an account that is under way, begun if there is none."""
        task = self._downloads.get(account)
        if task is None:
            task = self._downloads[account] = self._timers.start(_account_updates(link, account))
            task.add_done_callback(lambda _: self._downloads.pop(account, None))
        return task

    # ------------------------------------------------------------------ what the others ask
    def values(self, account: str) -> Values | None:
        """The money of an account; None before anything was told."""
        return self._values.get(account)

    def commissions(self, account: str) -> dict[str, float]:
        """Today's commission of an account, by currency."""
        total: dict[str, float] = {}
        for (owner, _), fill in self._fills.values():
            if owner == account and fill.commission:
                total[fill.currency] = total.get(fill.currency, 0.0) + fill.commission
        return total

    def held(self, account: str) -> list[tuple[records.Contract, Holding]]:
        """The positions of an account, in the order of their conIds."""
        return [
            (self._contracts[con_id], holding)
            for (owner, con_id), holding in sorted(self._holdings.items(), key=lambda item: item[0])
            if owner == account and holding.shown
        ]

    def net(self, account: str, con_id: int) -> Decimal:
        """The net position."""
        holding = self._holdings.get((account, con_id))
        return holding.shown if holding is not None else ZERO

    def marks(self, account: str, contract: records.Contract, holding: Holding, magnifier: int) -> Marks:
        """TWS's mark; its profit is worked out anew where the position is another one by now."""
        row = self._portfolio.get((account, contract.con_id))
        if row is None:
            return Marks()
        if row.market_price is None or exact(row.position) == holding.shown:
            return Marks(row.market_price, row.unrealized_pnl)
        value = row.market_price * unit_of(contract) - holding.average_cost
        return Marks(row.market_price, float(holding.shown) * value / magnifier)

    def working(self, link: Link, account: str, con_id: int) -> Iterable[Working]:
        """The working orders of a contract."""
        orders = self._backend.orders_of(link)
        return tuple(orders.working(account, con_id)) if orders is not None else ()

    def frozen(self, link: Link, account: str, con_id: int) -> Decimal:
        """What working orders are about to close of a position."""
        net = self.net(account, con_id)
        return offsets.frozen(net, self.working(link, account, con_id), is_buy=net < 0)

    def closable(self, link: Link, account: str, con_id: int, *, is_buy: bool) -> Decimal:
        """How much an order of this direction could close."""
        return offsets.closable(self.net(account, con_id), self.working(link, account, con_id), is_buy=is_buy)

    def refusal(
        self, link: Link, account: str, contract: records.Contract, offset: str, quantity: Decimal, *, is_buy: bool
    ) -> int:
        """Error number of an order under ``enforce_close`` (spec ib 5.7), 0 for none.

        An Open against an opposite position is allowed and logged, since it closes at IB.
        """
        net = self.net(account, contract.con_id)
        if offsets.closes_by_opening(offset, net, is_buy=is_buy):
            log.info("%s: Open of %s against %s of %s: closes at IB", account, quantity, net, contract.local_symbol)
        if self._backend.config.options.enforce_close == "0":
            return 0
        return offsets.refusal(offset, quantity, net, self.working(link, account, contract.con_id), is_buy=is_buy)


async def _account_updates(link: Link, account: str) -> Failure | None:
    """What went wrong is a result here: several may wait for one download, and none of them need be left."""
    try:
        await link.account_updates(account)
    except (records.Refused, records.LinkLost) as failure:
        return failure
    return None


def signed(record: records.Execution) -> Decimal:
    """The size of an execution, sold below 0."""
    return exact(record.shares) if record.side == "BOT" else -exact(record.shares)


def unit_of(contract: records.Contract) -> float:
    """The multiplier as a number; an empty one is 1 (spec ib 4.3)."""
    try:
        return float(contract.multiplier or 1)
    except ValueError:
        log.warning("%s: multiplier %r is no number: taken as 1", contract.local_symbol, contract.multiplier)
        return 1.0


def _add_commission(fill: Fill, report: records.Commission) -> None:
    """The latest report of an execution counts; what was not reported is 0."""
    fill.commission = report.commission or 0.0
    fill.currency = report.currency
    fill.realized = report.realized_pnl or 0.0
