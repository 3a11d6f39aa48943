"""A pure counter and people in front of it, without threads and clock: what scenarios and fuzz games drive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ctp2.ctp.errors import prompt
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.models import Commission, Instrument, MarginRate
from ctp2.refdata.rates import default_commission, default_margin_rate
from ctp2.refdata.securities import limit_ratio_of
from ctp2.testing import desk_combos, desk_quotes, parkdesk
from ctp2.testing.desk_night import Night
from ctp2.testing.optiondesk import declaration_line, option_fields, strike_rates
from ctp2.tts import rows as ctp_rows
from ctp2.tts import translate
from ctp2.tts.carrying import carried
from ctp2.tts.cashmodel import account_as_cash, position_as_cash
from ctp2.tts.commands import CancelOrder, ConfirmSettlement, InsertOrder, OpenAccount, Quote, SetPhase, Tick
from ctp2.tts.conditions import ConditionFailed
from ctp2.tts.config import Options
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.events import ActionRefused, DaySettled, Event, InsertRefused, OrderReport, TradeDone
from ctp2.tts.money import MICRO
from ctp2.tts.order_types import order_types_for
from ctp2.tts.orders import Order
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State
from ctp2.tts.terms import LONG, NO_PRICE

START_NS: Final = 1_741_224_600_000_000_000
"""2025-03-06 09:30:00 Beijing time: when every scenario begins."""
TRADING_DAY: Final = "20250306"
YESTERDAY: Final = "20250305"

DIRECTIONS: Final = {"buys": "0", "sells": "1"}
OFFSETS: Final = {"open": "0", "close": "1", "force-close": "2", "close-today": "3", "close-yesterday": "4"}
ORDER_TYPES: Final[dict[str, tuple[str, str, str]]] = {
    "limit": ("2", "3", "1"),
    "FAK": ("2", "1", "1"),
    "FOK": ("2", "1", "3"),
    "limit-section": ("2", "2", "1"),
    "limit-whole": ("2", "3", "3"),
    "limit-minimum": ("2", "3", "2"),
    "market": ("1", "1", "1"),
    "market-FOK": ("1", "1", "3"),
    "market-GFD": ("1", "3", "1"),
    "best": ("3", "1", "1"),
    "best-to-limit": ("3", "3", "1"),
    "five": ("G", "1", "1"),
    "five-to-limit": ("G", "3", "1"),
}
"""Name of an order type → OrderPriceType, TimeCondition, VolumeCondition (spec ctp-semantics 3.2); MVn is FAK with a
minimum volume."""
PHASES: Final = {
    "before": "0",
    "break": "1",
    "trading": "2",
    "auction": "3",
    "balance": "4",
    "match": "5",
    "closed": "6",
}

_ECHO: Final = ("9999", *("",) * 10)
_USES_HISTORY: Final = ("SHFE", "INE")
_LARGER_SIDE: Final = ("SHFE", "INE", "CFFEX")


class Listed(NamedTuple):
    """An instrument as it is listed every day; ``low`` and ``high`` are its limits unless the reference data say so."""

    instrument: Instrument
    margin: MarginRate
    commission: Commission
    is_matched: bool
    low: str = ""
    high: str = ""
    is_known: bool = False


class Desk:
    """A pure counter (no threads, no clock but its own) and people in front of it; Python tests may use it as well."""

    def __init__(
        self,
        profile: str = "exchange",
        seed: int = 0,
        fills: str = "random",
        resting: str = "own",
        checks: str = "on",
        order_types: str = "tts",
        cancel_status: str = "unchanged",
        securities: str = "margin",
        **limits: str,
    ) -> None:
        self.profile = profile
        self.securities = securities
        self.order_types = order_types
        self.marks_cancel = cancel_status == "marked"
        room = Options.model_validate(limits).order_limits
        self.settings = Settings(seed, fills == "full", resting == "opposite", checks == "on", room)
        self.engine = Engine(State(TRADING_DAY), self.settings)
        self.listed: list[Listed] = []
        self.combination_codes: list[str] = []
        self.night = Night()
        """What is settled so far, and the last settlement."""
        self.now_ns = START_NS
        self.names: dict[int, str] = {}
        """RequestID of every insert and cancel → the order's name."""
        self.owners: dict[str, str] = {}
        """Order's name → user."""
        self.records: dict[str, Any] = {}
        """Order's name → its last OnRtnOrder record."""
        self.sessions: dict[str, int] = {}
        self._last_request = 0

    @property
    def state(self) -> State:
        """The counter's state."""
        return self.engine.state

    @property
    def last_name(self) -> str:
        """The name of what was asked last."""
        return self.names[self._last_request]

    # -------------------------------------------------------------- set-up
    def instrument(
        self,
        exchange: str,
        code: str,
        *,
        multiplier: str = "10",
        tick: str = "1",
        margin: str = "0.1",
        short_margin: str = "",
        fees: str = "0,0,0",
        lot_fees: str = "0,0,0",
        lot_margin: str = "0",
        limits: str = "",
        settled: str = "",
        market_max: str = "500",
        market_min: str = "1",
        limit_max: str = "500",
        limit_min: str = "1",
        product: str = "",
        kind: str = "future",
        lots: str = "1,1",
        t: str = "0",
        matched: str = "",
        listed: str = "yes",
        expires: str = "",
        **option: str,
    ) -> Contract:
        """Add an instrument; ``fees`` (of the turnover) and ``lot_fees`` are for open, close, close-today.

        ``margin`` is of the turnover, ``lot_margin`` an amount per lot; both are added (spec 7.1).
        ``option``: what makes it an option (``optiondesk.option_fields``).
        """
        lot_min, lot_step = (int(part) for part in lots.split(","))
        terms = option_fields(option)
        kind = terms.pop("product_class", kind)
        instrument = Instrument(
            exchange=exchange,
            code=code,
            product=product or code.rstrip("0123456789"),
            product_class=kind,
            multiplier=int(multiplier),
            price_tick=Decimal(tick),
            uses_history=exchange in _USES_HISTORY and kind in ("future", "option"),
            larger_side=exchange in _LARGER_SIDE and kind == "future",
            min_limit_volume=int(limit_min),
            max_limit_volume=int(limit_max),
            max_market_volume=int(market_max),
            min_market_volume=int(market_min),
            long_margin_ratio=Decimal(margin),
            short_margin_ratio=Decimal(margin),
            lot_min=lot_min,
            lot_step=lot_step,
            is_t0=t == "0",
            is_trading=listed == "yes",
            currency="CNY",
            expire_date=expires,
            **terms,
        )
        rates = MarginRate() if terms else _margin(margin, short_margin or margin, lot_margin)
        low, _, high = limits.partition("..")
        one = Listed(instrument, rates, _commission(fees, lot_fees, option), matched == "yes", low, high)
        return self.add_listed(one, settled, option.get("closed", ""))

    def known(
        self, exchange: str, code: str, *, day: str = TRADING_DAY, settled: str = "", matched: str = "", since: str = ""
    ) -> Contract:
        """Add an instrument as the reference data know it on a day, with its rates; ``settled`` gives its limits.

        ``since`` is the first trading day, where the reference data do not have it.
        """
        instrument = instrument_for(code, exchange, day)
        if instrument is None:
            raise ValueError(f"{exchange} {code}: not in the reference data")
        if since:
            ratio = limit_ratio_of(instrument, since, day)
            instrument = replace(instrument, open_date=since, limit_ratio=ratio)
        rates, fees = default_margin_rate(instrument), default_commission(instrument)
        return self.add_listed(Listed(instrument, rates, fees, matched == "yes", is_known=True), settled)

    def add_listed(self, listed: Listed, settled: str, closed: str = "") -> Contract:
        """Make an instrument tradable today, with its previous settlement and close."""
        instrument = listed.instrument
        contract = Contract(
            len(self.state.contracts),
            instrument,
            listed.margin,
            listed.commission,
            profile_for(self.profile, instrument.exchange, self.marks_cancel),
            is_matched=listed.is_matched,
        )
        contract.take_order_types(order_types_for(self.order_types, instrument.exchange))
        low, high = listed.low, listed.high
        if listed.is_known:
            price = Decimal(settled) if settled else None
            high, low = ("" if limit is None else str(limit) for limit in daily_limits(instrument, price, price))
        contract.lower_limit, contract.upper_limit = self._units(contract, low), self._units(contract, high)
        contract.pre_settlement = self._units(contract, settled)
        contract.pre_close = self._units(contract, closed)
        self.engine.add_contract(contract)
        self.listed.append(listed)
        return contract

    def begin_day(self, event: DaySettled) -> None:
        """The first event of a day, applied to the empty state."""
        self.state.evolve(event)

    def user(self, name: str, balance: str | Decimal, *, currency: str = "CNY", confirms: bool = True) -> None:
        """Open an account with money and (unless told otherwise) confirm the statement."""
        self.sessions[name] = len(self.sessions) + 1
        self.engine.open_account(OpenAccount(self.now_ns, name, {currency: int(Decimal(balance) * MICRO)}))
        if confirms:
            self.confirm(name)

    def confirm(self, name: str) -> None:
        """The statement of yesterday is confirmed."""
        self.engine.confirm_settlement(ConfirmSettlement(self.now_ns, name))

    def carry(
        self, name: str, side: str, volume: int, code: str, open_price: str | Decimal, trade_id: int = 900
    ) -> None:
        """Give ``name`` lots that were opened on an earlier day, as a settled state would hold them this morning.

        They are valued at the previous settlement price (spec ctp-semantics 5.6, 7.1).
        """
        contract = self.contract(code)
        price = self._units(contract, str(open_price))
        account = self.state.accounts[name]
        self.state.evolve(
            carried(self.state, account, contract, side == LONG, volume, price, YESTERDAY, self.now_ns, trade_id)
        )

    # -------------------------------------------------------------- steps
    def contract(self, code: str) -> Contract:
        """The instrument with this code."""
        return self.state.by_code[code][0]

    def quote(self, code: str, bid: str = "-", ask: str = "-", last: str = "-") -> list[Event]:
        """A snapshot; ``bid`` and ``ask`` as ``PRICExVOLUME``, ``-`` for an empty side or no last price."""
        contract = self.contract(code)
        bid_price, _, bid_volume = bid.partition("x")
        ask_price, _, ask_volume = ask.partition("x")
        units = self._units
        return self.engine.quote(
            Quote(
                self.now_ns,
                contract.index,
                units(contract, last),
                units(contract, bid_price),
                int(bid_volume or 0),
                units(contract, ask_price),
                int(ask_volume or 0),
            )
        )

    def phase(self, code: str, phase: str) -> list[Event]:
        """The instrument enters a phase."""
        return self.engine.set_phase(SetPhase(self.now_ns, self.contract(code).index, PHASES.get(phase, phase)))

    def wait(self, seconds: float) -> list[Event]:
        """Time passes; what becomes due on the way is done in its time."""
        until = self.now_ns + int(seconds * 1e9)
        events: list[Event] = []
        while 0 < (due := self.engine.next_due_ns()) <= until:
            self.now_ns = max(self.now_ns, due)
            events.extend(self.engine.tick(Tick(self.now_ns)))
        self.now_ns = until
        return events

    def insert(
        self,
        user: str,
        direction: str,
        offset: str,
        volume: int,
        code: str,
        price: float = 0.0,
        kind: str = "limit",
        *,
        name: str = "",
        session: int = 0,
        ref: str = "",
        exchange: str | None = None,
        parks: bool = False,
        **members: Any,
    ) -> list[Event]:
        """Send an order; ``members`` are further arguments of ``InsertOrder``, which win over the ones made here.

        ``parks``: park it instead.
        """
        number = self.request(name or str(len(self.owners) + 1))
        self.owners[self.names[number]] = user
        min_volume = 0
        if kind.startswith("MV"):
            price_type, time_condition, volume_condition, min_volume = "2", "1", "2", int(kind[2:])
        else:
            price_type, time_condition, volume_condition = ORDER_TYPES[kind]
        known = self.state.by_code.get(code)
        asked: dict[str, Any] = {
            "now_ns": self.now_ns,
            "front_id": 1,
            "session_id": session or self.sessions[user],
            "account_id": user,
            "investor_id": user,
            "user_id": user,
            "exchange": (known[0].exchange if known else "") if exchange is None else exchange,
            "instrument": code,
            "order_ref": ref,
            "direction": DIRECTIONS.get(direction, direction),
            "comb_offset": OFFSETS.get(offset, offset),
            "price": price,
            "volume": volume,
            "price_type": price_type,
            "time_condition": time_condition,
            "volume_condition": volume_condition,
            "min_volume": min_volume,
            "request_id": number,
            "echo": _ECHO,
        }
        carry_out = self.engine.parking.put_order if parks else self.engine.insert_order
        return self.remember(carry_out(InsertOrder(**{**asked, **members})))

    def cancel(self, user: str, name: str, by: str = "ref", parks: bool = False, **members: Any) -> list[Event]:
        """Cancel by FrontID + SessionID + OrderRef (``ref``), or by OrderSysID as told (``sysid``) or ``trimmed``.

        An order that never got an OrderSysID is identified by ``ref``.
        """
        record = self.records.get(name)
        by_ref = by == "ref" or record is None or not record.OrderSysID
        asked: dict[str, Any] = {
            "now_ns": self.now_ns,
            "account_id": user,
            "investor_id": user,
            "user_id": user,
            "exchange": record.ExchangeID if record is not None else "",
            "instrument": record.InstrumentID if record is not None else "none",
            "order_sys_id": "" if by_ref or record is None else record.OrderSysID,
            "front_id": record.FrontID if by_ref and record is not None else 0,
            "session_id": record.SessionID if by_ref and record is not None else 0,
            "order_ref": record.OrderRef if by_ref and record is not None else "",
            "action_flag": "0",
            "request_id": self.request(name),
            "echo": _ECHO,
        }
        if by == "trimmed":
            asked["order_sys_id"] = asked["order_sys_id"].strip()
        carry_out = self.engine.parking.put_cancel if parks else self.engine.cancel_order
        return self.remember(carry_out(CancelOrder(**{**asked, **members})))

    def session_of(self, user: str) -> int:
        """The session that a user's requests come from unless told otherwise."""
        return self.sessions[user]

    def request(self, name: str) -> int:
        """A RequestID for what is named so."""
        self._last_request += 1
        self.names[self._last_request] = name
        return self._last_request

    def remember(self, events: Sequence[Event]) -> list[Event]:
        """Keep the last record of each order."""
        for event in events:
            if isinstance(event, OrderReport):
                record = translate.order_to_ctp(event)
                self.records[self.name_of(record, event.order)] = record
        return list(events)

    def name_of(self, record: Any, order: Order) -> str:
        """What a scenario calls an order; one that the counter released has the name of its origin and a star.

        A leg of a quote has the quote's name with its side.
        """
        name = self.names[record.RequestID]
        if order.quote is not None:
            return f"{name}.{'bid' if order.is_buy else 'ask'}"
        if record.FrontID:
            return name
        self.owners[f"{name}*"] = record.InvestorID
        return f"{name}*"

    @staticmethod
    def _units(contract: Contract, price: str) -> int:
        return NO_PRICE if price in ("", "-") else int(Decimal(price) * contract.price_scale)

    # -------------------------------------------------------------- what can be seen
    def told(self, events: Iterable[Event]) -> list[tuple[str, str]]:
        """(user, line) of the events that the private stream shows, worded as in scenario files."""
        lines = ((event.account_id, self._line(event)) for event in events)
        return [(user, line) for user, line in lines if line]

    def _line(self, event: Event) -> str:
        if isinstance(event, OrderReport):
            record = translate.order_to_ctp(event)
            return _order_line(self.name_of(record, event.order), record)
        if isinstance(event, TradeDone):
            return self._trade_line(translate.trade_to_ctp(event))
        if isinstance(event, ConditionFailed):
            failed = translate.failed_condition_to_ctp(event)
            return f"condition failed {self.names[failed.RequestID]} {failed.ErrorID} {failed.ErrorMsg}"
        if isinstance(event, InsertRefused):
            name = self.names[translate.input_order_to_ctp(event).RequestID]
            return f"refused {name} {event.error_id} {event.message or prompt(event.error_id)}"
        if isinstance(event, ActionRefused):
            action = translate.order_action_to_ctp(event)
            text = action.StatusMsg if event.reason else prompt(event.error_id)
            return f"not cancelled {self.names[action.RequestID]} {event.error_id} {text}"
        return (
            desk_quotes.line_of(self, event)
            or desk_combos.line_of(self, event)
            or declaration_line(self, event)
            or parkdesk.line_of(self, event)
        )

    def _trade_line(self, trade: Any) -> str:
        name = next(
            name
            for name, record in self.records.items()
            if getattr(record, "BrokerOrderSeq", 0) == trade.BrokerOrderSeq
        )
        return f"trade {name} T{trade.TradeID.strip()} {trade.Volume}@{trade.Price:.10g}"

    def account(self, name: str, currency: str = "CNY") -> Any:
        """The account's ``TradingAccount`` row."""
        account = self.state.accounts[name]
        purse = account.purse(currency)
        record = ctp_rows.account_to_ctp(account, purse, "9999", self.state.trading_day)
        if self.securities == "cash":
            account_as_cash(record, account, purse)
        return record

    def positions(self, name: str) -> list[Any]:
        """The account's ``InvestorPosition`` rows."""
        rows = self.state.accounts[name].rows.values()
        records = [ctp_rows.position_to_ctp(row, name, "9999", self.state.trading_day) for row in rows]
        if self.securities == "cash":
            for record, row in zip(records, rows, strict=True):
                position_as_cash(record, row)
        return records

    def details(self, name: str) -> list[Any]:
        """The account's ``InvestorPositionDetail`` rows."""
        rows = self.state.accounts[name].rows.values()
        return [
            ctp_rows.position_detail_to_ctp(row, lot, name, "9999", self.state.trading_day)
            for row in rows
            for lot in row.lots
        ]

    def orders(self, name: str) -> list[Any]:
        """The account's ``Order`` rows, as ``ReqQryOrder`` shows them."""
        orders = self.state.accounts[name].orders
        return [translate.order_to_ctp(translate.order_now(order)) for order in orders]

    def book(self, code: str) -> list[str]:
        """The depth between users: one line per side, best price first."""
        contract = self.contract(code)
        book = self.engine.matching.books[contract.index]
        lines = []
        for word, side in (("bid", book.buys), ("ask", book.sells)):
            levels = [f"{volume}@{price / contract.price_scale:.10g}" for price, volume in side.depth(5)]
            lines.append(" ".join((word, *levels)) if levels else f"{word} -")
        return lines


def _margin(long: str, short: str, lot: str) -> MarginRate:
    """Margin of the turnover on either side, and per lot."""
    per_lot = Decimal(lot)
    return MarginRate(
        long_by_money=Decimal(long), long_by_volume=per_lot, short_by_money=Decimal(short), short_by_volume=per_lot
    )


def _commission(fees: str, lot_fees: str, option: dict[str, str]) -> Commission:
    """Fees for open, close, close-today: of the turnover, and per lot."""
    open_fee, close_fee, today_fee = (Decimal(part) for part in fees.split(","))
    open_lot, close_lot, today_lot = (Decimal(part) for part in lot_fees.split(","))
    return Commission(
        open_by_money=open_fee,
        open_by_volume=open_lot,
        close_by_money=close_fee,
        close_by_volume=close_lot,
        close_today_by_money=today_fee,
        close_today_by_volume=today_lot,
        **strike_rates(option),
    )


def _order_line(name: str, record: Any) -> str:
    number = f"#{record.OrderSysID.strip()}" if record.OrderSysID else "-"
    state = f"{record.OrderStatus}/{record.OrderSubmitStatus}"
    volumes = f"{record.VolumeTraded}+{record.VolumeTotal}"
    actor = f" by {record.ActiveUserID}" if record.ActiveUserID else ""
    return f"order {name} {state} {number} {volumes} {record.StatusMsg}{actor}"
