"""The grammar of InstrumentIDs, both ways (spec ib 4.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctp2.ib.symbols import NoSymbol, Symbol, decode, encode, number_text, parse, write, write_con_id

CANONICAL = [
    ("AAPL-USD-STK", Symbol("STK", "AAPL", "USD", "SMART")),
    ("BRK_B-USD-STK", Symbol("STK", "BRK B", "USD", "SMART")),
    ("700-HKD-STK@SEHK", Symbol("STK", "700", "HKD", "SEHK")),
    ("CSCO-USD-STK@SMART/NASDAQ", Symbol("STK", "CSCO", "USD", "SMART", "NASDAQ")),
    ("EUR-USD-CASH", Symbol("CASH", "EUR", "USD", "IDEALPRO")),
    ("ES-202512-USD-FUT@CME", Symbol("FUT", "ES", "USD", "CME", date="202512")),
    ("SI-202603-1000-USD-FUT@COMEX", Symbol("FUT", "SI", "USD", "COMEX", date="202603", multiplier="1000")),
    ("VIX-20251203-USD-FUT@CFE", Symbol("FUT", "VIX", "USD", "CFE", date="20251203")),
    (
        "AAPL-20260116-C-200-100-USD-OPT",
        Symbol("OPT", "AAPL", "USD", "SMART", date="20260116", right="C", strike="200", multiplier="100"),
    ),
    (
        "SPX:SPXW-20251121-P-5000-100-USD-OPT",
        Symbol("OPT", "SPX", "USD", "SMART", "", "SPXW", "20251121", "P", "5000", "100"),
    ),
    (
        "ES:EW4-20251128-C-6800-50-USD-FOP@CME",
        Symbol("FOP", "ES", "USD", "CME", "", "EW4", "20251128", "C", "6800", "50"),
    ),
    (
        "CL:LO-20260115-P--2.5-1000-USD-FOP@NYMEX",
        Symbol("FOP", "CL", "USD", "NYMEX", "", "LO", "20260115", "P", "-2.5", "1000"),
    ),
    ("SPX-USD-IND@CBOE", Symbol("IND", "SPX", "USD", "CBOE")),
    ("IBUS500-USD-CFD", Symbol("CFD", "IBUS500", "USD", "SMART")),
    ("XAUUSD-USD-CMDTY", Symbol("CMDTY", "XAUUSD", "USD", "SMART")),
    ("BTC-USD-CRYPTO@PAXOS", Symbol("CRYPTO", "BTC", "USD", "PAXOS")),
    ("US912828C572-USD-BOND", Symbol("BOND", "", "USD", "SMART", isin="US912828C572")),
    ("#265598", Symbol("", con_id=265598)),
    ("#495512563@CME", Symbol("", con_id=495512563, exchange="CME")),
    ("A~2DB~40~3A~7E~5F-USD-STK", Symbol("STK", "A-B@:~_", "USD", "SMART")),
    ("~E6~81~92-HKD-STK@SEHK", Symbol("STK", "恒", "HKD", "SEHK")),
    ("MES-202512-USD-FUT", Symbol("FUT", "MES", "USD", date="202512")),
]
"""The last one is canonical only as far as it goes: an exchange is still to be found."""


@pytest.mark.parametrize(("text", "symbol"), CANONICAL)
def test_canonical(text: str, symbol: Symbol) -> None:
    assert parse(text) == symbol
    assert write(symbol) == text


@pytest.mark.parametrize(
    ("text", "symbol", "canonical"),
    [
        ("AAPL", Symbol("STK", "AAPL", "USD", "SMART"), "AAPL-USD-STK"),
        ("BRK_B", Symbol("STK", "BRK B", "USD", "SMART"), "BRK_B-USD-STK"),
        ("00700", Symbol("STK", "700", "HKD", "SEHK"), "700-HKD-STK@SEHK"),
        ("00005", Symbol("STK", "5", "HKD", "SEHK"), "5-HKD-STK@SEHK"),
        ("600519", Symbol("STK", "600519", "CNH", "SEHKNTL"), "600519-CNH-STK@SEHKNTL"),
        ("000001", Symbol("STK", "000001", "CNH", "SEHKSZSE"), "000001-CNH-STK@SEHKSZSE"),
        ("300750", Symbol("STK", "300750", "CNH", "SEHKSZSE"), "300750-CNH-STK@SEHKSZSE"),
        ("EUR.USD", Symbol("CASH", "EUR", "USD", "IDEALPRO"), "EUR-USD-CASH"),
        ("AAPL-USD-STK@SMART", Symbol("STK", "AAPL", "USD", "SMART"), "AAPL-USD-STK"),
        ("BTC-USD-CRYPTO", Symbol("CRYPTO", "BTC", "USD", "PAXOS"), "BTC-USD-CRYPTO@PAXOS"),
        ("ES:ES-202512-USD-FUT@CME", Symbol("FUT", "ES", "USD", "CME", date="202512"), "ES-202512-USD-FUT@CME"),
        (
            "AAPL-20260116-C-200.0-100-USD-OPT",
            Symbol("OPT", "AAPL", "USD", "SMART", date="20260116", right="C", strike="200", multiplier="100"),
            "AAPL-20260116-C-200-100-USD-OPT",
        ),
        ("A~2db-USD-STK", Symbol("STK", "A-b", "USD", "SMART"), "A~2Db-USD-STK"),
    ],
)
def test_other_spellings(text: str, symbol: Symbol, canonical: str) -> None:
    assert parse(text) == symbol
    assert write(symbol) == canonical
    assert parse(canonical) == symbol


def test_local_symbols_are_resolved_by_a_query() -> None:
    assert parse("ESZ5@CME") == Symbol("FUT", exchange="CME", local_symbol="ESZ5")
    assert parse("FDAX_20251219_M@EUREX") == Symbol("FUT", exchange="EUREX", local_symbol="FDAX 20251219 M")
    option = parse("AAPL260116C00200000")
    assert option == Symbol(
        "OPT", "", "USD", "SMART", date="20260116", right="C", strike="200", local_symbol="AAPL  260116C00200000"
    )
    assert parse("AAPL  260116C00200000") == option
    assert parse("SPXW251121P05012500").strike == "5012.5"
    for symbol in (option, parse("ESZ5@CME")):
        with pytest.raises(NoSymbol):
            write(symbol)


def test_bare_digits_as_con_ids() -> None:
    assert parse("265598", digits_are_con_id=True) == Symbol("", con_id=265598)
    assert parse("00700", digits_are_con_id=True) == Symbol("", con_id=700)
    assert parse("495512563@CME", digits_are_con_id=True) == Symbol("", con_id=495512563, exchange="CME")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("123", "five digits"),
        ("00000", "five digits"),
        ("510300", "five digits"),
        ("AAPL-USD", "ends in 'USD'"),
        ("AAPL-USD-STK@", "one exchange"),
        ("AAPL-USD-STK@A@B", "one exchange"),
        ("-USD-STK", "none empty"),
        ("AAPL--STK", "none empty"),
        ("AAPL-usd-STK", "no currency"),
        ("A:B-USD-STK", "trading class"),
        ("A B-USD-STK", "spaces are written _"),
        ("恒-HKD-STK", "not ASCII"),
        ("A~4-USD-STK", "two hex digits"),
        ("A~FF-USD-STK", "no UTF-8"),
        ("ES-202513-USD-FUT@CME", "contract month"),
        ("ES-20251232-USD-FUT@CME", "contract month"),
        ("ES-202512-0-USD-FUT@CME", "multiplier of 0"),
        ("ES-202512-x-USD-FUT@CME", "no multiplier"),
        ("ES:-202512-USD-FUT@CME", "SYMBOL:CLASS"),
        ("ES:A:B-202512-USD-FUT@CME", "SYMBOL:CLASS"),
        ("ES-202512-50-USD-USD-FUT@CME", "4 or 5 fields"),
        ("AAPL-20260116-X-200-100-USD-OPT", "C or P"),
        ("AAPL-20260116-C-2e2-100-USD-OPT", "no strike"),
        ("AAPL-20260116-C-200-USD-OPT", "7 fields"),
        ("US912828C57-USD-BOND", "no ISIN"),
        ("ES-202512-USD-FUT@CME/X", "listing exchange"),
        ("#0", "neither written"),
        ("#99999999999", "neither written"),
        ("#4294967296", "31 bits"),
        ("AAPL260199C00200000", "no day"),
        ("B2B", "neither written"),
    ],
)
def test_what_is_no_instrument(text: str, says: str) -> None:
    with pytest.raises(NoSymbol, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (200.0, "200"),
        (12.5, "12.5"),
        (0.0085, "0.0085"),
        (1e-05, "0.00001"),
        (1e6, "1000000"),
        ("100.00", "100"),
        (-0.0, "0"),
        (-2.5, "-2.5"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_numbers(value: float | str, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "", "1,5"])
def test_no_numbers(value: float | str) -> None:
    with pytest.raises(NoSymbol):
        number_text(value)


def test_con_ids_have_22_characters_at_most() -> None:
    assert write_con_id(2147483647, "SEHKSZSE") == "#2147483647@SEHKSZSE"
    assert write_con_id(2147483647, "TENLETTERS") == "#2147483647@TENLETTERS"
    assert write_con_id(2147483647, "ELEVENCHARS") == "#2147483647"


# ------------------------------------------------------------------ round trips
NAMES = st.text(min_size=1, max_size=8).filter(lambda text: not any(0xD800 <= ord(c) <= 0xDFFF for c in text))
CURRENCIES = st.sampled_from(["USD", "HKD", "CNH", "EUR"])
MONTHS = st.builds("{}{:02d}".format, st.integers(2000, 2099), st.integers(1, 12))
DAYS = st.builds("{}{:02d}{:02d}".format, st.integers(2000, 2099), st.integers(1, 12), st.integers(1, 28))
NUMBERS = st.decimals(min_value=0, max_value=10**6, places=4).filter(bool).map(number_text)
STRIKES = st.decimals(min_value=-1000, max_value=10**6, places=4).map(number_text)


@st.composite
def symbols(draw: st.DrawFn) -> Symbol:
    kind = draw(st.sampled_from(["STK", "FUT", "OPT", "FOP", "CASH", "IND", "CMDTY", "BOND", "CFD", "CRYPTO", ""]))
    exchange = draw(NAMES)
    currency = draw(CURRENCIES)
    if not kind:
        con_id = draw(st.integers(1, 2**31 - 1))
        short = draw(st.sampled_from(["", "CME", "SEHKSZSE"]))
        return Symbol("", con_id=con_id, exchange=short)
    if kind == "BOND":
        return Symbol(kind, "", currency, exchange, isin="US912828C572")
    if kind == "CASH":
        return Symbol(kind, draw(CURRENCIES), currency, exchange)
    name = draw(NAMES)
    if kind == "STK":
        return Symbol(kind, name, currency, exchange, draw(st.one_of(st.just(""), NAMES)))
    if kind not in ("FUT", "OPT", "FOP"):
        return Symbol(kind, name, currency, exchange)
    own_class = draw(st.one_of(st.just(""), NAMES.filter(lambda text: text != name)))
    if kind == "FUT":
        date = draw(st.one_of(MONTHS, DAYS))
        multiplier = draw(st.one_of(st.just(""), NUMBERS))
        return Symbol(kind, name, currency, exchange, "", own_class, date, multiplier=multiplier)
    right = draw(st.sampled_from("CP"))
    return Symbol(kind, name, currency, exchange, "", own_class, draw(DAYS), right, draw(STRIKES), draw(NUMBERS))


@given(symbols())
def test_every_contract_comes_back(symbol: Symbol) -> None:
    text = write(symbol)
    assert parse(text) == symbol
    assert write(parse(text)) == text
    assert text.isascii() and " " not in text


@given(NAMES)
def test_every_name_comes_back(name: str) -> None:
    assert decode(encode(name)) == name


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        symbol = parse(text)
    except NoSymbol:
        return
    if symbol.local_symbol:
        return
    assert parse(write(symbol)) == symbol
