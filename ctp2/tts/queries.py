"""The queries: request name → rows (spec ctp-semantics 8.3). Each is a pure look at the counter's state.

Filters: an empty member means all, an unknown value an empty result; members that spec 8.3 does not list are ignored.
The functions stand in the ``queries_…`` files, one per subject.
"""

from __future__ import annotations

from typing import Final

from ctp2.tts import combo_requests, quote_requests
from ctp2.tts.asker import Asker, Query, Rows
from ctp2.tts.bank import BANK_QUERIES
from ctp2.tts.declaring import DECLARATION_QUERIES
from ctp2.tts.option_queries import OPTION_QUERIES
from ctp2.tts.parked_requests import PARKED_QUERIES
from ctp2.tts.queries_account import ACCOUNT_QUERIES
from ctp2.tts.queries_market import MARKET_QUERIES
from ctp2.tts.queries_rates import RATE_QUERIES, max_order_volume

__all__ = ["QUERIES", "Asker", "Query", "Rows", "max_order_volume"]

QUERIES: Final[dict[str, Query]] = {
    **MARKET_QUERIES,
    **ACCOUNT_QUERIES,
    **RATE_QUERIES,
    **BANK_QUERIES,
    **OPTION_QUERIES,
    **DECLARATION_QUERIES,
    **PARKED_QUERIES,
    **quote_requests.QUERIES,
    **combo_requests.QUERIES,
}
"""Served queries; every other one has the empty result."""
