"""What the counter takes: kinds of orders and markets. The backend declares it, the READMEs show it, a test proves it.

Requests and queries are declared by the tables that serve them (``session.REQUESTS``, ``queries.QUERIES``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ctp2.tts.terms import (
    ANY_PRICE,
    ANY_VOLUME,
    BEST_PRICE,
    COMPLETE_VOLUME,
    FIVE_LEVEL_PRICE,
    GFD,
    IMMEDIATELY,
    IOC,
    LIMIT_PRICE,
    MIN_VOLUME,
    TOUCH,
)


class OrderKind(NamedTuple):
    """A kind of order: its codes (spec ctp-semantics 3.2), an exchange that takes it, and the option that it needs."""

    name: str
    name_zh: str
    price_type: str
    time_condition: str
    volume_condition: str
    contingent: str = IMMEDIATELY
    exchange: str = "DCE"
    order_types: str = "tts"


ORDER_KINDS: Final = (
    OrderKind("limit", "限价", LIMIT_PRICE, GFD, ANY_VOLUME),
    OrderKind("FAK", "限价 FAK", LIMIT_PRICE, IOC, ANY_VOLUME),
    OrderKind("FAK with minimum volume", "带最小成交量的 FAK", LIMIT_PRICE, IOC, MIN_VOLUME),
    OrderKind("FOK", "限价 FOK", LIMIT_PRICE, IOC, COMPLETE_VOLUME),
    OrderKind("market", "市价", ANY_PRICE, IOC, ANY_VOLUME),
    OrderKind("market FOK", "市价 FOK", ANY_PRICE, IOC, COMPLETE_VOLUME),
    OrderKind("market for the day", "市价当日有效", ANY_PRICE, GFD, ANY_VOLUME, exchange="CZCE"),
    OrderKind("best price", "最优价", BEST_PRICE, IOC, ANY_VOLUME, exchange="CFFEX"),
    OrderKind("best price to limit", "最优价转限价", BEST_PRICE, GFD, ANY_VOLUME, exchange="CFFEX"),
    OrderKind("five levels", "五档价", FIVE_LEVEL_PRICE, IOC, ANY_VOLUME, exchange="CFFEX"),
    OrderKind("five levels to limit", "五档价转限价", FIVE_LEVEL_PRICE, GFD, ANY_VOLUME, exchange="CFFEX"),
    OrderKind(
        "stop and take profit (DCE and GFEX with `order_types=exchange`)",
        "止损止盈（大商所、广期所，`order_types=exchange` 时）",
        LIMIT_PRICE,
        GFD,
        ANY_VOLUME,
        TOUCH,
        order_types="exchange",
    ),
    OrderKind("CTP conditional", "CTP 条件单", LIMIT_PRICE, GFD, ANY_VOLUME, "5"),
)

MARKETS: Final[dict[str, tuple[str, ...]]] = {
    "SHFE": ("future", "option"),
    "INE": ("future", "option"),
    "DCE": ("future", "option"),
    "CZCE": ("future", "option"),
    "CFFEX": ("future", "option"),
    "GFEX": ("future", "option"),
    "SSE": ("stock", "fund", "bond", "option"),
    "SZSE": ("stock", "fund", "bond", "option"),
    "BSE": ("stock",),
    "HKEX": ("stock",),
    "NASD": ("stock",),
    "NYSE": ("stock",),
    "CME": ("future",),
}
"""Exchange → classes of products (``refdata.models.PRODUCT_CLASSES``) that can be traded there."""

CLASS_NAMES: Final = {
    "future": ("futures", "期货"),
    "option": ("options", "期权"),
    "combination": ("combinations", "组合"),
    "stock": ("stocks", "股票"),
    "fund": ("funds", "基金"),
    "bond": ("bonds", "债券"),
}

AREAS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (
        "connecting",
        "连接与登录",
        (
            "ReqAuthenticate",
            "ReqUserLogin",
            "ReqUserLogout",
            "ReqUserPasswordUpdate",
            "ReqTradingAccountPasswordUpdate",
            "ReqSettlementInfoConfirm",
            "ReqUserLoginWithCaptcha",
            "ReqUserLoginWithText",
            "ReqUserLoginWithOTP",
            "ReqUserAuthMethod",
            "ReqGenUserCaptcha",
            "ReqGenUserText",
            "ReqGenSMSCode",
        ),
    ),
    ("orders", "报单", ("ReqOrderInsert", "ReqOrderAction", "ReqBatchOrderAction")),
    (
        "parked orders",
        "预埋单",
        ("ReqParkedOrderInsert", "ReqParkedOrderAction", "ReqRemoveParkedOrder", "ReqRemoveParkedOrderAction"),
    ),
    (
        "options",
        "期权",
        (
            "ReqExecOrderInsert",
            "ReqExecOrderAction",
            "ReqOptionSelfCloseInsert",
            "ReqOptionSelfCloseAction",
            "ReqOffsetSetting",
            "ReqCancelOffsetSetting",
        ),
    ),
    ("quotes", "报价与询价", ("ReqQuoteInsert", "ReqQuoteAction", "ReqForQuoteInsert")),
    (
        "combinations",
        "组合",
        ("ReqCombActionInsert", "ReqSpdApply", "ReqSpdApplyAction", "ReqHedgeCfm", "ReqHedgeCfmAction"),
    ),
    (
        "bank",
        "银期转账",
        ("ReqFromBankToFutureByFuture", "ReqFromFutureToBankByFuture", "ReqQueryBankAccountMoneyByFuture"),
    ),
    (
        "market data",
        "行情",
        ("SubscribeMarketData", "UnSubscribeMarketData", "SubscribeForQuoteRsp", "UnSubscribeForQuoteRsp"),
    ),
)
"""Every request that is no query, by area: English, Chinese, requests."""

BUILT_IN: Final = frozenset(("ReqAuthenticate", "ReqUserLogin", "ReqUserLogout"))
"""Served by the session machine of every backend (``core/session.py``)."""
