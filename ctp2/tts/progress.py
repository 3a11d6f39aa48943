"""How far a replay has come, and a bar that shows it: only for who asks for it (``Control.show_progress``)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NamedTuple

_EVERY_S: Final = 0.2


class Progress(NamedTuple):
    """Where a replay stands: the ``number``-th of ``days`` (0: without end), ``done`` of ``total`` entries of it.

    ``days`` counts recorded days; ``is_over`` when the last one has ended.
    """

    trading_day: str
    number: int
    days: int
    done: int
    total: int
    is_over: bool

    @property
    def fraction(self) -> float:
        """From 0 to 1, each day counting the same; of a market without end that of the present lap."""
        part = self.done / self.total if self.total else 1.0
        if self.is_over:
            return 1.0
        return min((self.number - 1 + part) / self.days, 1.0) if self.days else part


class Bar:
    """A bar on the standard error output while a replay goes on; nothing where that is no terminal.

    It ends with the recording, with :meth:`stop`, or with the ``with`` block.
    """

    def __init__(self, read: Callable[[], Progress]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Drawn

        console = Console(stderr=True)
        self._read = read
        self._ended = threading.Event()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._drawn: Any = Drawn(*columns, console=console, disable=not console.is_terminal, refresh_per_second=5)
        self._task = self._drawn.add_task("", total=1.0)
        self._thread = threading.Thread(target=self._run, name="ctp2-progress", daemon=True)
        self._drawn.start()
        self._thread.start()

    def stop(self) -> None:
        """End it; harmless twice."""
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._show() and not self._ended.wait(_EVERY_S):
            pass
        self._show()
        self._drawn.stop()

    def _show(self) -> bool:
        now = self._read()
        place = f" ({now.number}/{now.days})" if now.days > 1 else ""
        self._drawn.update(self._task, completed=now.fraction, description=f"{now.trading_day}{place}")
        return now.is_over

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
