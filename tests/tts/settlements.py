"""Settlements put together by hand: the test vector of spec 11.3, the option of 17.2, one account per market.

Every amount is worked out in the comment beside it, none is taken from the program. ``prices`` and ``carried`` are not
given: no statement shows them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ctp2.tts.settled import (
    AccountSettled,
    ClosedLine,
    DeliveryLine,
    DetailLine,
    ExerciseLine,
    PositionLine,
    PurseSettled,
    Settlement,
    TradeLine,
    TransferLine,
)

MADE_NS = 1_681_716_600_000_000_000
"""2023-04-17 15:30:00 in Beijing (07:30:00 UTC)."""
DAY = "20230417"


def micro(amount: str) -> int:
    """``"1.50"`` as micro-units."""
    return int(Decimal(amount) * 1_000_000)


def money(**amounts: str) -> dict[str, Any]:
    """Amounts as micro-units, by name."""
    return {name: micro(amount) for name, amount in amounts.items()}


def prices(**quoted: str) -> dict[str, Any]:
    """Prices by name."""
    return {name: Decimal(value) for name, value in quoted.items()}


def settlement(*accounts: AccountSettled, day: str = DAY, made_ns: int = MADE_NS) -> Settlement:
    return Settlement(trading_day=day, next_day="", made_ns=made_ns, accounts=list(accounts))


AG: dict[str, Any] = {"exchange": "SHFE", "product": "ag", "product_name": "白银", "code": "ag2306"}
AU: dict[str, Any] = {"exchange": "SHFE", "product": "au", "product_name": "黄金", "code": "au2308"}


def vector() -> AccountSettled:
    """Spec 11.3: mult 15, 19 %, 0.00001 of turnover, close-today free; au mult 1000, 14 %, 2.00 per lot.

    The previous settlements (4935 and 413.50) are not in the specification; nothing is computed from them.
    """
    return AccountSettled(
        account_id="081234",
        name="测试客户",
        purses=[
            PurseSettled(
                currency="CNY",
                **money(
                    balance_bf="10000000.00",
                    close_profit="240.00",
                    mtm="-1370.00",  # 60.00 - 30.00 - 1400.00
                    commission="11.41",  # 2.97 + 1.48 + 2.96 + 0 + 4.00
                    balance_cf="9998858.59",
                    margin="172043.20",  # max(56179.20, 28089.60) + 115864.00
                    available="9826815.39",
                ),
            )
        ],
        trades=[
            # 4 * 15 * 4942 = 296520; fee 2.9652
            _trade(AG, True, "4942", 4, "0", "296520.00", "2.97", "0", 101),
            # 2 * 15 * 4927 = 147810; fee 1.4781
            _trade(AG, False, "4927", 2, "0", "147810.00", "1.48", "0", 102),
            # 4 * 15 * 4927 = 295620; fee 2.9562
            _trade(AG, True, "4927", 4, "0", "295620.00", "2.96", "0", 103),
            # 4 * 15 * 4946 = 296760; (4946 - 4942) * 15 * 4 = 240
            _trade(AG, False, "4946", 4, "3", "296760.00", "0.00", "240.00", 104),
            # 2 * 1000 * 413.10 = 826200
            _trade(AU, False, "413.10", 2, "0", "826200.00", "4.00", "0", 105),
        ],
        closed=[
            ClosedLine(
                **AG,
                date=DAY,
                open_date=DAY,
                is_buy=False,
                volume=4,
                **prices(open_price="4942", pre_settlement="4935", price="4946"),
                **money(close_profit="240.00", premium="0"),
            )
        ],
        details=[
            # (4928 - 4927) * 15 * 4; 4 * 15 * 4928 * 0.19
            _detail(AG, True, 4, "4927", "4935", "4928", "60.00", "56179.20"),
            # (4927 - 4928) * 15 * 2; 2 * 15 * 4928 * 0.19
            _detail(AG, False, 2, "4927", "4935", "4928", "-30.00", "28089.60"),
            # (413.10 - 413.80) * 1000 * 2; 2 * 1000 * 413.80 * 0.14
            _detail(AU, False, 2, "413.10", "413.50", "413.80", "-1400.00", "115864.00"),
        ],
        positions=[
            PositionLine(
                **AG,
                long_volume=4,
                short_volume=2,
                **prices(long_average="4927", short_average="4927", pre_settlement="4935", settlement="4928"),
                **money(mtm="30.00", margin="56179.20", long_option_value="0", short_option_value="0"),
            ),
            PositionLine(
                **AU,
                long_volume=0,
                short_volume=2,
                **prices(long_average="0", short_average="413.10", pre_settlement="413.50", settlement="413.80"),
                **money(mtm="-1400.00", margin="115864.00", long_option_value="0", short_option_value="0"),
            ),
        ],
    )


def _trade(
    what: dict[str, Any],
    is_buy: bool,
    price: str,
    volume: int,
    offset: str,
    turnover: str,
    fee: str,
    close_profit: str,
    trade_id: int,
    premium: str = "0",
    date: str = DAY,
) -> TradeLine:
    amounts = money(turnover=turnover, fee=fee, close_profit=close_profit, premium=premium)
    return TradeLine(
        **what,
        date=date,
        is_buy=is_buy,
        price=Decimal(price),
        volume=volume,
        offset=offset,
        trade_id=trade_id,
        **amounts,
    )


def _detail(
    what: dict[str, Any],
    is_long: bool,
    volume: int,
    open_price: str,
    pre_settlement: str,
    settled: str,
    profit: str,
    margin: str,
    option_value: str = "0",
    open_date: str = DAY,
    mtm: str = "",
) -> DetailLine:
    amounts = money(accumulated=profit, mtm=mtm or profit, margin=margin, option_value=option_value)
    quoted = prices(open_price=open_price, pre_settlement=pre_settlement, settlement=settled)
    return DetailLine(**what, open_date=open_date, is_long=is_long, volume=volume, **quoted, **amounts)


def _position(
    what: dict[str, Any], is_long: bool, volume: int, average: str, before: str, settled: str, mtm: str, margin: str
) -> PositionLine:
    return PositionLine(
        **what,
        long_volume=volume if is_long else 0,
        short_volume=0 if is_long else volume,
        **prices(
            long_average=average if is_long else "0",
            short_average="0" if is_long else average,
            pre_settlement=before,
            settlement=settled,
        ),
        **money(mtm=mtm, margin=margin, long_option_value="0", short_option_value="0"),
    )


CALL: dict[str, Any] = {"exchange": "DCE", "product": "m_o", "product_name": "豆粕期权", "code": "m2309-C-3300"}


def option() -> AccountSettled:
    """Spec 17.2, settled after step 5: 5 calls sold at 62, 2 bought back at 70, 3 settled at 65; mult 10, 1.00 each."""
    return AccountSettled(
        account_id="alice",
        purses=[
            PurseSettled(
                currency="CNY",
                **money(
                    balance_bf="200000.00",
                    commission="7.00",
                    premium_received="3100.00",
                    premium_paid="1400.00",
                    balance_cf="201693.00",
                    margin="10230.00",
                    short_option_value="1950.00",
                    available="191463.00",
                ),
            )
        ],
        trades=[
            _trade(CALL, False, "62", 5, "0", "3100.00", "5.00", "0", 7, "3100.00"),
            _trade(CALL, True, "70", 2, "1", "1400.00", "2.00", "0", 9, "-1400.00"),
        ],
        closed=[
            ClosedLine(
                **CALL,
                date=DAY,
                open_date=DAY,
                is_buy=True,
                volume=2,
                **prices(open_price="62", pre_settlement="60", price="70"),
                **money(close_profit="0", premium="-1400.00"),
            )
        ],
        # 3 * (650 + 2760) = 10230; 3 * 65 * 10 = 1950
        details=[_detail(CALL, False, 3, "62", "60", "65", "0", "10230.00", "1950.00")],
        positions=[
            PositionLine(
                **CALL,
                long_volume=0,
                short_volume=3,
                **prices(long_average="0", short_average="62", pre_settlement="60", settlement="65"),
                **money(mtm="0", margin="10230.00", long_option_value="0", short_option_value="1950.00"),
            )
        ],
    )


BANK: dict[str, Any] = {"exchange": "SSE", "product": "ashare", "product_name": "浦发银行", "code": "600000"}


def shares() -> AccountSettled:
    """1000 shares bought at 10.00, closing at 10.20; commission 0.025 % but at least 5.00, transfer fee 0.001 %."""
    return AccountSettled(
        account_id="stock01",
        name="张三",
        purses=[
            PurseSettled(
                currency="CNY",
                **money(
                    balance_bf="1000000.00",
                    mtm="200.00",  # 0.20 * 1000
                    commission="5.10",  # 5.00 + 10000 * 0.00001
                    balance_cf="1000194.90",
                    margin="10200.00",  # all of the market value
                    security_value="10200.00",
                    available="989994.90",  # the cash: 1000000 - 10000 - 5.10
                ),
            )
        ],
        trades=[_trade(BANK, True, "10.00", 1000, "0", "10000.00", "5.10", "0", 3)],
        details=[_detail(BANK, True, 1000, "10.00", "9.98", "10.20", "200.00", "10200.00")],
        positions=[_position(BANK, True, 1000, "10.00", "9.98", "10.20", "200.00", "10200.00")],
    )


TENCENT: dict[str, Any] = {
    "exchange": "HKEX",
    "product": "hkstock",
    "product_name": "腾讯控股",
    "code": "00700",
    "currency": "HKD",
}


def hong_kong() -> AccountSettled:
    """100 shares bought at 400.0, closing at 402.2; commission 0.03 %, stamp 0.1 %, levies 0.0085 %."""
    return AccountSettled(
        account_id="hk01",
        purses=[
            PurseSettled(currency="CNY"),
            PurseSettled(
                currency="HKD",
                **money(
                    balance_bf="1000000.00",
                    mtm="220.00",  # 2.2 * 100
                    commission="55.40",  # 12.00 + 40.00 + 3.40
                    balance_cf="1000164.60",
                    margin="40220.00",
                    security_value="40220.00",
                    available="959944.60",  # 1000000 - 40000 - 55.40
                ),
            ),
        ],
        trades=[_trade(TENCENT, True, "400.0", 100, "0", "40000.00", "55.40", "0", 4)],
        details=[_detail(TENCENT, True, 100, "400.0", "398.6", "402.2", "220.00", "40220.00")],
        positions=[_position(TENCENT, True, 100, "400.0", "398.6", "402.2", "220.00", "40220.00")],
    )


APPLE: dict[str, Any] = {
    "exchange": "NASD",
    "product": "usstock",
    "product_name": "苹果公司",
    "code": "AAPL",
    "currency": "USD",
}


def united_states() -> AccountSettled:
    """10 shares bought at 150.25, 4 sold at 151.00, the others closing at 152.00; 1.00 a trade is the least fee."""
    return AccountSettled(
        account_id="us01",
        purses=[
            PurseSettled(
                currency="USD",
                **money(
                    balance_bf="100000.00",
                    close_profit="3.00",  # 0.75 * 4
                    mtm="10.50",  # 1.75 * 6
                    commission="2.00",
                    balance_cf="100011.50",
                    margin="912.00",  # 6 * 152.00
                    security_value="912.00",
                    available="99099.50",  # 100000 - 1502.50 - 1.00 + 604.00 - 1.00
                ),
            )
        ],
        trades=[
            _trade(APPLE, True, "150.25", 10, "0", "1502.50", "1.00", "0", 5),
            _trade(APPLE, False, "151.00", 4, "1", "604.00", "1.00", "3.00", 6),
        ],
        closed=[
            ClosedLine(
                **APPLE,
                date=DAY,
                open_date=DAY,
                is_buy=False,
                volume=4,
                **prices(open_price="150.25", pre_settlement="149.9", price="151.00"),
                **money(close_profit="3.00", premium="0"),
            )
        ],
        details=[_detail(APPLE, True, 6, "150.25", "149.9", "152.00", "10.50", "912.00")],
        positions=[_position(APPLE, True, 6, "150.25", "149.9", "152.00", "10.50", "912.00")],
    )


INDEX_CALL: dict[str, Any] = {
    "exchange": "CFFEX",
    "product": "IO",
    "product_name": "沪深300股指期权",
    "code": "IO2304-C-4000",
}


INDEX: dict[str, Any] = {"exchange": "CFFEX", "product": "IF", "product_name": "沪深300指数", "code": "IF2304"}


def everything() -> AccountSettled:
    """Two currencies: money in and out, a future delivered, 2 calls exercised for cash, 100 shares in USD."""
    return AccountSettled(
        account_id="everything12",
        name="什么都有的客户",
        purses=[
            PurseSettled(
                currency="CNY",
                **money(
                    balance_bf="500000.00",
                    deposit_withdrawal="69999.50",  # 100000.00 - 30000.50
                    exercise_profit="18000.00",  # (4090 - 4000) * 100 * 2
                    exercise_fee="4.00",
                    delivery_fee="1.25",
                    delivery_profit="-300.00",
                    balance_cf="587694.25",
                    available="587694.25",
                ),
            ),
            PurseSettled(
                currency="USD",
                **money(
                    balance_bf="20000.00",
                    mtm="-25.00",  # -0.25 * 100
                    balance_cf="19975.00",
                    margin="15200.00",
                    security_value="15200.00",
                    available="4775.00",
                ),
            ),
        ],
        transfers=[
            TransferLine(date=DAY, kind="银期转入", amount=micro("100000.00"), note="1"),
            TransferLine(date=DAY, kind="出金", amount=micro("-30000.50")),
        ],
        exercises=[
            ExerciseLine(
                **INDEX_CALL,
                date=DAY,
                is_buy=True,
                kind="自动行权",
                volume=2,
                strike=Decimal(4000),
                **money(amount="800000.00", profit="18000.00", fee="4.00"),
            )
        ],
        delivered=[
            DeliveryLine(
                **INDEX,
                date=DAY,
                open_date="20230414",
                is_long=True,
                volume=1,
                **prices(open_price="4090", pre_settlement="4101", price="4100"),
                **money(profit="-300.00", fee="1.25"),  # (4100 - 4101) * 300
            )
        ],
        details=[
            _detail(
                APPLE,
                True,
                100,
                "150.25",
                "152.25",
                "152.00",
                "175.00",
                "15200.00",
                open_date="20230410",
                mtm="-25.00",
            )
        ],
        positions=[_position(APPLE, True, 100, "150.25", "152.25", "152.00", "-25.00", "15200.00")],
    )


ACCOUNTS = {
    "cn_futures": vector,
    "cn_options": option,
    "cn_shares": shares,
    "hk_shares": hong_kong,
    "us_shares": united_states,
    "everything": everything,
}
"""Golden file in tests/data/statements → the account it is about."""
