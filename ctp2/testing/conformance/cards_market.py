"""Cards 170–189: market data."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

import math
import re
import time
from itertools import pairwise
from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.testing.conformance.cards_connect import DAY, WRONG_FRONT
from ctp2.testing.conformance.client import Md, is_snapshot
from ctp2.testing.conformance.model import Mismatch, card, expect, expect_in, expect_true
from ctp2.testing.conformance.suite import DBL_MAX, Suite
from ctp2.testing.recorder import Call

NO_ERROR: Final = "CTP:No Error"
NOT_FOUND: Final = 16
UNKNOWN_CODE: Final = "nosuch99"
_TIME: Final = re.compile(r"\d\d:\d\d:\d\d\Z")
_SNAPSHOTS: Final = 5
_FIRST_TRIES: Final = 12
_FIRST_ENOUGH: Final = 3
_Stamp = tuple[str, int, int]
"""UpdateTime, UpdateMillisec, Volume."""
_PATIENCE: Final = 3.0
"""Time-outs to wait for a quiet market's next snapshots."""
_MOST_SILENCE: Final = 2.0


def _subscribed(s: Suite) -> tuple[Md, int]:
    """A client of its own that has just subscribed to the instrument, and the mark from before."""
    market = s.new_md(login=True)
    return market, market.subscribe(s.instrument.InstrumentID)


def _expect_answers(
    what: str, market: Md, callback: str, after: int, codes: tuple[str, ...], refused: tuple[str, ...] = ()
) -> None:
    """An answer for every code: ``{0, CTP:No Error}`` (spec 9.2), error 16 for those that are to be refused."""
    for code in codes:
        call = market.wait(
            f"{callback} of {code}",
            lambda call, code=code: call.name == callback and call.field.InstrumentID == code,  # type: ignore[misc]
            after,
        )
        expect_true(f"{what} {code}: pRspInfo", call.info is not None, "NULL", "non-NULL")
        expect(f"{what} {code}: ErrorID", call.error_id, NOT_FOUND if code in refused else 0)
        if code not in refused:
            expect(f"{what} {code}: ErrorMsg", call.info.ErrorMsg, NO_ERROR)
    last = [call.is_last for call in market.calls[after:] if call.name == callback]
    expect(f"{what}: bIsLast of the last answer", last[-1], True)


def _refused(s: Suite) -> tuple[str, ...]:
    return (UNKNOWN_CODE,) if s.differs(Capabilities.REFUSES_UNKNOWN) else ()


def _snapshots(s: Suite, number: int = _SNAPSHOTS) -> list[Any]:
    """The next snapshots of the instrument."""
    market, after = _subscribed(s)
    code = s.instrument.InstrumentID

    _wait_for(s, market, number, after)
    return market.snapshots(code, after)[:number]


def _wait_for(s: Suite, market: Md, number: int, after: int) -> None:
    code = s.instrument.InstrumentID

    def enough(_: Call) -> bool:
        return len(market.snapshots(code, after)) >= number

    market.wait(f"{number} snapshots of {code}", enough, after, s.timeout * _PATIENCE)


# ------------------------------------------------------------------ login and subscription
@card(
    170,
    "market data login: the trading day, {0, CTP:No Error}",
    "行情登录：只有交易日",
    "1.7, 9.1",
    "md",
    kind="md",
    essential=True,
)
def login(s: Suite) -> None:
    market = s.new_md()
    answer = market.login(BrokerID="9999", UserID="check", Password="x")
    expect_true("OnRspUserLogin: pRspInfo", answer.info is not None, "NULL", "non-NULL")
    expect("ErrorID", answer.error_id, 0)
    expect("ErrorMsg", answer.info.ErrorMsg, NO_ERROR)
    expect_true("TradingDay", DAY.match(answer.field.TradingDay), answer.field.TradingDay, "YYYYMMDD")
    expect("GetTradingDay", market.api.GetTradingDay(), answer.field.TradingDay)
    if s.differs(Capabilities.NAMES_LOGIN):
        for name, value in (("BrokerID", "9999"), ("UserID", "check")):
            expect(f"OnRspUserLogin.{name}", getattr(answer.field, name), value)
        return
    for name, empty in (("FrontID", 0), ("SessionID", 0), ("BrokerID", ""), ("UserID", "")):
        expect(f"OnRspUserLogin.{name}", getattr(answer.field, name), empty)


@card(171, "an empty login is accepted", "空登录也成功", "9.1", "md", kind="md")
def empty_login(s: Suite) -> None:
    expect("ErrorID", s.new_md().login().error_id, 0)


@card(172, "a subscription is answered for every code", "订阅逐合约应答", "9.2", "md", kind="md", essential=True)
def subscribe(s: Suite) -> None:
    market = s.new_md(login=True)
    codes = (s.instrument.InstrumentID, UNKNOWN_CODE)
    after = market.subscribe(*codes)
    _expect_answers("OnRspSubMarketData", market, "OnRspSubMarketData", after, codes, _refused(s))


@card(
    173, "a snapshot follows a subscription at once", "订阅后立即推送快照", "9.2", "quotes", kind="md", essential=True
)
def first_snapshot(s: Suite) -> None:
    code = s.instrument.InstrumentID
    s.quote()  # the run's own client watches the same instrument
    market = s.new_md(login=True)
    latest = 0
    for _ in range(_FIRST_TRIES):
        known = {_whole(s.quote())}
        s.market.catch_up()
        known |= {_whole(tick) for tick in s.market.snapshots(code)}
        after = market.subscribe(code)
        call = market.wait(f"a snapshot of {code}", lambda call: is_snapshot(call, code), after)
        answer = next((call for call in market.calls[after:] if call.name == "OnRspSubMarketData"), None)
        expect_true("OnRspSubMarketData", answer is not None, "none", "before the snapshot")
        latest += _whole(call.field) in known
        if latest == _FIRST_ENOUGH:
            return
        # Again: a new one may have come because the market moved just then, a known one because nothing changed.
        market.unsubscribe(code)
        market.wait("OnRspUnSubMarketData", "OnRspUnSubMarketData", after)
    raise Mismatch("the first snapshot", "the latest one, at once", f"{latest} times of {_FIRST_TRIES}")


@card(
    174,
    "an unknown code is accepted and stays silent",
    "未知合约：应答成功但无行情",
    "9.2",
    "md",
    kind="md",
    essential=True,
)
def unknown_code(s: Suite) -> None:
    market = s.new_md(login=True)
    after = market.subscribe(UNKNOWN_CODE)
    _expect_answers("OnRspSubMarketData", market, "OnRspSubMarketData", after, (UNKNOWN_CODE,), _refused(s))
    market.silent("snapshots of an unknown code", lambda call: call.name == "OnRtnDepthMarketData", after, 0.3)


@card(
    175,
    "unsubscribing is answered and stops the snapshots",
    "退订应答后行情停止",
    "9.2",
    "quotes",
    kind="md",
    essential=True,
)
def unsubscribe(s: Suite) -> None:
    code = s.instrument.InstrumentID
    market, after = _subscribed(s)
    started = time.monotonic()
    _wait_for(s, market, 3, after)
    pace = time.monotonic() - started
    after = market.unsubscribe(code)
    _expect_answers("OnRspUnSubMarketData", market, "OnRspUnSubMarketData", after, (code,))
    after = market.mark()
    silence = min(pace + 0.2, _MOST_SILENCE)
    market.silent("snapshots after unsubscribing", lambda call: is_snapshot(call, code), after, silence)


@card(176, "a second subscription is harmless", "重复订阅无害", "9.2", "quotes", kind="md")
def subscribe_twice(s: Suite) -> None:
    code = s.instrument.InstrumentID
    market, after = _subscribed(s)
    _expect_answers("OnRspSubMarketData", market, "OnRspSubMarketData", after, (code,))
    _expect_answers("OnRspSubMarketData", market, "OnRspSubMarketData", market.subscribe(code), (code,))
    market.unsubscribe(code)
    market.wait("OnRspUnSubMarketData", "OnRspUnSubMarketData", after)
    market.silent("snapshots", lambda call: is_snapshot(call, code), market.mark(), 0.2)


@card(177, "an empty list subscribes nothing", "空列表不等于全部", "9.2", "md", kind="md")
def empty_list(s: Suite) -> None:
    market = s.new_md(login=True)
    after = market.subscribe()
    market.silent("snapshots", lambda call: call.name == "OnRtnDepthMarketData", after, 0.2)


@card(178, "subscribing before login gives no data", "登录前订阅无行情", "9.2, 1.11", "md", kind="md")
def before_login(s: Suite) -> None:
    market = s.new_md()
    expect("SubscribeMarketData returns", market.api.SubscribeMarketData([s.instrument.InstrumentID], 1), 0)
    after = market.mark()
    if s.differs(Capabilities.KEEPS_EARLY):
        code = s.instrument.InstrumentID
        market.silent(f"snapshots of {code} before the login", lambda call: is_snapshot(call, code), 0, 0.2)
        market.login()
        market.wait(f"a snapshot of {code} behind the login", lambda call: is_snapshot(call, code), after)
        return
    market.login()
    market.silent("snapshots", lambda call: call.name == "OnRtnDepthMarketData", after, 0.2)


@card(179, "quote requests can be subscribed", "询价订阅应答", "9.2", "md", kind="md", needs=("SubscribeForQuoteRsp",))
def for_quote(s: Suite) -> None:
    market = s.new_md(login=True)
    code = s.instrument.InstrumentID
    after = market.mark()
    expect("SubscribeForQuoteRsp returns", market.api.SubscribeForQuoteRsp([code], 1), 0)
    _expect_answers("OnRspSubForQuoteRsp", market, "OnRspSubForQuoteRsp", after, (code,))


@card(180, "requests before connecting return −1", "连接前请求返回 −1", "1.3", "nothing", kind="md")
def not_connected(s: Suite) -> None:
    market = s.unconnected_md()
    expect("SubscribeMarketData returns", market.api.SubscribeMarketData(["x"], 1), -1)
    expect("ReqUserLogin returns", market.call("ReqUserLogin", market.build("ReqUserLogin", {}), 1), -1)


@card(181, "market data knows no logout: 77 or no effect", "行情无登出：77 或无效果", "1.8", "md", kind="md")
def logout(s: Suite) -> None:
    market = s.new_md(login=True)
    answer = market.ask("ReqUserLogout", BrokerID="9999", UserID="check")[-1]
    expect_in("ErrorID", answer.error_id, (WRONG_FRONT, 0))


@card(182, "callbacks on one thread of the Api's own", "行情回调在同一线程", "1.4", "quotes", kind="md")
def one_thread(s: Suite) -> None:
    market, after = _subscribed(s)
    market.wait("a snapshot", lambda call: is_snapshot(call, s.instrument.InstrumentID), after)
    expect("threads that called back", len(market.spi.threads), 1)


@card(183, "after Release nothing is called back", "Release 之后无回调", "1.2", "quotes", kind="md")
def release(s: Suite) -> None:
    market, after = _subscribed(s)
    market.wait("a snapshot", lambda call: is_snapshot(call, s.instrument.InstrumentID), after)
    market.release()
    after = market.mark()
    expect("Join returns", market.api.Join(), 0)
    expect("SubscribeMarketData returns", market.api.SubscribeMarketData(["x"], 1), -1)
    market.silent("callbacks after Release", lambda call: True, after, 0.1)


# ------------------------------------------------------------------ the snapshot
@card(
    184,
    "a snapshot's identity: code, days, time",
    "快照标识：合约、日期、时间",
    "9.3",
    "quotes",
    kind="md",
    essential=True,
)
def snapshot_fields(s: Suite) -> None:
    for tick in _snapshots(s, 1):
        expect("InstrumentID", tick.InstrumentID, s.instrument.InstrumentID)
        for name in ("TradingDay", "ActionDay"):
            expect_true(name, DAY.match(getattr(tick, name)), getattr(tick, name), "YYYYMMDD")
        expect_true("UpdateTime", _TIME.match(tick.UpdateTime), tick.UpdateTime, "HH:MM:SS")
        expect_true("UpdateMillisec", 0 <= tick.UpdateMillisec < 1000, tick.UpdateMillisec, "0 … 999")


def _is_price(value: float) -> bool:
    return math.isfinite(value)


@card(
    185,
    "an absent price is DBL_MAX, its volume 0; never NaN",
    "没有的价格为 DBL_MAX，量为 0",
    "9.3",
    "quotes",
    kind="md",
    essential=True,
)
def absent_prices(s: Suite) -> None:
    for tick in _snapshots(s):
        for name in tick.__struct_fields__:
            value = getattr(tick, name)
            if isinstance(value, float):
                expect_true(name, _is_price(value), value, "a number or DBL_MAX")
        for level in range(1, 6):
            for side in ("Bid", "Ask"):
                price, volume = getattr(tick, f"{side}Price{level}"), getattr(tick, f"{side}Volume{level}")
                absent = price == DBL_MAX
                what = f"{side}Price{level} and {side}Volume{level}"
                expect_true(what, (volume == 0) == absent, (price, volume), "DBL_MAX and 0, or a price and a volume")


@card(
    186,
    "volume, turnover never fall during a day",
    "成交量与成交额单调不减",
    "9.3",
    "quotes",
    kind="md",
    essential=True,
)
def monotonous(s: Suite) -> None:
    ticks = _snapshots(s)
    for before, tick in pairwise(ticks):
        if (tick.TradingDay, tick.UpdateTime) < (before.TradingDay, before.UpdateTime):
            continue  # a recorded day that begins anew
        for name in ("Volume", "Turnover"):
            now, then = getattr(tick, name), getattr(before, name)
            expect_true(f"{name} at {tick.UpdateTime}", now >= then, now, f"at least {then}")


@card(187, "last price, high, low, limits are in order", "最新、最高、最低、涨跌停关系", "9.3", "quotes", kind="md")
def price_order(s: Suite) -> None:
    for tick in _snapshots(s, 1):
        chain = ("LowerLimitPrice", "LowestPrice", "LastPrice", "HighestPrice", "UpperLimitPrice")
        known = [(name, getattr(tick, name)) for name in chain if getattr(tick, name) not in (DBL_MAX, 0.0)]
        for (low_name, low), (high_name, high) in pairwise(known):
            expect_true(f"{low_name} ≤ {high_name}", low <= high, (low, high), "in order")
        base = "PreSettlementPrice"
        if tick.PreSettlementPrice == DBL_MAX and s.differs(Capabilities.SPOT_HAS_CLOSE):
            base = "PreClosePrice"
        expect_true(base, getattr(tick, base) != DBL_MAX, getattr(tick, base), "a price")
        if DBL_MAX not in (tick.BidPrice1, tick.AskPrice1):
            expect_true("BidPrice1 < AskPrice1", tick.BidPrice1 < tick.AskPrice1, (tick.BidPrice1, tick.AskPrice1))


@card(188, "AveragePrice is Turnover / Volume", "均价 = 成交额 / 成交量", "9.3", "quotes", kind="md")
def average(s: Suite) -> None:
    for tick in _snapshots(s, 1):
        if s.instrument.ExchangeID != "CZCE" and tick.Volume:
            wanted = tick.Turnover / tick.Volume
            close = math.isclose(tick.AveragePrice, wanted, rel_tol=1e-4)
            expect_true("AveragePrice", close, tick.AveragePrice, f"{wanted:.4f}")


@card(189, "two clients see the same snapshots", "两个客户端看到相同快照", "9.2", "quotes", kind="md")
def two_clients(s: Suite) -> None:
    code = s.instrument.InstrumentID
    markets = [s.new_md(login=True) for _ in range(2)]
    marks = [market.subscribe(code) for market in markets]
    common: set[_Stamp] = set()
    for number in range(4, 4 * _FIRST_TRIES, 4):
        for market, after in zip(markets, marks, strict=True):
            _wait_for(s, market, number, after)
        one, other = (_stamped(m.snapshots(code, a)) for m, a in zip(markets, marks, strict=True))
        common = one.keys() & other.keys()
        if common:
            break
    if not common:
        raise Mismatch("snapshots that both clients got", "some", "none")
    for stamp in common:
        expect_true(f"snapshot {stamp}", not one[stamp].isdisjoint(other[stamp]), other[stamp], str(one[stamp]))


def _stamped(ticks: list[Any]) -> dict[_Stamp, set[tuple[Any, ...]]]:
    """The snapshots of each moment but the first and the last.

    A client may come, or be looked at, between two of one moment.
    """
    moments: dict[_Stamp, set[tuple[Any, ...]]] = {}
    for tick in ticks:
        moments.setdefault((tick.UpdateTime, tick.UpdateMillisec, tick.Volume), set()).add(_whole(tick))
    edges = [next(iter(moments)), next(reversed(moments))] if moments else []
    return {stamp: whole for stamp, whole in moments.items() if stamp not in edges}


def _whole(tick: Any) -> tuple[Any, ...]:
    """Every member: two snapshots of one moment, before and after an order, are two."""
    return tuple(getattr(tick, name) for name in type(tick).__struct_fields__)
