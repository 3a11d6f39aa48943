"""The embedded counter's thread: it touches the engine, plays the market into it, and keeps its timers.

Requests come in through :meth:`Counter.submit` from any thread; what the engine and the market produce goes out through
the functions of :class:`~ctp2.tts.ears.Ears`, on the counter's thread. Nothing here knows CTP.

A counter lives over many trading days, each with a world of its own (:class:`~ctp2.tts.environments.World`):
:meth:`Counter.enter` exchanges it. When, says the end of a recorded day or the clock; how, ``Ears.on_day_end``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Sink
from ctp2.core.clock import Clock
from ctp2.refdata.ticks import Tick
from ctp2.tts.commands import SetPhase
from ctp2.tts.commands import Tick as TimePasses
from ctp2.tts.contract import Contract
from ctp2.tts.ears import Ears, Reader
from ctp2.tts.environments import World
from ctp2.tts.events import Event
from ctp2.tts.feed import PhaseChange
from ctp2.tts.fullspeed import FullSpeed
from ctp2.tts.lockstep import Gate, GatedSink
from ctp2.tts.shown_book import book_tick, quote_of
from ctp2.tts.timers import Timers
from ctp2.tts.worker import Worker

if TYPE_CHECKING:
    from ctp2.tts.journal import Journal

log = logging.getLogger("ctp2.tts")

_NS: Final = 1_000_000_000
_MAX_WAIT_NS: Final = 60 * _NS
"""A clock that was set, or a machine that slept, is noticed after this at the latest."""
_RETRY_NS: Final = 60 * _NS
"""When a day that could not be settled is tried again."""


class Counter(FullSpeed):
    """One running counter. ``ends_ns`` is when the clock ends the trading day; 0: it does not."""

    def __init__(
        self, world: World, clock: Clock, ears: Ears, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._clock = clock
        self._ears = ears
        self._on_events = ears.on_events
        self._on_tick = ears.on_tick
        self._monotonic_ns = monotonic_ns
        self.turn = threading.Lock()
        """Held by whoever works on the counter: its worker, or at full speed a reader that has just finished."""
        self._is_lent = False
        self.worker = Worker(self)
        self.submit = self.worker.submit
        self._readers: dict[Reader, Sink] = {}
        """The clients and their own sinks, in the order in which they came."""
        self._gate = Gate(monotonic_ns)
        self.timers: Timers | None = None
        """What is to be done later; None while nobody asks (:meth:`timed`)."""

        speed = world.config.options.speed
        self._speed = 0.0 if speed == "max" else float(speed)
        self.is_in_step = not self._speed
        """Whether clients are served one at a time; it stays so after the last recorded day."""
        self._is_playing = False
        self._has_begun = False
        self._is_settling_in = False
        """A new day has begun and the clients come back: the market waits for them."""
        self._holds = 0
        self.is_over = threading.Event()
        """Set when the last recorded day has ended and, in lock step, everybody has finished with it."""
        self.ends_ns = 0
        self.before_work: Callable[[int], int] | None = None
        """Live quotes: told the time before anything is done; answers when it has something to do again (0: never)."""
        if world.follows_sessions:
            self._has_begun = self._is_playing = True
        self.log: Journal | None = None
        self._take(world)

    def enter(self, world: World) -> None:
        """Exchange the world: a new day begins, where its recording does, when the clients have come back."""
        self._take(world)
        self._is_settling_in = not world.is_live

    def _take(self, world: World) -> None:
        self.world = world
        self.engine = world.engine
        self._has_ended = False
        self.is_over.clear()
        if world.made is not None:
            world.made.now = lambda: (self._feed_now(), self._clock.now_ns())
        self.past: list[tuple[PhaseChange, int]] = []
        """The phases in which a replay begins and those before: the changes with their instants."""
        world.feed.skip_to_start(self.set_phase_quietly)
        self._offset = world.feed.next_offset or 0
        self._anchor_ns = self._monotonic_ns()

    # ------------------------------------------------------------------ from any thread
    def start(self) -> None:
        """Begin to work."""
        self._clock.watch(self._on_clock_moved)
        self.worker.start()

    def stop(self) -> None:
        """End the work after what was submitted before; returns when it has ended."""
        self._clock.unwatch(self._on_clock_moved)
        self.worker.stop()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run ``function`` on the counter's thread and return what it returns (for Python users of the counter)."""
        done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

        def job(_: Any) -> None:
            try:
                result = function()
            except Exception as error:
                done.put((False, error))
                return
            if self.log is not None:
                self.log.commit()
            done.put((True, result))

        if self.worker.is_home:
            with self.turn:
                self.serve(job, None)
        else:
            self.worker.put(job, None)
        succeeded, value = done.get()
        if not succeeded:
            raise value
        return value

    @property
    def depth(self) -> int:
        """Requests that wait for the counter."""
        return self.worker.depth

    def hold(self) -> None:
        """Take no further entry of the market until as many :meth:`release_hold` follow."""
        with self.turn:
            if not self._holds:
                self._offset = self._feed_now()
            self._holds += 1

    def release_hold(self) -> None:
        """One holder less."""
        with self.turn:
            self._holds -= 1
            if not self._holds:
                self._anchor_ns = self._monotonic_ns()
        self.wake()

    # ------------------------------------------------------------------ on the counter's thread
    def join(self, reader: Reader) -> None:
        """A client has come."""
        self._readers[reader] = reader.sink
        if self.is_in_step:
            reader.use(GatedSink(self._gate, reader.sink))

    def leave(self, reader: Reader) -> None:
        """A client has gone."""
        sink = self._readers.pop(reader, None)
        if sink is not None:
            self._gate.forget(sink)

    @property
    def readers(self) -> list[Reader]:
        """The clients, in the order in which they came."""
        return list(self._readers)

    def now_ns(self) -> int:
        """The environment's time: the recorded day's for a replay, the clock's that was handed in for all others."""
        if self.world.is_live:
            return self._clock.now_ns()
        return self.world.feed.base_ns + self._feed_now()

    def timed(self) -> Timers:
        """The counter's timers."""
        if self.timers is None:
            self.timers = Timers(self)
        return self.timers

    def monotonic_ns(self) -> int:
        """The monotonic clock."""
        return self._monotonic_ns()

    @property
    def is_lock_step(self) -> bool:
        """Whether the market waits for its readers, and the counter's time is the market's."""
        return not self._speed and not self.world.is_live

    @property
    def pace(self) -> float:
        """How fast the counter's time passes; 0 while it stands, or goes from snapshot to snapshot."""
        if self.world.is_live:
            return self._clock.pace
        return 0.0 if not self._is_playing or self._holds or self._is_settling_in else self._speed

    def begin(self) -> None:
        """Somebody listens or trades: a market that never ran starts; one that was paused by hand stays so."""
        if not self._has_begun:
            self.play()

    def play(self) -> None:
        """Let the market run (from where it stands)."""
        self._has_begun = True
        if not self._is_playing:
            self._is_playing = True
            self._anchor_ns = self._monotonic_ns()

    def pause(self) -> None:
        """Let the market stand still."""
        self._refuse_by_hand()
        self._has_begun = True
        self._offset = self._feed_now()
        self._is_playing = False

    def set_speed(self, speed: float) -> None:
        """Times the recorded speed from now on; 0 for as fast as the readers allow."""
        self._refuse_by_hand()
        self._pace(speed)
        self.is_in_step = not speed
        self._gate.open()
        for reader, sink in self._readers.items():
            reader.use(GatedSink(self._gate, sink) if self.is_in_step else sink)

    def _pace(self, speed: float) -> None:
        self._offset = self._feed_now()
        self._anchor_ns = self._monotonic_ns()
        self._speed = speed

    def step(self) -> bool:
        """Play one entry now, also while paused; False at the end. The clock goes to the entry's time.

        After the last entry of a recorded day the step is the roll to the next one.
        """
        self._refuse_by_hand()
        offset = self.world.feed.next_offset
        if offset is None:
            return not self._has_ended and self._ears.on_day_end()
        if offset > self._feed_now():
            self._offset = offset
            self._anchor_ns = self._monotonic_ns()
        self._play_entry(offset)
        return True

    def _refuse_by_hand(self) -> None:
        if self.world.follows_sessions:
            name = self.world.config.environment
            raise ValueError(f"tts://{name} follows the exchanges' sessions: it is not paused, stepped or sped up")

    @property
    def taken(self) -> int:
        """Recorded entries of the market taken this trading day."""
        return self.world.feed.record.taken

    @property
    def is_playing(self) -> bool:
        """Whether the market runs."""
        return self._is_playing

    def publish(self, events: Sequence[Event]) -> None:
        """Tell what a command did, and the new state of a book that it changed."""
        if events:
            self._on_events(events)
        if self.engine.matching.changed:
            self._publish_books()

    # ------------------------------------------------------------------ the loop
    def serve(self, job: Callable[[Any], None], argument: Any) -> None:
        """Carry out a request; a failure is logged."""
        if self.log is not None:
            self.log.is_serving = True
        try:
            if self.world.follows_sessions:
                self.work()  # a request of 21:00:00 meets the phase of 21:00:00, however late we woke
            job(argument)
        except Exception:
            log.exception("the counter failed on a request")
        if self.log is not None:
            self.log.is_serving = False
            self.log.served(0 if self.is_in_step else self.worker.depth)
        if self.timers is not None:
            self.timers.work()  # what follows a request comes before the next one

    def work(self) -> int:
        """Do what is due; returns how long nothing will be (ns), -1 for until somebody asks."""
        timer_ns = -1 if self.timers is None else self.timers.work()
        if self.world.follows_sessions:
            return self._work_in_sessions(timer_ns)
        if self.worker.depth:
            return 0  # requests first: they were sent before the next snapshot
        if self.is_in_step:
            wait_ns = self._wait_for_client()
            if wait_ns:
                return _sooner(wait_ns, timer_ns)
        if self.ends_ns and self._clock.now_ns() >= self.ends_ns:
            self._end_by_clock()
            return 0
        wait_ns = self._play_due() if self._is_playing and not self._holds else -1
        if not wait_ns:
            return 0
        return _sooner(_sooner(wait_ns, timer_ns), _sooner(self._do_timers(), self._until_day_ends()))

    def _do_timers(self) -> int:
        """Do what the engine waited for; returns the time until the next (ns), -1: nothing, or the clock stands."""
        due_ns = self.engine.next_due_ns()
        if not due_ns:
            return -1
        now_ns = self.now_ns()
        if due_ns <= now_ns:
            self.publish(self.engine.tick(TimePasses(now_ns)))
            return 0
        if not self.world.is_live and (not self._is_playing or self._holds):
            return -1
        pace = self._speed if not self.world.is_live and self._speed else self._clock.pace or 1.0
        return min(int((due_ns - now_ns) / pace) + 1, _MAX_WAIT_NS)

    def _until_day_ends(self) -> int:
        """How long to sleep at most (ns), so that the end of the day by the clock is not missed; -1: it has none."""
        if not self.ends_ns:
            return -1
        return min(int(max(self.ends_ns - self._clock.now_ns(), 1) / (self._clock.pace or 1.0)) + 1, _MAX_WAIT_NS)

    def _end_by_clock(self) -> None:
        """Roll; a day that cannot be settled goes on, and is tried again after a while."""
        try:
            self._ears.on_day_end()
        except Exception:
            log.exception("the trading day %s could not be ended; it goes on", self.world.trading_day)
            self.ends_ns = self._clock.now_ns() + _RETRY_NS

    def _work_in_sessions(self, timer_ns: int) -> int:
        """What the clock brings comes before any request: phases, the rests of partial fills, the end of the day."""
        now_ns = self._clock.now_ns()
        dues = [self.before_work(now_ns)] if self.before_work is not None else []
        feed = self.world.feed
        while (offset := feed.next_offset) is not None and offset <= now_ns:
            self._play_entry(offset)
        due_ns = self.engine.next_due_ns()
        if due_ns and due_ns <= now_ns:
            self.publish(self.engine.tick(TimePasses(now_ns)))
            return 0
        if self.ends_ns and self.ends_ns <= now_ns:
            self._end_by_clock()
            return 0
        wait_ns = min((due for due in (*dues, offset, due_ns, self.ends_ns) if due), default=now_ns + _NS) - now_ns
        pace = self._clock.pace
        return _sooner(min(int(wait_ns / pace) + 1, _NS) if pace else -1, timer_ns)

    def _on_clock_moved(self) -> None:
        """Somebody set the clock: what is due by it comes before what is requested from now on."""
        self.worker.put(self._look_at_clock, None)

    def _look_at_clock(self, _: Any) -> None:
        if self.ends_ns and self._clock.now_ns() >= self.ends_ns:
            self._end_by_clock()

    def _play_due(self) -> int:
        """Play what is due of the market; returns the time to the next entry, -1 when there is none to wait for."""
        if self._is_settling_in and self._waits_for_readers():
            return -1
        if not self._speed:
            return self._play_at_full_speed()
        offset = self.world.feed.next_offset
        if offset is None:
            return self._end_of_day()
        now = self._feed_now()
        while offset is not None and offset <= now:
            self._play_entry(offset)
            if self.worker.depth:
                return 0
            offset = self.world.feed.next_offset
        return 0 if offset is None else int((offset - now) / self._speed) + 1

    def wake(self) -> None:
        """Have the counter's thread look again."""
        self.worker.put(_nothing, None)

    def _end_of_day(self) -> int:
        """The recorded day is over: the next one, else the clock goes on at its own pace after the last snapshot."""
        if self._has_ended:
            return -1
        if self._is_lent:
            self.wake()  # a roll takes a while: the counter's own worker does it
            return -1
        due_ns = self.engine.next_due_ns()
        if due_ns and not self._speed and not self.world.is_live:
            self._pass_to(due_ns)
            return 0
        self._has_ended = True
        log.info("the recorded day %s is over", self.world.trading_day)
        try:
            if self._ears.on_day_end():
                return 0
        except Exception:
            log.exception("no day follows %s", self.world.trading_day)
        self._pace(1.0)
        self.is_over.set()
        return 0

    def _feed_now(self) -> int:
        if not self._is_playing or not self._speed or self._holds or self._is_settling_in:
            return self._offset
        return self._offset + int((self._monotonic_ns() - self._anchor_ns) * self._speed)

    # ------------------------------------------------------------------ entries
    def _play_entry(self, offset: int) -> None:
        if not self._is_playing or not self._speed:
            self._offset = offset
        now_ns = self._clock.now_ns() if self.world.always_trades else self.world.feed.base_ns + offset
        due_ns = self.engine.next_due_ns()
        if due_ns and due_ns <= now_ns:
            self.publish(self.engine.tick(TimePasses(due_ns)))
        self._take_entry(now_ns)

    def _take_entry(self, now_ns: int) -> None:
        entry = self.world.feed.take()
        if isinstance(entry, PhaseChange):
            self._enter_phase(entry, now_ns)
        else:
            contract = self.world.day_contracts[entry.instrument]
            self.world.show(contract, entry, now_ns)
            self.take_quote(contract, entry, now_ns)
        if self.log is not None and self.world.is_live:
            self.log.passed()

    def take_quote(self, contract: Contract, tick: Tick, now_ns: int, fills: bool = True) -> None:
        """The snapshot goes to the readers first: a fill follows the quote that made it.

        ``fills`` False: it is too old to trade against, its book counts as empty.
        """
        if contract.is_matched:
            return  # users make this instrument's market
        self.world.ticks[contract.index] = tick
        self._on_tick(contract, tick)
        events = self.engine.quote(quote_of(contract, tick, now_ns, fills))
        if events:
            self._on_events(events)

    def stand_at(self, offset: int) -> None:
        """The feed was taken to its place elsewhere; its time is ``offset``, or already beyond."""
        self._offset = max(offset, self._offset)

    def set_phase_quietly(self, change: PhaseChange, at_ns: int) -> None:
        """A schedule is in a phase, and nothing is told of it."""
        self.past.append((change, at_ns))
        self.world.phases[change.schedule] = change
        for contract in self.world.followers.get(change.schedule, ()):
            contract.phase = change.market

    def _enter_phase(self, change: PhaseChange, now_ns: int) -> None:
        """The products of a schedule are told first, then what it makes of their orders."""
        self.world.phases[change.schedule] = change
        self.tell_phase(change, now_ns)
        for contract in self.world.followers.get(change.schedule, ()):
            if contract.phase != change.market:
                self.publish(self.engine.set_phase(SetPhase(now_ns, contract.index, change.market)))

    def tell_phase(self, change: PhaseChange, at_ns: int) -> None:
        """Tell the status of the products that follow a schedule."""
        for (exchange, product), (schedule, _) in self.world.products.items():
            if schedule == change.schedule:
                self._ears.on_phase(exchange, product, change.status, at_ns)

    # ------------------------------------------------------------------ books between users
    def _publish_books(self) -> None:
        """A snapshot of every book that changed since it was last shown."""
        changed = self.engine.matching.changed
        for index in sorted(changed):
            book = changed[index]
            tick = book_tick(book, self.world.ticks[index], self.now_ns(), self.world.trading_day)
            self.world.ticks[index] = tick
            self._on_tick(book.contract, tick)
        changed.clear()


def _sooner(first: int, second: int) -> int:
    """The shorter of two waits, of which -1 is none."""
    return second if first < 0 else first if second < 0 else min(first, second)


def _nothing(_: Any) -> None:
    """A job that only wakes the counter."""
