"""The books of one account: average cost, realised profit, zero crossings."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.ledger import Ledger, after, commission_of

LISTED = {one.local_symbol: one for one in documented(dt.date(2025, 11, 24))}
AAPL, CL = LISTED["AAPL"], LISTED["CLF6"]


def ledger() -> Ledger:
    return Ledger("DU1", {"USD": D(1000)})


def test_average_cost_of_opens() -> None:
    books = ledger()
    assert books.fill(AAPL, D(100), D("10"), D(1), "USD") is None
    assert books.fill(AAPL, D(50), D("13"), D(1), "USD") is None
    held = books.holdings[AAPL.con_id]
    assert (held.quantity, held.average_cost) == (D(150), D(11))  # (1000 + 650) / 150
    assert books.cash["USD"] == D(1000 - 1000 - 650 - 2)


def test_close_realises_and_leaves_the_average() -> None:
    books = ledger()
    books.fill(AAPL, D(100), D("10"), D(0), "USD")
    assert books.fill(AAPL, D(-40), D("10.5"), D(0), "USD") == D(20)
    assert books.holdings[AAPL.con_id].average_cost == D(10)
    assert books.realized["USD"] == D(20)


def test_crossing_zero_opens_at_the_new_price() -> None:
    books = ledger()
    books.fill(CL, D(2), D("60"), D(0), "USD")
    assert books.fill(CL, D(-3), D("59"), D(0), "USD") == D(-2000)  # 2 × −1 × 1000
    held = books.holdings[CL.con_id]
    assert (held.quantity, held.average_cost) == (D(-1), D(59000))
    assert books.cash["USD"] == D(-1000)  # a future moves cash by its profit alone
    assert books.fill(CL, D(1), D("-37"), D(0), "USD") == D(96000)  # sold at 59, bought at −37


def test_what_would_be_leaves_the_books() -> None:
    books = ledger()
    then = after(books, [(AAPL, D(10), D(20))])
    assert then.cash["USD"] == D(800)
    assert books.cash["USD"] == D(1000)
    assert not books.holdings


def test_commissions() -> None:
    assert commission_of(AAPL, D(1000), D(200)) == D(5)
    assert commission_of(AAPL, D(10), D(200)) == D(1)
    assert commission_of(AAPL, D(100), D("0.5")) == D("0.5")  # at most 1 % of 50
    assert commission_of(LISTED["700"], D(100), D(600)) == D(48)
    assert commission_of(LISTED["700"], D(100), D(100)) == D(18)
