"""What can be asked of the engine. Each command carries the time it is given at (UTC nanoseconds)."""

from __future__ import annotations

from typing import Any, Final

from ctp2.tts.native import mypyc_attr
from ctp2.tts.terms import (
    ANY_VOLUME,
    GFD,
    IMMEDIATELY,
    LIMIT_PRICE,
    NOT_FORCE_CLOSE,
    SPECULATION,
)


@mypyc_attr(acyclic=True)
class Common:
    """What most orders of a session have in common: one object for all of them (docs/decisions/0080-memory.md)."""

    __slots__ = (
        "account_id",
        "comb_hedge",
        "comb_offset",
        "contingent",
        "direction",
        "echo",
        "exchange",
        "force_close_reason",
        "front_id",
        "instrument",
        "investor_id",
        "is_auto_suspend",
        "is_swap",
        "min_volume",
        "price_type",
        "session_id",
        "stop_price",
        "time_condition",
        "user_force_close",
        "user_id",
        "volume_condition",
    )

    def __init__(
        self,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        direction: str,
        comb_offset: str,
        price_type: str,
        time_condition: str,
        volume_condition: str,
        min_volume: int,
        contingent: str,
        stop_price: float,
        comb_hedge: str,
        force_close_reason: str,
        is_auto_suspend: int,
        is_swap: int,
        user_force_close: int,
        echo: tuple[str, ...],
    ) -> None:
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.direction: str = direction
        self.comb_offset: str = comb_offset
        self.price_type: str = price_type
        self.time_condition: str = time_condition
        self.volume_condition: str = volume_condition
        self.min_volume: int = min_volume
        self.contingent: str = contingent
        self.stop_price: float = stop_price
        self.comb_hedge: str = comb_hedge
        self.force_close_reason: str = force_close_reason
        self.is_auto_suspend: int = is_auto_suspend
        self.is_swap: int = is_swap
        self.user_force_close: int = user_force_close
        self.echo: tuple[str, ...] = echo


_common: Final[dict[tuple[Any, ...], Common]] = {}
_MOST: Final = 1000
"""Kept for sharing; beyond it the table begins anew, and orders that differ in everything cost what they cost."""


def shared(key: tuple[Any, ...]) -> Common:
    """The one object of these values, given in the order of the constructor's arguments."""
    common = _common.get(key)
    if common is None:
        if len(_common) >= _MOST:
            _common.clear()
        common = _common[key] = Common(*key)
    return common


@mypyc_attr(acyclic=True)
class InsertOrder:
    """A new order, as the client sent it; also the immutable terms of the order that comes of it.

    ``price`` and ``stop_price`` are the client's doubles: whether they can be traded is the engine's question. ``echo``
    are texts that the counter only hands back in returns (``translate.py`` knows their order). What orders of a session
    rarely differ in is held in common; who has that already gives it as ``common``, and what it holds is not read.
    """

    __slots__ = ("common", "now_ns", "order_ref", "price", "request_id", "session_req_seq", "volume")

    def __init__(
        self,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        order_ref: str,
        direction: str,
        comb_offset: str,
        price: float,
        volume: int,
        price_type: str = LIMIT_PRICE,
        time_condition: str = GFD,
        volume_condition: str = ANY_VOLUME,
        min_volume: int = 0,
        contingent: str = IMMEDIATELY,
        stop_price: float = 0.0,
        comb_hedge: str = SPECULATION,
        force_close_reason: str = NOT_FORCE_CLOSE,
        is_auto_suspend: int = 0,
        is_swap: int = 0,
        user_force_close: int = 0,
        session_req_seq: int = 0,
        request_id: int = 0,
        echo: tuple[str, ...] = (),
        common: Common | None = None,
    ) -> None:
        self.now_ns: int = now_ns
        self.order_ref: str = order_ref
        self.price: float = price
        self.volume: int = volume
        self.session_req_seq: int = session_req_seq
        self.request_id: int = request_id
        if common is not None:
            self.common: Common = common
            return
        self.common = shared(
            (
                front_id,
                session_id,
                account_id,
                investor_id,
                user_id,
                exchange,
                instrument,
                direction,
                comb_offset,
                price_type,
                time_condition,
                volume_condition,
                min_volume,
                contingent,
                stop_price,
                comb_hedge,
                force_close_reason,
                is_auto_suspend,
                is_swap,
                user_force_close,
                echo,
            )
        )

    @property
    def front_id(self) -> int:
        """FrontID of the sending session."""
        return self.common.front_id

    @property
    def session_id(self) -> int:
        """SessionID of the sending session."""
        return self.common.session_id

    @property
    def account_id(self) -> str:
        """Whose order it is: the login's account."""
        return self.common.account_id

    @property
    def investor_id(self) -> str:
        """InvestorID as it was sent."""
        return self.common.investor_id

    @property
    def user_id(self) -> str:
        """The login's UserID."""
        return self.common.user_id

    @property
    def exchange(self) -> str:
        """ExchangeID as it was sent."""
        return self.common.exchange

    @property
    def instrument(self) -> str:
        """InstrumentID."""
        return self.common.instrument

    @property
    def direction(self) -> str:
        """Direction."""
        return self.common.direction

    @property
    def comb_offset(self) -> str:
        """CombOffsetFlag."""
        return self.common.comb_offset

    @property
    def price_type(self) -> str:
        """OrderPriceType."""
        return self.common.price_type

    @property
    def time_condition(self) -> str:
        """TimeCondition."""
        return self.common.time_condition

    @property
    def volume_condition(self) -> str:
        """VolumeCondition."""
        return self.common.volume_condition

    @property
    def min_volume(self) -> int:
        """MinVolume."""
        return self.common.min_volume

    @property
    def contingent(self) -> str:
        """ContingentCondition."""
        return self.common.contingent

    @property
    def stop_price(self) -> float:
        """StopPrice, the client's double."""
        return self.common.stop_price

    @property
    def comb_hedge(self) -> str:
        """CombHedgeFlag."""
        return self.common.comb_hedge

    @property
    def force_close_reason(self) -> str:
        """ForceCloseReason."""
        return self.common.force_close_reason

    @property
    def is_auto_suspend(self) -> int:
        """IsAutoSuspend."""
        return self.common.is_auto_suspend

    @property
    def is_swap(self) -> int:
        """IsSwapOrder."""
        return self.common.is_swap

    @property
    def user_force_close(self) -> int:
        """UserForceClose."""
        return self.common.user_force_close

    @property
    def echo(self) -> tuple[str, ...]:
        """Texts that the counter only hands back."""
        return self.common.echo


@mypyc_attr(acyclic=True)
class ReleasedOrder(InsertOrder):
    """An order that the counter inserts itself: what a conditional or parked order becomes (spec 3.11, 12.2).

    ``origin`` is the OrderSysID of the conditional order that it comes of (RelativeOrderSysID), else empty.
    """

    __slots__ = ("origin",)

    def __init__(
        self,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        order_ref: str,
        direction: str,
        comb_offset: str,
        price: float,
        volume: int,
        price_type: str,
        time_condition: str,
        volume_condition: str,
        min_volume: int,
        contingent: str,
        stop_price: float,
        comb_hedge: str,
        force_close_reason: str,
        is_auto_suspend: int,
        is_swap: int,
        user_force_close: int,
        session_req_seq: int,
        request_id: int,
        echo: tuple[str, ...],
        origin: str,
    ) -> None:
        super().__init__(
            now_ns,
            front_id,
            session_id,
            account_id,
            investor_id,
            user_id,
            exchange,
            instrument,
            order_ref,
            direction,
            comb_offset,
            price,
            volume,
            price_type,
            time_condition,
            volume_condition,
            min_volume,
            contingent,
            stop_price,
            comb_hedge,
            force_close_reason,
            is_auto_suspend,
            is_swap,
            user_force_close,
            session_req_seq,
            request_id,
            echo,
        )
        self.origin: str = origin


@mypyc_attr(acyclic=True)
class CancelOrder:
    """A request to cancel, by OrderSysID (wins when given) or by FrontID + SessionID + OrderRef (spec 4)."""

    __slots__ = (
        "account_id",
        "action_flag",
        "action_ref",
        "echo",
        "exchange",
        "front_id",
        "instrument",
        "investor_id",
        "now_ns",
        "order_ref",
        "order_sys_id",
        "request_id",
        "session_id",
        "user_id",
    )

    def __init__(
        self,
        now_ns: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        order_sys_id: str,
        front_id: int,
        session_id: int,
        order_ref: str,
        action_flag: str,
        action_ref: int = 0,
        request_id: int = 0,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.order_sys_id: str = order_sys_id
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.order_ref: str = order_ref
        self.action_flag: str = action_flag
        self.action_ref: int = action_ref
        self.request_id: int = request_id
        self.echo: tuple[str, ...] = echo


@mypyc_attr(acyclic=True)
class OpenAccount:
    """A new investor with money per currency (micro-units)."""

    __slots__ = ("account_id", "balances", "now_ns")

    def __init__(self, now_ns: int, account_id: str, balances: dict[str, int]) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.balances: dict[str, int] = balances


@mypyc_attr(acyclic=True)
class ConfirmSettlement:
    """The investor confirms yesterday's statement; needed once per trading day before orders (spec 1.9)."""

    __slots__ = ("account_id", "now_ns")

    def __init__(self, now_ns: int, account_id: str) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id


@mypyc_attr(acyclic=True)
class Quote:
    """What the engine needs of a market snapshot: prices in price units, ``NO_PRICE`` for an absent one."""

    __slots__ = ("ask", "ask_volume", "bid", "bid_volume", "contract_index", "last", "now_ns")

    def __init__(
        self, now_ns: int, contract_index: int, last: int, bid: int, bid_volume: int, ask: int, ask_volume: int
    ) -> None:
        self.now_ns: int = now_ns
        self.contract_index: int = contract_index
        self.last: int = last
        self.bid: int = bid
        self.bid_volume: int = bid_volume
        self.ask: int = ask
        self.ask_volume: int = ask_volume


@mypyc_attr(acyclic=True)
class SetPhase:
    """An instrument enters a phase (spec 10.1)."""

    __slots__ = ("contract_index", "now_ns", "phase")

    def __init__(self, now_ns: int, contract_index: int, phase: str) -> None:
        self.now_ns: int = now_ns
        self.contract_index: int = contract_index
        self.phase: str = phase


@mypyc_attr(acyclic=True)
class Tick:
    """Time passes: whatever became due is done."""

    __slots__ = ("now_ns",)

    def __init__(self, now_ns: int) -> None:
        self.now_ns: int = now_ns
