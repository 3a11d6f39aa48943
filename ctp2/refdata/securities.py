"""Mainland securities: board, lot, tick, T+0 or T+1 and daily limit by the code's prefix, the name from the lists.

``boards.csv`` has the prefixes, ``t0_funds.csv`` the funds that may be sold on the day they were bought,
``listings.csv`` first trading days. Three lists of names: the core (indices, funds, convertibles), all other shares,
and everything with the bonds; a later one is read only when the one before does not have the code.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ctp2.refdata.contracts import open_day_after
from ctp2.refdata.limits import board_limit_ratio, limit_free_days
from ctp2.refdata.models import BOND, FUND, INDEX, REPO, SECURITY_CLASSES, STOCK, Instrument
from ctp2.refdata.table import DATA_DIR, Row, read_text, rows

#: First trading day on which SSE funds have a closing auction (reference-data 4); before, session FUND_OLD.
_FUND_CLOSING_AUCTION_SINCE = "20260706"
_CORE_FILE = DATA_DIR / "cn_securities_core.csv.gz"
_SHARES_FILE = DATA_DIR / "cn_shares.csv.gz"
_ALL_FILE = DATA_DIR / "cn_securities.csv.gz"
_MARKETS = ("SSE", "SZSE", "BSE")
_ONE = Decimal(1)


class Board(NamedTuple):
    """One line of boards.csv: what all codes with a prefix have in common."""

    exchange: str
    prefix: str
    board: str
    product_class: str
    limit_class: str
    price_tick: Decimal
    lot: int
    lot_min: int
    lot_step: int
    max_limit: int
    max_market: int
    is_t0: bool
    session_id: str


@cache
def _boards() -> dict[tuple[str, str], Row]:
    """The lines by exchange and prefix; with exchange ``''`` the first line that has the prefix."""
    columns = "exchange prefix board product_class limit_class price_tick lot lot_min lot_step max_limit max_market"
    result: dict[tuple[str, str], Row] = {}
    for row in rows(DATA_DIR / "boards.csv", [*columns.split(), "is_t0", "session_id"]):
        prefix = row.text("prefix")
        result.setdefault((row.text("exchange"), prefix), row)
        result.setdefault(("", prefix), row)
    return result


@cache
def _board(exchange: str, prefix: str) -> Board:
    row = _boards()[exchange, prefix]
    return Board(
        exchange=row.text("exchange"),
        prefix=prefix,
        board=row.text("board"),
        product_class=row.text("product_class"),
        limit_class=row.text("limit_class"),
        price_tick=row.tick("price_tick"),
        lot=row.integer("lot"),
        lot_min=row.integer("lot_min"),
        lot_step=row.integer("lot_step"),
        max_limit=row.integer("max_limit"),
        max_market=row.integer("max_market"),
        is_t0=row.text("is_t0") == "1",
        session_id=row.text("session_id"),
    )


def board_of(code: str, exchange: str = "") -> Board | None:
    """The board with the longest prefix that fits the code; the first of equals when no exchange is given."""
    boards = _boards()
    for length in range(len(code), 0, -1):
        if (exchange, code[:length]) in boards:
            return _board(exchange, code[:length])
    return None


def boards_of(exchange: str) -> set[str]:
    """The boards of an exchange, which are the products of its securities."""
    return {row.text("board") for listed_on, row in _boards().items() if listed_on[0] == exchange}


# ---------------------------------------------------------------------------------------------------------- lists


def security(code: str, exchange: str, trading_day: str) -> Instrument | None:
    """The security of a six-digit code: from the lists, else by its prefix alone; None when no board fits."""
    line = _find(_securities_text(), code, exchange)
    board = board_of(code, exchange)
    if line is None and board is not None:
        is_bond = board.product_class == BOND and board.board != "CONVERTIBLE"
        line = _find(_text(_ALL_FILE) if is_bond else _text(_SHARES_FILE), code, exchange)
    if line is not None:
        return _make_security(line[0], code, line[1], trading_day)
    return None if board is None else _make_security(board.exchange, code, "", trading_day)


def _find(text: str, code: str, exchange: str) -> tuple[str, str] | None:
    """``(exchange, name)`` of a security in a list, found in its text without parsing all of it."""
    for market in (exchange,) if exchange else _MARKETS:
        at = text.find(f"\n{market},{code},")
        if at >= 0:
            name_at = at + len(market) + len(code) + 3
            return market, text[name_at : text.index(",", name_at)]
    return None


def _securities_text() -> str:
    return _text(_CORE_FILE)


@cache
def _text(path: Path) -> str:
    return read_text(path)


_BONDS = frozenset(("GOVT", "LOCALGOVT", "CORP", "OTHERBOND", REPO))
_LISTS = (_CORE_FILE, _SHARES_FILE, _ALL_FILE)


def load_securities(trading_day: str, everything: bool = False, shares: bool = False) -> list[Instrument]:
    """The shipped mainland securities: the core (1,861), with all shares (5,764), or all with their bonds (27,422).

    The core are the CSI 300 and 500 members, funds, convertibles, some of BSE. Names and membership are of 2022-02
    (BSE: 2026); the file may include codes delisted since.
    """
    result: list[Instrument] = []
    for path in [_ALL_FILE] if everything else _LISTS[: 2 if shares else 1]:
        for row in rows(path, ["ExchangeID", "InstrumentID", "InstrumentName"]):
            exchange, code = row.text("ExchangeID"), row.text("InstrumentID")
            made = _make_security(exchange, code, row.text("InstrumentName"), trading_day)
            if made is None:
                raise row.error("InstrumentID", f"no board in boards.csv fits {code}")
            result.append(made)
    return result


def find_listed_security(code: str, trading_day: str, lists: int) -> list[Instrument]:
    """The securities with this code in the first ``lists`` lists: core, shares, everything."""
    found: list[Instrument] = []
    for exchange in _MARKETS:
        for path in _LISTS[:lists]:
            line = _find(_text(path), code, exchange)
            made = None if line is None else _make_security(exchange, code, line[1], trading_day)
            if made is not None:
                found.append(made)
                break
    return found


@cache
def listed_boards(lists: int) -> tuple[tuple[str, str, str], ...]:
    """(exchange, board, session) of everything in the first ``lists`` lists, by the prefixes of boards.csv.

    Every board with shares is in the shares, every one with bonds or repos in everything; indices are in none.
    """
    seen: dict[tuple[str, str], str] = {}
    for row in _boards().values():
        exchange, board = row.text("exchange"), row.text("board")
        is_security = row.text("product_class") in SECURITY_CLASSES
        if is_security and (lists == len(_LISTS) or board not in _BONDS):
            seen.setdefault((exchange, board), row.text("session_id"))
    return tuple((*key, session) for key, session in seen.items())


# --------------------------------------------------------------------------------------------------------- making


def _make_security(exchange: str, code: str, name: str, trading_day: str) -> Instrument | None:
    """A security by the rules of its board on a day; None when no board fits."""
    board = board_of(code, exchange)
    if board is None:
        return None
    session_id = board.session_id
    if board.product_class == FUND and exchange == "SSE" and trading_day < _FUND_CLOSING_AUCTION_SINCE:
        session_id = "FUND_OLD"
    open_date = _listings().get((exchange, code), "")
    return Instrument(
        exchange=exchange,
        code=code,
        product=board.board,
        product_class=board.product_class,
        name=name,
        multiplier=1,
        price_tick=board.price_tick,
        min_limit_volume=board.lot_min,
        max_limit_volume=board.max_limit,
        min_market_volume=board.lot_min,
        max_market_volume=board.max_market,
        create_date=open_date,
        open_date=open_date,
        is_trading=board.product_class != INDEX and open_date <= trading_day,
        long_margin_ratio=_ONE,
        short_margin_ratio=_ONE,
        session_id=session_id,
        limit_ratio=limit_ratio_on(_limit_class(board, name), trading_day, open_date),
        lot=board.lot,
        lot_min=board.lot_min,
        lot_step=board.lot_step,
        is_t0=board.is_t0 or (board.product_class == FUND and _is_t0_fund(exchange, code, name)),
        board=board.board,
    )


def limit_ratio_on(limit_class: str, trading_day: str, open_date: str) -> Decimal | None:
    """The daily limit of a class of boards; None on the first days of a listing that have none."""
    free_days = limit_free_days(limit_class, open_date)
    if free_days and open_date <= trading_day < open_day_after(open_date, free_days):
        return None
    return board_limit_ratio(limit_class, trading_day)


def limit_ratio_of(instrument: Instrument, open_date: str, trading_day: str) -> Decimal | None:
    """The daily limit of a mainland security if it had been listed on a day."""
    board = board_of(instrument.code, instrument.exchange)
    if board is None or instrument.product_class not in SECURITY_CLASSES:
        return instrument.limit_ratio
    return limit_ratio_on(_limit_class(board, instrument.name), trading_day, open_date)


def _limit_class(board: Board, name: str) -> str:
    """Main-board names under special treatment and funds on the growth boards have a ratio of their own."""
    if board.limit_class == "MAIN" and board.product_class == STOCK and name.startswith(("ST", "*ST")):
        return "MAIN_ST"
    if board.limit_class == "MAIN" and board.product_class == FUND and ("创业板" in name or "科创" in name):
        return "CHINEXT"
    return board.limit_class


@cache
def _listings() -> dict[tuple[str, str], str]:
    """First trading days, as far as they are known."""
    table = rows(DATA_DIR / "listings.csv", ["exchange", "code", "open_date"])
    return {(row.text("exchange"), row.text("code")): row.date("open_date") for row in table}


@cache
def _t0_funds() -> tuple[Row, ...]:
    return tuple(rows(DATA_DIR / "t0_funds.csv", ["exchange", "kind", "text"]))


def _is_t0_fund(exchange: str, code: str, name: str) -> bool:
    """Whether t0_funds.csv has the fund: by its code, a prefix of it, or a word in its name."""
    for row in _t0_funds():
        kind, text = row.text("kind"), row.text("text")
        if row.text("exchange") in ("", exchange) and (
            text in name if kind == "name" else code == text if kind == "code" else code.startswith(text)
        ):
            return True
    return False
