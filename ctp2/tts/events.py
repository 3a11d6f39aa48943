"""What happened. Events are what the log stores and what the private stream shows; ``State.evolve`` applies them.

An event carries every amount, id and time that its application needs, so that recovery decides nothing again and later
rules read old logs to the same balances (DESIGN section 5, "The log"). Inside the process events refer to the objects
they are about; a log writes their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctp2.tts.native import mypyc_attr

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.commands import CancelOrder, InsertOrder
    from ctp2.tts.orders import Order
    from ctp2.tts.position import Lot, PositionRow


@mypyc_attr(acyclic=True)
class Event:
    """Base of all events; ``account_id`` says whose private stream it belongs to."""

    __slots__ = ("account_id", "now_ns")

    def __init__(self, account_id: str, now_ns: int) -> None:
        self.account_id: str = account_id
        self.now_ns: int = now_ns


@mypyc_attr(acyclic=True)
class AccountOpened(Event):
    """An account exists, with money per currency (micro-units)."""

    __slots__ = ("balances",)

    def __init__(self, account_id: str, now_ns: int, balances: dict[str, int]) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.balances: dict[str, int] = balances


@mypyc_attr(acyclic=True)
class SettlementConfirmed(Event):
    """The account may trade today."""

    __slots__ = ()


@mypyc_attr(acyclic=True)
class OrderInserted(Event):
    """CTP accepted an order and froze what it needs."""

    __slots__ = ("frozen_fee", "frozen_margin", "order", "ref_number")

    def __init__(self, order: Order, ref_number: int, frozen_margin: int, frozen_fee: int, now_ns: int) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order
        self.ref_number: int = ref_number
        self.frozen_margin: int = frozen_margin
        self.frozen_fee: int = frozen_fee


@mypyc_attr(acyclic=True)
class OrderReport(Event):
    """One state of an order as the stream shows it: an ``OnRtnOrder``.

    ``released_…`` is what a final state gives back; ``reason`` the exchange's reason of a rejection; ``price`` (price
    units) what the order works at from now on; ``announced`` what it has traded with the fills still to be told.
    """

    __slots__ = (
        "active_user",
        "announced",
        "cancel_ns",
        "exchange_ns",
        "order",
        "price",
        "reason",
        "released_fee",
        "released_margin",
        "released_volume",
        "sequence_no",
        "status",
        "submit",
        "sys_id",
        "traded",
    )

    def __init__(
        self,
        order: Order,
        status: str,
        submit: str,
        traded: int,
        sys_id: int,
        sequence_no: int,
        exchange_ns: int,
        cancel_ns: int,
        active_user: str,
        reason: int,
        released_volume: int,
        released_margin: int,
        released_fee: int,
        price: int,
        announced: int,
        now_ns: int,
    ) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order
        self.status: str = status
        self.submit: str = submit
        self.traded: int = traded
        self.sys_id: int = sys_id
        self.sequence_no: int = sequence_no
        self.exchange_ns: int = exchange_ns
        self.cancel_ns: int = cancel_ns
        self.active_user: str = active_user
        self.reason: int = reason
        self.released_volume: int = released_volume
        self.released_margin: int = released_margin
        self.released_fee: int = released_fee
        self.price: int = price
        self.announced: int = announced


@mypyc_attr(acyclic=True)
class LotClosed:
    """What a closing trade took from one lot, with every amount that changes by it (micro-units)."""

    __slots__ = ("cost", "exchange_margin", "lot", "margin", "open_cost", "profit_by_date", "profit_by_trade", "volume")

    def __init__(
        self,
        lot: Lot,
        volume: int,
        cost: int,
        open_cost: int,
        profit_by_date: int,
        profit_by_trade: int,
        margin: int,
        exchange_margin: int,
    ) -> None:
        self.lot: Lot = lot
        self.volume: int = volume
        self.cost: int = cost
        self.open_cost: int = open_cost
        self.profit_by_date: int = profit_by_date
        self.profit_by_trade: int = profit_by_trade
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin


@mypyc_attr(acyclic=True)
class TradeDone(Event):
    """A fill: an ``OnRtnTrade``, and what it does to position and money.

    ``margin``/``exchange_margin`` are those of the lot opened (0 for a close, whose released margin is in ``closed``).
    ``close_today`` counts the lots charged at the close-today rate.
    """

    __slots__ = (
        "close_today",
        "closed",
        "exchange_margin",
        "fee",
        "margin",
        "order",
        "price",
        "sequence_no",
        "trade_id",
        "trading_day",
        "turnover",
        "unfrozen_fee",
        "unfrozen_margin",
        "volume",
    )

    def __init__(
        self,
        order: Order,
        trade_id: int,
        price: int,
        volume: int,
        turnover: int,
        fee: int,
        close_today: int,
        margin: int,
        exchange_margin: int,
        unfrozen_margin: int,
        unfrozen_fee: int,
        closed: list[LotClosed],
        sequence_no: int,
        trading_day: str,
        now_ns: int,
    ) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order
        self.trade_id: int = trade_id
        self.price: int = price
        self.volume: int = volume
        self.turnover: int = turnover
        self.fee: int = fee
        self.close_today: int = close_today
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin
        self.unfrozen_margin: int = unfrozen_margin
        self.unfrozen_fee: int = unfrozen_fee
        self.closed: list[LotClosed] = closed
        self.sequence_no: int = sequence_no
        self.trading_day: str = trading_day


@mypyc_attr(acyclic=True)
class PositionCarried(Event):
    """An account has lots of an earlier day, valued at ``basis``; ``pre_balance`` is added to yesterday's balance."""

    __slots__ = (
        "account",
        "basis",
        "exchange_margin",
        "margin",
        "open_date",
        "open_price",
        "pre_balance",
        "row",
        "trade_id",
        "volume",
    )

    def __init__(
        self,
        account: Account,
        row: PositionRow,
        trade_id: int,
        open_date: str,
        open_price: int,
        basis: int,
        volume: int,
        margin: int,
        exchange_margin: int,
        pre_balance: int,
        now_ns: int,
    ) -> None:
        self.account_id = account.account_id
        self.now_ns = now_ns
        self.account: Account = account
        self.row: PositionRow = row
        self.trade_id: int = trade_id
        self.open_date: str = open_date
        self.open_price: int = open_price
        self.basis: int = basis
        self.volume: int = volume
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin
        self.pre_balance: int = pre_balance


@mypyc_attr(acyclic=True)
class InsertRefused(Event):
    """CTP refused an order: ``OnRspOrderInsert`` to the requester, ``OnErrRtnOrderInsert`` to every session.

    ``ref_number`` is the OrderRef that it used up all the same (0: none).
    """

    __slots__ = ("error_id", "message", "ref_number", "terms")

    def __init__(self, account_id: str, terms: InsertOrder, error_id: int, message: str, ref_number: int) -> None:
        self.account_id = account_id
        self.now_ns = terms.now_ns
        self.terms: InsertOrder = terms
        self.error_id: int = error_id
        self.message: str = message
        self.ref_number: int = ref_number


@mypyc_attr(acyclic=True)
class ActionRefused(Event):
    """A cancel was refused by CTP (``error_id``) or, with ``reason``, by the exchange (error 91, spec 4).

    ``zone``: whose time it shows when there is no order (empty: Beijing's).
    """

    __slots__ = ("command", "error_id", "order", "reason", "zone")

    def __init__(
        self,
        account_id: str,
        command: CancelOrder,
        error_id: int,
        order: Order | None,
        reason: int = 0,
        zone: str = "",
    ) -> None:
        self.account_id = account_id
        self.now_ns = command.now_ns
        self.command: CancelOrder = command
        self.error_id: int = error_id
        self.order: Order | None = order
        self.reason: int = reason
        self.zone: str = zone


@mypyc_attr(acyclic=True)
class RequestRefused(Event):
    """What the edge alone has to tell all sessions of a user: the ``OnErrRtn`` of a refused request, a bank's answer.

    ``told`` is the edge's event, opaque here.
    """

    __slots__ = ("told",)

    def __init__(self, account_id: str, now_ns: int, told: Any) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.told: Any = told


@mypyc_attr(acyclic=True)
class DaySettled(Event):
    """A trading day is over: the first event of the next one, which it rebuilds whole (spec 5.6, 6 rule 7, 11).

    ``settlement`` is a ``settled.Settlement``; the state that this is applied to is the next day's, still empty.
    """

    __slots__ = ("settlement",)

    def __init__(self, settlement: Any, now_ns: int) -> None:
        self.account_id = ""
        self.now_ns = now_ns
        self.settlement: Any = settlement
