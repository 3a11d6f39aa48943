"""The ``Universe``: the instruments of one counter with their rates, filled lazily from the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctp2.refdata.instruments import instrument_for, load_futures_snapshot, load_securities, load_special, make_future
from ctp2.refdata.models import Commission, Instrument, MarginRate, Product
from ctp2.refdata.products import find_product
from ctp2.refdata.rates import default_commission, default_margin_rate

__all__ = [
    "Universe",
    "instrument_for",
    "load_futures_snapshot",
    "load_securities",
    "load_special",
    "make_future",
]


class Universe:
    """Instruments by ``(exchange, code)``, in the order in which they were added, and the rates of each.

    ``trading_day`` is the day for which codes are resolved. Nothing is loaded until asked for.
    """

    __slots__ = ("_commissions", "_margins", "instruments", "trading_day")

    def __init__(self, trading_day: str, instruments: Iterable[Instrument] = ()) -> None:
        self.trading_day = trading_day
        self.instruments: dict[tuple[str, str], Instrument] = {}
        self._margins: dict[tuple[str, str], MarginRate] = {}
        self._commissions: dict[tuple[str, str], Commission] = {}
        for instrument in instruments:
            self.add(instrument)

    def __len__(self) -> int:
        return len(self.instruments)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.instruments.values())

    def add(
        self, instrument: Instrument, margin: MarginRate | None = None, commission: Commission | None = None
    ) -> Instrument:
        """Put an instrument in (in the place of one with the same key) with rates of its own, and return it."""
        self.instruments[instrument.key] = instrument
        if margin is not None:
            self._margins[instrument.key] = margin
        if commission is not None:
            self._commissions[instrument.key] = commission
        return instrument

    def get(self, exchange: str, code: str) -> Instrument | None:
        """The instrument of this exchange that was added; with exchange ``''`` the first with this code."""
        if exchange:
            return self.instruments.get((exchange, code))
        return next(iter(self.find(code)), None)

    def find(self, code: str) -> list[Instrument]:
        """All added instruments with this code: one can exist on two exchanges."""
        return [instrument for instrument in self.instruments.values() if instrument.code == code]

    def resolve(self, code: str, exchange_hint: str = "") -> Instrument | None:
        """The instrument with this code, made from the files and added when it is not there yet; None if unknown."""
        found = self.get(exchange_hint, code)
        if found is None:
            made = instrument_for(code, exchange_hint, self.trading_day)
            found = self.add(made) if made is not None else None
        return found

    def product(self, exchange: str, product: str) -> Product | None:
        """The futures product or option class; None for securities and unknown ones."""
        return find_product(exchange, product)

    def margin_rate(self, instrument: Instrument) -> MarginRate:
        """The investor's margin rate; the same object every time."""
        rate = self._margins.get(instrument.key)
        if rate is None:
            rate = self._margins[instrument.key] = default_margin_rate(instrument)
        return rate

    def commission(self, instrument: Instrument) -> Commission:
        """The fees of the instrument; the same object every time."""
        fees = self._commissions.get(instrument.key)
        if fees is None:
            fees = self._commissions[instrument.key] = default_commission(instrument)
        return fees
