"""Transfers between the futures account and a simulated bank (spec ctp-semantics 12.1).

``bank=on``: one bank, which carries everything out at once [SIM]; ``bank=off``: no bank is connected, error 2000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Request
from ctp2.core.unsupported import convert, refuse
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.tts import rejections as error
from ctp2.tts import values
from ctp2.tts.asker import Asker, Query, Rows, matches
from ctp2.tts.events import RequestRefused
from ctp2.tts.money_text import CURRENCIES
from ctp2.tts.rights import BankToFuture, FutureToBank, MoneyMoved, MoveMoney, bank_money, refusal_of_money

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctp2.tts.session import TtsSession

BANK_ID: Final = "1"
BRANCH_ID: Final = "0000"
BANK_NAME: Final = "ctp2模拟银行"
BANK_TO_FUTURE: Final = "202001"
FUTURE_TO_BANK: Final = "202002"
ASK_BALANCE: Final = "204002"
SAVING_CARD: Final = "2"
NO_CHECK: Final = "0"
"""SecuPwdFlag: the funds password is not asked for."""
_MOST: Final = 1e12
_CENT: Final = 10_000

ECHO: Final = (
    "BankID",
    "BankBranchID",
    "BrokerID",
    "BrokerBranchID",
    "CustomerName",
    "IdCardType",
    "IdentifiedCardNo",
    "CustType",
    "BankAccount",
    "AccountID",
    "UserID",
    "CurrencyID",
    "Message",
    "BankAccType",
    "DeviceID",
    "OperNo",
    "LongCustomerName",
)
"""What a return hands back of a request, in the order of ``MoveMoney.echo``; never a password."""
ECHO_NUMBERS: Final = ("RequestID", "SessionID", "TID")
"""Behind them, as decimal text."""


# ------------------------------------------------------------------ requests
def transfer(session: TtsSession, request: Request) -> None:
    """``ReqFromBankToFutureByFuture``, ``ReqFromFutureToBankByFuture``."""
    field = request.field
    sign = 1 if request.method.name == "ReqFromBankToFutureByFuture" else -1
    number = _refusal(session, field) or _amount_refusal(field.TradeAmount)
    if not number:
        command = MoveMoney(
            session.backend.counter.now_ns(),
            session.account_id,
            field.CurrencyID or "CNY",
            sign * round(field.TradeAmount * 100) * _CENT,
            True,
            (
                *(getattr(field, name) for name in ECHO),
                str(field.RequestID),
                str(session.session_id),
                str(field.TID),
            ),
        )
        number = refusal_of_money(session.backend.engine.state.accounts[session.account_id], command)
        if not number:
            session.backend.counter.publish(session.backend.engine.move_money(command))
            return
    session.tell_refusal(refuse(request, number, with_err_rtn=True))


def ask_bank(session: TtsSession, request: Request) -> None:
    """``ReqQueryBankAccountMoneyByFuture``: the answer comes as ``OnRtnQueryBankBalanceByFuture``."""
    field = request.field
    number = _refusal(session, field)
    if number:
        session.tell_refusal(refuse(request, number, with_err_rtn=True))
        return
    now_ns = session.backend.counter.now_ns()
    account = session.backend.engine.state.accounts[session.account_id]
    money = values.money_to_ctp(bank_money(account, field.CurrencyID or "CNY"))
    told = convert(field, "CThostFtdcNotifyQueryAccountField")
    told.BankPassWord = told.Password = ""
    told.TradeCode = ASK_BALANCE
    told.BankID, told.BankBranchID = BANK_ID, BRANCH_ID
    zone = session.backend.world.zone
    told.TradeDate, told.TradeTime = values.date_of(now_ns, zone), values.time_of(now_ns, zone)
    told.TradingDay = session.backend.trading_day
    told.CurrencyID = field.CurrencyID or "CNY"
    told.SessionID = session.session_id
    told.BankUseAmount = told.BankFetchAmount = money
    told.ErrorMsg = rsp_info(0).ErrorMsg
    event = Event("OnRtnQueryBankBalanceByFuture", told)
    session.backend.tell(RequestRefused(session.account_id, now_ns, event))


def update_funds_password(session: TtsSession, request: Request) -> None:
    """``ReqTradingAccountPasswordUpdate``: 149, 2011, 2001, 142, 131."""
    field = request.field
    number = _account_refusal(session, field.AccountID)
    if not number:
        session.change_password("funds", request)
        return
    session.put((Event(request.method.response, field, rsp_info(number), request.request_id),))


def _refusal(session: TtsSession, field: Any) -> int:
    """Bank, account, currency, password: in this order."""
    if session.backend.config.options.bank == "off":
        return error.NO_VALID_BANKOFFER_AVAILABLE
    number = _account_refusal(session, field.AccountID)
    if number:
        return number
    if field.BankID not in ("", BANK_ID):
        return error.ILLEGAL_TRANSFER_BANK
    if field.CurrencyID and field.CurrencyID not in CURRENCIES:
        return error.CURRENCYID_NOT_SUPPORTED
    if field.SecuPwdFlag != NO_CHECK and not session.backend.users.is_funds_password(
        session.account_id, field.Password
    ):
        return error.PASSWORD_MISMATCH
    return 0


def _account_refusal(session: TtsSession, account_id: str) -> int:
    if not account_id:
        return error.ACCOUNT_ID_IS_MISSING
    return 0 if account_id == session.account_id else error.ACCOUNT_NOT_FUND


def _amount_refusal(amount: float) -> int:
    """An amount above 0 in whole cents (NaN is none); more than money can hold is over the limit."""
    if not amount > 0:
        return error.AMOUNT_OUTOFTHEWAY
    if amount > _MOST:
        return error.AMOUNT_OR_TIMES_OVER
    return 0 if abs(amount * 100 - round(amount * 100)) < 1e-4 else error.AMOUNT_OUTOFTHEWAY


BANK_REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {
    "ReqFromBankToFutureByFuture": transfer,
    "ReqFromFutureToBankByFuture": transfer,
    "ReqQueryBankAccountMoneyByFuture": ask_bank,
    "ReqTradingAccountPasswordUpdate": update_funds_password,
}


# ------------------------------------------------------------------ returns
def transfer_to_ctp(moved: MoneyMoved) -> structs.CThostFtdcRspTransferField:
    """A transfer that was carried out, as ``OnRtnFrom…ByFuture`` shows it."""
    zone = moved.zone or values.BEIJING
    record = structs.CThostFtdcRspTransferField(
        TradeCode=_trade_code(moved),
        TradeDate=values.date_of(moved.now_ns, zone),
        TradeTime=values.time_of(moved.now_ns, zone),
        TradingDay=moved.trading_day,
        BankSerial=values.number_to_ctp(moved.serial),
        PlateSerial=moved.serial,
        FutureSerial=moved.serial,
        LastFragment="0",
        InstallID=1,
        TradeAmount=values.money_to_ctp(abs(moved.amount)),
        FeePayFlag="0",
        TransferStatus="0",
        ErrorMsg=rsp_info(0).ErrorMsg,
    )
    for name, value in zip(ECHO, moved.echo, strict=False):
        setattr(record, name, value)
    for name, value in zip(ECHO_NUMBERS, moved.echo[len(ECHO) :], strict=True):
        setattr(record, name, int(value))
    record.BankID, record.BankBranchID = BANK_ID, BRANCH_ID
    record.CurrencyID = moved.currency
    return record


def _trade_code(moved: MoneyMoved) -> str:
    return BANK_TO_FUTURE if moved.amount > 0 else FUTURE_TO_BANK


BANK_RETURNS: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    BankToFuture: ("OnRtnFromBankToFutureByFuture", transfer_to_ctp),
    FutureToBank: ("OnRtnFromFutureToBankByFuture", transfer_to_ctp),
}


# ------------------------------------------------------------------ queries
def _has_bank(asker: Asker) -> bool:
    return asker.world.config.options.bank == "on"


def transfer_banks(asker: Asker, field: Any) -> Rows:
    """``ReqQryTransferBank``: the one bank; no row without it."""
    if _has_bank(asker) and matches(field.BankID, BANK_ID) and matches(field.BankBrchID, BRANCH_ID):
        yield structs.CThostFtdcTransferBankField(BankID=BANK_ID, BankBrchID=BRANCH_ID, BankName=BANK_NAME, IsActive=1)


def contract_banks(asker: Asker, field: Any) -> Rows:
    """``ReqQryContractBank``: the bank that the broker has a contract with."""
    if _has_bank(asker) and matches(field.BankID, BANK_ID) and matches(field.BankBrchID, BRANCH_ID):
        yield structs.CThostFtdcContractBankField(
            BrokerID=asker.broker_id, BankID=BANK_ID, BankBrchID=BRANCH_ID, BankName=BANK_NAME
        )


def account_registers(asker: Asker, field: Any) -> Rows:
    """``ReqQryAccountregister``: every account is registered with the bank, in each of its currencies."""
    if not _has_bank(asker) or not asker.is_own_account(field) or not matches(field.BankID, BANK_ID):
        return
    account = asker.account
    for currency in account.purses:
        if matches(field.CurrencyID, currency):
            yield structs.CThostFtdcAccountregisterField(
                TradeDay=asker.world.trading_day,
                BankID=BANK_ID,
                BankBranchID=BRANCH_ID,
                BankAccount=account.account_id,
                BrokerID=asker.broker_id,
                AccountID=account.account_id,
                CustomerName=asker.name,
                CurrencyID=currency,
                OpenOrDestroy="1",
                RegDate=asker.world.trading_day,
                CustType="0",
                BankAccType=SAVING_CARD,
            )


def transfer_serials(asker: Asker, field: Any) -> Rows:
    """``ReqQryTransferSerial``: the day's transfers, in their order."""
    if not asker.is_own_account(field) or not matches(field.BankID, BANK_ID):
        return
    for moved in asker.account.transfers:
        if matches(field.CurrencyID, moved.currency):
            record = transfer_to_ctp(moved)
            yield structs.CThostFtdcTransferSerialField(
                PlateSerial=record.PlateSerial,
                TradeDate=record.TradeDate,
                TradingDay=asker.world.trading_day,
                TradeTime=record.TradeTime,
                TradeCode=record.TradeCode,
                SessionID=record.SessionID,
                BankID=BANK_ID,
                BankBranchID=BRANCH_ID,
                BankAccType=SAVING_CARD,
                BankAccount=record.BankAccount or asker.account.account_id,
                BankSerial=record.BankSerial,
                BrokerID=asker.broker_id,
                FutureAccType=SAVING_CARD,
                AccountID=asker.account.account_id,
                InvestorID=asker.account.account_id,
                FutureSerial=record.FutureSerial,
                CurrencyID=record.CurrencyID,
                TradeAmount=record.TradeAmount,
                AvailabilityFlag="1",
            )


BANK_QUERIES: Final[dict[str, Query]] = {
    "ReqQryTransferBank": transfer_banks,
    "ReqQryContractBank": contract_banks,
    "ReqQryAccountregister": account_registers,
    "ReqQryTransferSerial": transfer_serials,
}
