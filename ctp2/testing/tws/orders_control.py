"""The part of the control that is about orders, fills and accounts.

An order is named by its order id, with ``client_id`` where several clients have it, or by its permId.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ctp2.testing.tws.world import Rejection

if TYPE_CHECKING:
    from ctp2.testing.tws.accounts import Accounts
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.orders import Orders
    from ctp2.testing.tws.placed import Fill, Placed
    from ctp2.testing.tws.world import World


class ControlError(ValueError):
    """What was asked cannot be done; the text says why and what could be."""


class OrdersControl(ABC):
    """Fills, refusals and manual orders by hand."""

    @property
    @abstractmethod
    def _world(self) -> World: ...

    @abstractmethod
    def _do(self, function: Callable[[], Any]) -> Any: ...

    @abstractmethod
    def listed(self, contract: str) -> Listed:
        """The contract of that conId, local symbol or symbol."""

    @property
    def _orders(self) -> Orders:
        orders: Orders = self._world.parts["orders"]
        return orders

    @property
    def _accounts(self) -> Accounts:
        accounts: Accounts = self._world.parts["accounts"]
        return accounts

    # ------------------------------------------------------------------ orders
    def orders(self) -> list[dict[str, Any]]:
        """All orders, oldest first."""
        found: list[dict[str, Any]] = self._do(lambda: [_order(one) for one in self._orders.all()])
        return found

    def fill_order(
        self, order: int, quantity: float | None = None, price: float | None = None, client_id: int | None = None
    ) -> dict[str, Any]:
        """Fill a live order whatever the market is: all that is left, at its own price, unless told otherwise."""

        def do() -> dict[str, Any]:
            placed = self._live(order, client_id)
            if quantity is not None and not 0 < quantity <= placed.remaining:
                raise ControlError(f"{quantity} of order {order}, of which {placed.remaining} are left")
            self._orders.fill(placed, quantity, price)
            return _order(placed)

        told: dict[str, Any] = self._do(do)
        return told

    def reject_order(
        self, order: int, code: int = 201, text: str = "Order rejected - reason:rejected", client_id: int | None = None
    ) -> None:
        """Refuse a live order after it was accepted: the error, then openOrder and orderStatus Inactive."""
        self._do(lambda: self._orders.trading.reject(self._live(order, client_id), code, text))

    def cancel_order(
        self, order: int, text: str = "Order Canceled - reason:by the exchange", client_id: int | None = None
    ) -> None:
        """End a live order that its client did not cancel: orderStatus Cancelled, then 202 with ``text``."""
        self._do(lambda: self._orders.trading.cancel(self._live(order, client_id), text))

    def tell_status(self, order: int, status: str, why_held: str = "", client_id: int | None = None) -> None:
        """Send an orderStatus that is not so, such as a late Inactive; the order stays what it is."""
        self._do(lambda: self._orders.tell_status(self._known(order, client_id), status, why_held))

    def manual_order(
        self,
        contract: str,
        action: str,
        quantity: float,
        price: float | None = None,
        account: str = "",
        tif: str = "DAY",
    ) -> int:
        """An order made in TWS itself (``BUY`` or ``SELL``), LMT at ``price`` or without one MKT; its permId."""

        def do() -> int:
            fields = {"orderType": "MKT" if price is None else "LMT", "lmtPrice": price, "tif": tif}
            if account:
                fields["account"] = account
            try:
                return self._orders.manual(self.listed(contract), action, quantity, **fields).perm_id
            except ValueError as bad:
                raise ControlError(str(bad)) from bad

        number: int = self._do(do)
        return number

    def refuse(
        self,
        code: int = 201,
        text: str = "Order rejected - reason:rejected by rule",
        symbol: str = "",
        quantity: float = 0.0,
        *,
        is_inactive: bool | None = None,
    ) -> None:
        """Refuse orders of ``symbol`` (empty: all) from ``quantity`` on, until :meth:`refuse_none`.

        ``is_inactive``: openOrder and orderStatus Inactive follow; unless told, only after 201.
        """
        after = code == 201 if is_inactive is None else is_inactive
        self._do(lambda: self._world.script.rejections.append(Rejection(symbol, quantity, code, text, after)))

    def refuse_none(self) -> None:
        """Take orders again."""
        self._do(self._world.script.rejections.clear)

    def close_session(self) -> None:
        """The market closes: DAY orders end, others and new ones wait as PreSubmitted."""
        self._do(lambda: self._orders.trading.close_session())

    def open_session(self) -> None:
        """The market opens: what waited goes to it."""
        self._do(lambda: self._orders.trading.open_session())

    # ------------------------------------------------------------------ fills
    def trade(self, contract: str, action: str, quantity: float, price: float) -> float:
        """Somebody comes to ``BUY`` or ``SELL`` so much at ``price`` or better; how much clients' orders traded.

        Orders that wait trade by price, then time.
        """
        if action not in ("BUY", "SELL"):
            raise ControlError(f"no action {action}; BUY or SELL")
        amount = Decimal(repr(quantity))
        traded: Decimal = self._do(
            lambda: self._orders.trading.come(self.listed(contract), action == "BUY", amount, price)
        )
        return float(traded)

    def executions(self) -> list[dict[str, Any]]:
        """All fills, oldest first."""
        found: list[dict[str, Any]] = self._do(lambda: [_fill(one) for one in self._orders.trading.fills])
        return found

    def repeat_execution(self, order: int, number: int = -1, client_id: int | None = None) -> dict[str, Any]:
        """Tell a fill of an order again, with the same execId; ``number`` 0 is its first, -1 its last."""
        told: dict[str, Any] = self._do(
            lambda: _fill(self._orders.repeat(self._filled(order, number, client_id), number))
        )
        return told

    def correct_execution(
        self, order: int, quantity: float, price: float | None = None, number: int = -1, client_id: int | None = None
    ) -> dict[str, Any]:
        """Correct a fill: the same execId but for the digits behind its last dot; positions and cash follow."""
        told: dict[str, Any] = self._do(
            lambda: _fill(self._orders.correct(self._filled(order, number, client_id), quantity, price, number))
        )
        return told

    # ------------------------------------------------------------------ accounts
    def set_position(self, account: str, contract: str, quantity: float, average_cost: float) -> None:
        """Give an account a position without a trade. ``average_cost`` is with the multiplier, as IB tells it."""
        held, cost = Decimal(repr(quantity)), Decimal(repr(average_cost))
        self._do(lambda: self._accounts.set_position(self._account(account), self.listed(contract), held, cost))

    def set_cash(self, account: str, currency: str, amount: float) -> None:
        """Give an account that much cash in a currency."""
        self._do(lambda: self._accounts.set_cash(self._account(account), currency, Decimal(repr(amount))))

    # ------------------------------------------------------------------ inside
    def _account(self, account: str) -> str:
        known = self._world.script.accounts
        if account not in known:
            raise ControlError(f"no account {account}; there are {', '.join(known)}")
        return account

    def _known(self, order: int, client_id: int | None) -> Placed:
        placed = self._orders.find(order, client_id)
        if placed is None:
            there = ", ".join(f"{one.order_id} of client {one.client_id}" for one in self._orders.all())
            raise ControlError(f"no order {order}; there are {there or 'none'}")
        return placed

    def _live(self, order: int, client_id: int | None) -> Placed:
        placed = self._known(order, client_id)
        if not placed.is_live:
            raise ControlError(f"order {order} has ended: {placed.status}")
        return placed

    def _filled(self, order: int, number: int, client_id: int | None) -> Placed:
        placed = self._known(order, client_id)
        if not -len(placed.fills) <= number < len(placed.fills):
            raise ControlError(f"order {order} has {len(placed.fills)} fills, no number {number}")
        return placed


def _order(placed: Placed) -> dict[str, Any]:
    return {
        "client_id": placed.client_id,
        "order_id": placed.order_id,
        "perm_id": placed.perm_id,
        "contract": placed.listed.local_symbol,
        "account": placed.account,
        "action": placed.fields["action"],
        "type": placed.kind,
        "quantity": float(placed.quantity),
        "filled": float(placed.filled),
        "average": placed.average,
        "status": placed.status,
        "why_held": placed.why_held,
        "order_ref": placed.fields["orderRef"],
        "reason": placed.reason,
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "exec_id": fill.exec_id,
        "client_id": fill.order.client_id,
        "order_id": fill.order.order_id,
        "contract": fill.order.listed.local_symbol,
        "action": fill.order.fields["action"],
        "quantity": float(fill.quantity),
        "price": fill.price,
        "commission": float(fill.commission),
        "currency": fill.currency,
        "realized": None if fill.realized is None else float(fill.realized),
    }
