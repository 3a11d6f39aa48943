"""How each exchange words the life of an order: the emission rules of spec ctp-semantics 3.5, as data."""

from __future__ import annotations

from typing import Final


class Profile:
    """One column of spec 3.5.

    ``ack_immediate``: status ``3`` is sent before an immediate fill or an IOC result.
    ``repeat_on_fill``: the previous status is sent again (with OrderSysID) before a fill's new status.
    ``cancel_first``: the rest of an IOC order is cancelled before its trades are told.
    ``repeat_on_cancel``: a user's cancel first sends the last state again (with ActiveUserID).
    ``empty_codes``: TradeType, PriceSource, TradingRole (and after the exchange's reply OrderSource, OrderType) empty.
    ``trading_day_dates``: InsertDate of an acknowledged order and TradeDate carry the trading day
    (``trade_date_only``: only TradeDate).
    ``seat_in_active``: ActiveTraderID is filled after the exchange's reply.
    ``echoes_offset``: returns carry the offset flag as it was sent, not as converted for the exchange (spec 3.1).
    ``marks_cancel``: the repeat after a cancel carries submit status ``1`` 撤单已提交, and a cancel that the exchange
    refuses is followed by ``5`` 撤单被拒绝 (spec 16, row 1; no exchange's own, an option).
    ``truncates_price``: an off-tick price is cut down to the tick instead of refused (CZCE).
    """

    __slots__ = (
        "ack_immediate",
        "cancel_first",
        "echoes_offset",
        "empty_codes",
        "marks_cancel",
        "name",
        "repeat_on_cancel",
        "repeat_on_fill",
        "seat_in_active",
        "trade_date_only",
        "trading_day_dates",
        "truncates_price",
    )

    def __init__(
        self,
        name: str,
        ack_immediate: bool,
        repeat_on_fill: bool,
        cancel_first: bool,
        empty_codes: bool,
        trading_day_dates: bool = False,
        trade_date_only: bool = False,
        seat_in_active: bool = True,
        truncates_price: bool = False,
        repeat_on_cancel: bool = True,
        echoes_offset: bool = False,
        marks_cancel: bool = False,
    ) -> None:
        self.name: str = name
        self.ack_immediate: bool = ack_immediate
        self.repeat_on_fill: bool = repeat_on_fill
        self.cancel_first: bool = cancel_first
        self.empty_codes: bool = empty_codes
        self.trading_day_dates: bool = trading_day_dates
        self.trade_date_only: bool = trade_date_only
        self.seat_in_active: bool = seat_in_active
        self.truncates_price: bool = truncates_price
        self.repeat_on_cancel: bool = repeat_on_cancel
        self.echoes_offset: bool = echoes_offset
        self.marks_cancel: bool = marks_cancel

    def marking_cancels(self) -> Profile:
        """The same with ``marks_cancel``."""
        return Profile(
            self.name,
            self.ack_immediate,
            self.repeat_on_fill,
            self.cancel_first,
            self.empty_codes,
            self.trading_day_dates,
            self.trade_date_only,
            self.seat_in_active,
            self.truncates_price,
            self.repeat_on_cancel,
            self.echoes_offset,
            marks_cancel=True,
        )


_SHFE: Final = Profile(
    "SHFE", ack_immediate=False, repeat_on_fill=True, cancel_first=True, empty_codes=True, echoes_offset=True
)
_CFFEX: Final = Profile("CFFEX", ack_immediate=False, repeat_on_fill=True, cancel_first=True, empty_codes=False)
_CZCE: Final = Profile(
    "CZCE",
    ack_immediate=True,
    repeat_on_fill=True,
    cancel_first=False,
    empty_codes=False,
    trade_date_only=True,
    truncates_price=True,
)
_DCE: Final = Profile(
    "DCE",
    ack_immediate=True,
    repeat_on_fill=False,
    cancel_first=False,
    empty_codes=False,
    trading_day_dates=True,
    seat_in_active=False,
)
_CLEAN: Final = Profile(
    "clean", ack_immediate=True, repeat_on_fill=False, cancel_first=False, empty_codes=False, repeat_on_cancel=False
)
_CLEAN_CZCE: Final = Profile(
    "clean",
    ack_immediate=True,
    repeat_on_fill=False,
    cancel_first=False,
    empty_codes=False,
    repeat_on_cancel=False,
    truncates_price=True,
)

_BY_EXCHANGE: Final[dict[str, Profile]] = {"CFFEX": _CFFEX, "CZCE": _CZCE, "DCE": _DCE, "GFEX": _DCE}

PROFILE_NAMES: Final = ("exchange", "simnow", "clean")


def profile_for(name: str, exchange: str, marks_cancel: bool = False) -> Profile:
    """The rules for ``exchange`` under profile ``exchange`` (each its own), ``simnow`` (SHFE's for all) or ``clean``.

    Stocks, foreign exchanges and the test instruments follow the SHFE column (spec 3.5 [SIM]).
    """
    if name == "clean":
        profile = _CLEAN_CZCE if exchange == "CZCE" else _CLEAN
    elif name == "simnow":
        profile = _SHFE
    else:
        profile = _BY_EXCHANGE.get(exchange, _SHFE)
    return _MARKING[profile] if marks_cancel else profile


_MARKING: Final = {profile: profile.marking_cancels() for profile in (_SHFE, _CFFEX, _CZCE, _DCE, _CLEAN, _CLEAN_CZCE)}
