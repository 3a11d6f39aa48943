"""The tables of exchanges and product classes, row by row (spec ib 4.2, 4.3)."""

from __future__ import annotations

import pytest

from ctp2.ib import codes_contract as codes


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        ("NASDAQ", "NASD"),
        ("ISLAND", "NASD"),
        ("NASDAQ.NMS", "NASD"),
        ("NASDAQ.SCM", "NASD"),
        ("NYSE", "NYSE"),
        ("ARCA", "ARCA"),
        ("AMEX", "AMEX"),
        ("BATS", "BATS"),
        ("SEHK", "HKEX"),
        ("HKFE", "HKEX"),
        ("SEHKNTL", "SSE"),
        ("SEHKSZSE", "SZSE"),
        ("CME", "CME"),
        ("GLOBEX", "CME"),
        ("CBOT", "CBOT"),
        ("ECBOT", "CBOT"),
        ("NYMEX", "NYMEX"),
        ("COMEX", "COMEX"),
        ("LSE", "LSE"),
        ("LSEETF", "LSE"),
        ("LMEOTC", "LME"),
        ("IDEALPRO", "IDEALPRO"),
        ("PAXOS", "PAXOS"),
        ("CBOE", "CBOE"),
        ("EUREX", "EUREX"),
        ("SGX", "SGX"),
        ("EBSSTOCKS", "EBSSTOCK"),
        ("NASDAQOMX", "NASDAQOM"),
        ("", ""),
    ],
)
def test_exchange_of_ib(exchange: str, expected: str) -> None:
    assert codes.exchange_id(exchange) == expected


@pytest.mark.parametrize(
    ("exchange_id", "sec_type", "expected"),
    [
        ("NASD", "STK", "NASDAQ"),
        ("NYSE", "STK", "NYSE"),
        ("ARCA", "STK", "ARCA"),
        ("AMEX", "STK", "AMEX"),
        ("BATS", "STK", "BATS"),
        ("HKEX", "STK", "SEHK"),
        ("HKEX", "WAR", "SEHK"),
        ("HKEX", "FUT", "HKFE"),
        ("HKEX", "OPT", "HKFE"),
        ("HKEX", "IND", "HKFE"),
        ("SSE", "STK", "SEHKNTL"),
        ("SZSE", "STK", "SEHKSZSE"),
        ("CME", "FUT", "CME"),
        ("CBOT", "FUT", "CBOT"),
        ("NYMEX", "FUT", "NYMEX"),
        ("COMEX", "FUT", "COMEX"),
        ("LSE", "STK", "LSE"),
        ("LME", "FUT", "LMEOTC"),
        ("EUREX", "FUT", "EUREX"),
    ],
)
def test_exchange_back_to_ib(exchange_id: str, sec_type: str, expected: str) -> None:
    assert codes.ib_exchange(exchange_id, sec_type) == expected


@pytest.mark.parametrize(
    ("sec_type", "exchange", "primary", "expected"),
    [
        ("STK", "SMART", "NASDAQ", "NASD"),
        ("STK", "SEHK", "", "HKEX"),
        ("STK", "SMART", "", "SMART"),
        ("FUT", "CME", "", "CME"),
        ("OPT", "SMART", "", "SMART"),
        ("OPT", "CBOE", "AMEX", "CBOE"),
        ("CASH", "IDEALPRO", "", "IDEALPRO"),
        ("IND", "", "CBOE", "CBOE"),
    ],
)
def test_exchange_of_a_contract(sec_type: str, exchange: str, primary: str, expected: str) -> None:
    assert codes.exchange_of_contract(sec_type, exchange, primary) == expected


@pytest.mark.parametrize(
    ("sec_type", "stock_type", "expected"),
    [
        ("FUT", "", "1"),
        ("OPT", "", "2"),
        ("FOP", "", "2"),
        ("WAR", "", "2"),
        ("BAG", "", "3"),
        ("CASH", "", "4"),
        ("CMDTY", "", "4"),
        ("CRYPTO", "", "4"),
        ("CFD", "", "4"),
        ("STK", "COMMON", "E"),
        ("STK", "ETF", "D"),
        ("BOND", "", "B"),
        ("IND", "", "I"),
        ("FUND", "", "E"),
    ],
)
def test_product_class(sec_type: str, stock_type: str, expected: str) -> None:
    assert codes.product_class(sec_type, stock_type) == expected
