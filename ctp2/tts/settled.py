"""What a settlement leaves behind: the figures of each account's statement, and what is carried to the next day.

Plain records, so that the log, the statement's text and its exports all read the same facts. Money is micro-units (10⁻⁶
of the currency) rounded to cents, prices are exact decimals of the quoted unit (None: no price). Spec ctp-semantics 11.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Line(msgspec.Struct, kw_only=True):
    """What every row of a statement's tables says: whose instrument it is. ``hedge`` is CTP's flag (1, 2, 3 …)."""

    exchange: str
    product: str
    product_name: str
    code: str
    hedge: str = "1"
    currency: str = "CNY"


class TransferLine(msgspec.Struct, kw_only=True):
    """A row of 出入金明细: money in (``amount`` > 0) or out; ``kind`` and ``note`` are the texts shown."""

    date: str
    kind: str
    amount: int
    note: str = ""
    currency: str = "CNY"


class TradeLine(Line, kw_only=True):
    """A row of 成交记录; ``offset`` is CTP's flag as traded, ``premium`` > 0 was received."""

    date: str
    is_buy: bool
    price: Decimal
    volume: int
    turnover: int
    offset: str
    fee: int
    close_profit: int
    premium: int
    trade_id: int


class ExerciseLine(Line, kw_only=True):
    """A row of 行权明细; ``kind`` is the text shown (行权, 履约, 放弃, 自动行权 …)."""

    date: str
    is_buy: bool
    kind: str
    volume: int
    strike: Decimal
    amount: int
    profit: int
    fee: int


class ClosedLine(Line, kw_only=True):
    """A row of 平仓明细: what one closing trade took from one lot."""

    date: str
    open_date: str
    is_buy: bool
    volume: int
    open_price: Decimal
    pre_settlement: Decimal
    price: Decimal
    close_profit: int
    premium: int


class DeliveryLine(Line, kw_only=True):
    """A lot of a future that was delivered, or settled in cash, after its last trading day."""

    date: str
    open_date: str
    is_long: bool
    volume: int
    open_price: Decimal
    pre_settlement: Decimal
    price: Decimal
    profit: int
    fee: int


class DetailLine(Line, kw_only=True):
    """A row of 持仓明细: one lot; ``accumulated`` is by trade (浮动盈亏), ``mtm`` by date (盯市盈亏)."""

    open_date: str
    is_long: bool
    volume: int
    open_price: Decimal
    pre_settlement: Decimal
    settlement: Decimal
    accumulated: int
    mtm: int
    margin: int
    option_value: int


class PositionLine(Line, kw_only=True):
    """A row of 持仓汇总: an instrument's both sides; ``margin`` after the larger side."""

    long_volume: int
    long_average: Decimal
    short_volume: int
    short_average: Decimal
    pre_settlement: Decimal
    settlement: Decimal
    mtm: int
    margin: int
    long_option_value: int
    short_option_value: int


class PurseSettled(msgspec.Struct, kw_only=True):
    """资金状况 of one currency (spec 11.3); ``close_profit`` is by date, ``mtm`` of the lots still held."""

    currency: str
    balance_bf: int = 0
    deposit_withdrawal: int = 0
    close_profit: int = 0
    mtm: int = 0
    exercise_profit: int = 0
    commission: int = 0
    exercise_fee: int = 0
    delivery_fee: int = 0
    delivery_profit: int = 0
    premium_received: int = 0
    premium_paid: int = 0
    initial_margin: int = 0
    balance_cf: int = 0
    pledge: int = 0
    margin: int = 0
    delivery_margin: int = 0
    long_option_value: int = 0
    short_option_value: int = 0
    security_value: int = 0
    """Market value of shares, funds and bonds; it is part of ``margin`` in the margin model of securities."""
    available: int = 0

    @property
    def client_equity(self) -> int:
        """客户权益."""
        return self.balance_cf + self.pledge

    @property
    def market_value_equity(self) -> int:
        """市值权益."""
        return self.client_equity + self.long_option_value - self.short_option_value

    @property
    def margin_call(self) -> int:
        """应追加资金."""
        return max(-self.available, 0)


class CarriedLot(msgspec.Struct, kw_only=True):
    """A lot that goes to the next day: price units of its instrument, ``basis`` is the settlement price.

    The margins are not rounded: they are those of the lots outside combinations as the next day works with them.
    ``combined`` of it are in combinations, ``lag`` more hold margin than count for profit (``position.Lot``).
    """

    exchange: str
    code: str
    is_long: bool
    hedge: str
    trade_id: int
    open_date: str
    open_price: int
    basis: int
    volume: int
    margin: int
    exchange_margin: int
    combined: int = 0
    lag: int = 0


class CarriedPair(msgspec.Struct, kw_only=True):
    """Lots of two legs that stay combined; ``lots`` are their places in ``AccountSettled.carried``."""

    exchange: str
    code: str
    direction: str
    hedge: str
    lots: tuple[int, int]
    volume: int
    margin: int
    exchange_margin: int


class CarriedRights(msgspec.Struct, kw_only=True):
    """What an account may not do tomorrow either; the fields of ``rights.Rights``."""

    is_active: bool = True
    trading: dict[str, str] = {}
    position_limits: dict[str, int] = {}
    no_code: tuple[str, ...] = ()
    conditional_orders: bool = True
    bank_transfers: bool = True
    password: str = ""


class AccountSettled(msgspec.Struct, kw_only=True):
    """One account's day: what its statement shows, and what is carried on."""

    account_id: str
    name: str = ""
    purses: list[PurseSettled] = []
    transfers: list[TransferLine] = []
    trades: list[TradeLine] = []
    exercises: list[ExerciseLine] = []
    closed: list[ClosedLine] = []
    details: list[DetailLine] = []
    positions: list[PositionLine] = []
    carried: list[CarriedLot] = []
    delivered: list[DeliveryLine] = []
    pairs: list[CarriedPair] = []
    rights: CarriedRights | None = None


class PriceSettled(msgspec.Struct, kw_only=True):
    """An instrument's settlement and close, in its price units; the next day's PreSettlement and PreClose."""

    exchange: str
    code: str
    settlement: int
    close: int
    open_interest: float = 0.0


class Settlement(msgspec.Struct, kw_only=True):
    """A whole settlement: the event ``DaySettled`` carries it, the log keeps it, statements are made of it.

    ``number`` is the SettlementID (1 for the only settlement of a day); ``made_ns`` when it was made (UTC).
    """

    trading_day: str
    next_day: str
    made_ns: int
    number: int = 1
    prices: list[PriceSettled] = []
    accounts: list[AccountSettled] = []


def pack(settlement: Settlement) -> bytes:
    """A settlement as a log keeps it (MessagePack)."""
    return msgspec.msgpack.encode(settlement)


def unpack(data: bytes) -> Settlement:
    """The settlement that :func:`pack` packed."""
    return msgspec.msgpack.decode(data, type=Settlement)
