"""Depth: rows by position, venues of one price merged (spec ib 5.8, scenario 25)."""

from __future__ import annotations

from ctp2.ib.depth import ASK, BID, Book
from ctp2.ib.records import DepthRow

INSERT, UPDATE, DELETE = 0, 1, 2


def row(position: int, operation: int, side: int, price: float, size: float, venue: str = "") -> DepthRow:
    return DepthRow(7, position, operation, side, price, size, venue, bool(venue))


def test_venues_of_one_price_are_one_level() -> None:
    book = Book()
    for change in (
        row(0, INSERT, BID, 100.0, 300.0, "ARCA"),
        row(1, INSERT, BID, 99.9, 50.0, "ARCA"),
        row(1, INSERT, BID, 100.0, 200.0, "NASDAQ"),
        row(0, INSERT, ASK, 100.1, 10.0, "ARCA"),
        row(1, INSERT, ASK, 100.0, 5.0, "BATS"),
    ):
        assert book.apply(change)
    assert book.levels(BID) == [(100.0, 500.0), (99.9, 50.0)]
    # By price, whatever the rows' order.
    assert book.levels(ASK) == [(100.0, 5.0), (100.1, 10.0)]


def test_update_and_delete() -> None:
    book = Book()
    for position in range(7):
        book.apply(row(position, INSERT, ASK, 10.0 + position, 1.0))
    assert book.levels(ASK) == [(10.0, 1.0), (11.0, 1.0), (12.0, 1.0), (13.0, 1.0), (14.0, 1.0)]
    assert book.apply(row(0, DELETE, ASK, 0.0, 0.0))
    assert book.apply(row(1, UPDATE, ASK, 12.5, 4.0))
    assert not book.apply(row(1, UPDATE, ASK, 12.5, 4.0))
    assert book.levels(ASK) == [(11.0, 1.0), (12.5, 4.0), (13.0, 1.0), (14.0, 1.0), (15.0, 1.0)]
    # What was never told: an update is taken as an insertion at the end, a deletion is nothing.
    assert book.apply(row(9, UPDATE, BID, 9.0, 2.0))
    assert not book.apply(row(5, DELETE, BID, 0.0, 0.0))
    assert book.levels(BID) == [(9.0, 2.0)]
    # An emptied price is no level; a side that does not exist is nothing.
    assert book.apply(row(0, UPDATE, BID, 9.0, 0.0))
    assert book.levels(BID) == []
    assert not book.apply(row(0, INSERT, 5, 9.0, 1.0))


def test_what_an_insertion_pushes_out_is_gone() -> None:
    book = Book()
    for position in range(20):
        book.apply(row(position, INSERT, BID, 100.0 - position, 1.0))
    book.apply(row(0, INSERT, BID, 101.0, 1.0))
    for _ in range(20):
        assert book.apply(row(0, DELETE, BID, 0.0, 0.0))
    assert book.levels(BID) == []


def test_clear() -> None:
    book = Book()
    assert not book.clear()
    book.apply(row(0, INSERT, BID, 1.0, 1.0))
    assert book.clear()
    assert book.levels(BID) == book.levels(ASK) == []
