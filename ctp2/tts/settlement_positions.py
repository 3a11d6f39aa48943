"""The positions of an account at settlement prices: profit, margin, and what goes to the next day (spec 11.2, 7).

Margin is that of the settlement price at the investor's rates. It is added up in a purse of its own, so that larger
sides and sums are the very ones of the next day.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ctp2.tts.account import MarginGroup, Purse
from ctp2.tts.combos import larger_leg
from ctp2.tts.money import MICRO, round_div
from ctp2.tts.settled import CarriedLot, CarriedPair, DetailLine, PositionLine
from ctp2.tts.settlement_held import Held, HeldLot, HeldPair, Holding
from ctp2.tts.settlement_lines import cents, price_of, whose
from ctp2.tts.settlement_prices import SettlementPrices
from ctp2.tts.terms import NO_PRICE

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.options import OptionTerms

_AVERAGE_STEP = Decimal("0.000001")


class Margins:
    """What is needed at settlement prices (micro-units)."""

    def __init__(self, prices: SettlementPrices) -> None:
        self._prices = prices

    def of_lots(self, holding: Holding, price: int, volume: int, is_exchange: bool = False) -> int:
        """``volume`` lots that stand alone."""
        rates, is_long = holding.rates, holding.is_long
        if rates.option is None:
            return (
                rates.exchange_margin(is_long, price, volume) if is_exchange else rates.margin(is_long, price, volume)
            )
        if is_long:
            return 0
        fixed = rates.option.fixed_at(self.underlying_value(rates.option), is_exchange)
        return rates.option.margin_with(price, fixed, volume)

    def of_pair(self, pair: HeldPair, is_exchange: bool = False) -> tuple[int, int]:
        """A pair's margin as its legs' shares (spec 7.3)."""
        first, second = (self._leg(pair, leg, is_exchange) for leg in (0, 1))
        return larger_leg((first[0], second[0]), (first[1], second[1]))

    def _leg(self, pair: HeldPair, leg: int, is_exchange: bool) -> tuple[int, int]:
        """Margin of a leg by itself, and its royalty where the kind adds it."""
        holding = pair.holdings[leg]
        price = settled_or(self._prices, holding.contract, pair.lots[leg].basis)
        royalty = 0
        if pair.combination.rule.adds_royalty:
            royalty = max(price, 0) * holding.contract.notional_micro * pair.volume
        return self.of_lots(holding, price, pair.volume, is_exchange), royalty

    def underlying_value(self, option: OptionTerms) -> int:
        """S: what the underlying of one lot is worth at its settlement price."""
        underlying = option.underlying
        price = NO_PRICE if underlying is None else self._prices.of(underlying)
        if underlying is None or price == NO_PRICE:
            return option.underlying_value()
        return round_div(price * option.contract.instrument.multiplier * MICRO, underlying.price_scale)


def settled_or(prices: SettlementPrices, contract: Contract, other: int) -> int:
    """The settlement price, without one ``other``: then nothing is gained or lost."""
    price = prices.of(contract)
    return other if price == NO_PRICE else price


class _Side:
    """What a summary row adds up of one side."""

    def __init__(self) -> None:
        self.volume = 0
        self.open_cost = 0
        self.mtm = 0
        self.option_value = 0
        self.margin = 0

    def average(self, contract: Contract) -> Decimal:
        if not self.volume:
            return Decimal(0)
        average = Decimal(self.open_cost) / (self.volume * contract.price_scale)
        return average if average == average.quantize(_AVERAGE_STEP) else average.quantize(_AVERAGE_STEP)


class Totals:
    """Sums of one currency; ``margin`` is not rounded yet."""

    def __init__(self) -> None:
        self.mtm = 0
        self.long_option_value = 0
        self.short_option_value = 0
        self.security_value = 0


class Positions:
    """An account's positions, valued: the tables of its statement, and the lots and pairs of tomorrow."""

    def __init__(self, held: Held, prices: SettlementPrices) -> None:
        self.details: list[DetailLine] = []
        self.lines: list[PositionLine] = []
        self.carried: list[CarriedLot] = []
        self.pairs: list[CarriedPair] = []
        self.totals: dict[str, Totals] = {}
        self._prices = prices
        self._margins = Margins(prices)
        self._purses: dict[str, Purse] = {}
        self._sides: dict[tuple[int, str], dict[bool, _Side]] = {}
        self._contracts: dict[tuple[int, str], Contract] = {}
        places: dict[int, int] = {}
        for holding in held.in_order():
            for lot in holding.lots:
                if lot.volume or lot.lag or lot.combined:
                    places[id(lot)] = len(self.carried)
                    self._value(holding, lot)
        for pair in held.pairs:
            self._value_pair(pair, (places[id(pair.lots[0])], places[id(pair.lots[1])]))
        self._sum_up()

    def total(self, currency: str) -> Totals:
        """The sums of a currency."""
        return self.totals.setdefault(currency, Totals())

    def margin(self, currency: str) -> int:
        """Margin of a currency after larger sides and combinations, not rounded."""
        purse = self._purses.get(currency)
        return 0 if purse is None else purse.curr_margin

    # ------------------------------------------------------------------ lots and pairs
    def _value(self, holding: Holding, lot: HeldLot) -> None:
        contract = holding.contract
        price = settled_or(self._prices, contract, lot.basis)
        margin = self._margins.of_lots(holding, price, lot.single)
        exchange_margin = self._margins.of_lots(holding, price, lot.single, True)
        self._add_margin(holding, margin, exchange_margin)
        self.carried.append(
            CarriedLot(
                exchange=contract.exchange,
                code=contract.code,
                is_long=holding.is_long,
                hedge=holding.hedge,
                trade_id=lot.trade_id,
                open_date=lot.open_date,
                open_price=lot.open_price,
                basis=price,
                volume=lot.volume,
                margin=margin,
                exchange_margin=exchange_margin,
                combined=lot.combined,
                lag=lot.lag,
            )
        )
        self._side(holding).margin += margin
        if lot.volume:
            self._detail(holding, lot, price)

    def _detail(self, holding: Holding, lot: HeldLot, price: int) -> None:
        """A row of 持仓明细: the lot's margin in full; an option has a value and no profit (spec 6 rule 3)."""
        contract, side = holding.contract, self._side(holding)
        unit = lot.volume * contract.notional_micro
        is_option = contract.option is not None
        sign = 1 if holding.is_long else -1
        mtm = 0 if is_option else cents(sign * (price - lot.basis) * unit)
        value = cents(price * unit)
        totals = self.total(contract.currency)
        totals.mtm += mtm
        side.volume += lot.volume
        side.open_cost += lot.open_price * lot.volume
        side.mtm += mtm
        if is_option:
            side.option_value += value
            if holding.is_long:
                totals.long_option_value += value
            else:
                totals.short_option_value += value
        elif contract.is_security:
            totals.security_value += value
        self.details.append(
            DetailLine(
                **whose(contract, holding.hedge),
                open_date=lot.open_date,
                is_long=holding.is_long,
                volume=lot.volume,
                open_price=price_of(contract, lot.open_price),
                pre_settlement=price_of(contract, pre_settlement(contract, lot.basis)),
                settlement=price_of(contract, price),
                accumulated=cents(sign * (price - lot.open_price) * unit),
                mtm=mtm,
                margin=cents(self._margins.of_lots(holding, price, lot.volume)),
                option_value=value if is_option else 0,
            )
        )

    def _value_pair(self, pair: HeldPair, places: tuple[int, int]) -> None:
        """A pair's margin counts with its first leg, as it does during the day; the lines show each leg's share."""
        shares = self._margins.of_pair(pair)
        exchange_margin = sum(self._margins.of_pair(pair, True))
        self._add_margin(pair.holdings[0], sum(shares), exchange_margin)
        for leg in (0, 1):
            self._side(pair.holdings[leg]).margin += shares[leg]
        self.pairs.append(
            CarriedPair(
                exchange=pair.combination.exchange,
                code=pair.combination.code,
                direction=pair.direction,
                hedge=pair.hedge,
                lots=places,
                volume=pair.volume,
                margin=sum(shares),
                exchange_margin=exchange_margin,
            )
        )

    def _add_margin(self, holding: Holding, margin: int, exchange_margin: int) -> None:
        currency = holding.contract.currency
        purse = self._purses.get(currency)
        if purse is None:
            purse = self._purses[currency] = Purse(currency, 0)
        purse.change_margin(purse.group_of(holding.contract, holding.hedge), holding.is_long, margin, exchange_margin)

    def _side(self, holding: Holding) -> _Side:
        key = (holding.contract.index, holding.hedge)
        self._contracts[key] = holding.contract
        sides = self._sides.setdefault(key, {True: _Side(), False: _Side()})
        return sides[holding.is_long]

    # ------------------------------------------------------------------ rows
    def _sum_up(self) -> None:
        """The rows of 持仓汇总: of a larger-side group only the larger side has margin."""
        for key, sides in self._sides.items():
            contract, hedge = self._contracts[key], key[1]
            long, short = sides[True], sides[False]
            if not long.volume and not short.volume:
                continue
            margin = long.margin + short.margin
            group = self._purses[contract.currency].group_of(contract, hedge)
            if group.larger_side:
                margin = long.margin if _is_long_larger(group) else short.margin
            settlement = self._prices.of(contract)
            self.lines.append(
                PositionLine(
                    **whose(contract, hedge),
                    long_volume=long.volume,
                    long_average=long.average(contract),
                    short_volume=short.volume,
                    short_average=short.average(contract),
                    pre_settlement=price_of(contract, contract.pre_settlement),
                    settlement=price_of(contract, settlement),
                    mtm=long.mtm + short.mtm,
                    margin=cents(margin),
                    long_option_value=long.option_value,
                    short_option_value=short.option_value,
                )
            )


def pre_settlement(contract: Contract, basis: int) -> int:
    """The previous settlement price; for a lot without one what its profit starts from."""
    return basis if contract.pre_settlement == NO_PRICE else contract.pre_settlement


def _is_long_larger(group: MarginGroup) -> bool:
    return group.long > group.short
