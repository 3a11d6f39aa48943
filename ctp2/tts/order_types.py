"""Which kinds of order each exchange takes, and who refuses the others: the table of spec ctp-semantics 3.2.

A kind is OrderPriceType / TimeCondition / VolumeCondition / ContingentCondition. Each of its verdicts is 0 (taken), a
CTP error number, or ``BY_EXCHANGE``: CTP sends it on and the exchange refuses the type. CTP's conditional orders
(Contingent 5…H) are judged as the orders that they will release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.terms import CLOSE_OFFSETS, IMMEDIATELY, IOC, TOUCH, TOUCH_PROFIT

if TYPE_CHECKING:
    from ctp2.tts.commands import InsertOrder

COLUMNS: Final = ("SHFE", "INE", "CFFEX", "DCE", "GFEX", "CZCE", "TTS")
TTS: Final = "TTS"
ORDER_TYPES_OPTIONS: Final = ("tts", "exchange")

BY_EXCHANGE: Final = -1
_OK: Final = 0
_EX: Final = BY_EXCHANGE
_15: Final = error.BAD_FIELD
_65: Final = error.SWAPORDER_UNSUPPORTED
_80: Final = error.PRICETYPE_NOTSUPPORT_BYEXCHANGE


class Kind:
    """One row of the table: the codes that make the kind (each character of a text is one), and seven verdicts."""

    __slots__ = ("contingents", "name", "price_types", "times", "verdicts", "volumes")

    def __init__(
        self, name: str, price_types: str, times: str, volumes: str, contingents: str, verdicts: tuple[int, ...]
    ) -> None:
        self.name: str = name
        self.price_types: str = price_types
        self.times: str = times
        self.volumes: str = volumes
        self.contingents: str = contingents
        self.verdicts: tuple[int, ...] = verdicts


SWAP: Final = "swap"

KINDS: Final[tuple[Kind, ...]] = (
    #                                              SHFE  INE CFFEX DCE GFEX CZCE TTS
    Kind("limit", "2", "3", "12", "1",            (_OK, _OK, _OK, _OK, _OK, _OK, _OK)),
    Kind("limit, whole volume", "2", "3", "3", "1", (_EX, _EX, _EX, _EX, _EX, _EX, _EX)),
    Kind("FAK", "2", "1", "12", "1",              (_OK, _OK, _OK, _OK, _OK, _OK, _OK)),
    Kind("FOK", "2", "1", "3", "1",               (_OK, _OK, _OK, _OK, _OK, _OK, _OK)),
    Kind("market", "1", "1", "13", "1",           (_EX, _EX, _80, _OK, _OK, _15, _OK)),
    Kind("market for the day", "1", "3", "13", "1", (_EX, _EX, _80, _15, _15, _OK, _OK)),
    Kind("best price", "3", "13", "1", "1",       (_EX, _EX, _OK, _80, _80, _80, _OK)),
    Kind("five level", "G", "13", "1", "1",       (_EX, _EX, _OK, _80, _80, _80, _OK)),
    Kind("this section", "2", "2", "1", "1",      (_15, _15, _15, _15, _15, _15, _15)),
    Kind("stop, take profit", "12", "3", "1", "23", (_15, _15, _15, _OK, _OK, _15, _15)),
    Kind(SWAP, "2", "3", "2", "1",                (_65, _65, _65, _OK, _65, _OK, _65)),
)  # fmt: skip
"""Spec 3.2. What no row names is error 15; GTD, GTC, GFA (15) and the prices 4–F (80) are refused before (``risk``)."""


class OrderTypes:
    """One exchange's column. ``cancels_market_rest``: what a market order for the day does not trade is cancelled."""

    __slots__ = ("cancels_market_rest", "name", "swap", "verdicts")

    def __init__(self, name: str) -> None:
        column = COLUMNS.index(name)
        self.name: str = name
        self.cancels_market_rest: bool = name == "CZCE"  # spec 3.10; TTS keeps it
        self.swap: int = 0
        self.verdicts: dict[tuple[str, str, str, str], int] = {}
        for kind in KINDS:
            verdict = kind.verdicts[column]
            if kind.name == SWAP:
                self.swap = verdict
                continue
            for price_type in kind.price_types:
                for time in kind.times:
                    for volume in kind.volumes:
                        for contingent in kind.contingents:
                            self.verdicts[(price_type, time, volume, contingent)] = verdict

    def verdict(self, terms: InsertOrder) -> int:
        """0: taken; a CTP error number; or ``BY_EXCHANGE``."""
        contingent = terms.contingent if terms.contingent in (TOUCH, TOUCH_PROFIT) else IMMEDIATELY
        if terms.is_swap:
            return self._swap(terms)
        return self.verdicts.get(
            (terms.price_type, terms.time_condition, terms.volume_condition, contingent), error.BAD_FIELD
        )

    def _swap(self, terms: InsertOrder) -> int:
        """互换: 2/3/2/1 that closes, where the exchange has it; anything else with IsSwapOrder is 65."""
        asked = terms.price_type + terms.time_condition + terms.volume_condition + terms.contingent
        is_swap = asked == "2321" and terms.comb_offset[:1] in CLOSE_OFFSETS
        return self.swap if is_swap else error.SWAPORDER_UNSUPPORTED


_BY_NAME: Final = {name: OrderTypes(name) for name in COLUMNS}
TTS_ORDER_TYPES: Final = _BY_NAME[TTS]
NARROWED: Final = OrderTypes(TTS)
"""The TTS column where each exchange has its own kinds: what securities have not is refused (spec 14.3)."""


def order_types_for(option: str, exchange: str) -> OrderTypes:
    """The column for ``exchange`` under the option ``tts`` (its own column for everything) or ``exchange``.

    Exchanges without a column (stocks, foreign) have the TTS one, narrowed by spec 14.3.
    """
    return _BY_NAME.get(exchange, NARROWED) if option == "exchange" else TTS_ORDER_TYPES


def is_ioc_only(order_types: OrderTypes, product_class: str, code: str) -> bool:
    """CZCE's option combinations STD and STG are traded at once or not at all (spec 3.2; otherwise error 88)."""
    return order_types.name == "CZCE" and product_class == "combination" and code[:3] in ("STD", "STG")


def refusal(order_types: OrderTypes, terms: InsertOrder, ioc_only: bool) -> int:
    """CTP's error number for an order's kind; 0 when CTP sends it on (the exchange may still refuse it)."""
    if ioc_only and terms.time_condition != IOC:
        return error.COMBOPTIONS_SUPPORT_IOC_ONLY
    number = order_types.verdict(terms)
    return 0 if number == BY_EXCHANGE else number
