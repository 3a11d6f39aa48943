"""Why an order or a cancel is refused: CTP's own numbers, and the exchange's reasons.

A CTP refusal (``OnRspOrderInsert`` + ``OnErrRtnOrderInsert``) and an exchange refusal (``OnRtnOrder`` 5/4) are two
different things with two different code spaces (spec ctp-semantics 3.4). The prompts of the numbers live in
``ctp2.ctp.errors``, the exchange texts in ``codes.py``.
"""

from __future__ import annotations

from typing import Final

# CTP error numbers (spec ctp-semantics 13)
NONE: Final = 0
INVALID_LOGIN: Final = 3
NO_PRIVILEGE: Final = 9
INVESTOR_NOT_FOUND: Final = 13
OLD_PASSWORD_MISMATCH: Final = 14
BAD_FIELD: Final = 15
INSTRUMENT_NOT_FOUND: Final = 16
INSTRUMENT_NOT_TRADING: Final = 17
DUPLICATE_ORDER_REF: Final = 22
BAD_ORDER_ACTION_FIELD: Final = 23
ORDER_NOT_FOUND: Final = 25
INSUITABLE_ORDER_STATUS: Final = 26
UNSUPPORTED_FUNCTION: Final = 27
OVER_CLOSE_POSITION: Final = 30
INSUFFICIENT_MONEY: Final = 31
SHORT_SELL: Final = 37
SETTLEMENT_INFO_NOT_CONFIRMED: Final = 42
OVER_CLOSETODAY_POSITION: Final = 50
OVER_CLOSEYESTERDAY_POSITION: Final = 51
SINGLEUSERSESSION_EXCEED_LIMIT: Final = 60
EXCHANGE_UNSUPPORTED_ARBITRAGE: Final = 61
SWAPORDER_UNSUPPORTED: Final = 65
OPTIONS_ONLY_SUPPORT_SPEC: Final = 66
DUPLICATE_EXECORDER_REF: Final = 67
EXECORDER_NOTOPTIONS: Final = 69
OPTIONS_NOT_SUPPORT_EXEC: Final = 70
BAD_EXECORDER_ACTION_FIELD: Final = 71
DUPLICATE_EXECORDER_ACTION_REF: Final = 72
EXECORDER_NOT_FOUND: Final = 73
OVER_EXECUTE_POSITION: Final = 74
PRICETYPE_NOTSUPPORT_BYEXCHANGE: Final = 80
BAD_EXECUTE_TYPE: Final = 81
OPTIONS_NOT_SUPPORT_ABANDON: Final = 87
EXCHANGE_RTNERROR: Final = 91
BAD_PRICE_VALUE: Final = 95
EXEC_FORBIDDEN_TIME: Final = 139
INVESTOR_ID_IS_MISSING: Final = 146
EXCHANGE_ID_IS_MISSING: Final = 147
EXCHANGE_ID_IS_INVALID: Final = 148
EXCHANGE_ID_IS_WRONG: Final = 150
CLOSE_OPTION_NO_MONEY: Final = 156
OPTION_SELF_CLOSE_NOT_OPTION: Final = 3041
OPTION_SELF_CLOSE_DUPLICATE_REF: Final = 3042
OPTION_SELF_CLOSE_BAD_FIELD: Final = 3043
OPTION_SELF_CLOSE_REC_NOT_FOUND: Final = 3044
OPTION_SELF_CLOSE_STATUS_ERR: Final = 3045
OPTION_SELF_CLOSE_DOUBLE_SET_ERR: Final = 3046
PWD_MUST_DIFF: Final = 142
CFMMC_NO_CONNECTION: Final = 155

# Accounts: rights, limits, passwords, terminals, money
USER_NOT_ACTIVE: Final = 4
CHANGE_OTHER_PASSWORD: Final = 10
INVESTOR_NOT_ACTIVE: Final = 19
NOT_EXCHANGE_CLIENT: Final = 20
NO_TRADING_RIGHT: Final = 28
CLOSE_ONLY: Final = 29
NO_CONDITIONAL_ORDER_RIGHT: Final = 62
AUTH_FAILED: Final = 63
NOT_AUTHENT: Final = 64
LOGIN_FORBIDDEN: Final = 75
POSI_LIMIT: Final = 106
ORDER_FREQ_LIMIT: Final = 116
WEAK_PASSWORD: Final = 131
FIRST_LOGIN: Final = 140
PWD_OUT_OF_DATE: Final = 141
ACCOUNT_ID_IS_MISSING: Final = 149
ILLEGAL_TRANSFER_BANK: Final = 1002
AMOUNT_OR_TIMES_OVER: Final = 1021
NOT_IN_TRANSFER_TIME: Final = 1022
CURRENCYID_NOT_SUPPORTED: Final = 1035
NO_VALID_BANKOFFER_AVAILABLE: Final = 2000
PASSWORD_MISMATCH: Final = 2001
ACCOUNT_NOT_FUND: Final = 2011
AMOUNT_OUTOFTHEWAY: Final = 2014
AUTHUSER_CHECK_ERR: Final = 4043
OVER_SUB_INST_LIMIT: Final = 6000

# Orders that wait in the counter, and kinds of order
EXCHANGE_TRADING: Final = 44
PARKED_NOT_FOUND: Final = 45
PARKED_SENT: Final = 46
PARKED_DELETED: Final = 47
BROKER_NOT_ENOUGH_CONDORDER: Final = 52
INVESTOR_NOT_ENOUGH_CONDORDER: Final = 53
BROKER_NOT_SUPPORT_CONDORDER: Final = 54
COMBOPTIONS_SUPPORT_IOC_ONLY: Final = 88
BATCH_ACTION_UNSUPPORTED: Final = 103
OVER_INVESTOR_PARKED: Final = 159
OVER_BROKER_PARKED: Final = 160
PARKED_WRONG_TYPE: Final = 161

# The exchange's reasons (keys; texts in codes.py)
PHASE: Final = 26
OFF_TICK: Final = 48
ABOVE_UPPER_LIMIT: Final = 49
BELOW_LOWER_LIMIT: Final = 50
PRICE_NOT_POSITIVE: Final = 51
ORDER_TYPE: Final = 79
VOLUME: Final = 700
EXERCISE_DAY: Final = 701
OPTION_PRICE: Final = 702


class Rejection:
    """A refusal by CTP: its number, and a text when it differs from the number's own prompt."""

    __slots__ = ("error_id", "message")

    def __init__(self, error_id: int, message: str = "") -> None:
        self.error_id: int = error_id
        self.message: str = message
