"""The queries of money: positions, accounts, rates, who the investor is (spec ib 5.6), answered from the ledger.

Rates are asked of TWS by a what-if order of one lot, as it tells them in no other way (docs/decisions/0206).
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ctp2.core.backend import Event
from ctp2.ctp import enums as e
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.ib import codes_contract
from ctp2.ib import translate_money as translate
from ctp2.ib.identity import trade_id
from ctp2.ib.instruments import least_volume
from ctp2.ib.offsets import OPEN, ZERO
from ctp2.ib.parts import Refusal
from ctp2.ib.records import Contract, OpenOrder, OrderSpec, Refused
from ctp2.ib.translate_money import Opening, Owner, Terms
from ctp2.ib.translate_reports import day_of

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.holdings import Holding
    from ctp2.ib.parts import Asking, Handler
    from ctp2.ib.positions import Ledger
    from ctp2.ib.resolved import Resolved

log = logging.getLogger("ctp2.ib")

INSTRUMENT_NOT_FOUND: Final = 16
NEED_RETRY: Final = 90
_INT_MAX: Final = 2**31 - 1
_SECURITIES: Final = frozenset({codes_contract.STOCK, codes_contract.FUND, codes_contract.BOND})
"""Product classes of which BizType is stock."""


class Held(NamedTuple):
    """A position on its way to a client."""

    resolved: Resolved
    contract: Contract
    holding: Holding
    terms: Terms


def terms_of(session: Asking, resolved: Resolved) -> Terms:
    """A contract's terms, under the name that this client uses."""
    return Terms(
        session.backend.directory.names_of(session).position_text(resolved),
        resolved.exchange_id,
        float(resolved.multiplier),
        max(1, resolved.details.price_magnifier),
        resolved.scale,
    )


def _owner(session: Asking, account: str) -> Owner:
    return Owner(session.broker_id, account, session.backend.trading_day)


# ------------------------------------------------------------------ positions
async def _held(session: Asking, field: Any) -> tuple[str, list[Held]]:
    """The account that is asked about, and its positions, or the one in the instrument that is named."""
    account = session.account_of(field.InvestorID)
    ledger: Ledger = session.backend.ledger
    await ledger.refresh(session.link, account, with_marks=True)
    ledger.settle()
    wanted = await _wanted(session, field.InstrumentID)
    found = []
    for contract, holding in ledger.held(account):
        if wanted is None or contract.con_id == wanted:
            resolved = await session.backend.directory.of_contract(session.link, contract)
            found.append(Held(resolved, contract, holding, terms_of(session, resolved)))
    return account, found


async def _wanted(session: Asking, text: str) -> int | None:
    """Number of the instrument that a query names; None: all. An unknown one is held by nobody: 0."""
    if not text:
        return None
    try:
        resolved: Resolved = await session.backend.directory.resolve(session.link, text)
    except Refusal as refusal:
        return _nobody(text, refusal.error_id == INSTRUMENT_NOT_FOUND, refusal)
    except Refused as refused:
        return _nobody(text, refused.code == 200, refused)
    return resolved.con_id


def _nobody(text: str, is_unknown: bool, failure: Exception) -> int:
    if not is_unknown:
        raise failure
    log.info("no position in %s: %s", text, failure)
    return 0


async def investor_position(session: Asking, request: Request) -> None:
    """``ReqQryInvestorPosition``: one row per contract that is held; ExchangeID is ignored, as CTP does."""
    account, held = await _held(session, request.field)
    ledger: Ledger = session.backend.ledger
    owner = _owner(session, account)
    rows = []
    for resolved, contract, holding, terms in held:
        marks = ledger.marks(account, contract, holding, terms.magnifier)
        frozen = ledger.frozen(session.link, account, resolved.con_id)
        rows.append(translate.position_to_ctp(owner, terms, holding, holding.day(), marks, frozen))
    session.answer(request, rows)


async def position_detail(session: Asking, request: Request) -> None:
    """``ReqQryInvestorPositionDetail``: today's openings, and one line for the rest."""
    account, held = await _held(session, request.field)
    ledger: Ledger = session.backend.ledger
    rows: list[Any] = []
    for resolved, contract, holding, terms in held:
        marks = ledger.marks(account, contract, holding, terms.magnifier)
        rows += translate.position_details_to_ctp(
            _owner(session, account), terms, holding, holding.day(), marks, _openings(resolved, holding)
        )
    session.answer(request, rows)


def _openings(resolved: Resolved, holding: Holding) -> dict[int, Opening]:
    """Each opening as it was told: whole for an order of ours, else the opening part's TradeID (spec ib 5.7)."""
    found = {}
    for fill in holding.fills:
        suffix = "" if fill.is_own or not fill.parts else fill.parts[-1].suffix
        found[id(fill)] = Opening(trade_id(fill.exec_id, suffix), day_of(resolved, fill.time_ns))
    return found


def no_combinations(session: Asking, request: Request) -> None:
    """``ReqQryInvestorPositionCombineDetail``: IB holds the legs."""
    session.account_of(request.field.InvestorID)
    session.answer(request, ())


# ------------------------------------------------------------------ money
async def trading_account(session: Asking, request: Request) -> None:
    """``ReqQryTradingAccount``: the row of the base currency, or of the currency that is asked for."""
    field = request.field
    account = session.account_of(field.InvestorID or field.AccountID)
    ledger: Ledger = session.backend.ledger
    await ledger.refresh(session.link, account)
    ledger.settle()
    values = ledger.values(account)
    if values is None or not values.base:
        raise Refusal(NEED_RETRY, f"IB:no account values of {account} yet")
    funds = values.funds(field.CurrencyID, ledger.commissions(account))
    rows = [translate.account_to_ctp(_owner(session, account), funds, field.BizType)] if funds is not None else []
    session.answer(request, rows)


# ------------------------------------------------------------------ the investor
def investor(session: Asking, request: Request) -> None:
    """``ReqQryInvestor``: an empty InvestorID lists every account of the client, so that it learns their names."""
    wanted = request.field.InvestorID
    accounts = [session.account_of(wanted)] if wanted else [a for a in session.link.accounts if session.can_use(a)]
    session.answer(request, [translate.investor_to_ctp(session.broker_id, account) for account in accounts])


def trading_code(session: Asking, request: Request) -> None:
    """``ReqQryTradingCode``: the account, at every exchange of the contracts that are known."""
    field = request.field
    account = session.account_of(field.InvestorID)
    kinds: dict[str, str] = {}
    for resolved in session.backend.directory.all():
        is_security = resolved.product_class in _SECURITIES
        kinds.setdefault(resolved.exchange_id, e.THOST_FTDC_BZTP_Stock if is_security else e.THOST_FTDC_BZTP_Future)
    session.answer(
        request,
        [
            translate.trading_code_to_ctp(session.broker_id, account, exchange_id, kind)
            for exchange_id, kind in sorted(kinds.items())
            if field.ExchangeID in ("", exchange_id)
        ],
    )


def settlement_info(session: Asking, request: Request) -> None:
    """``ReqQrySettlementInfo``: one empty record (spec ib 3.1): IB's statements do not come through the API."""
    account = session.account_of(request.field.InvestorID)
    row = structs.CThostFtdcSettlementInfoField(
        BrokerID=session.broker_id, InvestorID=account, AccountID=account, TradingDay=session.backend.trading_day
    )
    session.answer(request, [row])


# ------------------------------------------------------------------ rates
async def _rated(session: Asking, field: Any) -> tuple[str, list[Resolved]]:
    """The account and the instruments whose rates are asked for: the one that is named, else what is held."""
    if field.InstrumentID:
        account = session.account_of(field.InvestorID)
        wanted = await _wanted(session, field.InstrumentID)
        if not wanted:
            return account, []
        return account, [await session.backend.directory.resolve(session.link, field.InstrumentID)]
    account, held = await _held(session, field)
    return account, [row.resolved for row in held]


class Cost(NamedTuple):
    """What one lot of an order needs and costs."""

    margin: float
    """Of InitMargin, in the base currency; 0 where the order sets margin free."""
    paid: float
    """What it takes from EquityWithLoan, in the base currency: the premium of an option."""
    fee: float
    currency: str
    """Of the fee; empty where TWS tells none."""


async def cost_of_lot(session: Asking, account: str, resolved: Resolved, action: str) -> Cost:
    """What TWS says of the smallest order that it takes, per lot.

    Raises:
        Refused: it would not take such an order, or answers none (read-only).
    """
    lots = least_volume(resolved)
    spec = OrderSpec(
        action=action,
        quantity=resolved.quantity(lots),
        order_type="MKT",
        tif="DAY",
        account=account,
        what_if=True,
    )
    answer: OpenOrder = await session.link.what_if(spec, resolved.contract)
    margin = max(answer.init_margin_change or 0.0, 0.0)
    paid = max(-(answer.equity_with_loan_change or 0.0), 0.0)
    return Cost(margin / lots, paid / lots, commission_of(answer) / lots, answer.commission_currency)


async def margin_rate(session: Asking, request: Request) -> None:
    """``ReqQryInstrumentMarginRate``: by volume, what InitMargin a lot adds in the base currency."""
    field = request.field
    account, found = await _rated(session, field)
    rows = []
    for resolved in found:
        long = (await cost_of_lot(session, account, resolved, "BUY")).margin
        short = (await cost_of_lot(session, account, resolved, "SELL")).margin
        rows.append(
            structs.CThostFtdcInstrumentMarginRateField(
                InstrumentID=terms_of(session, resolved).instrument_id,
                ExchangeID=resolved.exchange_id,
                InvestorRange=e.THOST_FTDC_IR_Single,
                BrokerID=session.broker_id,
                InvestorID=account,
                HedgeFlag=field.HedgeFlag or translate.SPECULATION,
                # Against a position an order sets margin free: there the other side tells what a lot needs.
                LongMarginRatioByVolume=long or short,
                ShortMarginRatioByVolume=short or long,
                IsRelative=0,
            )
        )
    session.answer(request, rows)


async def commission_rate(session: Asking, request: Request) -> None:
    """``ReqQryInstrumentCommissionRate``: by volume, the commission of a lot; the greatest where TWS gives a range."""
    account, found = await _rated(session, request.field)
    rows = []
    for resolved in found:
        fee = (await cost_of_lot(session, account, resolved, "BUY")).fee
        rows.append(
            structs.CThostFtdcInstrumentCommissionRateField(
                InstrumentID=terms_of(session, resolved).instrument_id,
                ExchangeID=resolved.exchange_id,
                InvestorRange=e.THOST_FTDC_IR_Single,
                BrokerID=session.broker_id,
                InvestorID=account,
                OpenRatioByVolume=fee,
                CloseRatioByVolume=fee,
                CloseTodayRatioByVolume=fee,
                BizType=e.THOST_FTDC_BZTP_Stock if resolved.product_class in _SECURITIES else e.THOST_FTDC_BZTP_Future,
            )
        )
    session.answer(request, rows)


def commission_of(answer: OpenOrder) -> float:
    """The commission of a what-if order; of a range its upper end; 0 where TWS tells none."""
    for amount in (answer.commission, answer.max_commission, answer.min_commission):
        if amount is not None:
            return amount
    return 0.0


async def max_order_volume(session: Asking, request: Request) -> None:
    """``ReqQryMaxOrderVolume``: what AvailableFunds allow to open, or what can be closed; one row with an RspInfo."""
    field = request.field
    account = session.account_of(field.InvestorID)
    resolved: Resolved = await session.backend.directory.resolve(session.link, field.InstrumentID)
    row = field.__copy__()
    row.ExchangeID = resolved.exchange_id
    row.MaxVolume = await _max_volume(session, account, resolved, field)
    session.put([Event(request.method.response, row, rsp_info(0), request.request_id)])


async def _max_volume(session: Asking, account: str, resolved: Resolved, field: Any) -> int:
    ledger: Ledger = session.backend.ledger
    is_buy = field.Direction == e.THOST_FTDC_D_Buy
    if field.OffsetFlag not in ("", OPEN):
        left = ledger.closable(session.link, account, resolved.con_id, is_buy=is_buy)
        return min(int(left * resolved.scale), _INT_MAX)
    await ledger.refresh(session.link, account)
    values = ledger.values(account)
    available = values.amount("AvailableFunds", values.base) if values is not None else None
    if values is None or available is None:
        raise Refusal(NEED_RETRY, f"IB:no account values of {account} yet")
    cost = await cost_of_lot(session, account, resolved, "BUY" if is_buy else "SELL")
    fee = values.in_base(values.base, {cost.currency: cost.fee})
    net = ledger.net(account, resolved.con_id)
    against = max(-net if is_buy else net, ZERO)
    return lots_for(available, cost.margin + cost.paid + fee, against * resolved.scale)


def lots_for(available: float, per_lot: float, against: Decimal) -> int:
    """How many lots ``available`` pays for, behind ``against``, which close an opposite position and need none."""
    if per_lot <= 0:
        return _INT_MAX
    return min(int(against) + int(max(available, 0.0) / per_lot), _INT_MAX)


REQUESTS: Final[dict[str, Handler]] = {
    "ReqQryInvestorPosition": investor_position,
    "ReqQryInvestorPositionDetail": position_detail,
    "ReqQryInvestorPositionCombineDetail": no_combinations,
    "ReqQryTradingAccount": trading_account,
    "ReqQryInvestor": investor,
    "ReqQryTradingCode": trading_code,
    "ReqQrySettlementInfo": settlement_info,
    "ReqQryInstrumentMarginRate": margin_rate,
    "ReqQryInstrumentCommissionRate": commission_rate,
    "ReqQryMaxOrderVolume": max_order_volume,
    "ReqQueryMaxOrderVolume": max_order_volume,
}
