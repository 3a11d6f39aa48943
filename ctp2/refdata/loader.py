"""The ``Universe``: the instruments of one counter with their rates, filled lazily from the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from ctp2.refdata.instruments import instrument_for, load_futures_snapshot, load_securities, load_special, make_future
from ctp2.refdata.models import Commission, Instrument, MarginRate, Product
from ctp2.refdata.products import find_product
from ctp2.refdata.rates import default_commission, default_margin_rate, is_product_of_other_kind

__all__ = [
    "RateKey",
    "Universe",
    "instrument_for",
    "load_futures_snapshot",
    "load_securities",
    "load_special",
    "make_future",
]

#: Makes instruments when a universe is first looked at as a whole.
Listing = Callable[[str], Iterable[Instrument]]
#: Makes what the listings have under one code.
Finder = Callable[[str], Iterable[Instrument]]


class RateKey(NamedTuple):
    """Whom and what a rate of a user's file is for; an empty text means all."""

    account: str
    exchange: str
    product: str
    code: str


class Universe:
    """Instruments by ``(exchange, code)``, in the order in which they were added, and the rates of each.

    ``trading_day`` is the day for which codes are resolved. Nothing is loaded until asked for: a ``listing`` runs when
    the universe is first counted, walked through or searched in vain; its instruments then come first, in its order.
    With a ``finder`` a search makes the instruments of the code searched for and no others.
    """

    __slots__ = (
        "_by_code",
        "_commissions",
        "_finder",
        "_instruments",
        "_listings",
        "_margins",
        "_overrides",
        "_own_commissions",
        "_own_margins",
        "trading_day",
    )

    def __init__(
        self,
        trading_day: str,
        instruments: Iterable[Instrument] = (),
        listings: Iterable[Listing] = (),
        finder: Finder | None = None,
    ) -> None:
        self.trading_day = trading_day
        self._finder = finder
        self._instruments: dict[tuple[str, str], Instrument] = {}
        self._by_code: dict[str, list[tuple[str, str]]] = {}
        self._listings: list[Listing] = list(listings)
        self._overrides: dict[RateKey, dict[str, Decimal]] = {}
        self._own_margins: dict[tuple[str, str], MarginRate] = {}
        self._own_commissions: dict[tuple[str, str], Commission] = {}
        self._margins: dict[tuple[str, str, str], MarginRate] = {}
        self._commissions: dict[tuple[str, str, str], Commission] = {}
        for instrument in instruments:
            self.add(instrument)

    def __len__(self) -> int:
        return len(self.instruments)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.instruments.values())

    @property
    def instruments(self) -> dict[tuple[str, str], Instrument]:
        """All instruments by ``(exchange, code)``; runs what is still to be listed."""
        if self._listings:
            self._run_listings()
        return self._instruments

    def walk(self) -> Iterator[Instrument]:
        """All instruments in order, what is still to be listed market by market: the first come at once."""
        if not self._listings:
            yield from self._instruments.values()
            return
        added = dict(self._instruments)
        listed: dict[tuple[str, str], Instrument] = {}
        for listing in self._listings:
            for made in listing(self.trading_day):
                if made.key not in listed:
                    listed[made.key] = added.get(made.key, made)
                    yield listed[made.key]
        for key, made in added.items():
            if key not in listed:
                yield made
        self._keep(listed)

    def added(self) -> list[Instrument]:
        """What was put in so far, without running what is still to be listed."""
        return list(self._instruments.values())

    def _run_listings(self) -> None:
        """Put the listed instruments in front; one that was added before under the same key stays as it is."""
        self._keep({made.key: made for listing in self._listings for made in listing(self.trading_day)})

    def _keep(self, listed: dict[tuple[str, str], Instrument]) -> None:
        self._listings = []
        added = self._instruments
        listed.update(added)
        self._instruments = listed
        for key in listed.keys() - added.keys():
            self._by_code.setdefault(key[1], []).append(key)

    def add(
        self, instrument: Instrument, margin: MarginRate | None = None, commission: Commission | None = None
    ) -> Instrument:
        """Put an instrument in (in the place of one with the same key) with rates of its own, and return it."""
        key = instrument.key
        if key not in self._instruments:
            self._by_code.setdefault(instrument.code, []).append(key)
        self._instruments[key] = instrument
        if margin is not None:
            self._own_margins[key] = margin
            self._margins.clear()
        if commission is not None:
            self._own_commissions[key] = commission
            self._commissions.clear()
        return instrument

    def get(self, exchange: str, code: str) -> Instrument | None:
        """The instrument of this exchange that was added; with exchange ``''`` the first with this code."""
        if exchange:
            found = self._instruments.get((exchange, code))
            if found is not None or not self._listings:
                return found
            return next((made for made in self.find(code) if made.exchange == exchange), None)
        return next(iter(self.find(code)), None)

    def find(self, code: str) -> list[Instrument]:
        """All added instruments with this code: one can exist on two exchanges."""
        if self._listings and self._finder is not None:
            for made in self._finder(code):
                if made.key not in self._instruments:
                    self.add(made)
        instruments = self._instruments if self._finder is not None else self.instruments
        return [instruments[key] for key in self._by_code.get(code, ())]

    def resolve(self, code: str, exchange_hint: str = "") -> Instrument | None:
        """The instrument with this code, made from the files and added when it is not there yet; None if unknown."""
        if exchange_hint:
            found = self._instruments.get((exchange_hint, code))
        else:
            found = next((self._instruments[key] for key in self._by_code.get(code, ())), None)
        if found is not None:
            return found
        made = instrument_for(code, exchange_hint, self.trading_day)
        if made is None:
            return None
        return self._instruments.get(made.key) or self.add(made)

    def known(self, code: str, exchange: str) -> Instrument | None:
        """What ``resolve`` would answer, without adding anything."""
        return self._instruments.get((exchange, code)) or instrument_for(code, exchange, self.trading_day)

    def knows_product(self, exchange: str, product: str) -> bool:
        """Whether any instrument has this product: of the files, or added."""
        if find_product(exchange, product) is not None or is_product_of_other_kind(exchange, product):
            return True
        return any(made.exchange == exchange and made.product == product for made in self._instruments.values())

    def product(self, exchange: str, product: str) -> Product | None:
        """The futures product or option class; None for securities and unknown ones."""
        return find_product(exchange, product)

    # ------------------------------------------------------------------------------------------------------- rates

    def margin_rate(self, instrument: Instrument, account: str = "") -> MarginRate:
        """The investor's margin rate; the same object every time."""
        key = (*instrument.key, account)
        rate = self._margins.get(key)
        if rate is None:
            rate = self._own_margins.get(instrument.key) or default_margin_rate(instrument)
            fields = self._overrides_of(instrument, account, MarginRate.__slots__)
            rate = self._margins[key] = replace(rate, **fields) if fields else rate
        return rate

    def commission(self, instrument: Instrument, account: str = "") -> Commission:
        """The fees of the instrument; the same object every time."""
        key = (*instrument.key, account)
        fees = self._commissions.get(key)
        if fees is None:
            fees = self._own_commissions.get(instrument.key) or default_commission(instrument)
            fields = self._overrides_of(instrument, account, Commission.__slots__)
            fees = self._commissions[key] = replace(fees, **fields) if fields else fees
        return fees

    def has_own_commission(self, instrument: Instrument) -> bool:
        """Whether the fees of this instrument are its own: added with it, or given for its code in a user's file."""
        if instrument.key in self._own_commissions:
            return True
        given = self._overrides.get(RateKey("", instrument.exchange, "", instrument.code), {})
        return any(name in given for name in Commission.__slots__)

    def override_rates(self, rates: Mapping[RateKey, Mapping[str, Decimal]]) -> None:
        """Replace single fields of margin rates and commissions by key; a later call adds to the ones before.

        What is more particular wins, in this order: product, instrument, product for an account, instrument for an
        account. Fields that no key gives keep the rate that the instrument was added with, else its default.
        """
        for key, fields in rates.items():
            self._overrides.setdefault(key, {}).update(fields)
        self._margins.clear()
        self._commissions.clear()

    @property
    def accounts_with_rates(self) -> set[str]:
        """The accounts that a user's file gives rates of their own."""
        return {key.account for key in self._overrides if key.account}

    def has_own_rates(self, account: str, instrument: Instrument) -> bool:
        """Whether a user's file has a line for this account and the instrument or its product."""
        exchange, product, code = instrument.exchange, instrument.product, instrument.code
        own = self._overrides
        return RateKey(account, exchange, product, "") in own or RateKey(account, exchange, "", code) in own

    def rate_level(
        self, instrument: Instrument, account: str, kind: type[MarginRate] | type[Commission]
    ) -> RateKey | None:
        """The most particular line of a user's file that gives a rate of this kind for an account; None without one."""
        names = frozenset(kind.__slots__)
        exchange, product, code = instrument.exchange, instrument.product, instrument.code
        for who in dict.fromkeys((account, "")):
            for key in (RateKey(who, exchange, "", code), RateKey(who, exchange, product, "")):
                if names & self._overrides.get(key, {}).keys():
                    return key
        return None

    def _overrides_of(self, instrument: Instrument, account: str, slots: Iterable[str]) -> dict[str, Decimal]:
        """The fields of a record that a user's file gives for an instrument and account."""
        if not self._overrides:
            return {}
        exchange, product, code = instrument.exchange, instrument.product, instrument.code
        names = frozenset(slots)
        result: dict[str, Decimal] = {}
        for who in dict.fromkeys(("", account)):
            for key in (RateKey(who, exchange, product, ""), RateKey(who, exchange, "", code)):
                result.update({name: value for name, value in self._overrides.get(key, {}).items() if name in names})
        return result
