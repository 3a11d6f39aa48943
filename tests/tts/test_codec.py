"""The log's codec: every event comes back as it was, so that the decoded events alone make the same state."""

from __future__ import annotations

import difflib
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ctp2.testing.desk import Desk
from ctp2.testing.desk_night import open_day
from ctp2.testing.scenario import Scenario, _options, _Runner, load
from ctp2.tts import state as state_module
from ctp2.tts.carrying import carried
from ctp2.tts.codec import CodecError
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_read import Decoder
from ctp2.tts.codec_table import ENTRIES, KINDS
from ctp2.tts.codec_write import Encoder
from ctp2.tts.events import DaySettled, Event, RequestRefused, TradeDone
from ctp2.tts.flows import PRIVATE
from ctp2.tts.rights import MoveMoney, Restrict, Rights
from ctp2.tts.settled import AccountSettled, CarriedLot, PriceSettled, PurseSettled, Settlement
from ctp2.tts.state import State
from tests.tts.option_game import OptionGame
from tests.tts.referee import Referee, open_desk
from tests.tts.wholestate import everything

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
SCENARIOS = [scenario for path in sorted(FOLDER.glob("*.txt")) for scenario in load(path)]
_SET_UP = ("instrument", "known", "combination")
_PARTS = ("parking", "quotes", "combinations")


class Logged:
    """An engine's face that writes down the events of every command as they come."""

    def __init__(self, engine: Any, note: Callable[[list[Event]], None]) -> None:
        self._engine, self._note = engine, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name in _PARTS:
            return Logged(found, self._note)
        if not callable(found) or name in ("add_contract", "add"):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            if isinstance(result, list) and result and isinstance(result[0], Event):
                self._note(result)
            return result

        return call


class LoggedDesk(Desk):
    """A desk whose events are encoded at once, command by command."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.counts: Counter[str] = Counter()
        self._begin_log()

    def _begin_log(self) -> None:
        self.encoder = Encoder(self.state)
        self.commits: list[bytes] = []
        self.engine: Any = Logged(self.engine, self._note)

    def begin_day(self, event: DaySettled) -> None:
        """A day has a log of its own, and this is its first event."""
        self._begin_log()
        super().begin_day(event)
        self._note([event])

    def _note(self, events: list[Event]) -> None:
        self.encoder.add(events)
        self.commits.append(self.encoder.take())
        self.counts.update(type(event).__name__ for event in events)

    def carry(self, *arguments: Any, **named: Any) -> None:
        made: list[Event] = []

        def noted(*inner: Any, **more: Any) -> Any:
            made.append(carried(*inner, **more))
            return made[0]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ctp2.testing.desk.carried", noted)
            super().carry(*arguments, **named)
        self._note(made)


def played(scenario: Scenario, up_to: tuple[str, ...] | None = None) -> LoggedDesk:
    """The counter of a scenario after its steps, or after those of its set-up alone."""
    options = dict(scenario.settings)
    for step in scenario.steps:
        word, _, rest = step.text.partition(" ")
        if word == "settings":
            options = {**_options(rest.split()), **options}
    desk = LoggedDesk(**{**options, "seed": int(options.get("seed", "0"))})
    runner = _Runner(scenario, desk)
    for step in scenario.steps:
        word = step.text.split()[0]
        if word != "settings" and (up_to is None or word in up_to):
            runner.carry_out(step)
    return desk


def rebuilt(fresh: Any, live: Any, commits: list[bytes]) -> None:
    """Decode into the fresh state, and compare everything when both know today's prices."""
    decoder = Decoder(fresh)
    for records in commits:
        decoder.apply(records)
    same_state(fresh, live)


def same_state(fresh: Any, live: Any) -> None:
    """Everything of two states is equal when both know today's prices."""
    for mine, theirs in zip(fresh.contracts, live.contracts, strict=True):
        mine.last = theirs.last
        fresh.mark(mine)
    came, wanted = everything(fresh), everything(live)
    if came != wanted:
        changes = list(difflib.unified_diff(wanted, came, "live", "rebuilt", n=0, lineterm=""))
        pytest.fail("\n".join(changes[:40]), pytrace=False)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_encoded_events_of_a_scenario_make_the_same_state(scenario: Scenario) -> None:
    desk, fresh = played(scenario), played(scenario, _SET_UP)
    if desk.night.settlement is not None:
        open_day(fresh, desk.night.settlement)
    rebuilt(fresh.state, desk.state, desk.commits)


def test_every_event_has_an_entry() -> None:
    evolved = set(state_module._EVOLVE)
    told = set(PRIVATE) | {RequestRefused}
    missing = (evolved | told) - set(ENTRIES)
    assert not missing, f"not in codec_table.KINDS: {sorted(one.__name__ for one in missing)}"
    assert len(KINDS) == len({cls for cls, _ in KINDS.values()}), "a class with two numbers"


# ------------------------------------------------------------------ random games
class EmptyDesk(LoggedDesk):
    """A morning without anybody."""

    def user(self, name: str, *_: Any, **__: Any) -> None:
        self.sessions[name] = len(self.sessions) + 1

    def carry(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.parametrize("seed", [*range(2_000, 2_012)])
def test_the_encoded_events_of_a_game_make_the_same_state(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tts.referee.Desk", LoggedDesk)
    referee = Referee(seed)
    referee.play(150)
    desk: Any = referee.desk
    monkeypatch.setattr("tests.tts.referee.Desk", EmptyDesk)
    rebuilt(open_desk(referee.game).state, desk.state, desk.commits)


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_encoded_events_of_a_game_with_options_make_the_same_state(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tts.option_game.Desk", LoggedDesk)
    game = OptionGame(seed)
    game.play(120)
    desk: Any = game.desk
    monkeypatch.setattr("tests.tts.option_game.Desk", EmptyDesk)
    rebuilt(game.open_desk().state, desk.state, desk.commits)


def test_scenarios_bring_nearly_every_kind() -> None:
    """What only the edge makes is shown elsewhere."""
    counts: Counter[str] = Counter()
    wanted = {cls.__name__ for cls, _ in KINDS.values()}
    for scenario in SCENARIOS:
        if wanted - counts.keys():
            counts += played(scenario).counts
    edge = {"RequestRefused", "AccountReset", "AccountRestricted", "MoneyMoved", "BankToFuture", "FutureToBank"}
    assert wanted - counts.keys() == edge
    assert set(counts) <= wanted


# ------------------------------------------------------------------ the rest of the kinds, and odd values
def desk_with_trades() -> LoggedDesk:
    """Somebody bought two lots and sold one."""
    desk = LoggedDesk(fills="full")
    desk.instrument("SHFE", "rb", margin="0.1", limits="3000..4000", settled="3500")
    desk.user("ann", "1000000")
    desk.quote("rb", "3499x10", "3500x10", "3500")
    desk.insert("ann", "buys", "open", 2, "rb", 3500.0)
    desk.insert("ann", "sells", "close-today", 1, "rb", 3499.0)
    return desk


def fresh_desk() -> LoggedDesk:
    """The same morning without anybody."""
    desk = LoggedDesk(fills="full")
    desk.instrument("SHFE", "rb", margin="0.1", limits="3000..4000", settled="3500")
    return desk


def test_money_rights_and_settlements_come_back() -> None:
    desk = desk_with_trades()
    rights = Rights(False, {"rb": "close"}, {"*": 3}, ("DCE",), False, True, "weak")
    desk.engine.restrict(Restrict(desk.now_ns, "ann", rights))
    desk.engine.move_money(MoveMoney(desk.now_ns, "ann", "CNY", 5_000_000))
    desk.engine.move_money(MoveMoney(desk.now_ns, "ann", "CNY", 7_000_000, True, ("a", "b")))
    desk.engine.move_money(MoveMoney(desk.now_ns, "ann", "CNY", -1_000_000, True, ("c", "")))
    rebuilt(fresh_desk().state, desk.state, desk.commits)


def test_a_settlement_comes_back_as_it_was() -> None:
    settlement = Settlement(
        trading_day="20250306",
        next_day="20250307",
        made_ns=1,
        prices=[PriceSettled(exchange="SHFE", code="rb", settlement=3500, close=3501, open_interest=2.5)],
        accounts=[
            AccountSettled(
                account_id="ann",
                name="安",
                purses=[PurseSettled(currency="CNY", balance_cf=12_340_000)],
                carried=[
                    CarriedLot(
                        exchange="SHFE",
                        code="rb",
                        is_long=True,
                        hedge="1",
                        trade_id=3,
                        open_date="20250306",
                        open_price=3490,
                        basis=3500,
                        volume=2,
                        margin=7_000_000,
                        exchange_margin=7_000_000,
                    )
                ],
            )
        ],
    )
    entry, known = ENTRIES[DaySettled], Known(State("20250307"))
    again: Any = entry.back(known, entry.out(known, DaySettled(settlement, 5)))
    assert (again.settlement, again.now_ns) == (settlement, 5)


def test_amounts_beyond_64_bits_and_texts_that_are_none_come_back() -> None:
    desk = desk_with_trades()
    (order,) = [one for _, one in desk.state.orders.items() if one.order_id == 1]
    huge = TradeDone(order, 9, 3500, 1, 1 << 70, 0, 0, -(1 << 65), 0, 0, 0, [], 9, "20250306", 1)
    desk.state.evolve(huge)
    desk._note([huge])
    desk.engine.move_money(MoveMoney(desk.now_ns, "ann", "CNY", 1_000_000, True, ("\udcb0 no text",)))
    desk.insert("ann", "buys", "open", 1, "rb", 3500.0, user_id="\udcb0")
    rebuilt(fresh_desk().state, desk.state, desk.commits)


# ------------------------------------------------------------------ other versions
def grown(records: bytes) -> bytes:
    """Every record with more at its end, as a later version may write it."""
    made, at = b"", 0
    while at < len(records):
        kind, size = struct.unpack_from("<BI", records, at)
        body = records[at + 5 : at + 5 + size]
        if kind > 3 and kind != 4 and kind not in (120, 121):
            values = msgspec.msgpack.decode(body)
            body = msgspec.msgpack.encode([*values, "more", [1, 2]])
        elif kind != 120 and kind != 121:
            body += b"more"
        made += struct.pack("<BI", kind, len(body)) + body
        at += 5 + size
    return made


def test_what_a_later_version_wrote_behind_a_record_is_skipped() -> None:
    desk = desk_with_trades()
    rebuilt(fresh_desk().state, desk.state, [grown(one) for one in desk.commits])


def test_an_unknown_event_is_refused_by_its_name_and_an_unknown_note_is_skipped() -> None:
    decoder = Decoder(State("20250306"), names={99: "SpreadTouched"})
    assert decoder.apply(struct.pack("<BI3s", 200, 3, b"abc")) == []
    with pytest.raises(CodecError, match=r"kind 99 \(SpreadTouched\)"):
        decoder.apply(struct.pack("<BI1s", 99, 1, b"\x90"))


def test_an_instrument_that_the_counter_does_not_list_is_named() -> None:
    desk = desk_with_trades()
    with pytest.raises(CodecError, match="rb of SHFE"):
        rebuilt(State("20250306"), desk.state, desk.commits)
