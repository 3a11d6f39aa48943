"""Tables between the counter's domain and CTP: codes, texts, names. Nothing is computed here."""

from __future__ import annotations

from typing import Final

from ctp2.refdata.models import Instrument
from ctp2.tts import rejections as error

PRODUCT_CLASS_TO_CTP: Final = {
    "future": "1",
    "option": "2",
    "combination": "3",
    "stock": "E",
    "bond": "B",
    "fund": "D",
    "index": "I",
}
"""Spec ctp-semantics 14.1 for the securities letters."""

SPOT_OPTION: Final = "6"


def product_class_to_ctp(instrument: Instrument) -> str:
    """ProductClass: options on an index or a fund are SpotOption (spec 8.4, 14.3)."""
    return SPOT_OPTION if instrument.is_spot_option else PRODUCT_CLASS_TO_CTP[instrument.product_class]


OPTION_TYPE_TO_CTP: Final = {"": "", "call": "1", "put": "2"}

STATUS_TEXT: Final = {"0": "全部成交", "1": "部分成交", "3": "未成交", "5": "已撤单", "b": "尚未触发", "c": "已触发"}
SUBMIT_TEXT: Final = {"0": "报单已提交", "1": "撤单已提交", "3": "", "4": "报单被拒绝", "5": "撤单被拒绝"}
"""StatusMsg is status text + submit text + exchange message; in status ``a`` the submit text alone (spec 3.8)."""

CONDITIONAL_ORDER: Final = "4"
SWAP_ORDER: Final = "5"
"""OrderType of the orders that are not ordinary (spec 0.2)."""

EXCHANGE_TEXT: Final = {
    error.PHASE: "当前状态禁止此项操作",
    error.OFF_TICK: "价格非最小单位倍数",
    error.ABOVE_UPPER_LIMIT: "价格超出涨停板",
    error.BELOW_LOWER_LIMIT: "价格跌破跌停板",
    error.PRICE_NOT_POSITIVE: "限价单价格不能为0或负数",
    error.ORDER_TYPE: "不被支持的报单类型",
    error.VOLUME: "委托数量超出限制",
    error.EXERCISE_DAY: "非行权日不能行权",
    error.OPTION_PRICE: "期权价格必须大于等于TICK!",
    error.QUOTE_PRICES: "报价卖价应高于买价",
    error.QUOTE_LEG: "报价衍生单不能单独撤销",
}
"""The exchange's reason → its text (spec 3.8)."""

EXCHANGE_TEXT_OF: Final = {
    ("CZCE", error.PRICE_NOT_POSITIVE): "出错: 限价单价格不能为0或负数",
    ("CZCE", error.VOLUME): "出错: 委托数量不符合最小开仓数量限制",
    ("CZCE", error.QUOTE_LEG): "出错: 双边报价委托不能单独撤销",
}
"""Where one exchange words a reason differently."""

FAULT_TEXT: Final[dict[int, str]] = {}
"""Reasons that fault injection gives orders, and its words for them."""

EXCHANGE_NAMES: Final = {
    "SHFE": "上海期货交易所",
    "INE": "上海国际能源交易中心",
    "DCE": "大连商品交易所",
    "CZCE": "郑州商品交易所",
    "CFFEX": "中国金融期货交易所",
    "GFEX": "广州期货交易所",
    "SSE": "上海证券交易所",
    "SZSE": "深圳证券交易所",
    "BSE": "北京证券交易所",
    "HKEX": "香港交易所",
}
"""Spec ctp-semantics 8.3."""

EXCHANGE_PROPERTY: Final = {"DCE": "1"}
"""``1``: the exchange tells orders by their trades; all others ``0``."""

ECHO_FIELDS: Final = (
    "BrokerID",
    "GTDDate",
    "InvestUnitID",
    "AccountID",
    "CurrencyID",
    "ClientID",
    "MacAddress",
    "IPAddress",
    "OrderMemo",
    "BusinessUnit",
    "UserProductInfo",
)
"""What the engine carries along for returns, in the order of ``InsertOrder.echo`` (the last: from authentication)."""

MARGIN_PRICE_TYPE: Final = "4"
ALGORITHM: Final = "2"
INCLUDE_CLOSE_PROFIT: Final = "0"
OPTION_ROYALTY_PRICE_TYPE: Final = "5"
"""BrokerTradingParams (spec 6, 7.1, 7.3): open price; only losses count; included; max(last, pre-settlement)."""
