"""One callback thread per Api object, and the queue in front of it.

A backend hands batches of events to an :class:`Inbox` (the :class:`~ctp2.core.backend.Sink` of one session); the thread
takes them out and calls the user's Spi. Guarantees:

- callbacks come one at a time, in the order of ``put``, and no lock is held while one runs;
- an exception in a callback is logged under ``ctp2.api`` with its traceback and the thread goes on;
- a field that is yet to be built is built just before its callback, and not at all when the Spi does not
  override that callback;
- nothing is dropped silently: when the queue is full the session is cut, the client sees ``OnFrontDisconnected`` 4097
  behind everything that was queued before, and the session is opened again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from queue import Empty, SimpleQueue
from typing import Any, Final

from ctp2.core.backend import Event
from ctp2.core.errors import READ_FAILED

log = logging.getLogger("ctp2.api")

DEPTH_LIMIT: Final = 1_000_000
"""Events that may wait for one client."""

REOPEN: Final = "~reopen"
"""Not a callback: tells the Api to open its session anew."""

Hook = Callable[[Event], None]

_on_exit: Callable[[SystemExit], None] | None = None
Invoke = Callable[[Callable[..., Any], Event], None]


def on_exit(hook: Callable[[SystemExit], None] | None) -> None:
    """What happens when a callback calls ``sys.exit``, where None only logs it, like any exception.

    SWIG ends the process then. Here it ends one program's run, as :mod:`ctp2.run` arranges it: a library must not.
    """
    global _on_exit
    _on_exit = hook


def _plain(call: Callable[..., Any], event: Event) -> None:
    call()


def _number(call: Callable[..., Any], event: Event) -> None:
    call(event.request_id)


def _rsp(call: Callable[..., Any], event: Event) -> None:
    build = event.build
    call(event.field if build is None else build(event.field), event.info, event.request_id, event.is_last)


def _rtn(call: Callable[..., Any], event: Event) -> None:
    build = event.build
    call(event.field if build is None else build(event.field))


def _errrtn(call: Callable[..., Any], event: Event) -> None:
    build = event.build
    # An event of a flow goes to all sessions of a user: each gets an RspInfo of its own.
    call(event.field if build is None else build(event.field), copy(event.info))


def _error(call: Callable[..., Any], event: Event) -> None:
    call(event.info, event.request_id, event.is_last)


INVOKE: Final[dict[str, Invoke]] = {
    "plain": _plain,
    "number": _number,
    "rsp": _rsp,
    "rtn": _rtn,
    "errrtn": _errrtn,
    "error": _error,
}
"""How the callbacks of each shape are called."""


class Inbox:
    """The sink of one session. After :meth:`close` (or the cut of an overflow) whatever is put is ignored."""

    __slots__ = ("_dispatcher", "_open")

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._open = True

    def put(self, events: Sequence[Event]) -> None:
        """Queue events in order; the sequence is kept, so the caller must not change it afterwards."""
        dispatcher = self._dispatcher
        # The lock keeps the count right and keeps a cut behind every batch that was counted; it is held for a few
        # instructions only, never while foreign code runs.
        with dispatcher.lock:
            if not self._open or not events:
                return
            dispatcher.queued += len(events)
            if dispatcher.queued - dispatcher.done <= dispatcher.limit:
                dispatcher.queue.put(events)
                return
            self._cut(len(events))
        log.error(
            "%s: %d events wait for this client, more than the limit: the session is cut and opened again;"
            " make its callbacks faster",
            dispatcher.name,
            dispatcher.limit,
        )

    def _cut(self, refused: int) -> None:
        self._open = False
        cut = (Event("OnFrontDisconnected", request_id=READ_FAILED), Event(REOPEN))
        self._dispatcher.queued += len(cut) - refused
        self._dispatcher.queue.put(cut)

    @property
    def depth(self) -> int:
        """Events queued and not yet finished; the one being delivered counts."""
        return self._dispatcher.queued - self._dispatcher.done

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when everything queued has been delivered; a second call before that replaces the first.

        Called at once, here, when the client is idle already; else on its thread. Never after the Api was released.
        """
        dispatcher = self._dispatcher
        dispatcher.on_idle = call
        # The thread may have gone idle before it could see the new value: then nobody else will call.
        if dispatcher.queued == dispatcher.done:
            dispatcher.tell_idle()

    def close(self) -> None:
        """Ignore what comes from now on."""
        with self._dispatcher.lock:
            self._open = False


class Dispatcher:
    """The thread that calls one Spi.

    ``callbacks`` maps each callback's name to its shape, ``base`` is the Spi class whose own methods do nothing.
    ``before`` holds what the Api itself does just before a callback; ``received`` is told of each event that is part of
    a flow, after its callback returned.
    """

    def __init__(
        self, name: str, callbacks: Mapping[str, str], base: type, received: Hook, limit: int = DEPTH_LIMIT
    ) -> None:
        self.name = name
        self.limit = limit
        self.spi: object | None = None
        self.before: dict[str, Hook] = {}
        self.lock = threading.Lock()
        self.queue: SimpleQueue[Sequence[Event]] = SimpleQueue()
        self.queued = 0
        self.done = 0
        self.on_idle: Callable[[], None] | None = None
        self.stopping = threading.Event()
        self.received = received
        self._batch: Sequence[Event] | None = None
        self._running = True
        self._thread: threading.Thread | None = None
        self._table = {
            callback: (INVOKE[shape], getattr(base, callback, None)) for callback, shape in callbacks.items()
        }

    def inbox(self) -> Inbox:
        """A sink for a new session."""
        return Inbox(self)

    def start(self, first: Callable[[], None], last: Callable[[], None]) -> None:
        """Start the thread: ``first``, then delivery until :meth:`stop`, then ``last``."""
        self._thread = threading.Thread(target=self._run, args=(first, last), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more after the callback that runs now. From any thread, any number of times."""
        self._running = False
        self._batch = None
        self.stopping.set()
        self.queue.put(())

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of the thread; False when it still runs after ``timeout`` seconds."""
        thread = self._thread
        if thread is None or thread.ident is None:
            # Never started: also when a Ctrl-C came between making the thread and starting it.
            return True
        thread.join(timeout)
        return not thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on this thread, that is inside a callback."""
        return threading.current_thread() is self._thread

    def discard(self, *then: Event) -> None:
        """Forget everything queued and queue ``then`` instead. Only on the callback thread, after closing the inbox."""
        self._batch = None
        while True:
            try:
                self.queue.get_nowait()
            except Empty:
                break
        with self.lock:
            # The event being delivered is counted as done when its callback returns.
            self.done = self.queued - 1
            self.queued += len(then)
            self.queue.put(then)

    def _run(self, first: Callable[[], None], last: Callable[[], None]) -> None:
        try:
            first()
            get = self.queue.get
            while self._running:
                batch = get()
                # Order matters: stop() clears _running before _batch, so one of the two tests below sees it.
                self._batch = batch
                if self._running:
                    self._deliver_all(batch)
                if self.on_idle is not None:
                    self.tell_idle()
        except BaseException:
            log.exception("%s: the callback thread failed", self.name)
        finally:
            last()

    def tell_idle(self) -> None:
        """Make the call that :meth:`Inbox.when_idle` asked for, if it is time. From any thread: only one makes it."""
        with self.lock:
            if self.queued != self.done:
                return
            call, self.on_idle = self.on_idle, None
        if call is None:
            return
        try:
            call()
        except Exception:
            log.exception("%s: the backend failed on an idle client", self.name)

    def call(self, name: str, number: int) -> None:
        """Call a callback that is given a number, beside what was queued. Only on the callback thread."""
        call = getattr(self.spi, name, None)
        try:
            if call is not None:
                call(number)
        except Exception:
            log.exception("%s: exception in %s", self.name, name)

    def _deliver_all(self, batch: Iterable[Event]) -> None:
        """Call the Spi for each event. Only on the callback thread. One loop without calls of its own: it is hot."""
        before, table, received = self.before, self._table, self.received
        for event in batch:
            if self._batch is not batch:
                return
            name = event.callback
            try:
                if name in before:
                    before[name](event)
                call = getattr(self.spi, name, None)
                if call is not None:
                    invoke, idle = table[name]
                    # A method that the user did not override does nothing: its record need not be built.
                    if getattr(call, "__func__", None) is not idle:
                        if invoke is _rtn:
                            build = event.build
                            call(event.field if build is None else build(event.field))
                        else:
                            invoke(call, event)
            except BaseException as error:
                if isinstance(error, SystemExit) and _on_exit is not None:
                    _on_exit(error)
                else:
                    # Also SystemExit and KeyboardInterrupt: raised here they could only end this thread, silently.
                    log.exception("%s: exception in %s", self.name, name)
            if event.sequence:
                received(event)
            self.done += 1
