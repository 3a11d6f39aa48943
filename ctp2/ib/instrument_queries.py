"""Queries about what can be traded: instruments, products, exchanges (spec ib 4.3).

An exact InstrumentID is resolved; a bare text that means nothing is looked for (``reqMatchingSymbols``). ProductID asks
for a chain: ``ES`` at CME for its futures, ``AAPL-20260116`` for the options of that day. With neither only what was
found today is told, never everything that IB has.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ctp2.ib import codes_contract as codes
from ctp2.ib.instruments import exchange_to_ctp, instrument_to_ctp, product_to_ctp
from ctp2.ib.parts import Asking, Handler, Refusal
from ctp2.ib.records import Contract, Refused
from ctp2.ib.resolved import Resolved
from ctp2.ib.symbols import SMART, NoSymbol, decode

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.contracts import Directory

log = logging.getLogger("ctp2.ib")

UNKNOWN_CONTRACT: Final = 200
_BARE: Final = re.compile(r"[^-@#]+")
_CHAIN: Final = re.compile(r"([^-:@]+)(?::([^-:@]+))?(?:-([0-9]{8}|[0-9]{6}))?(?:-([CP]))?")
_FUTURES_OPTIONS: Final = frozenset({"CME", "CBOT", "NYMEX", "COMEX", "CFE", "NYBOT", "ICEUS", "IPE", "ICEEU"})
"""Exchanges whose options of an expiry are options on futures."""


async def instruments(session: Asking, request: Request) -> None:
    """``ReqQryInstrument``."""
    field = request.field
    found = await _found(session, field)
    chosen = [pair for pair in found if _fits(pair[1], field)]
    _answer(session, request, _rows(session, chosen))


async def classified_instruments(session: Asking, request: Request) -> None:
    """``ReqQryClassifiedInstrument``: as :func:`instruments`, and ClassType 1 futures, 2 options, 3 combinations."""
    field = request.field
    wanted = codes.CLASS_TYPES.get(field.ClassType)
    if field.ClassType not in ("", "0") and wanted is None:
        _answer(session, request, ())
        return
    found = await _found(session, field)
    chosen = [pair for pair in found if _fits(pair[1], field) and (wanted is None or pair[1].product_class in wanted)]
    rows = _rows(session, chosen)
    if field.TradingType in ("1", "2"):
        rows = [row for row in rows if bool(row.IsTrading) == (field.TradingType == "1")]
    _answer(session, request, rows)


async def _found(session: Asking, field: Any) -> list[tuple[str, Resolved]]:
    """What a query names: (the client's text or nothing, contract)."""
    directory: Directory = session.backend.directory
    link = session.link
    if field.InstrumentID:
        return await _by_id(session, directory, field.InstrumentID)
    if field.ProductID:
        return [("", found) for found in await _chain(session, directory, field.ProductID, field.ExchangeID)]
    if field.ExchangeInstID and field.ExchangeID:
        text = f"{field.ExchangeInstID.replace(' ', '_')}@{codes.ib_exchange(field.ExchangeID, 'FUT')}"
        known = [found for found in directory.all() if found.contract.local_symbol == field.ExchangeInstID]
        return [("", found) for found in known] or [("", await directory.resolve(link, text))]
    return [("", found) for found in directory.all()]


async def _by_id(session: Asking, directory: Directory, text: str) -> list[tuple[str, Resolved]]:
    try:
        return [(text, await directory.resolve(session.link, text))]
    except (Refusal, Refused) as error:
        is_unknown = isinstance(error, Refusal) or error.code == UNKNOWN_CONTRACT
        if not is_unknown or not _BARE.fullmatch(text):
            raise
        candidates = await _matching(session, directory, text)
        if not candidates:
            raise
        return [("", found) for found in candidates]


async def _matching(session: Asking, directory: Directory, text: str) -> list[Resolved]:
    """Each candidate of ``reqMatchingSymbols``, found out about by its number."""
    try:
        pattern = decode(text)
    except NoSymbol:
        pattern = text
    found: list[Resolved] = []
    for candidate in await session.link.matching(pattern):
        contract = candidate.contract
        try:
            # The candidate's exchange is where it is listed; orders go where the contract itself is routed.
            found.append(await directory.of_contract(session.link, Contract(con_id=contract.con_id)))
        except (Refusal, Refused) as error:
            log.info("candidate %s (#%d) of %r: %s", contract.symbol, contract.con_id, text, error)
    return list(dict.fromkeys(found))


async def _chain(session: Asking, directory: Directory, product: str, exchange_id: str) -> list[Resolved]:
    """All futures of a root; where the text names an expiry (``AAPL-20260116``, ``ES-20251128``), all options of it.

    Full option chains are large, and TWS throttles them. Without an expiry the instruments of the product that were
    found today are told beside the futures.
    """
    match = _CHAIN.fullmatch(product)
    if match is None:
        return [found for found in directory.all() if found.product_id == product]
    root, trading_class, date, right = match.groups()
    try:
        symbol, own_class = decode(root), decode(trading_class or "")
    except NoSymbol as error:
        raise Refusal(16, f"CTP:{error}") from error
    kind = "FUT"
    if date:
        kind = "FOP" if codes.ib_exchange(exchange_id, "FUT") in _FUTURES_OPTIONS else "OPT"
    exchange = codes.ib_exchange(exchange_id, kind) or (SMART if kind == "OPT" else "")
    query = Contract(
        symbol=symbol,
        sec_type=kind,
        date=date or "",
        right=right or "",
        exchange=exchange,
        trading_class=own_class,
        currency="USD" if kind == "OPT" and exchange == SMART else "",
    )
    known = [found for found in directory.all() if found.product_id == product]
    try:
        chain = await directory.chain(session.link, query)
    except Refused as refused:
        # A stock is a product, too, and has no futures.
        if refused.code != UNKNOWN_CONTRACT or not known:
            raise
        chain = []
    return list(dict.fromkeys([*chain, *known]))


def _fits(resolved: Resolved, field: Any) -> bool:
    """The filters of a query, each empty or met; SMART stands for every exchange."""
    product = field.ProductID.partition("-")[0]
    return (
        field.ExchangeID in ("", SMART, resolved.exchange_id)
        and (not field.ExchangeInstID or field.ExchangeInstID == resolved.contract.local_symbol)
        and product in ("", resolved.product_id, resolved.contract.symbol)
    )


def _rows(session: Asking, found: Iterable[tuple[str, Resolved]]) -> list[Any]:
    directory: Directory = session.backend.directory
    names = directory.names_of(session)
    now_ns = session.backend.timers.now_ns()
    return [
        instrument_to_ctp(resolved, text or names.text(resolved), directory.underlying_id(resolved.details), now_ns)
        for text, resolved in found
    ]


async def products(session: Asking, request: Request) -> None:
    """``ReqQryProduct``: the products of what was found today, and of the chain that ProductID names."""
    field, directory = request.field, session.backend.directory
    known: list[Resolved] = directory.all()
    if field.ProductID and not any(found.product_id == field.ProductID for found in known):
        known = await _chain(session, directory, field.ProductID, field.ExchangeID)
    rows: dict[tuple[str, str], Any] = {}
    for found in known:
        key = found.exchange_id, found.product_id
        if (
            key not in rows
            and field.ProductID in ("", found.product_id)
            and field.ExchangeID in ("", SMART, found.exchange_id)
            and field.ProductClass in ("", found.product_class)
        ):
            rows[key] = product_to_ctp(found)
    _answer(session, request, rows.values())


def exchanges(session: Asking, request: Request) -> None:
    """``ReqQryExchange``: openctp's exchanges and IB's larger ones, and those of what was found today."""
    found = (resolved.exchange_id for resolved in session.backend.directory.all())
    wanted = request.field.ExchangeID
    session.answer(
        request,
        [exchange_to_ctp(name) for name in dict.fromkeys((*codes.EXCHANGE_NAMES, *found)) if wanted in ("", name)],
    )


def _answer(session: Asking, request: Request, rows: Iterable[Any]) -> None:
    """The answer, unless the link broke while it was looked for: that was the outcome then."""
    machine = session.machine
    if machine.is_connected and request.connection in (0, machine.connection):
        session.answer(request, rows)


REQUESTS: Final[dict[str, Handler]] = {
    "ReqQryInstrument": instruments,
    "ReqQryClassifiedInstrument": classified_instruments,
    "ReqQryProduct": products,
    "ReqQryExchange": exchanges,
}
