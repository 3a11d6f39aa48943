"""The statement's text: layout byte by byte, the vectors of the specification, and what any account looks like."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.tts import settled
from ctp2.tts.settled import AccountSettled, PurseSettled
from ctp2.tts.statement import chunks, month_of, statement
from ctp2.tts.statement_cells import cut, price
from tests.tts import settlements as given_by_hand
from tests.tts.settlements import ACCOUNTS, DAY, MADE_NS, micro
from tests.tts.statement_reader import Block, Read, read

GOLDEN = Path(__file__).parents[1] / "data" / "statements"

TRADES = "成交记录 Transaction Record"
CLOSED = "平仓明细 Position Closed"
DETAILS = "持仓明细 Positions Detail"
POSITIONS = "持仓汇总 Positions"
TRANSFERS = "出入金明细 Deposit/Withdrawal"
EXERCISES = "行权明细 Exercise Statement"
DELIVERED = "交割明细 Delivery Statement"

# Table → the account's list, and each number of a row: column → field.
NUMBERS: dict[str, tuple[str, dict[str, str]]] = {
    TRADES: (
        "trades",
        {
            "Price": "price",
            "Lots": "volume",
            "Turnover": "turnover",
            "Fee": "fee",
            "Realized P/L": "close_profit",
            "Premium Received/Paid": "premium",
            "Trans.No.": "trade_id",
        },
    ),
    EXERCISES: (
        "exercises",
        {"Lots": "volume", "Strike Price": "strike", "Amount": "amount", "P/L": "profit", "Fee": "fee"},
    ),
    DELIVERED: (
        "delivered",
        {
            "Lots": "volume",
            "Pos. Open Price": "open_price",
            "Prev. Sttl": "pre_settlement",
            "Delivery Price": "price",
            "Delivery P/L": "profit",
            "Fee": "fee",
        },
    ),
    CLOSED: (
        "closed",
        {
            "Lots": "volume",
            "Pos. Open Price": "open_price",
            "Prev. Sttl": "pre_settlement",
            "Trans. Price": "price",
            "Realized P/L": "close_profit",
            "Premium Received/Paid": "premium",
        },
    ),
    DETAILS: (
        "details",
        {
            "Positon": "volume",
            "Pos. Open Price": "open_price",
            "Prev. Sttl": "pre_settlement",
            "Settlement Price": "settlement",
            "Accum. P/L": "accumulated",
            "MTM P/L": "mtm",
            "Margin": "margin",
            "Market Value(Options)": "option_value",
        },
    ),
    POSITIONS: (
        "positions",
        {
            "Long Pos.": "long_volume",
            "Avg Buy Price": "long_average",
            "Short Pos.": "short_volume",
            "Avg Sell Price": "short_average",
            "Prev. Sttl": "pre_settlement",
            "Sttl Today": "settlement",
            "MTM P/L": "mtm",
            "Margin Occupied": "margin",
            "Market Value(Long)": "long_option_value",
            "Market Value(Short)": "short_option_value",
        },
    ),
}
FIGURES = {
    "Balance b/f": "balance_bf",
    "Deposit/Withdrawal": "deposit_withdrawal",
    "Realized P/L": "close_profit",
    "MTM P/L": "mtm",
    "Exercise P/L": "exercise_profit",
    "Commission": "commission",
    "Exercise Fee": "exercise_fee",
    "Delivery Fee": "delivery_fee",
    "Premium received": "premium_received",
    "Premium paid": "premium_paid",
    "Delivery P/L": "delivery_profit",
    "Initial Margin": "initial_margin",
    "Balance c/f": "balance_cf",
    "Pledge Amount": "pledge",
    "Client Equity": "client_equity",
    "Margin Occupied": "margin",
    "Delivery Margin": "delivery_margin",
    "Market value(long)": "long_option_value",
    "Market value(short)": "short_option_value",
    "Market value(equity)": "market_value_equity",
    "Fund Avail.": "available",
    "Margin Call": "margin_call",
}
ALWAYS_NOTHING = ("New FX Pledge", "FX Redemption", "Chg in Pledge Amt", "FX Pledge Occ.", "Chg in FX Pledge")


def made(account: AccountSettled) -> Read:
    return read(statement(account, DAY, MADE_NS).decode("gbk"))


def shown(value: Any) -> Decimal:
    """A value of a record as the statement shows it: a price is a Decimal, an amount an integer of 0.000001."""
    return value.quantize(Decimal("0.001"), ROUND_HALF_UP) if isinstance(value, Decimal) else value


def cents(amount: int) -> Decimal:
    with_cents = Decimal(amount) / 1_000_000
    return with_cents.quantize(Decimal("0.01"), ROUND_HALF_UP)


COUNTS = ("volume", "trade_id", "long_volume", "short_volume")


def compare(account: AccountSettled, got: Read) -> None:
    """Every number of an account stands in its statement."""
    for block in got.blocks:
        purses = [purse for purse in account.purses if purse.currency == block.currency]
        assert [cents(getattr(purses[0], name)) for name in FIGURES.values()] == [
            block.figures[label] for label in FIGURES
        ]
        assert {block.figures[label] for label in ALWAYS_NOTHING} == {Decimal("0.00")}
        for title, (name, columns) in NUMBERS.items():
            lines = [line for line in getattr(account, name) if line.currency == block.currency]
            compare_table(block, title, lines, columns)
        moved = [line.amount for line in account.transfers if line.currency == block.currency]
        assert bool(moved) == (TRANSFERS in block.tables)
        if moved:
            table = block.tables[TRANSFERS]
            pairs = zip(table.numbers("Deposit"), table.numbers("Withdrawal"), strict=True)
            assert [in_ - out for in_, out in pairs] == [cents(amount) for amount in moved]
            assert table.sum("Deposit") - table.sum("Withdrawal") == cents(sum(moved))


def compare_table(block: Block, title: str, lines: list[Any], columns: dict[str, str]) -> None:
    assert bool(lines) == (title in block.tables)
    if not lines:
        return
    table = block.tables[title]
    for label, name in columns.items():
        values = [getattr(line, name) for line in lines]
        if isinstance(values[0], Decimal) or name in COUNTS:
            assert table.numbers(label) == [shown(value) for value in values], label
        else:
            assert table.numbers(label) == [cents(value) for value in values], label
        if not isinstance(values[0], Decimal) and name != "trade_id":
            total = Decimal(sum(values)) if name in COUNTS else cents(sum(values))
            assert table.sum(label) == total, label


# ------------------------------------------------------------------ golden files
@pytest.mark.parametrize("name", ACCOUNTS)
def test_golden(name: str) -> None:
    """One per market, checked by eye against the layout when it was put there; never written by a test."""
    assert statement(ACCOUNTS[name](), DAY, MADE_NS) == (GOLDEN / f"{name}.txt").read_bytes()


@pytest.mark.parametrize("name", ACCOUNTS)
def test_every_number_is_read_back(name: str) -> None:
    account = ACCOUNTS[name]()
    compare(account, made(account))


# ------------------------------------------------------------------ the vectors
def test_vector_of_the_specification() -> None:
    """Every figure that 11.3 gives, by the text alone."""
    got = made(given_by_hand.vector())
    assert (got.client_id, got.client_name, got.created, got.date) == ("081234", "测试客户", DAY, DAY)
    (block,) = got.blocks
    assert (block.account_id, block.currency) == ("081234", "CNY")
    figures = {
        "Balance b/f": "10000000.00",
        "Commission": "11.41",
        "Realized P/L": "240.00",
        "MTM P/L": "-1370.00",
        "Margin Occupied": "172043.20",
        "Balance c/f": "9998858.59",
        "Fund Avail.": "9826815.39",
        "Risk Degree": "1.72",
    }
    assert {name: str(block.figures[name]) for name in figures} == figures
    trades = block.tables[TRADES]
    assert trades.column("Instrument") == ["ag2306"] * 4 + ["au2308"]
    assert trades.column("B/S") == ["买", "卖", "买", "卖", "卖"]
    assert trades.column("O/C") == ["开", "开", "开", "平今", "开"]
    assert trades.column("Price") == ["4942.000", "4927.000", "4927.000", "4946.000", "413.100"]
    assert trades.column("Fee") == ["2.97", "1.48", "2.96", "0.00", "4.00"]
    assert trades.sum("Fee") == Decimal("11.41")
    assert block.tables[CLOSED].column("Realized P/L") == ["240.00"]
    details = block.tables[DETAILS]
    assert details.column("MTM P/L") == ["60.00", "-30.00", "-1400.00"]
    assert details.column("Margin") == ["56179.20", "28089.60", "115864.00"]
    assert details.sum("Margin") == Decimal("200132.80")
    assert block.tables[POSITIONS].sum("Margin Occupied") == Decimal("172043.20")


def test_option_of_the_worked_example() -> None:
    """Spec 17.2: the statement of the first day."""
    (block,) = made(given_by_hand.option()).blocks
    figures = {
        "Premium received": "3100.00",
        "Premium paid": "1400.00",
        "Commission": "7.00",
        "Balance c/f": "201693.00",
        "Market value(short)": "1950.00",
        "Market value(equity)": "199743.00",
        "Margin Occupied": "10230.00",
        "Fund Avail.": "191463.00",
    }
    assert {name: str(block.figures[name]) for name in figures} == figures


# ------------------------------------------------------------------ layout
def lines_of(account: AccountSettled) -> list[bytes]:
    return statement(account, DAY, MADE_NS).split(b"\r\n")


WIDTHS = {
    TRANSFERS: (8, 16, 14, 14, 24),
    TRADES: (8, 10, 8, 11, 18, 16, 5, 12, 10, 6, 12, 18, 10, 12, 21, 18, 14),
    EXERCISES: (8, 10, 8, 11, 18, 16, 12, 5, 10, 6, 12, 14, 12, 10, 14),
    DELIVERED: (8, 10, 8, 11, 18, 16, 9, 12, 5, 6, 15, 16, 14, 12, 10, 14),  # ours
    CLOSED: (10, 10, 8, 11, 18, 16, 9, 5, 5, 10, 15, 16, 12, 12, 21, 14),
    DETAILS: (10, 8, 11, 18, 16, 9, 12, 5, 7, 15, 16, 16, 12, 11, 11, 22, 14),
    POSITIONS: (10, 11, 18, 16, 13, 13, 14, 14, 10, 10, 12, 15, 12, 18, 19, 14),
}
"""From spec 11.3."""


def sections(lines: list[bytes]) -> list[tuple[str, list[bytes]]]:
    """Title → the lines from the title to the rule below the total row."""
    found = []
    for at, line in enumerate(lines):
        title = line.decode("gbk").strip()
        if title in WIDTHS:
            rules = [number for number in range(at, len(lines)) if lines[number] and not lines[number].strip(b"-")]
            found.append((title, lines[at : rules[3] + 1]))
    return found


def cell_widths(row: bytes) -> tuple[int, ...]:
    """Bytes of each cell. Decoded first: the second byte of a character may be that of a |."""
    return tuple(len(cell.encode("gbk")) for cell in row.decode("gbk")[1:-1].split("|"))


@pytest.mark.parametrize("name", ACCOUNTS)
def test_tables_have_the_widths_of_the_specification(name: str) -> None:
    found = sections(lines_of(ACCOUNTS[name]()))
    assert found
    for title, lines in found:
        widths = WIDTHS[title]
        full = sum(widths) + len(widths) + 1
        assert {len(line) for line in lines} == {full}, title
        assert [len(line) for line in lines if not line.strip(b"-")] == [full] * 4
        for line in lines:
            if line.startswith(b"|"):
                assert cell_widths(line) == widths


def test_header_lines() -> None:
    lines = lines_of(given_by_hand.vector())
    assert [line.decode("gbk") for line in lines[:8]] == [
        " " * 44 + "ctp2模拟柜台" + " " * 44,  # 12 bytes
        " " * 68 + "制表时间 Creation Date：20230417",  # 32 bytes
        "-" * 100,
        " " * 29 + "交易结算单(盯市) Settlement Statement(MTM)" + " " * 29,  # 42 bytes
        "客户号 Client ID：  081234          客户名称 Client Name：测试客户",
        "日期 Date：20230417",
        "",
        # 90 bytes
        " " * 5
        + "资金状况   资金账号：081234  币种：人民币  Account Summary AccountID：081234 Currency：CNY"
        + " " * 5,
    ]
    assert lines[8] == b"-" * 100
    assert {len(line) for line in lines[9:23]} == {100}
    assert lines[9].decode("gbk") == (
        "期初结存 Balance b/f：                10000000.00  基础保证金 Initial Margin：                  0.00"
    )
    assert lines[22].decode("gbk") == (
        "交割盈亏 Delivery P/L：                      0.00  货币质押变化金额 Chg in FX Pledge:           0.00"
    )
    assert lines[20].endswith(b"1.72%")
    assert (lines[23], lines[24].strip()) == (b"", TRADES.encode("gbk"))


def test_legends_and_the_end() -> None:
    text = statement(given_by_hand.vector(), DAY, MADE_NS).decode("gbk")
    everywhere = (
        "能源中心---INE  上期所---SHFE   中金所---CFFEX  大商所---DCE   郑商所---CZCE   广期所---GFEX\r\n"
        "买---Buy   卖---Sell\r\n"
        "投机---Speculation  套保---Hedge  套利---Arbitrage  一般---General  交易---Trade  做市商---Market Maker\r\n"
    )
    assert text.count(everywhere) == 3  # after transactions, closed and detail; not after the last section
    assert text.count("开---Open 平---Close 平今---Close Today 强平---Forced Liquidation") == 1
    assert text.endswith("-\r\n\r\n\r\n")
    assert text.count("\n") == text.count("\r\n")


def test_the_exchanges_that_ctp_does_not_have_are_explained_where_they_appear() -> None:
    assert "港交所---HKEX" in statement(given_by_hand.hong_kong(), DAY, MADE_NS).decode("gbk")
    assert "港交所---HKEX" not in statement(given_by_hand.vector(), DAY, MADE_NS).decode("gbk")


def test_sections_come_in_their_order_and_only_with_rows() -> None:
    text = statement(given_by_hand.everything(), DAY, MADE_NS).decode("gbk")
    found = [line.strip() for line in text.split("\r\n") if line.strip() in WIDTHS]
    assert found == [
        TRANSFERS,
        EXERCISES,
        DELIVERED,
        DETAILS,
        POSITIONS,
    ]  # the last two in the block of the other currency
    assert [block.currency for block in read(text).blocks] == ["CNY", "USD"]


def test_money_that_only_lies_there_is_shown_in_cny_alone() -> None:
    """Who trades futures has one block, as readers of statements expect, whatever else the counter gave him."""

    def lying(currency: str) -> PurseSettled:
        return PurseSettled(currency=currency, balance_bf=5, balance_cf=5, available=5)

    account = AccountSettled(account_id="a", purses=[lying("CNY"), lying("HKD"), lying("USD")])
    assert [block.currency for block in made(account).blocks] == ["CNY"]
    account.purses[1].deposit_withdrawal = 1
    account.trades = [msgspec.structs.replace(given_by_hand.vector().trades[0], currency="USD")]
    assert [block.currency for block in made(account).blocks] == ["CNY", "HKD", "USD"]


def test_a_currency_without_anything_is_left_out_unless_there_is_no_other() -> None:
    assert [block.currency for block in made(given_by_hand.hong_kong()).blocks] == ["HKD"]
    nothing = AccountSettled(account_id="new", purses=[PurseSettled(currency=name) for name in ("CNY", "USD")])
    (block,) = made(nothing).blocks
    assert (block.currency, set(block.figures.values())) == ("CNY", {Decimal("0.00")})
    assert [block.currency for block in made(AccountSettled(account_id="new")).blocks] == ["CNY"]


@pytest.mark.parametrize(
    ("margin", "equity", "risk"),
    [
        ("0.00", "0.00", "0.00"),
        ("10.00", "0.00", "0.00"),
        ("12.345", "1000.00", "1.23"),  # 1.2345 %
        ("12.35", "1000.00", "1.24"),  # 1.235 %
        ("2000.00", "1000.00", "200.00"),
        ("10.00", "-100.00", "-10.00"),
    ],
)
def test_risk_degree(margin: str, equity: str, risk: str) -> None:
    purse = PurseSettled(currency="CNY", margin=micro(margin), balance_cf=micro(equity))
    (block,) = made(AccountSettled(account_id="a", purses=[purse])).blocks
    assert block.figures["Risk Degree"] == Decimal(risk)


def test_margin_call_is_what_is_missing() -> None:
    purse = PurseSettled(currency="CNY", balance_cf=micro("10.00"), available=micro("-5.50"))
    (block,) = made(AccountSettled(account_id="a", purses=[purse])).blocks
    assert (block.figures["Fund Avail."], block.figures["Margin Call"]) == (Decimal("-5.50"), Decimal("5.50"))


@pytest.mark.parametrize(
    ("value", "text"), [("0.0005", "0.001"), ("-0.0005", "-0.001"), ("-0.0001", "0.000"), ("1E+2", "100.000")]
)
def test_prices_have_three_decimals(value: str, text: str) -> None:
    assert price(Decimal(value)) == text


def test_long_names_are_cut_between_characters_and_never_break_a_row() -> None:
    what = {**given_by_hand.AG, "product_name": "很长很长很长很长的品种名", "code": "a|b\r\nc" + "x" * 20}
    line = msgspec.structs.replace(given_by_hand.vector().trades[0], **what)
    account = AccountSettled(account_id="客户号十二个字符的账号", name="换\r\n行|€𠀀", trades=[line])
    (section,) = sections(lines_of(account))
    row = section[1][5].decode("gbk").split("|")
    assert row[2] == "客户号十二"  # 10 bytes
    assert row[4] == "客户号十二 "  # 11 bytes: the sixth character does not fit
    assert row[5] == "很长很长很长很长的"  # 18 bytes
    assert row[6] == "a/b  cxxxxxxxxxx"
    assert "Client Name：换  行/??" in statement(account, DAY, MADE_NS).decode("gbk")


def test_cut_counts_bytes() -> None:
    """镕 is E946 in GBK: its second byte is an F."""
    assert (cut("镕镕", 3), cut("镕镕", 4), cut("镕F", 3), cut("镕", 1)) == ("镕", "镕镕", "镕F", "")


# ------------------------------------------------------------------ chunks
def test_chunks_join_to_the_text_and_may_cut_a_character() -> None:
    text = statement(given_by_hand.vector(), DAY, MADE_NS)
    pieces = list(chunks(text))
    assert b"".join(pieces) == text
    assert {len(piece) for piece in pieces[:-1]} == {500}
    assert 0 < len(pieces[-1]) <= 500

    def is_whole(piece: bytes) -> bool:
        try:
            piece.decode("gbk")
        except UnicodeDecodeError:
            return False
        return True

    assert not all(map(is_whole, pieces))  # else this text would show nothing
    assert list(chunks(b"")) == []


# ------------------------------------------------------------------ a month
def test_a_month_is_the_sum_of_its_days() -> None:
    """Two days by hand: 1000.00, then +50.00 - 2.00, then -30.00 - 1.00 and 500.00 put in."""

    def day(date: str, before: str, after: str, profit: str, fee: str, moved: str) -> AccountSettled:
        names = {"balance_bf": before, "balance_cf": after, "close_profit": profit, "commission": fee}
        amounts = {name: micro(value) for name, value in {**names, "deposit_withdrawal": moved}.items()}
        trade = msgspec.structs.replace(given_by_hand.vector().trades[0], date=date)
        purse = PurseSettled(currency="CNY", margin=micro(fee), available=micro(after), **amounts)
        return AccountSettled(account_id="a", purses=[purse], trades=[trade])

    days = [
        day("20230403", "1000.00", "1048.00", "50.00", "2.00", "0.00"),
        day("20230404", "1048.00", "1517.00", "-30.00", "1.00", "500.00"),
    ]
    got = read(statement(month_of(days), "202304", MADE_NS).decode("gbk"))
    assert got.date == "202304"
    (block,) = got.blocks
    wanted = {
        "Balance b/f": "1000.00",
        "Deposit/Withdrawal": "500.00",
        "Realized P/L": "20.00",
        "Commission": "3.00",
        "Balance c/f": "1517.00",
        "Margin Occupied": "1.00",
        "Fund Avail.": "1517.00",
    }
    assert {name: str(block.figures[name]) for name in wanted} == wanted
    assert block.tables[TRADES].column("Date") == ["20230403", "20230404"]


def test_a_month_shows_the_positions_of_its_last_day_and_every_currency() -> None:
    first, last = given_by_hand.everything(), given_by_hand.vector()
    month = month_of([first, last])
    assert (month.details, month.positions) == (last.details, last.positions)
    assert [purse.currency for purse in month.purses] == ["CNY", "USD"]
    assert month.transfers == first.transfers
    assert (len(first.trades), len(last.trades)) == (0, 5)  # neither day was changed


# ------------------------------------------------------------------ any account
AMOUNTS = st.one_of(st.integers(-(10**15), 10**15), st.integers(-(2**63), 2**63)).map(lambda cents: cents * 10_000)
LOTS = st.one_of(st.integers(0, 99), st.integers(0, 10**18 - 1))  # 18 digits are what Trans.No. holds
QUOTED = st.decimals(-(10**9), 10**12, places=4)
TEXTS = st.text(max_size=30)
BY_NAME = {"volume": LOTS, "trade_id": LOTS, "long_volume": LOTS, "short_volume": LOTS}


def records(kind: Any) -> st.SearchStrategy[Any]:
    """Any record of a kind: what it holds follows from its types."""
    types: dict[Any, st.SearchStrategy[Any]] = {str: TEXTS, int: AMOUNTS, bool: st.booleans(), Decimal: QUOTED}
    fields = {
        field.name: st.sampled_from(["CNY", "USD"])
        if field.name == "currency"
        else BY_NAME.get(field.name, types[field.type])
        for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **fields)


def accounts() -> st.SearchStrategy[AccountSettled]:
    purses = st.tuples(records(PurseSettled), records(PurseSettled)).map(_named)
    tables = {
        "transfers": settled.TransferLine,
        "trades": settled.TradeLine,
        "exercises": settled.ExerciseLine,
        "delivered": settled.DeliveryLine,
        "closed": settled.ClosedLine,
        "details": settled.DetailLine,
        "positions": settled.PositionLine,
    }
    lines = {name: st.lists(records(kind), max_size=3) for name, kind in tables.items()}
    names = st.text(st.characters(codec="gb18030", categories=("L", "N")), min_size=1, max_size=12)
    return st.builds(AccountSettled, account_id=names, name=TEXTS, purses=purses, **lines)


def _named(purses: tuple[PurseSettled, PurseSettled]) -> list[PurseSettled]:
    return [msgspec.structs.replace(purse, currency=name) for purse, name in zip(purses, ("CNY", "USD"), strict=True)]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(accounts())
def test_any_account_gives_straight_tables_that_read_back(account: AccountSettled) -> None:
    text = statement(account, DAY, MADE_NS)
    assert b"".join(chunks(text)) == text
    assert text.decode("gb18030") == text.decode("gbk")
    for title, lines in sections(text.split(b"\r\n")):
        assert len({len(line) for line in lines}) == 1
        widths = [cell_widths(line) for line in lines if line.startswith(b"|")]
        assert all(row == widths[0] for row in widths)
        assert all(got >= asked for got, asked in zip(widths[0], WIDTHS[title], strict=True))
    compare(account, read(text.decode("gbk")))
