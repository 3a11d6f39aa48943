r"""What comes from TWS and what goes there, as plain records: no CTP names, no types of a client library.

Prices and amounts are floats as TWS sends them; a value that TWS left unset is None, never a magic number. Times are
UTC nanoseconds. Texts are decoded (spec ib 5.9: TWS writes other letters than ASCII as ``\uXXXX``).
"""

from __future__ import annotations

import msgspec


class Refused(Exception):
    """TWS refused a request: ``code`` and ``text`` are TWS's own (spec ib 5.9). Code 0: no answer in time."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"IB{code}:{text}")
        self.code = code
        self.text = text


class LinkLost(Exception):
    """The link broke, or was down, before the answer of a request."""


class Contract(msgspec.Struct, frozen=True, gc=False):
    """What TWS calls a contract, in its wire's terms. ``con_id`` 0: not resolved yet."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    date: str = ""
    """lastTradeDateOrContractMonth: ``YYYYMM`` or ``YYYYMMDD``."""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    sec_id_type: str = ""
    sec_id: str = ""
    include_expired: bool = False


class Details(msgspec.Struct, frozen=True, gc=False):
    """A row of ``reqContractDetails``."""

    contract: Contract
    market_name: str = ""
    min_tick: float = 0.0
    order_types: str = ""
    """Comma-separated."""
    valid_exchanges: str = ""
    """Comma-separated."""
    price_magnifier: int = 1
    under_con_id: int = 0
    long_name: str = ""
    contract_month: str = ""
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    time_zone_id: str = ""
    trading_hours: str = ""
    liquid_hours: str = ""
    under_symbol: str = ""
    under_sec_type: str = ""
    market_rule_ids: str = ""
    """Comma-separated, in the order of ``valid_exchanges``."""
    real_expiration_date: str = ""
    last_trade_time: str = ""
    stock_type: str = ""
    min_size: float = 0.0
    size_increment: float = 0.0
    suggested_size_increment: float = 0.0
    md_size_multiplier: int = 1
    agg_group: int = 0
    sec_ids: tuple[tuple[str, str], ...] = ()
    """(type, id) pairs, such as ``("ISIN", "US0378331005")``."""
    coupon: float = 0.0
    """Bonds."""
    maturity: str = ""
    """Bonds: ``YYYYMMDD``."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A row of ``reqMatchingSymbols``."""

    contract: Contract
    derivative_sec_types: tuple[str, ...] = ()


class OptionChain(msgspec.Struct, frozen=True, gc=False):
    """A row of ``reqSecDefOptParams``."""

    exchange: str
    under_con_id: int
    trading_class: str
    multiplier: str
    expirations: tuple[str, ...]
    """``YYYYMMDD``, sorted."""
    strikes: tuple[float, ...]
    """Sorted."""


class PriceIncrement(msgspec.Struct, frozen=True, gc=False):
    """A step of a market rule: from ``low_edge`` up the increment is ``increment``."""

    low_edge: float
    increment: float


class OrderSpec(msgspec.Struct, frozen=True, gc=False):
    """What is placed, and what ``openOrder`` shows of it. Fields that it has not are never sent (spec ib 5.1)."""

    order_id: int = 0
    action: str = ""
    """``BUY`` or ``SELL``."""
    quantity: float = 0.0
    order_type: str = ""
    """``LMT MKT MTL STP`` ``STP LMT`` ``MIT LIT``; of foreign orders any."""
    lmt_price: float | None = None
    aux_price: float | None = None
    tif: str = ""
    good_till_date: str = ""
    account: str = ""
    order_ref: str = ""
    outside_rth: bool = False
    hidden: bool = False
    all_or_none: bool = False
    min_qty: int | None = None
    trigger_method: int = 0
    what_if: bool = False
    open_close: str = ""
    """Only of what comes in."""


# ------------------------------------------------------------------ orders


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """``openOrder``. ``order_id`` is 0 or less for orders made in TWS itself."""

    order_id: int
    client_id: int
    perm_id: int
    contract: Contract
    spec: OrderSpec
    status: str
    why_held: str = ""
    """Not part of the message: filled from a later ``orderStatus``; kept for uniformity."""
    init_margin_before: float | None = None
    maint_margin_before: float | None = None
    equity_with_loan_before: float | None = None
    init_margin_change: float | None = None
    maint_margin_change: float | None = None
    equity_with_loan_change: float | None = None
    init_margin_after: float | None = None
    maint_margin_after: float | None = None
    equity_with_loan_after: float | None = None
    commission: float | None = None
    min_commission: float | None = None
    max_commission: float | None = None
    commission_currency: str = ""
    warning_text: str = ""


class OrderStatus(msgspec.Struct, frozen=True, gc=False):
    """``orderStatus``."""

    order_id: int
    status: str
    filled: float
    remaining: float
    avg_fill_price: float
    perm_id: int
    parent_id: int
    last_fill_price: float
    client_id: int
    why_held: str = ""
    mkt_cap_price: float = 0.0


class Execution(msgspec.Struct, frozen=True, gc=False):
    """``execDetails``. ``req_id`` is -1 when TWS sent it by itself."""

    req_id: int
    contract: Contract
    exec_id: str
    time_ns: int
    account: str
    exchange: str
    """The venue."""
    side: str
    """``BOT`` or ``SLD``."""
    shares: float
    price: float
    perm_id: int
    client_id: int
    order_id: int
    cum_qty: float = 0.0
    avg_price: float = 0.0
    order_ref: str = ""
    liquidation: int = 0
    last_liquidity: int = 0


class Commission(msgspec.Struct, frozen=True, gc=False):
    """``commissionReport``. None: TWS did not report it."""

    exec_id: str
    commission: float | None
    currency: str
    realized_pnl: float | None = None


class CompletedOrder(msgspec.Struct, frozen=True, gc=False):
    """``completedOrder``: no order id and no client id; the order reference is the only way back (spec ib 3.3)."""

    perm_id: int
    contract: Contract
    spec: OrderSpec
    status: str
    completed_time: str
    completed_status: str
    filled_quantity: float | None = None


# ------------------------------------------------------------------ connection


class Problem(msgspec.Struct, frozen=True, gc=False):
    """``error``: ``req_id`` -1 for the connection; an order's id or a request's otherwise (one counter for both)."""

    req_id: int
    code: int
    text: str
    advanced: str = ""
    """The JSON of an advanced rejection, if there is one."""


class NextId(msgspec.Struct, frozen=True, gc=False):
    """``nextValidId``."""

    order_id: int


class ManagedAccounts(msgspec.Struct, frozen=True, gc=False):
    """``managedAccounts``."""

    accounts: tuple[str, ...]


class LinkUp(msgspec.Struct, frozen=True, gc=False):
    """The link is ready: handshake, ``nextValidId`` and ``managedAccounts`` are in. Reconciliation begins with this."""

    server_version: int
    next_order_id: int
    accounts: tuple[str, ...]


class LinkDown(msgspec.Struct, frozen=True, gc=False):
    """The TCP link is gone. ``reason`` is CTP's (4097 …, spec ib 3.2); all requests under way have raised LinkLost."""

    reason: int
    text: str


class Restored(msgspec.Struct, frozen=True, gc=False):
    """TWS has IB again (1101, 1102). ``is_data_lost``: 1101, every stream must be asked for again."""

    is_data_lost: bool


class FarmBack(msgspec.Struct, frozen=True, gc=False):
    """A data farm that was down is up again (2103 or 2105 before 2104 or 2106): quiet streams are asked for again."""

    farm: str


# ------------------------------------------------------------------ positions and money


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """``position``; the contract has no exchange for stocks."""

    account: str
    contract: Contract
    position: float
    avg_cost: float


class PositionEnd(msgspec.Struct, frozen=True, gc=False):
    """``positionEnd``."""


class PortfolioRow(msgspec.Struct, frozen=True, gc=False):
    """``updatePortfolio``."""

    account: str
    contract: Contract
    position: float
    market_price: float | None
    market_value: float | None
    average_cost: float | None
    unrealized_pnl: float | None
    realized_pnl: float | None


class AccountValue(msgspec.Struct, frozen=True, gc=False):
    """``updateAccountValue``."""

    account: str
    tag: str
    value: str
    currency: str


class AccountDownloadEnd(msgspec.Struct, frozen=True, gc=False):
    """``accountDownloadEnd``."""

    account: str


class SummaryRow(msgspec.Struct, frozen=True, gc=False):
    """``accountSummary``."""

    req_id: int
    account: str
    tag: str
    value: str
    currency: str


# ------------------------------------------------------------------ market data


class TickPrice(msgspec.Struct, frozen=True, gc=False):
    """``tickPrice`` with the size that comes in the same message."""

    req_id: int
    type: int
    price: float
    size: float


class TickSize(msgspec.Struct, frozen=True, gc=False):
    """``tickSize``."""

    req_id: int
    type: int
    size: float


class TickString(msgspec.Struct, frozen=True, gc=False):
    """``tickString``."""

    req_id: int
    type: int
    value: str


class TickGeneric(msgspec.Struct, frozen=True, gc=False):
    """``tickGeneric``."""

    req_id: int
    type: int
    value: float


class TickOption(msgspec.Struct, frozen=True, gc=False):
    """``tickOptionComputation``."""

    req_id: int
    type: int
    implied_vol: float | None
    delta: float | None
    opt_price: float | None
    pv_dividend: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    und_price: float | None


class TickParams(msgspec.Struct, frozen=True, gc=False):
    """``tickReqParams``."""

    req_id: int
    min_tick: float
    bbo_exchange: str
    snapshot_permissions: int


class DataType(msgspec.Struct, frozen=True, gc=False):
    """``marketDataType``: 1 live, 2 frozen, 3 delayed, 4 delayed frozen."""

    req_id: int
    type: int


class DepthRow(msgspec.Struct, frozen=True, gc=False):
    """``updateMktDepth`` and ``updateMktDepthL2``. Operation 0 insert, 1 update, 2 delete; side 1 bid, 0 ask."""

    req_id: int
    position: int
    operation: int
    side: int
    price: float
    size: float
    market_maker: str = ""
    is_smart_depth: bool = False


class SnapshotEnd(msgspec.Struct, frozen=True, gc=False):
    """``tickSnapshotEnd``."""

    req_id: int


class PacketEnd(msgspec.Struct, frozen=True, gc=False):
    """All messages of one network packet have been told."""


Record = (
    OpenOrder
    | OrderStatus
    | Execution
    | Commission
    | CompletedOrder
    | Problem
    | NextId
    | ManagedAccounts
    | LinkUp
    | LinkDown
    | Restored
    | FarmBack
    | PositionRow
    | PositionEnd
    | PortfolioRow
    | AccountValue
    | AccountDownloadEnd
    | SummaryRow
    | TickPrice
    | TickSize
    | TickString
    | TickGeneric
    | TickOption
    | TickParams
    | DataType
    | DepthRow
    | SnapshotEnd
    | PacketEnd
)
"""Everything that a link tells its listener."""
