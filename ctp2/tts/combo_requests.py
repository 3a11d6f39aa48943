"""Combination actions as CTP structs, the requests and queries about them (spec ctp-semantics 12.5, 8.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Request
from ctp2.ctp.structs import (
    CThostFtdcCombActionField,
    CThostFtdcCombInstrumentGuardField,
    CThostFtdcInputCombActionField,
    CThostFtdcInvestorPositionCombineDetailField,
    CThostFtdcInvestorPositionField,
)
from ctp2.refdata.combinations import make_combination, parse_combination
from ctp2.refdata.models import FUTURE, Instrument
from ctp2.tts.asker import matches
from ctp2.tts.combos import (
    CombAction,
    CombActionRefused,
    CombActionReport,
    CombPair,
    CombRow,
    InsertCombAction,
)
from ctp2.tts.money import RATE
from ctp2.tts.quote_requests import carry_out
from ctp2.tts.rows import instrument_to_ctp
from ctp2.tts.terms import LONG
from ctp2.tts.translate import exchange_message
from ctp2.tts.values import money_to_ctp, number_to_ctp

if TYPE_CHECKING:
    from ctp2.tts.queries import Asker
    from ctp2.tts.session import TtsSession

_FRONT_ID: Final = 1
_QUERIED: Final = "DCE"
"""The exchange whose combinations are only for actions, and are rows of the classified instruments."""
_COMBINATION_TYPES: Final = {"STD": "3", "STG": "4"}
_SETTLEMENT_ID: Final = 1
_GUARANTEE: Final = 1.0
"""GuarantRatio: the broker asks what the exchange asks of a combination."""
_ECHO_FIELDS: Final = ("BrokerID", "InvestUnitID", "MacAddress", "IPAddress")
_BROKER, _UNIT, _MAC, _ADDRESS, _PRODUCT_INFO = range(5)


# ------------------------------------------------------------------ requests
def insert_action(session: TtsSession, request: Request) -> None:
    """``ReqCombActionInsert``; a combination need not be tradable, it is made from its code when first named."""
    field = request.field
    engine = session.backend.engine
    engine.combinations.resolve(field.ExchangeID, field.InstrumentID)
    command = InsertCombAction(
        session.backend.counter.now_ns(),
        _FRONT_ID,
        session.session_id,
        session.account_id,
        field.InvestorID,
        session.account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.Direction,
        field.Volume,
        field.CombDirection,
        field.HedgeFlag,
        field.CombActionRef,
        field.FrontID,
        field.SessionID,
        (*(getattr(field, name) for name in _ECHO_FIELDS), session.product_info),
    )
    carry_out(session, request, engine.combinations.insert(command))


def only_for_actions(asker: Asker, field: Any) -> Iterable[Any]:
    """What ``ReqQryClassifiedInstrument`` adds for DCE + not trading + combinations: one row per product (spec 8.3).

    SP, STD and STG of what is listed, each of its first month; SPC where an action has named it.
    """
    state = asker.state
    codes = [code for exchange, code in state.combos.known if exchange == _QUERIED]
    seen: set[str] = set()
    for code in [*_first_combinations(asker), *codes]:
        pair = parse_combination(code, state.trading_day, _QUERIED)
        if pair is None:
            continue
        made = make_combination(pair, state.trading_day)
        if made.product in seen or not matches(field.ProductID, made.product):
            continue
        seen.add(made.product)
        if matches(field.InstrumentID, made.code) and matches(field.ExchangeInstID, made.exchange_code):
            row = instrument_to_ctp(made)
            row.IsTrading = 0
            row.CombinationType = _COMBINATION_TYPES.get(pair.kind, "0")
            yield row


def _first_combinations(asker: Asker) -> Iterator[str]:
    """Codes of the first SP of each product, and of the first STD and STG of each product's options."""
    products: dict[str, list[Instrument]] = {}
    for instrument in asker.world.instruments(_QUERIED):
        products.setdefault(instrument.product, []).append(instrument)
    for listed in products.values():
        listed.sort(key=_by_expiry)
        futures = [instrument.code for instrument in listed if instrument.product_class == FUTURE]
        if len(futures) > 1:
            yield f"SP {futures[0]}&{futures[1]}"
        calls = [instrument for instrument in listed if instrument.option_type == "call"]
        puts = [instrument for instrument in listed if instrument.option_type == "put"]
        for kind in ("STD", "STG"):
            yield from islice(_pairs_of(kind, calls, puts), 1)


def _pairs_of(kind: str, calls: list[Instrument], puts: list[Instrument]) -> Iterator[str]:
    for call in calls:
        for put in puts:
            if call.underlying == put.underlying and (call.strike == put.strike) == (kind == "STD"):
                yield f"{kind} {call.code}&{put.code}"


def _by_expiry(instrument: Instrument) -> tuple[str, str]:
    return instrument.expire_date, instrument.code


# ------------------------------------------------------------------ translation
def action_to_ctp(event: CombActionReport) -> CThostFtdcCombActionField:
    """One state of a combination action as ``OnRtnCombAction`` shows it."""
    return _action(event.action, event.status, event.reason)


def _action(action: CombAction, status: str, reason: int) -> CThostFtdcCombActionField:
    terms, combination = action.terms, action.combination
    broker = terms.echo[_BROKER]
    pair = action.made[0].pair_id if action.made and status == "b" else 0
    return CThostFtdcCombActionField(
        BrokerID=broker,
        InvestorID=action.account.account_id,
        CombActionRef=terms.action_ref,
        UserID=terms.user_id,
        Direction=terms.direction,
        Volume=terms.volume,
        CombDirection=terms.comb_direction,
        HedgeFlag=terms.hedge,
        ActionLocalID=number_to_ctp(action.action_id),
        ExchangeID=combination.exchange,
        ParticipantID=broker,
        ClientID=action.account.account_id[:10],
        TraderID=f"{broker or 'ctp2'}cac",
        InstallID=1,
        ActionStatus=status,
        NotifySequence=0 if status == "a" else 1,
        TradingDay=action.trading_day,
        SettlementID=_SETTLEMENT_ID,
        SequenceNo=0 if status == "a" else action.action_id,
        FrontID=terms.front_id,
        SessionID=terms.session_id,
        UserProductInfo=terms.echo[_PRODUCT_INFO],
        StatusMsg=exchange_message(combination.exchange, reason) if reason else "",
        ComTradeID=number_to_ctp(pair),
        InvestUnitID=terms.echo[_UNIT],
        MacAddress=terms.echo[_MAC],
        IPAddress=terms.echo[_ADDRESS],
        InstrumentID=combination.code,
        ExchangeInstID=combination.code,
    )


def input_action_to_ctp(event: CombActionRefused) -> CThostFtdcInputCombActionField:
    """The refused action as it was sent."""
    terms = event.terms
    return CThostFtdcInputCombActionField(
        BrokerID=terms.echo[_BROKER],
        InvestorID=terms.investor_id,
        CombActionRef=terms.action_ref,
        UserID=terms.user_id,
        Direction=terms.direction,
        Volume=terms.volume,
        CombDirection=terms.comb_direction,
        HedgeFlag=terms.hedge,
        ExchangeID=terms.exchange,
        MacAddress=terms.echo[_MAC],
        InvestUnitID=terms.echo[_UNIT],
        FrontID=terms.del_front_id,
        SessionID=terms.del_session_id,
        InstrumentID=terms.instrument,
        IPAddress=terms.echo[_ADDRESS],
    )


def row_to_ctp(row: CombRow, account_id: str, broker_id: str, trading_day: str) -> CThostFtdcInvestorPositionField:
    """The position row of a combination: positions, OpenVolume and margin only (spec 12.5)."""
    return CThostFtdcInvestorPositionField(
        BrokerID=broker_id,
        InvestorID=account_id,
        PosiDirection=row.side,
        HedgeFlag=row.hedge,
        PositionDate="1",
        YdPosition=row.yd_position,
        Position=row.position,
        TodayPosition=max(row.position - row.yd_position, 0),
        OpenVolume=row.open_volume,
        UseMargin=money_to_ctp(row.margin),
        ExchangeMargin=money_to_ctp(row.exchange_margin),
        TradingDay=trading_day,
        SettlementID=_SETTLEMENT_ID,
        ExchangeID=row.combination.exchange,
        InstrumentID=row.combination.code,
    )


def detail_to_ctp(
    pair: CombPair, leg: int, account_id: str, broker_id: str, trading_day: str
) -> CThostFtdcInvestorPositionCombineDetailField:
    """One leg of a pair; the legs' margins are their shares of the pair's."""
    row, lot = pair.rows[leg], pair.lots[leg]
    margins = pair.margins(pair.volume)
    rate = row.rates.long_rate if row.is_long else row.rates.short_rate
    return CThostFtdcInvestorPositionCombineDetailField(
        TradingDay=trading_day,
        OpenDate=lot.open_date,
        ExchangeID=pair.combination.exchange,
        SettlementID=_SETTLEMENT_ID,
        BrokerID=broker_id,
        InvestorID=account_id,
        ComTradeID=number_to_ctp(pair.pair_id),
        TradeID=number_to_ctp(lot.trade_id),
        HedgeFlag=pair.hedge,
        Direction="0" if row.side == LONG else "1",
        TotalAmt=pair.volume,
        Margin=money_to_ctp(margins.own[leg]),
        ExchMargin=money_to_ctp(margins.exchange[leg]),
        MarginRateByMoney=rate.by_money / RATE,
        MarginRateByVolume=money_to_ctp(rate.by_volume),
        LegID=leg + 1,
        LegMultiple=1,
        TradeGroupID=pair.action_id,
        InstrumentID=row.contract.code,
        CombInstrumentID=pair.combination.code,
    )


# ------------------------------------------------------------------ queries
def comb_positions(asker: Asker, field: Any) -> Iterable[Any]:
    """The rows that combinations add to ``ReqQryInvestorPosition``."""
    account_id = asker.account.account_id
    for row in asker.state.combos.rows.get(account_id, {}).values():
        if field.InstrumentID in ("", row.combination.code):
            yield row_to_ctp(row, account_id, asker.broker_id, asker.world.trading_day)


def combine_details(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryInvestorPositionCombineDetail``: a row per leg of what stands together."""
    account_id = asker.account.account_id
    for pair in asker.state.combos.standing(account_id) if asker.is_own(field) else ():
        if field.CombInstrumentID in ("", pair.combination.code):
            for leg in (0, 1):
                yield detail_to_ctp(pair, leg, account_id, asker.broker_id, asker.world.trading_day)


def actions(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryCombAction``: the day's actions, each in its last state."""
    for action in asker.state.combos.actions if asker.is_own(field) else ():
        combination = action.combination
        if (
            action.account is asker.account
            and field.ExchangeID in ("", combination.exchange)
            and field.InstrumentID in ("", combination.code)
        ):
            yield _action(action, action.status, action.reason)


def guards(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryCombInstrumentGuard``: the combination asked for, or all that were named today."""
    if field.InstrumentID:
        asker.world.engine.combinations.resolve(field.ExchangeID, field.InstrumentID)
    for combination in asker.state.combos.known.values():
        if field.ExchangeID in ("", combination.exchange) and field.InstrumentID in ("", combination.code):
            yield CThostFtdcCombInstrumentGuardField(
                BrokerID=asker.broker_id,
                GuarantRatio=_GUARANTEE,
                ExchangeID=combination.exchange,
                InstrumentID=combination.code,
            )


# ------------------------------------------------------------------ tables
REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {"ReqCombActionInsert": insert_action}
QUERIES: Final[dict[str, Callable[[Asker, Any], Iterable[Any]]]] = {
    "ReqQryCombAction": actions,
    "ReqQryCombInstrumentGuard": guards,
    "ReqQryInvestorPositionCombineDetail": combine_details,
}
PRIVATE: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    CombActionReport: ("OnRtnCombAction", action_to_ctp),
    CombActionRefused: ("OnErrRtnCombActionInsert", input_action_to_ctp),
}
"""Entered into the tables of ``session``, ``queries`` and ``flows``."""
