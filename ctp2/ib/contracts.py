"""The directory of contracts: InstrumentID → what IB knows of it, and back (spec ib 4.1, 4.3). On the loop's thread.

Every question is asked once a day: answers stay in memory and on disk, and whoever asks the same meanwhile waits for
the same answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec

from ctp2.core import paths
from ctp2.ib.contract_cache import ContractCache
from ctp2.ib.hours import login_trading_day
from ctp2.ib.parts import Refusal
from ctp2.ib.records import Contract, Details, LinkLost, LinkUp, PriceIncrement, Refused
from ctp2.ib.resolved import (
    ID_LIMIT,
    Resolved,
    canonical_among,
    forms,
    number_of,
    query_of,
    routed,
    scale_of,
    select,
    text_of,
)
from ctp2.ib.symbols import NoSymbol, Symbol, parse

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link
    from ctp2.ib.records import Record

log = logging.getLogger("ctp2.ib")

T = TypeVar("T")

INSTRUMENT_NOT_FOUND: Final = 16
UNKNOWN_CONTRACT: Final = 200
_MOST_CANDIDATES: Final = 8
"""How many candidates an error names; CTP's text has 80 bytes anyway."""


class Names:
    """How one client spells its instruments: callbacks use the text that it subscribed or ordered with (spec ib 4.1).

    ``limit``: the most characters that its generation of the interface holds.
    """

    def __init__(self, limit: int = ID_LIMIT) -> None:
        self.limit = limit
        self._of_key: dict[tuple[int, str], str] = {}
        self._of_con_id: dict[int, str] = {}

    def note(self, resolved: Resolved, text: str) -> None:
        """The client used this text; of several for one contract the last counts."""
        self._of_key[resolved.key] = text
        self._of_con_id[resolved.con_id] = text

    def text(self, resolved: Resolved) -> str:
        """InstrumentID of an order at the contract's exchange: the client's own text, else the canonical one."""
        return self._of_key.get(resolved.key) or resolved.id_within(self.limit)

    def position_text(self, resolved: Resolved) -> str:
        """InstrumentID of a position, which has no exchange: the client's own text for the contract at any."""
        return self._of_con_id.get(resolved.con_id) or resolved.id_within(self.limit)


class Directory:
    """Contracts of one TWS."""

    def __init__(self, backend: IbBackend) -> None:
        self._backend = backend
        self._options = backend.config.options
        self._cache = ContractCache(paths.cache_dir() / "ib", backend.config.place)
        self._day = ""
        self._answers: dict[Contract, list[Details]] = {}
        self._by_text: dict[str, Resolved] = {}
        self._by_key: dict[tuple[int, str], Resolved] = {}
        self._canonical: dict[tuple[int, str], str] = {}
        self._in_use: dict[tuple[int, str], Resolved] = {}
        self.on_used: Callable[[Link, Resolved], None] | None = None
        """Who hears of what was asked for by itself, not as a part of a chain: once, and once for each new day."""
        self._rules: dict[int, list[PriceIncrement]] = {}
        self._under_way: dict[object, asyncio.Future[object]] = {}
        self._names: WeakKeyDictionary[object, Names] = WeakKeyDictionary()

    def names_of(self, session: object) -> Names:
        """How a client spells its instruments."""
        names = self._names.get(session)
        if names is None:
            names = self._names[session] = Names(int(self._options.id_chars))
        return names

    def on_record(self, link: Link, record: Record) -> None:
        """A connection is up: to another TWS than before, its answers are others."""
        if isinstance(record, LinkUp) and self._cache.identify(record.server_version, record.accounts):
            self._day = ""

    def distrust(self) -> None:
        """TWS does not know a contract that it told: every answer is asked for again."""
        self._cache.forget(self._day)
        self._day = ""

    # ------------------------------------------------------------------ what is known
    def known(self, text: str) -> Resolved | None:
        """What an InstrumentID means, if that was found today."""
        self._roll()
        return self._by_text.get(text)

    def of_con_id(self, con_id: int, exchange: str = "") -> Resolved | None:
        """A contract that was found, of any day; without exchange wherever it was found first."""
        if exchange:
            return self._by_key.get((con_id, exchange))
        return next((found for (number, _), found in self._by_key.items() if number == con_id), None)

    def all(self) -> list[Resolved]:
        """Every contract that was found today, one per contract and exchange."""
        self._roll()
        return list(dict.fromkeys(self._by_text.values()))

    # ------------------------------------------------------------------ finding
    async def resolve(self, link: Link, text: str) -> Resolved:
        """What an InstrumentID means.

        Raises:
            Refusal: 16, when nothing or more than one thing is meant; its text lists the candidates.
            Refused: IB refuses the question for another reason.
            LinkLost: there is no answer.
        """
        found = self.known(text)
        if found is not None:
            return self._used(link, found)
        try:
            symbol = parse(text, digits_are_con_id=self._options.digits_are_conid == "1")
        except NoSymbol as error:
            raise Refusal(INSTRUMENT_NOT_FOUND, f"CTP:{error}") from error
        resolved = await self._once(("text", text), lambda: self._find(link, symbol, text))
        self._by_text[text] = resolved
        return self._used(link, resolved)

    def _used(self, link: Link, resolved: Resolved) -> Resolved:
        if self._in_use.get(resolved.key) is not resolved:
            self._in_use[resolved.key] = resolved
            if self.on_used is not None:
                self.on_used(link, resolved)
        return resolved

    async def _find(self, link: Link, symbol: Symbol, text: str) -> Resolved:
        rows = select(symbol, await self.details(link, query_of(symbol)))
        if not rows:
            raise Refusal(INSTRUMENT_NOT_FOUND, f"IB{UNKNOWN_CONTRACT}:no contract is {text}")
        if len(rows) > 1:
            raise Refusal(INSTRUMENT_NOT_FOUND, f"CTP:{text} is one of: {self._candidates(rows)}")
        return await self._enter(link, rows[0], symbol.exchange)

    def _candidates(self, rows: Sequence[Details]) -> str:
        names = [canonical_among(row, routed(row), rows) for row in rows]
        more = [f"… {len(names)} in all"] if len(names) > _MOST_CANDIDATES else []
        return ", ".join(names[:_MOST_CANDIDATES] + more)

    async def of_contract(self, link: Link, contract: Contract) -> Resolved:
        """The contract of an order, an execution or a position. Without exchange (positions): where it trades.

        Raises:
            Refusal, Refused, LinkLost: as :meth:`resolve`.
        """
        self._roll()
        key = contract.con_id, contract.exchange
        found = self._by_key.get(key) if contract.exchange else self.of_con_id(contract.con_id)
        if found is None:
            found = await self._once(("contract", key), lambda: self._find_contract(link, contract))
        return self._used(link, found)

    async def _find_contract(self, link: Link, contract: Contract) -> Resolved:
        symbol = Symbol("", con_id=contract.con_id, exchange=contract.exchange)
        try:
            rows = select(symbol, await self.details(link, query_of(symbol)))
        except Refused as refused:
            if refused.code != UNKNOWN_CONTRACT:
                raise
            # Gone by now (expired), and an order or a position still names it.
            rows = [Details(contract)]
        if not rows:
            raise Refusal(INSTRUMENT_NOT_FOUND, f"IB{UNKNOWN_CONTRACT}:no contract has the number {contract.con_id}")
        return await self._enter(link, rows[0], contract.exchange)

    async def details(self, link: Link, query: Contract) -> list[Details]:
        """``reqContractDetails``, asked once a day. An unknown contract is ``Refused(200, …)``."""
        self._roll()
        answer = self._answers.get(query)
        if answer is None:
            day = self._day
            answer = await self._once(("details", query), lambda: link.details(query))
            if day == self._day and query not in self._answers:
                self._answers[query] = answer
                self._cache.add(day, query, answer)
        return answer

    async def chain(self, link: Link, query: Contract) -> list[Resolved]:
        """Every contract of a question, such as all futures of a root; one question to IB in all."""
        rows = await self.details(link, query)
        found: list[Resolved] = []
        for row in rows:
            exchange = routed(row, query.exchange)
            key = row.contract.con_id, exchange
            self._canonical.setdefault(key, canonical_among(row, exchange, rows))
            found.append(self._made(row, exchange, self._canonical[key]))
        return list(dict.fromkeys(found))

    # ------------------------------------------------------------------ canonical texts
    async def _enter(self, link: Link, details: Details, wanted: str) -> Resolved:
        exchange = routed(details, wanted)
        key = details.contract.con_id, exchange
        found = self._by_key.get(key)
        if found is not None and found.details is details:
            return found
        canonical = self._canonical.get(key)
        if canonical is None:
            canonical = self._canonical[key] = await self._canonical_text(link, details, exchange)
        return self._made(details, exchange, canonical)

    def _made(self, details: Details, exchange: str, canonical: str) -> Resolved:
        key = details.contract.con_id, exchange
        known = self._by_key.get(key)
        if known is not None and known.details == details:
            self._by_text.setdefault(canonical, known)
            return known
        contract = details.contract
        if contract.exchange != exchange:
            contract = msgspec.structs.replace(contract, exchange=exchange)
        made = Resolved(contract, details, canonical, scale_of(details, self._options.volume_scale))
        self._by_key[key] = self._by_text[canonical] = made
        return made

    async def _canonical_text(self, link: Link, details: Details, exchange: str) -> str:
        """The shortest text that IB reads as this contract alone; each try is a question of its own."""
        for symbol in forms(details, exchange):
            text = text_of(symbol)
            if not text:
                continue
            try:
                rows = select(symbol, await self.details(link, query_of(symbol)))
            except Refused as refused:
                log.info("%s: IB%d:%s", text, refused.code, refused.text)
                continue
            if {row.contract.con_id for row in rows} == {details.contract.con_id}:
                return text
        return number_of(details.contract.con_id, exchange)

    def underlying_id(self, details: Details) -> str:
        """UnderlyingInstrID: the canonical text of an underlying that was found, else ``#CONID``; empty for none."""
        number = details.under_con_id
        if number <= 0:
            return ""
        found = self.of_con_id(number)
        return found.canonical if found is not None else f"#{number}"

    # ------------------------------------------------------------------ price steps
    async def increment(self, link: Link, resolved: Resolved, price: float) -> float:
        """The price step that is valid at ``price``: by the market rule of the exchange, else minTick."""
        details = resolved.details
        rules = dict(zip(details.valid_exchanges.split(","), details.market_rule_ids.split(","), strict=False))
        rule = rules.get(resolved.contract.exchange, "")
        if not rule.isdigit():
            return details.min_tick
        steps = await self.market_rule(link, int(rule))
        valid = [step.increment for step in steps if step.low_edge <= abs(price)]
        return valid[-1] if valid else details.min_tick

    async def market_rule(self, link: Link, rule_id: int) -> list[PriceIncrement]:
        """The steps of a rule, lowest edge first; none where IB does not know it."""
        steps = self._rules.get(rule_id)
        if steps is None:
            try:
                answer = await self._once(("rule", rule_id), lambda: link.market_rule(rule_id))
            except Refused as refused:
                log.warning("market rule %d: IB%d:%s; minTick counts", rule_id, refused.code, refused.text)
                answer = []
            steps = self._rules[rule_id] = sorted(answer, key=lambda step: step.low_edge)
        return steps

    # ------------------------------------------------------------------
    async def _once(self, key: object, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``ask``; who asks the same while it is under way waits for the same answer."""
        waiting = self._under_way.get(key)
        if waiting is not None:
            return cast("T", await asyncio.shield(waiting))
        mine: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._under_way[key] = mine
        try:
            answer = await ask()
        except BaseException as error:
            # Whoever waits for a question that was given up asks again through a link of his own.
            mine.set_exception(error if isinstance(error, Exception) else LinkLost("the question was given up"))
            mine.exception()  # looked at: perhaps nobody waits
            raise
        else:
            mine.set_result(answer)
            return answer
        finally:
            del self._under_way[key]

    def _roll(self) -> None:
        """Trading hours and what is listed are a day's: with a new one everything is asked again."""
        day = login_trading_day(self._backend.timers.now_ns())
        if day != self._day:
            self._day = day
            self._answers = self._cache.load(day)
            self._by_text.clear()
            self._canonical.clear()
