"""What all cards of one run share: the clients, the instrument to trade, and the duty to leave nothing behind."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from ctp2.core.address import parse
from ctp2.core.backend import Capabilities, Kind
from ctp2.core.flow import Resume
from ctp2.ctp import layout, structs
from ctp2.testing.conformance.client import Client, Md, Trader
from ctp2.testing.conformance.model import Card, Mismatch, NotReachable, NotSupported, expect
from ctp2.testing.conformance.orders import BUY, CLOSE, CLOSE_TODAY, FINAL, GFD, LIMIT, OPEN, SELL, Order, number_of

log = logging.getLogger("ctp2.testing")

DBL_MAX: Final = 1.7976931348623157e308
CONTINUOUS: Final = "2"
CLOSED: Final = "6"
FUTURES: Final = "1"
CONFIRMATION: Final = "ReqSettlementInfoConfirm"
_NOT_TRADED: Final = frozenset("23I68")
"""Product classes that are no first choice: options, combinations, indices."""
_USERS: Final = 20
_CANDIDATES: Final = 200
_LISTED_IF_ASKED: Final = ({"ExchangeID": "CME", "ProductID": "ES"}, {"InstrumentID": "AAPL"})
_QUOTED_EVERYWHERE: Final = ("600519", "000001", "00700", "AAPL")
"""Where a front has market data alone, nobody can be asked which instruments there are."""
_OPENING_SECONDS: Final = 40.0
_ASKING_SECONDS: Final = 0.2
_AGGRESSION_TICKS: Final = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What the caller of the suite gave."""

    address: str
    md_address: str
    user: str
    password: str
    broker: str
    instrument: str
    timeout: float
    app_id: str = ""
    auth_code: str = ""


class Suite:
    """One run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.timeout = settings.timeout
        self.user = settings.user
        self.kinds: frozenset[Kind] = frozenset(("trader", "md"))
        self.declared: frozenset[str] | None = None
        """The requests that the backend declares; None when it does not tell."""
        self._folder = tempfile.TemporaryDirectory(prefix="ctp2-check-", ignore_cleanup_errors=True)
        self._numbers = count(1)
        self._kept: dict[str, Any] = {}
        self._clients: list[Client] = []
        self._lasting: list[Client] = []
        self._orders: list[Order] = []
        self._sessions: set[tuple[int, int]] = set()

    # ------------------------------------------------------------------ connecting
    def open(self, timeout: float) -> None:
        """Connect, so that it is known what the backend offers.

        Raises:
            NotReachable: no ``OnFrontConnected`` came in time.
        """
        settings = self.settings
        try:
            first = self.lasting_trader()
            first.connect(timeout)
            self._kept["connected"] = first
            told = first.capabilities
            if told is not None:
                self.kinds, self.declared = frozenset(told.kinds), frozenset(told.requests)
            if settings.md_address != settings.address:
                self._open_md(timeout)
        except Mismatch:
            raise NotReachable(f"{settings.address}: no OnFrontConnected within {timeout:g} s") from None

    def _open_md(self, timeout: float) -> None:
        market = Md(self.settings.md_address, self.timeout, self.new_flow())
        self._lasting.append(market)
        market.connect(timeout)
        self._kept["md connected"] = market
        told = market.capabilities
        if told is not None:
            self.kinds |= told.kinds & {"md"}
            if self.declared is not None:
                self.declared |= told.requests
        else:
            self.kinds |= {"md"}

    def new_flow(self) -> str:
        """A flow prefix of its own."""
        return f"{self._folder.name}/{next(self._numbers)}-"

    def lasting_trader(self) -> Trader:
        """A trader client that lives until the end of the run."""
        trader = Trader(self.settings.address, self.timeout, self.new_flow())
        self._lasting.append(trader)
        return trader

    def new_trader(
        self, private: Resume = Resume.RESTART, flow: str = "", public: Resume = Resume.RESTART, *, login: bool = False
    ) -> Trader:
        """A connected trader client that lives until the end of the card."""
        trader = Trader(self.settings.address, self.timeout, flow or self.new_flow(), private, public)
        self._clients.append(trader)
        trader.connect()
        if login:
            self.log_in(trader)
        return trader

    def unconnected_trader(self) -> Trader:
        """A trader client before ``Init``."""
        trader = Trader(self.settings.address, self.timeout, self.new_flow())
        self._clients.append(trader)
        return trader

    def unconnected_md(self) -> Md:
        """A market data client before ``Init``."""
        market = Md(self.settings.md_address, self.timeout, self.new_flow())
        self._clients.append(market)
        return market

    def new_md(self, *, login: bool = False) -> Md:
        """A connected market data client that lives until the end of the card."""
        market = Md(self.settings.md_address, self.timeout, self.new_flow())
        self._clients.append(market)
        market.connect()
        if login:
            market.login()
        return market

    def wrong_md(self) -> Md:
        """A market data client at the trading front."""
        market = Md(self.settings.address, self.timeout, self.new_flow())
        self._clients.append(market)
        market.connect()
        return market

    def log_in(self, trader: Trader) -> Any:
        """Log in as the user of this run."""
        if not self.user:
            self._once("entered", self._enter)  # decides who
        if self.settings.app_id:
            self._authenticate(trader)
        answer = trader.log_in(self.settings.broker, self.user, self.settings.password)
        self._sessions.add((trader.front_id, trader.session_id))
        return answer

    def _authenticate(self, trader: Trader) -> None:
        settings = self.settings
        who = {"BrokerID": settings.broker, "UserID": self.user}
        answer = trader.ask("ReqAuthenticate", **who, AppID=settings.app_id, AuthCode=settings.auth_code)[-1]
        expect("OnRspAuthenticate ErrorID", answer.error_id, 0)

    # ------------------------------------------------------------------ what lasts
    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """Made once; a failure is kept too, so that it costs its time only once."""
        if name not in self._kept:
            try:
                self._kept[name] = make()
            except (Mismatch, NotSupported) as error:
                self._kept[name] = error
        kept = self._kept[name]
        if isinstance(kept, Exception):
            raise kept
        return kept

    @property
    def entered(self) -> Trader:
        """The logged-in trader client of the run."""
        trader: Trader = self._once("entered", self._enter)
        return trader

    @property
    def trader(self) -> Trader:
        """The same with the statement confirmed."""
        self.confirm()
        return self.entered

    def confirm(self) -> None:
        """Confirm the statement, once."""
        self._once("confirmed", self._confirm)

    @property
    def market(self) -> Md:
        """The logged-in market data client of the run."""
        market: Md = self._once("market", self._enter_md)
        return market

    @property
    def instrument(self) -> Any:
        """The instrument to trade: its row of ``ReqQryInstrument``."""
        return self._once("instrument", self._find_instrument)

    @property
    def instrument_code(self) -> str:
        """The code of the instrument, if one was found."""
        found = self._kept.get("instrument")
        return "" if found is None or isinstance(found, Exception) else str(found.InstrumentID)

    def has_begun(self) -> bool:
        """Whether the statement was confirmed by this run."""
        return "confirmed" in self._kept

    def _enter(self) -> Trader:
        trader: Trader = self._kept["connected"]
        if self.user:
            self.log_in(trader)
            return trader
        if self.differs(Capabilities.OWN_ACCOUNT):
            return self._enter_as_account(trader)
        for number in range(1, _USERS + 1):
            self.user = f"check{number}"
            self.log_in(trader)
            if not self.supports("ReqQrySettlementInfoConfirm") or not self._is_confirmed(trader):
                break
            if number < _USERS:  # this one has confirmed today, another can show what happens before
                trader = self._another(trader)
        return trader

    def _enter_as_account(self, trader: Trader) -> Trader:
        """Where names are free and the account is the login's own: as the account, which the front tells."""
        self.user = "check1"
        self.log_in(trader)
        told = trader.ask("ReqQryInvestor", BrokerID=self.settings.broker)[-1].field
        if told is not None and told.InvestorID != self.user:
            self.user, trader = told.InvestorID, self._another(trader)
            self.log_in(trader)
        return trader

    def _another(self, trader: Trader) -> Trader:
        """A client for another user: an Api object counts the events of its private stream, which is a user's own."""
        trader.release()
        trader = self._kept["connected"] = self.lasting_trader()
        trader.connect()
        return trader

    def is_confirmed(self) -> bool:
        """Whether the user of the run has confirmed today."""
        return self._is_confirmed(self.entered)

    def _is_confirmed(self, trader: Trader) -> bool:
        return any(call.field is not None for call in trader.ask("ReqQrySettlementInfoConfirm", **trader.who))

    def _confirm(self) -> bool:
        if self.supports(CONFIRMATION):
            self.entered.confirm()
        return True

    def _enter_md(self) -> Md:
        market = self._kept.get("md connected")
        if market is None:
            market = Md(self.settings.md_address, self.timeout, self.new_flow())
            self._lasting.append(market)
            market.connect()
        market.login()
        return market

    # ------------------------------------------------------------------ what is supported
    def supports(self, *names: str) -> bool:
        """Whether these requests are declared; what is not known counts as declared."""
        return self.declared is None or self.declared.issuperset(names)

    def differs(self, rule: str) -> bool:
        """Whether a front declares another rule than a futures front's (:class:`Capabilities`)."""
        kept = [self._kept.get(name) for name in ("connected", "md connected")]
        told = [client.capabilities for client in kept if isinstance(client, Client)]
        return any(of_one is not None and rule in of_one.differs for of_one in told)

    def eventually(self, what: str, ask: Callable[[], Any], wanted: object, holds: Callable[[Any], bool]) -> Any:
        """What ``ask`` gives, as soon as it holds: for figures that a venue tells when it likes."""
        deadline = time.monotonic() + self.timeout
        while not holds(found := ask()):
            if time.monotonic() > deadline:
                raise Mismatch(what, f"{wanted} within {self.timeout:g} s", found)
            self.entered.pause(_ASKING_SECONDS)
        return found

    def known(self, struct: str, **members: Any) -> dict[str, Any]:
        """Those of ``members`` that the struct has in the interface version in use (an address may name an older)."""
        version = parse(self.settings.address).options.get("layout", layout.NEWEST)
        names = {field.name for field in layout.codec(version).fields(struct)}
        return {name: value for name, value in members.items() if name in names}

    def missing(self, card: Card) -> str:
        """Why a card is not supported; empty when it is to be run."""
        if card.kind not in self.kinds:
            return f"no front of this kind: {card.kind}"
        if card.essential or self.supports(*card.needs):
            return ""
        return "not declared: " + ", ".join(name for name in card.needs if not self.supports(name))

    def need_futures(self) -> None:
        """For cards whose lots can be sold short and closed on the same day."""
        if self.instrument.ProductClass not in ("", FUTURES):
            raise NotSupported(f"{self.instrument.InstrumentID} is no futures contract")

    # ------------------------------------------------------------------ the instrument
    def _find_instrument(self) -> Any:
        wanted = self.settings.instrument
        if "trader" not in self.kinds:
            codes = [wanted] if wanted else list(_QUOTED_EVERYWHERE)
            found = self._first_with_quotes([structs.CThostFtdcInstrumentField(InstrumentID=code) for code in codes])
            if found is None:
                raise Mismatch("an instrument that is quoted", "one with bid and ask", f"none of {', '.join(codes)}")
            return found
        rows = self.entered.rows("ReqQryInstrument", InstrumentID=wanted)
        if not rows and not wanted:
            for asked in _LISTED_IF_ASKED:  # where the whole list is too long to be told
                rows = rows or self.entered.rows("ReqQryInstrument", **asked)
        if not rows:
            raise Mismatch("an instrument to trade", wanted or "at least one row of ReqQryInstrument", "none")
        if wanted:
            return rows[0]
        traded = [row for row in rows if row.ProductClass not in _NOT_TRADED]
        first = [row for row in traded if row.ProductClass == FUTURES] or traded or rows
        found = self._first_with_quotes(first[:_CANDIDATES]) or self._first_with_quotes(traded[:_CANDIDATES])
        if found is None:
            raise Mismatch("an instrument to trade", "one with bid and ask", f"none of {len(traded)}")
        return found

    def _first_with_quotes(self, rows: list[Any]) -> Any:
        if not rows:
            return None
        if "md" not in self.kinds:
            return self._first_with_asked_quotes(rows)
        market, codes = self.market, {row.InstrumentID: row for row in rows}
        after = market.subscribe(*codes)
        try:
            call = market.wait(
                "a snapshot with bid and ask",
                lambda call: call.name == "OnRtnDepthMarketData" and is_two_sided(call.field),
                after,
            )
        except Mismatch:
            return None
        finally:
            market.unsubscribe(*codes)
        return codes.get(call.field.InstrumentID)

    def _first_with_asked_quotes(self, rows: list[Any]) -> Any:
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            for row in rows:
                if is_two_sided(self._asked_quote(row)):
                    return row
            self.entered.pause(_ASKING_SECONDS)
        return None

    def _asked_quote(self, row: Any) -> Any:
        if not self.supports("ReqQryDepthMarketData"):
            return None
        found = self.entered.rows("ReqQryDepthMarketData", InstrumentID=row.InstrumentID)
        return found[0] if found else None

    def quote(self) -> Any:
        """The newest snapshot of the instrument; it has bid and ask."""
        code = self.instrument.InstrumentID
        if "md" not in self.kinds:
            tick = self._asked_quote(self.instrument)
            if not is_two_sided(tick):
                raise Mismatch(f"a quote of {code}", "bid and ask", tick)
            return tick
        market = self.market
        self._once("quoted", self._watch)
        if not is_two_sided(market.latest.get(code)):
            self._wait_for_quote(market, code)
        return market.latest[code]

    def _watch(self) -> bool:
        code = self.instrument.InstrumentID
        self.market.subscribe(code)
        self._wait_for_quote(self.market, code)
        return True

    def _wait_for_quote(self, market: Md, code: str) -> None:
        def quoted(_: Any = None) -> bool:
            return is_two_sided(market.latest.get(code))

        after = market.mark()
        if not quoted():
            market.wait(f"a snapshot of {code} with bid and ask", quoted, after)

    def account(self) -> Any:
        """The account's row."""
        rows = self.trader.rows("ReqQryTradingAccount", **self.trader.who)
        expect("rows of ReqQryTradingAccount", len(rows), 1)
        return rows[0]

    @property
    def lots(self) -> int:
        """The smallest order."""
        return max(1, int(self.instrument.MinLimitOrderVolume))

    def price(self, direction: str, *, rests: bool = False) -> float:
        """A limit price at which an order surely fills, or surely rests, now."""
        tick, step = self.quote(), self.instrument.PriceTick
        upper, lower = real_price(tick.UpperLimitPrice), real_price(tick.LowerLimitPrice)
        is_low = (direction == BUY) == rests
        limit = lower if is_low else upper
        if rests:
            far = tick.BidPrice1 * 0.95 if is_low else tick.AskPrice1 * 1.05
            return on_grid(far, step) if limit is None else limit
        band = _AGGRESSION_TICKS * step
        price = tick.BidPrice1 - band if is_low else tick.AskPrice1 + band
        if limit is not None:
            price = max(price, limit) if is_low else min(price, limit)
        return on_grid(price, step)

    # ------------------------------------------------------------------ phases
    def _statuses(self) -> list[Any]:
        if "trader" not in self.kinds:
            return []
        row = self.instrument
        names = (row.ProductID, row.InstrumentID)
        return [
            call.field
            for call in self.entered.calls
            if call.name == "OnRtnInstrumentStatus"
            and call.field.ExchangeID == row.ExchangeID
            and call.field.InstrumentID in names
        ]

    @property
    def phase_changes(self) -> int:
        """How many phases of the instrument were told."""
        return len(self._statuses())

    def wait_open(self) -> None:
        """Wait until the instrument is in continuous trading; nothing told counts as that."""
        if "md" in self.kinds:
            self.quote()  # a recorded market begins with its first listener
        if "trader" not in self.kinds:
            return
        trader, deadline = self.entered, time.monotonic() + _OPENING_SECONDS
        while True:
            after = trader.mark()
            statuses = self._statuses()
            if not statuses or statuses[-1].InstrumentStatus == CONTINUOUS:
                return
            left = deadline - time.monotonic()
            if statuses[-1].InstrumentStatus == CLOSED or left <= 0:
                status = statuses[-1].InstrumentStatus
                raise Mismatch("InstrumentStatus", "2 (continuous trading)", f"{status} at {statuses[-1].EnterTime}")
            trader.wait("OnRtnInstrumentStatus", "OnRtnInstrumentStatus", after, left)

    # ------------------------------------------------------------------ orders
    def order_field(self, trader: Trader, **changes: Any) -> Any:
        """An ordinary limit order: buy one lot to open at a price at which it rests."""
        row = self.instrument
        values: dict[str, Any] = {
            **trader.who,
            "UserID": trader.user,
            "InstrumentID": row.InstrumentID,
            "ExchangeID": row.ExchangeID,
            "OrderPriceType": LIMIT,
            "Direction": BUY,
            "CombOffsetFlag": OPEN,
            "CombHedgeFlag": "1",
            "VolumeTotalOriginal": self.lots,
            "TimeCondition": GFD,
            "VolumeCondition": "1",
            "MinVolume": 0,
            "ContingentCondition": "1",
            "ForceCloseReason": "0",
        }
        values.update(changes)
        if "LimitPrice" not in values:
            values["LimitPrice"] = self.price(values["Direction"], rests=True)
        if "OrderRef" not in values:
            values["OrderRef"] = trader.next_ref()
        return trader.build("ReqOrderInsert", values)

    def insert(self, trader: Trader | None = None, **changes: Any) -> Order:
        """Send :meth:`order_field`."""
        trader = trader or self.trader
        order = Order(trader, self.order_field(trader, **changes))
        self._orders.append(order)
        return order

    def rest(self, trader: Trader | None = None, **changes: Any) -> Order:
        """An order that rests."""
        order = self.insert(trader, **changes)
        order.rests()
        return order

    def fill(self, direction: str = BUY, offset: str = OPEN, **changes: Any) -> Order:
        """An order that has filled."""
        order = self.insert(
            Direction=direction, CombOffsetFlag=offset, **{"LimitPrice": self.price(direction), **changes}
        )
        order.fills()
        return order

    @property
    def close_flag(self) -> str:
        """The offset flag that closes what was opened today."""
        return CLOSE_TODAY if self.instrument.PositionDateType == "1" else CLOSE

    # ------------------------------------------------------------------ leaving nothing behind
    def tidy(self) -> None:
        """After each card: its clients are released, its orders cancelled, its positions closed."""
        for client in self._clients:
            client.release()
        self._clients.clear()
        market = self._kept.get("market")
        if isinstance(market, Md):
            market.forget()
        if not self._orders:
            return
        try:
            self._cancel_all()
            self._close_all()
        except Exception as error:
            # The cards have told what does not work here; the next one shall still have its turn.
            log.info("could not tidy up: %s", error)
        self._orders.clear()

    def _cancel_all(self) -> None:
        """What still works of this card's orders; the session of the run sees all of them."""
        seen = self._own_states()
        for order in self._orders:
            key = (order.trader.front_id, order.trader.session_id, number_of(order.field.OrderRef))
            state = seen.get(key)
            if state is not None and state.OrderStatus not in FINAL:
                order.cancel("sys" if state.OrderSysID else "ref", self.trader)

    def _own_states(self) -> dict[tuple[int, int, int], Any]:
        states: dict[tuple[int, int, int], Any] = {}
        for call in self.trader.calls:
            if call.name == "OnRtnOrder":
                field = call.field
                states[field.FrontID, field.SessionID, number_of(field.OrderRef)] = field
        return states

    def held(self) -> tuple[int, int]:
        """Long and short lots that this run's trades left."""
        own = {
            state.OrderSysID.strip()
            for key, state in self._own_states().items()
            if key[:2] in self._sessions and state.OrderSysID
        }
        lots = dict.fromkeys("0123456789", 0)
        for call in self.trader.calls:
            if call.name == "OnRtnTrade" and call.field.OrderSysID.strip() in own:
                trade = call.field
                if trade.OffsetFlag in ("", OPEN):
                    lots[trade.Direction] += trade.Volume
                else:
                    lots[SELL if trade.Direction == BUY else BUY] -= trade.Volume
        return lots[BUY], lots[SELL]

    def _close_all(self) -> None:
        long, short = self.held()
        if self.instrument.ProductClass not in ("", FUTURES):
            return  # bought securities cannot be sold on the same day
        for lots, direction in ((long, SELL), (short, BUY)):
            if lots > 0:
                self.fill(direction, self.close_flag, VolumeTotalOriginal=lots)

    def close(self) -> None:
        """The end of the run."""
        self.tidy()
        for client in self._lasting:
            client.release()
        self._folder.cleanup()


def is_two_sided(tick: Any) -> bool:
    """Whether a snapshot has bid and ask."""
    if tick is None:
        return False
    sides = ((tick.BidPrice1, tick.BidVolume1), (tick.AskPrice1, tick.AskVolume1))
    return all(volume > 0 and price != DBL_MAX for price, volume in sides)


def real_price(price: float) -> float | None:
    """A limit price, None when there is none."""
    return None if price == DBL_MAX or price == 0 else price


def on_grid(price: float, step: float) -> float:
    """The nearest price of the instrument."""
    return round(round(price / step) * step, 6) if step > 0 else price
