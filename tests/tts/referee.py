"""One seeded game: a random crowd at the counter, and the naive judge beside it, compared after every action."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ctp2.testing.desk import Desk
from ctp2.testing.orderflow import (
    ODD_KINDS,
    Action,
    Cancel,
    Dice,
    Insert,
    Market,
    OrderFlow,
    Phase,
    Snapshot,
    Wait,
    markets,
)
from ctp2.tts import translate
from ctp2.tts.events import ActionRefused, Event, InsertRefused, OrderReport, TradeDone
from ctp2.tts.state import State
from tests.tts.naive import NaiveCounter, NaiveOrder
from tests.tts.recovery import Replica, fingerprint

USERS = ("ann", "ben", "cat", "dan")
EVERY = 50
"""Everything is compared after so many actions, what an action touched after each."""
FINAL = "05"


@dataclass(frozen=True)
class Game:
    """What a seed decides about a game."""

    seed: int
    profile: str
    fills: str
    markets: tuple[Market, ...]
    balances: dict[str, Decimal]
    carried: tuple[tuple[str, str, bool, int, Decimal], ...]
    """Lots of yesterday: user, instrument, whether long, how many, opened at; as many long as short of each."""


def game_of(seed: int) -> Game:
    """Profile, mode, instruments and money of a seed; users may be poor."""
    dice = Dice(seed ^ 0x6A6D65)
    traded = tuple(markets(seed, 1 + dice.roll(6)))
    carried: list[tuple[str, str, bool, int, Decimal]] = []
    for market in traded:
        for _ in range(dice.roll(3)):
            volume, price = 1 + dice.roll(8), market.settled + (dice.roll(41) - 20) * market.tick
            carried.append((dice.pick(USERS), market.code, True, volume, price))
            carried.append((dice.pick(USERS), market.code, False, volume, price))
    return Game(
        seed,
        dice.pick(("exchange", "exchange", "simnow", "clean")),
        dice.pick(("full", "random")),
        traded,
        {user: Decimal(dice.pick((50_000, 1_000_000, 20_000_000))) for user in USERS},
        tuple(carried),
    )


def exact(value: float) -> Decimal:
    """A double of money as the decimal that it stands for."""
    return Decimal(repr(value))


def open_desk(game: Game) -> Desk:
    """The counter of a game in the morning."""
    desk = Desk(profile=game.profile, fills=game.fills, seed=game.seed)
    for market in game.markets:
        desk.instrument(
            market.exchange,
            market.code,
            product=market.product,
            multiplier=str(market.multiplier),
            tick=str(market.tick),
            margin=str(market.long_margin),
            short_margin=str(market.short_margin),
            lot_margin=str(market.lot_margin),
            fees=",".join(map(str, market.fees)),
            lot_fees=",".join(map(str, market.lot_fees)),
            limits=f"{market.low}..{market.high}",
            settled=str(market.settled),
            matched="yes" if market.is_matched else "",
        )
    for user, balance in game.balances.items():
        desk.user(user, balance)
    for number, (user, code, is_long, volume, price) in enumerate(game.carried):
        desk.carry(user, "2" if is_long else "3", volume, code, price, trade_id=900 + number)
    return desk


def same(what: str, came: Any, judged: Any) -> None:
    """Fail with what differs."""
    if came == judged:
        return
    if isinstance(came, dict) and isinstance(judged, dict):
        keys = [key for key in {**came, **judged} if came.get(key) != judged.get(key)]
        came, judged = {key: came.get(key) for key in keys}, {key: judged.get(key) for key in keys}
    raise AssertionError(f"{what}:\n  came   {came}\n  judged {judged}")


class Referee:
    """Plays a game and compares; an ``AssertionError`` names the seed and the action."""

    def __init__(self, seed: int) -> None:
        self.game = game_of(seed)
        self.desk = open_desk(self.game)
        self.events: list[Event] = []
        self.actions = 0
        self.kinds: Counter[str] = Counter()
        """Class of event → how many came."""
        self.answers: Counter[str] = Counter()
        """The judge's answer to an order or a cancel → how many."""
        self._volumes: dict[str, list[int]] = {}
        self.judge = NaiveCounter(self.game.markets, self.game.balances, self._draw, self.game.profile != "simnow")
        for user, code, is_long, volume, price in self.game.carried:
            self.judge.carry(user, code, is_long, volume, price)
        self.replica = Replica(open_desk(self.game).state)
        self._names: dict[int, str] = {}
        self._seen: dict[str, Any] = {}
        self._told: Counter[str] = Counter()
        self._sys_ids: set[str] = set()

    def play(self, steps: int) -> None:
        """Let the crowd act ``steps`` times."""
        for action in OrderFlow(self.game.seed, self.game.markets, USERS).actions(steps):
            self.actions += 1
            try:
                self._act(action)
            except AssertionError as error:
                raise AssertionError(
                    f"seed {self.game.seed}, action {self.actions} of {self.game.profile}/{self.game.fills}: "
                    f"{action}\n{error}"
                ) from error

    def _act(self, action: Action) -> None:
        events = self._at_the_counter(action)
        self.events.extend(events)
        self.kinds.update(type(event).__name__ for event in events)
        self._volumes = defaultdict(list)
        trades = self._check_records(events)
        for name, _, volume in trades:
            self._volumes[name].append(volume)
        self.judge.act(action)
        same("fills", _by_order(trades), _by_order(self.judge.fills))
        if isinstance(action, Insert | Cancel):
            self._check_answer(action, events)
        self._check_state(action, events, bool(trades))

    def _check_state(self, action: Action, events: list[Event], traded: bool) -> None:
        """What the action touched; a trade or a quote touches everybody who holds the instrument."""
        code = self._code(action)
        everything = self.actions % EVERY == 0
        is_mark = traded or isinstance(action, Snapshot)
        users = USERS if everything or is_mark else sorted({event.account_id for event in events})
        self.replica.follow(events)
        self.replica.mark(self.desk.state)
        for user in users:
            self.replica.compare(self.desk.state, user)
        if everything:
            same("the state of the events alone", self.replica.digest(), fingerprint(self.desk.state))
        self._check_orders(None if everything else events)
        self._check_money(users)
        self._check_positions(users)
        self._check_books("" if everything else code)

    def _code(self, action: Action) -> str:
        """The instrument that an action is about, ``none`` if it is about no one instrument."""
        if isinstance(action, Wait):
            return "none"
        if isinstance(action, Cancel):
            return self._seen[action.name].InstrumentID if action.name in self._seen else "none"
        return action.code

    def recovered(self) -> State:
        """The morning's state and all events of the game applied to it, without the engine."""
        replica = Replica(open_desk(self.game).state)
        replica.follow(self.events)
        replica.mark(self.desk.state)
        return replica.state

    def _at_the_counter(self, action: Action) -> list[Event]:
        desk = self.desk
        if isinstance(action, Insert):
            odd: dict[str, Any] = {**ODD_KINDS.get(action.kind, {})}
            return desk.insert(
                action.user,
                action.direction,
                action.offset,
                action.volume,
                action.code,
                float(action.price),
                "limit" if action.kind in ODD_KINDS else action.kind,
                name=action.name,
                comb_hedge=action.hedge,
                ref=action.ref,
                **odd,
            )
        if isinstance(action, Cancel):
            return desk.cancel(action.user, action.name, action.by)
        if isinstance(action, Snapshot):
            bid = "-" if action.bid is None else f"{action.bid}x{action.bid_volume}"
            ask = "-" if action.ask is None else f"{action.ask}x{action.ask_volume}"
            return desk.remember(desk.quote(action.code, bid, ask, str(action.last)))
        if isinstance(action, Phase):
            return desk.remember(desk.phase(action.code, action.phase))
        assert isinstance(action, Wait)
        return desk.remember(desk.wait(action.tenths / 10))

    def _draw(self, order: NaiveOrder, left: int) -> int:
        """How many lots the market maker took: all, or by chance what the counter says, within what is legal."""
        if self.game.fills == "full":
            return left
        volumes = self._volumes.get(order.name)
        if not volumes:
            assert order.minimum > 1, f"{order.name} is marketable and nothing filled"
            return 0
        volume = volumes.pop(0)
        assert 1 <= volume <= left, f"{order.name} fills {volume} of {left}"
        return volume

    # ------------------------------------------------------------------ callbacks
    def _check_records(self, events: list[Event]) -> list[tuple[str, Decimal, int]]:
        """The invariants of spec 3.6 over what each order's owner is told; returns the trades."""
        trades: list[tuple[str, Decimal, int]] = []
        touched: set[str] = set()
        for event in events:
            if isinstance(event, OrderReport):
                touched.add(self._check_report(translate.order_to_ctp(event)))
            elif isinstance(event, TradeDone):
                record = translate.trade_to_ctp(event)
                name = self._check_trade(record)
                trades.append((name, exact(record.Price), record.Volume))
        for name in touched:
            assert self._seen[name].VolumeTraded == self._told[name], f"{name}: trades sum to VolumeTraded"
        return trades

    def _check_report(self, record: Any) -> str:
        name = self.desk.names[record.RequestID]
        assert record.VolumeTraded + record.VolumeTotal == record.VolumeTotalOriginal
        before = self._seen.get(name)
        if before is None:
            assert (record.OrderStatus, record.OrderSubmitStatus, record.OrderSysID) == ("a", "0", "")
        else:
            assert record.VolumeTraded >= before.VolumeTraded
            again = record.OrderStatus == before.OrderStatus == "5" and record.VolumeTraded == before.VolumeTraded
            assert before.OrderStatus not in FINAL or again, f"{name} was final"
            assert before.OrderSysID in ("", record.OrderSysID)
        if record.OrderSysID and (before is None or not before.OrderSysID):
            assert record.OrderSysID not in self._sys_ids and len(record.OrderSysID) == 12
            self._sys_ids.add(record.OrderSysID)
        self._seen[name] = record
        self._names[record.BrokerOrderSeq] = name
        return name

    def _check_trade(self, record: Any) -> str:
        name = self._names[record.BrokerOrderSeq]
        order = self._seen[name]
        assert record.OrderSysID and order.OrderSysID == record.OrderSysID, "the OrderSysID is known before the trade"
        self._told[name] += record.Volume
        assert order.VolumeTraded >= self._told[name], "the state that shows a fill comes before its trade"
        assert (record.Direction, record.InstrumentID) == (order.Direction, order.InstrumentID)
        return name

    def _check_answer(self, action: Insert | Cancel, events: list[Event]) -> None:
        refusal = next((e for e in events if isinstance(e, InsertRefused | ActionRefused)), None)
        if refusal is not None:
            answer = str(refusal.error_id)
        elif isinstance(action, Cancel):
            answer = "cancelled"
        else:
            is_rejected = self._seen[action.name].OrderSubmitStatus == "4"
            answer = "rejected" if is_rejected else "accepted"
        same("answer", answer, self.judge.answer)
        self.answers[answer if answer.isalpha() else f"error {answer}"] += 1

    # ------------------------------------------------------------------ state
    def _check_orders(self, events: list[Event] | None) -> None:
        """The orders that events are about, or (None) all."""
        if events is None:
            names = {**self._seen, **self.judge.orders}.keys()
        else:
            names = {self._names[e.order.order_id]: None for e in events if isinstance(e, OrderReport)}.keys()
        for name in names:
            record, order = self._seen[name], self.judge.orders[name]
            came = (record.OrderStatus, record.VolumeTraded, record.VolumeTotal)
            same(f"order {name}", came, (order.status, order.traded, order.left))

    def _check_money(self, users: Iterable[str]) -> None:
        for user in users:
            row = self.desk.account(user)
            judged = self.judge.money_of(user)
            same(f"money of {user}", {name: exact(getattr(row, name)) for name in judged}, judged)

    def _check_positions(self, users: Iterable[str]) -> None:
        for user in users:
            came: dict[tuple[str, bool, str], list[Any]] = defaultdict(lambda: [0] * 9)
            margin = commission = Decimal(0)
            for row in self.desk.positions(user):
                is_long = row.PosiDirection == "2"
                total = came[row.InstrumentID, is_long, row.HedgeFlag]
                frozen_close, frozen_open = row.ShortFrozen, row.LongFrozen
                if not is_long:
                    frozen_close, frozen_open = frozen_open, frozen_close
                for index, value in enumerate(
                    (
                        row.Position,
                        row.OpenVolume,
                        row.CloseVolume,
                        row.YdPosition,
                        row.TodayPosition,
                        exact(row.PositionCost),
                        exact(row.OpenCost),
                        frozen_open,
                        frozen_close,
                    )
                ):
                    total[index] += value
                assert row.Position >= row.TodayPosition >= 0
                margin += exact(row.FrozenMargin)
                commission += exact(row.FrozenCommission)
            judged = self._judged_positions(user)
            same(f"positions of {user}", {key: v for key, v in came.items() if any(v)}, judged)
            account = self.desk.account(user)
            assert commission == exact(account.FrozenCommission)
            assert margin >= exact(account.FrozenMargin), "rows freeze in full, the account on the larger side"

    def _judged_positions(self, user: str) -> dict[tuple[str, bool, str], list[Any]]:
        judged: dict[tuple[str, bool, str], list[Any]] = defaultdict(lambda: [0] * 9)
        for (owner, code, is_long, hedge), side in self.judge.sides.items():
            if owner == user:
                multiplier = self.judge.markets[code].multiplier
                judged[code, is_long, hedge][:7] = [
                    side.volume(),
                    side.open_volume,
                    side.close_volume,
                    side.carried,
                    side.volume(True),
                    sum(lot.basis * lot.volume for lot in side.lots) * multiplier,
                    sum(lot.price * lot.volume for lot in side.lots) * multiplier,
                ]
        for order in self.judge.working:
            if order.user == user and order.is_working:
                key = (order.market.code, order.is_buy == order.is_open, order.hedge)
                judged[key][7 if order.is_open else 8] += order.left
        return {key: value for key, value in judged.items() if any(value)}

    def _check_books(self, code: str) -> None:
        """The book of ``code``, or of every instrument."""
        for market in self.game.markets:
            if not market.is_matched or (code and market.code != code):
                continue
            judged = []
            for word, is_buy in (("bid", True), ("ask", False)):
                levels: dict[Decimal, int] = {}
                for order in self.judge._book(market.code, is_buy):
                    assert order.price is not None
                    levels[order.price] = levels.get(order.price, 0) + order.left
                texts = [f"{volume}@{float(price):.10g}" for price, volume in list(levels.items())[:5]]
                judged.append(" ".join((word, *texts)) if texts else f"{word} -")
                if is_buy:
                    best_bid = next(iter(levels), None)
                elif self.judge.phases[market.code] == "trading" and best_bid is not None and levels:
                    assert best_bid < next(iter(levels)), "the book is not crossed"
            same(f"book of {market.code}", self.desk.book(market.code), judged)


def _by_order(fills: list[tuple[str, Decimal, int]]) -> dict[str, list[tuple[Decimal, int]]]:
    """Each order's fills in their order; how the fills of several orders interleave is for their users unseen."""
    result: dict[str, list[tuple[Decimal, int]]] = {}
    for name, price, volume in fills:
        result.setdefault(name, []).append((price, volume))
    return result
