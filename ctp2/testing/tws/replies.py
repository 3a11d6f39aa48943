"""The replies of TWS: spec ib 6.5, one function per message; each gives the fields in the order of the wire.

``version`` is the server version of the connection where the fields depend on it. openOrder and completedOrder, which
are long, are in :mod:`ctp2.testing.tws.order_fields`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ctp2.testing.tws.contracts import Listed

Fields = Sequence[object]
Size = int | float | Decimal

NOT_COMPUTED: Final = -1
NOT_COMPUTED_GREEK: Final = -2


def k11(contract: Listed, exchange: str = "") -> tuple[object, ...]:
    """conId, symbol, secType, date, strike, right, multiplier, exchange, currency, localSymbol, tradingClass."""
    return (
        contract.con_id,
        contract.symbol,
        contract.sec_type,
        contract.date,
        float(contract.strike),
        contract.right,
        contract.multiplier,
        exchange or contract.exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,
    )


# ---------------------------------------------------------------------- the connection
def error(version: int, number: int, code: int, text: str, advanced: str = "") -> Fields:
    """An error or notice of a request or order; -1: of the connection."""
    return (4, 2, number, code, text, advanced) if version >= 166 else (4, 2, number, code, text)


def managed_accounts(accounts: Sequence[str]) -> Fields:
    """With several accounts the list ends with a comma (spec ib 6.2)."""
    return (15, 1, ",".join(accounts) + ("," if len(accounts) > 1 else ""))


def next_valid_id(order_id: int) -> Fields:
    """The smallest order id that the client may use."""
    return (9, 1, order_id)


def current_time(seconds: int) -> Fields:
    """Epoch seconds."""
    return (49, 1, seconds)


# ---------------------------------------------------------------------- market data
def tick_price(req_id: int, tick: int, price: float, size: Size, mask: int = 0) -> Fields:
    """A price with its size; mask: 1 auto-execute, 2 past limit, 4 pre-open."""
    return (1, 6, req_id, tick, price, size, mask)


def tick_size(req_id: int, tick: int, size: Size) -> Fields:
    """A size."""
    return (2, 6, req_id, tick, size)


def tick_generic(req_id: int, tick: int, value: float) -> Fields:
    """A number, such as the halted flag."""
    return (45, 6, req_id, tick, value)


def tick_string(req_id: int, tick: int, value: str) -> Fields:
    """A text, such as the time of the last trade."""
    return (46, 6, req_id, tick, value)


def tick_option(
    req_id: int,
    tick: int,
    implied: float = NOT_COMPUTED,
    delta: float = NOT_COMPUTED_GREEK,
    price: float = NOT_COMPUTED,
    dividend: float = NOT_COMPUTED,
    gamma: float = NOT_COMPUTED_GREEK,
    vega: float = NOT_COMPUTED_GREEK,
    theta: float = NOT_COMPUTED_GREEK,
    underlying: float = NOT_COMPUTED,
    attribute: int = 0,
) -> Fields:
    """The option model's numbers."""
    return (21, req_id, tick, attribute, implied, delta, price, dividend, gamma, vega, theta, underlying)


def snapshot_end(req_id: int) -> Fields:
    """A snapshot is complete."""
    return (57, 1, req_id)


def market_data_type(req_id: int, kind: int) -> Fields:
    """1 live, 2 frozen, 3 delayed, 4 delayed frozen."""
    return (58, 1, req_id, kind)


def tick_parameters(req_id: int, min_tick: float, bbo_exchange: str, permissions: int) -> Fields:
    """What TWS tells first of a subscription."""
    return (81, req_id, min_tick, bbo_exchange, permissions)


def depth(req_id: int, position: int, operation: int, side: int, price: float, size: Size) -> Fields:
    """A row of one venue's book; operation 0 insert, 1 update, 2 delete; side 1 bid, 0 ask."""
    return (12, 1, req_id, position, operation, side, price, size)


def depth_l2(
    req_id: int, position: int, maker: str, operation: int, side: int, price: float, size: Size, is_smart: bool
) -> Fields:
    """A row of a book with its venue or market maker."""
    return (13, 1, req_id, position, maker, operation, side, price, size, is_smart)


Bar = tuple[str, float, float, float, float, Size, float, int]
"""Date, open, high, low, close, volume, average price, number of trades."""


def historical_data(req_id: int, start: str, end: str, bars: Sequence[Bar]) -> Fields:
    """All bars of a request."""
    return (17, req_id, start, end, len(bars), *(value for bar in bars for value in bar))


def bar_update(req_id: int, bar: Bar) -> Fields:
    """The newest bar of a request that is kept up to date; its order is another one."""
    date, open_, high, low, close, volume, average, count = bar
    return (90, req_id, count, date, open_, close, high, low, average, volume)


def realtime_bar(req_id: int, seconds: int, bar: Bar) -> Fields:
    """Five seconds."""
    return (50, 3, req_id, seconds, *bar[1:])


# ---------------------------------------------------------------------- contracts
def contract_details(version: int, req_id: int, contract: Listed, exchange: str, hours: str, liquid: str) -> Fields:
    """One contract of a contract query; bonds have a message of their own."""
    is_new = version >= 164
    date = f"{contract.date} {contract.last_trade_time}".strip()
    if version >= 182 and contract.last_trade_time:
        date = f"{contract.date}-{contract.last_trade_time}-{contract.time_zone}"
    return (
        10,
        *(() if is_new else (8,)),
        req_id,
        contract.symbol,
        contract.sec_type,
        date,
        float(contract.strike),
        contract.right,
        exchange or contract.exchange,
        contract.currency,
        contract.local_symbol,
        contract.market_name,
        contract.trading_class,
        contract.con_id,
        contract.min_tick,
        *(() if is_new else (contract.md_size_multiplier,)),
        contract.multiplier,
        contract.order_types,
        contract.valid_exchanges,
        contract.price_magnifier,
        contract.under_con_id,
        contract.long_name,
        contract.primary_exchange,
        contract.contract_month,
        contract.industry,
        contract.category,
        contract.subcategory,
        contract.time_zone,
        hours,
        liquid,
        "",  # evRule
        0,  # evMultiplier
        *_pairs(contract.sec_ids),
        contract.agg_group,
        contract.under_symbol,
        contract.under_sec_type,
        contract.market_rules,
        contract.real_expiration,
        contract.stock_type,
        *_sizes(version, contract),
    )


_BOND: Final = (
    "cusip coupon maturity issueDate ratings bondType couponType convertible callable putable descAppend".split()
)
_BOND_NEXT: Final = ("nextOptionDate", "nextOptionType", "nextOptionPartial", "notes")
_BOND_DEFAULTS: Final[dict[str, object]] = {
    "coupon": 0,
    "convertible": False,
    "callable": False,
    "putable": False,
    "nextOptionPartial": False,
}


def bond_details(version: int, req_id: int, contract: Listed) -> Fields:
    """One bond of a contract query."""
    is_new = version >= 164
    told = {**_BOND_DEFAULTS, **contract.bond}
    return (
        18,
        *(() if is_new else (6,)),
        req_id,
        contract.symbol,
        contract.sec_type,
        *(told.get(name, "") for name in _BOND),
        contract.exchange,
        contract.currency,
        contract.market_name,
        contract.trading_class,
        contract.con_id,
        contract.min_tick,
        *(() if is_new else (contract.md_size_multiplier,)),
        contract.order_types,
        contract.valid_exchanges,
        *(told.get(name, "") for name in _BOND_NEXT),
        contract.long_name,
        "",  # evRule
        0,  # evMultiplier
        *_pairs(contract.sec_ids),
        contract.agg_group,
        contract.market_rules,
        *_sizes(version, contract),
    )


def _sizes(version: int, contract: Listed) -> tuple[object, ...]:
    if version >= 164:
        return contract.min_size, contract.size_increment, contract.suggested_size_increment
    return (contract.suggested_size_increment,) if version == 163 else ()


def _pairs(pairs: Sequence[tuple[str, str]]) -> tuple[object, ...]:
    return len(pairs), *(text for pair in pairs for text in pair)


def contract_details_end(req_id: int) -> Fields:
    """No more contracts."""
    return (52, 1, req_id)


def option_chain(
    req_id: int,
    exchange: str,
    under_con_id: int,
    trading_class: str,
    multiplier: str,
    expiries: Sequence[str],
    strikes: Sequence[float],
) -> Fields:
    """Expiries and strikes of one exchange and trading class."""
    head = (75, req_id, exchange, under_con_id, trading_class, multiplier)
    return (*head, len(expiries), *expiries, len(strikes), *strikes)


def option_chain_end(req_id: int) -> Fields:
    """No more chains."""
    return (76, req_id)


def symbol_samples(version: int, req_id: int, contracts: Sequence[Listed]) -> Fields:
    """What a search for a symbol found."""
    fields: list[object] = [79, req_id, len(contracts)]
    for one in contracts:
        fields += [one.con_id, one.symbol, one.sec_type, one.primary_exchange or one.exchange, one.currency]
        fields += [len(one.derivative_types), *one.derivative_types]
        if version >= 176:
            fields += [one.long_name, ""]
    return fields


def depth_exchanges(rows: Sequence[tuple[str, str, str, str, int]]) -> Fields:
    """Venues with depth: exchange, type of contract, listing exchange, kind of data, group."""
    return (80, len(rows), *(value for row in rows for value in row))


def market_rule(rule_id: int, rows: Sequence[tuple[float, float]]) -> Fields:
    """Increments by price: from this price on, this increment."""
    return (93, rule_id, len(rows), *(value for row in rows for value in row))


# ---------------------------------------------------------------------- orders
def order_status(
    order_id: int,
    status: str,
    filled: Size,
    remaining: Size,
    average: float,
    perm_id: int,
    last_price: float,
    client_id: int,
    why_held: str = "",
    parent_id: int = 0,
) -> Fields:
    """The state of an order."""
    head = (3, order_id, status, filled, remaining, average, perm_id, parent_id)
    return (*head, last_price, client_id, why_held, 0.0)


def open_order_end() -> Fields:
    """No more open orders."""
    return (53, 1)


def completed_orders_end() -> Fields:
    """No more completed orders."""
    return (102,)


def order_bound(perm_id: int, client_id: int, order_id: int) -> Fields:
    """An order of TWS has got an id of the API."""
    return (100, perm_id, client_id, order_id)


def execution(
    version: int,
    req_id: int,
    order_id: int,
    contract: Listed,
    exchange: str,
    exec_id: str,
    time: str,
    account: str,
    venue: str,
    side: str,
    shares: Size,
    price: float,
    perm_id: int,
    client_id: int,
    cumulative: Size,
    average: float,
    order_ref: str,
    liquidity: int = 1,
) -> Fields:
    """A fill; ``req_id`` -1 when it was not asked for."""
    return (
        11,
        req_id,
        order_id,
        *k11(contract, exchange),
        exec_id,
        time,
        account,
        venue,
        side,
        shares,
        price,
        perm_id,
        client_id,
        0,  # liquidation
        cumulative,
        average,
        order_ref,
        "",  # evRule
        0,  # evMultiplier
        "",  # modelCode
        liquidity,
        *((False,) if version >= 178 else ()),
    )


def executions_end(req_id: int) -> Fields:
    """No more executions."""
    return (55, 1, req_id)


def commission_report(exec_id: str, commission: float, currency: str, realized: float | None) -> Fields:
    """What a fill cost, and the profit that it realised; None: not reported."""
    return (59, 1, exec_id, commission, currency, 1.7976931348623157e308 if realized is None else realized, 0, 0)


# ---------------------------------------------------------------------- accounts
def position(account: str, contract: Listed, exchange: str, held: Size, average_cost: float) -> Fields:
    """A position; 0 when it was closed. The exchange is empty for stocks (spec ib 5.6)."""
    k = list(k11(contract))
    k[7] = exchange
    return (61, 3, account, *k, held, average_cost)


def position_end() -> Fields:
    """No more positions."""
    return (62, 1)


def summary(req_id: int, account: str, tag: str, value: str, currency: str) -> Fields:
    """A value of the account summary."""
    return (63, 1, req_id, account, tag, value, currency)


def summary_end(req_id: int) -> Fields:
    """All values were told once."""
    return (64, 1, req_id)


def account_value(key: str, value: str, currency: str, account: str) -> Fields:
    """A value of the account."""
    return (6, 2, key, value, currency, account)


def portfolio(
    contract: Listed,
    held: Size,
    market_price: float,
    market_value: float,
    average_cost: float,
    unrealized: float,
    realized: float,
    account: str,
) -> Fields:
    """A position with its worth."""
    k = list(k11(contract))
    k[7] = contract.primary_exchange or contract.exchange
    return (7, 8, *k, held, market_price, market_value, average_cost, unrealized, realized, account)


def account_time(text: str) -> Fields:
    """When the account's values were computed, ``HH:MM``."""
    return (8, 1, text)


def account_download_end(account: str) -> Fields:
    """All of the account was told once."""
    return (54, 1, account)


def position_multi(
    req_id: int, account: str, contract: Listed, exchange: str, held: Size, average_cost: float, model: str
) -> Fields:
    """A position of one account or model."""
    k = list(k11(contract))
    k[7] = exchange
    return (71, 1, req_id, account, *k, held, average_cost, model)


def position_multi_end(req_id: int) -> Fields:
    """No more positions."""
    return (72, 1, req_id)


def account_multi(req_id: int, account: str, model: str, key: str, value: str, currency: str) -> Fields:
    """A value of one account or model."""
    return (73, 1, req_id, account, model, key, value, currency)


def account_multi_end(req_id: int) -> Fields:
    """All values were told once."""
    return (74, 1, req_id)


def pnl(req_id: int, daily: float, unrealized: float, realized: float) -> Fields:
    """Profit of an account."""
    return (94, req_id, daily, unrealized, realized)


def pnl_single(req_id: int, held: Size, daily: float, unrealized: float, realized: float, value: float) -> Fields:
    """Profit of one position."""
    return (95, req_id, held, daily, unrealized, realized, value)
