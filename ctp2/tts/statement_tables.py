"""The tables of a statement: titles, columns with their widths, cell texts, legends (spec ctp-semantics 11.3).

The specification has six of them; 交割明细 is ours [SIM], for futures that were delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from ctp2.tts.settled import AccountSettled, Line, TradeLine, TransferLine
from ctp2.tts.statement_cells import Column, money, price

EXCHANGES: Final = {
    "SHFE": "上期所",
    "INE": "能源中心",
    "CFFEX": "中金所",
    "DCE": "大商所",
    "CZCE": "郑商所",
    "GFEX": "广期所",
    # Markets that CTP itself does not have [SIM].
    "SSE": "上交所",
    "SZSE": "深交所",
    "BSE": "北交所",
    "HKEX": "港交所",
    "NASD": "纳斯达克",
    "NYSE": "纽交所",
    "CME": "芝商所",
    "LSE": "伦交所",
    "LME": "伦金所",
}
HEDGES: Final = {"1": "投机", "2": "套利", "3": "套保", "5": "做市商"}
OTHER_HEDGE: Final = "一般"
OFFSETS: Final = {"0": "开", "1": "平", "2": "强平", "3": "平今", "4": "平昨", "5": "强减", "6": "本地强平"}

EXCHANGE_LEGEND: Final = "能源中心---INE  上期所---SHFE   中金所---CFFEX  大商所---DCE   郑商所---CZCE   广期所---GFEX"
OTHER_EXCHANGE_LEGEND: Final = (
    "上交所---SSE  深交所---SZSE  北交所---BSE  港交所---HKEX  纳斯达克---NASD  纽交所---NYSE  芝商所---CME  "
    "伦交所---LSE  伦金所---LME"
)
"""Below a table with a row of one of them [SIM]."""
SIDE_LEGEND: Final = "买---Buy   卖---Sell"
HEDGE_LEGEND: Final = (
    "投机---Speculation  套保---Hedge  套利---Arbitrage  一般---General  交易---Trade  做市商---Market Maker"
)
OFFSET_LEGEND: Final = (
    "开---Open 平---Close 平今---Close Today 强平---Forced Liquidation 平昨---Close Prev. 强减---Forced Reduction "
    "本地强平---Local Forced Liquidation"
)
TRANSFER_LEGEND: Final = "入金---Deposit  出金---Withdrawal  银期转入---Bank to Futures  银期转出---Futures to Bank"
_LEGENDS: Final = (EXCHANGE_LEGEND, SIDE_LEGEND, HEDGE_LEGEND)
_CTP_EXCHANGES: Final = frozenset(list(EXCHANGES)[:6])


class Row(NamedTuple):
    """A line of a table, and whose statement it stands in."""

    line: Any
    account_id: str


class Table(NamedTuple):
    """A section: its title, the account's list of lines, its columns and what stands below it."""

    title: str
    lines: Callable[[AccountSettled], list[Any]]
    columns: tuple[Column, ...]
    legends: tuple[str, ...]


def legends_of(table: Table, lines: list[Any]) -> list[str]:
    """The lines below a table."""
    legends = list(table.legends)
    if EXCHANGE_LEGEND in legends and not _CTP_EXCHANGES.issuperset(line.exchange for line in lines):
        legends.insert(1, OTHER_EXCHANGE_LEGEND)
    return legends


# ------------------------------------------------------------------ cell texts
def _exchange(row: Row) -> str:
    line: Line = row.line
    return EXCHANGES.get(line.exchange, line.exchange)


def _product(row: Row) -> str:
    line: Line = row.line
    return line.product_name or line.product


def _hedge(row: Row) -> str:
    return HEDGES.get(row.line.hedge, OTHER_HEDGE)


def _offset(row: Row) -> str:
    line: TradeLine = row.line
    return OFFSETS.get(line.offset, line.offset)


def _side(is_buy: bool) -> str:
    return "买   " if is_buy else "   卖"


def _money_in(row: Row) -> int:
    line: TransferLine = row.line
    return max(line.amount, 0)


def _money_out(row: Row) -> int:
    line: TransferLine = row.line
    return max(-line.amount, 0)


# ------------------------------------------------------------------ columns
def _text(chinese: str, english: str, width: int, value: str | Callable[[Row], str]) -> Column:
    return Column(chinese, english, width, _getter(value))


def _middle(chinese: str, english: str, width: int, value: str | Callable[[Row], str]) -> Column:
    return Column(chinese, english, width, _getter(value), align="centre")


def _money(chinese: str, english: str, width: int, value: str | Callable[[Row], int]) -> Column:
    return Column(chinese, english, width, _getter(value), money, "right", add=True)


def _lots(chinese: str, english: str, width: int, value: str) -> Column:
    return Column(chinese, english, width, _getter(value), str, "right", add=True)


def _price(chinese: str, english: str, width: int, value: str) -> Column:
    return Column(chinese, english, width, _getter(value), price, "right")


def _sides(value: str) -> Column:
    return Column("买/卖", "B/S", 5, _getter(value), _side)


def _getter(value: str | Callable[[Row], Any]) -> Callable[[Row], Any]:
    return attrgetter(f"line.{value}") if isinstance(value, str) else value


_UNIT: Final = _text("投资单元", "InvestUnit", 10, attrgetter("account_id"))
_CODE: Final = _text("交易编码", "tradingcode", 11, lambda row: row.account_id[:10])
"""ClientID of ``ReqQryTradingCode``."""
_ACCOUNT: Final = _text("资金账号", "AccountID", 14, attrgetter("account_id"))
_EXCHANGE: Final = _text("交易所", "Exchange", 8, _exchange)
_PRODUCT: Final = _middle("品种", "Product", 18, _product)
_INSTRUMENT: Final = _middle("合约", "Instrument", 16, "code")
_WHERE: Final = (_UNIT, _EXCHANGE, _CODE, _PRODUCT, _INSTRUMENT)
_PREMIUM: Final = _money("权利金收支", "Premium Received/Paid", 21, "premium")
_REALIZED: Final = _money("平仓盈亏", "Realized P/L", 12, "close_profit")
_PREVIOUS: Final = _price("昨结算", "Prev. Sttl", 16, "pre_settlement")
_OPENED: Final = _text("开仓日期", "Open Date", 9, "open_date")
_OPEN_PRICE: Final = _price("开仓价", "Pos. Open Price", 15, "open_price")


def _hedges(width: int) -> Column:
    return _text("投/保", "S/H", width, _hedge)


# ------------------------------------------------------------------ tables
TRANSFERS: Final = Table(
    "出入金明细 Deposit/Withdrawal",
    attrgetter("transfers"),
    (
        _text("发生日期", "Date", 8, "date"),
        _text("出入金类型", "Type", 16, "kind"),
        _money("入金", "Deposit", 14, _money_in),
        _money("出金", "Withdrawal", 14, _money_out),
        _text("说明", "Note", 24, "note"),
    ),
    (TRANSFER_LEGEND,),
)
TRADES: Final = Table(
    "成交记录 Transaction Record",
    attrgetter("trades"),
    (
        _text("成交日期", "Date", 8, "date"),
        *_WHERE,
        _sides("is_buy"),
        _hedges(12),
        _price("成交价", "Price", 10, "price"),
        _lots("手数", "Lots", 6, "volume"),
        _money("成交额", "Turnover", 12, "turnover"),
        _text("开平", "O/C", 18, _offset),
        _money("手续费", "Fee", 10, "fee"),
        _REALIZED,
        _PREMIUM,
        _text("成交序号", "Trans.No.", 18, lambda row: str(row.line.trade_id)),
        _ACCOUNT,
    ),
    (*_LEGENDS, OFFSET_LEGEND),
)
EXERCISES: Final = Table(
    "行权明细 Exercise Statement",
    attrgetter("exercises"),
    (
        _text("行权日期", "Date", 8, "date"),
        *_WHERE,
        _hedges(12),
        _sides("is_buy"),
        _text("行权类型", "Type", 10, "kind"),
        _lots("手数", "Lots", 6, "volume"),
        _price("执行价", "Strike Price", 12, "strike"),
        _money("行权金额", "Amount", 14, "amount"),
        _money("行权盈亏", "P/L", 12, "profit"),
        _money("行权手续费", "Fee", 10, "fee"),
        _ACCOUNT,
    ),
    _LEGENDS,
)
DELIVERED: Final = Table(
    "交割明细 Delivery Statement",
    attrgetter("delivered"),
    (
        _text("交割日期", "Date", 8, "date"),
        *_WHERE,
        _OPENED,
        _hedges(12),
        _sides("is_long"),
        _lots("手数", "Lots", 6, "volume"),
        _OPEN_PRICE,
        _PREVIOUS,
        _price("交割价", "Delivery Price", 14, "price"),
        _money("交割盈亏", "Delivery P/L", 12, "profit"),
        _money("交割手续费", "Fee", 10, "fee"),
        _ACCOUNT,
    ),
    _LEGENDS,
)
CLOSED: Final = Table(
    "平仓明细 Position Closed",
    attrgetter("closed"),
    (
        _text("平仓日期", "Close Date", 10, "date"),
        *_WHERE,
        _OPENED,
        _hedges(5),
        _sides("is_buy"),
        _lots("手数", "Lots", 10, "volume"),
        _OPEN_PRICE,
        _PREVIOUS,
        _price("成交价", "Trans. Price", 12, "price"),
        _REALIZED,
        _PREMIUM,
        _ACCOUNT,
    ),
    _LEGENDS,
)
DETAILS: Final = Table(
    "持仓明细 Positions Detail",
    attrgetter("details"),
    (
        *_WHERE,
        _OPENED,
        _hedges(12),
        _sides("is_long"),
        _lots("持仓量", "Positon", 7, "volume"),  # CTP spells it so
        _OPEN_PRICE,
        _PREVIOUS,
        _price("结算价", "Settlement Price", 16, "settlement"),
        _money("浮动盈亏", "Accum. P/L", 12, "accumulated"),
        _money("盯市盈亏", "MTM P/L", 11, "mtm"),
        _money("保证金", "Margin", 11, "margin"),
        _money("期权市值", "Market Value(Options)", 22, "option_value"),
        _ACCOUNT,
    ),
    _LEGENDS,
)
POSITIONS: Final = Table(
    "持仓汇总 Positions",
    attrgetter("positions"),
    (
        _UNIT,
        _CODE,
        _PRODUCT,
        _INSTRUMENT,
        _lots("买持", "Long Pos.", 13, "long_volume"),
        _price("买均价", "Avg Buy Price", 13, "long_average"),
        _lots("卖持", "Short Pos.", 14, "short_volume"),
        _price("卖均价", "Avg Sell Price", 14, "short_average"),
        _price("昨结算", "Prev. Sttl", 10, "pre_settlement"),
        _price("今结算", "Sttl Today", 10, "settlement"),
        _money("持仓盯市盈亏", "MTM P/L", 12, "mtm"),
        _money("保证金占用", "Margin Occupied", 15, "margin"),
        _hedges(12),
        _money("多头期权市值", "Market Value(Long)", 18, "long_option_value"),
        _money("空头期权市值", "Market Value(Short)", 19, "short_option_value"),
        _ACCOUNT,
    ),
    (),
)
TABLES: Final = (TRANSFERS, TRADES, EXERCISES, DELIVERED, CLOSED, DETAILS, POSITIONS)
"""In the order of a statement."""
