r"""The control of a stand-in over a port of its own: a line in, a line out (spec ib 6.7).

    set_quote AAPL bid=199.99 ask=200.01
    ok null
    restart next_valid_id=1 remembers=false
    ok null
    frames placeOrder
    ok [["3","1",…]]
    walk NOPE
    error no contract NOPE; there are AAPL, MSFT, …

The verb is a method of :class:`~ctp2.testing.tws.control.Control`; words after it are its arguments, ``name=value`` its
named ones, each read as JSON where it is JSON, else as text. Words are cut as a shell cuts them. ``help`` lists verbs.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import shlex
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.testing.tws.control import Control, ControlError
from ctp2.testing.tws.kinds import fits, name_of

if TYPE_CHECKING:
    from ctp2.testing.tws.server import StandIn

LONGEST_LINE: Final = 1 << 20
"""Bytes of a line."""
_NOT_VERBS: Final = frozenset({"wait", "listed"})
"""What takes or gives what is no JSON."""
VERBS: Final = tuple(name for name in sorted(dir(Control)) if not name.startswith("_") and name not in _NOT_VERBS)


def carry_out(control: Control, line: str) -> str:
    """The answer to a line: ``ok`` and the result as JSON, or ``error`` and why."""
    try:
        words = shlex.split(line)
    except ValueError as bad:
        return f"error {line!r} cannot be cut into words: {bad}"
    if not words:
        return "error an empty line; help lists the verbs"
    if words[0] == "help":
        return f"ok {json.dumps({name: signature(name) for name in VERBS})}"
    if words[0] not in VERBS:
        return f"error no verb {words[0]}; there are {', '.join(VERBS)}"
    method = getattr(control, words[0])
    try:
        arguments, named = _arguments(method, words[1:])
        inspect.signature(method).bind(*arguments, **named)
    except TypeError as bad:
        return f"error {words[0]}{signature(words[0])}: {bad}"
    try:
        result = method(*arguments, **named)
    except (ControlError, TimeoutError) as bad:
        return f"error {bad}"
    return f"ok {json.dumps(result)}"


def signature(verb: str) -> str:
    """The arguments of a verb."""
    own = inspect.signature(getattr(Control, verb))
    return str(own.replace(parameters=list(own.parameters.values())[1:], return_annotation=own.empty))


def _arguments(method: Callable[..., Any], words: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named ones, each as it is declared; ``TypeError`` if one cannot be."""
    hints = typing.get_type_hints(method)
    places = list(inspect.signature(method).parameters)
    arguments: list[Any] = []
    named: dict[str, Any] = {}
    for word in words:
        name, is_named, value = word.partition("=")
        if is_named and name.isidentifier():
            named[name] = _value(hints.get(name, Any), value)
        else:
            place = places[len(arguments)] if len(arguments) < len(places) else ""
            arguments.append(_value(hints.get(place, Any), word))
    return arguments, named


def _value(hint: Any, word: str) -> Any:
    """Text where text is declared (``700`` is a symbol), else JSON where it is JSON."""
    if hint is str:
        return word
    try:
        value = json.loads(word)
    except ValueError:
        value = word
    if not fits(hint, value):
        raise TypeError(f"{word!r} is no {name_of(hint)}")
    return value


class ControlPort:
    """Listens on loopback, on the stand-in's loop; each line is carried out on a thread, as a test would."""

    def __init__(self, standin: StandIn, port: int = 0) -> None:
        self._standin = standin
        self.port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; ``OSError`` if the port cannot be had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=LONGEST_LINE)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Accept no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                text = line.decode("utf-8", "replace").strip()
                answer = await asyncio.to_thread(carry_out, self._standin.control, text)
                writer.write(f"{answer}\n".encode())
                await writer.drain()
        except (ConnectionError, ValueError) as ended:
            # A client that is gone, or a line longer than any verb needs.
            writer.write(f"error {ended}\n".encode())
        finally:
            writer.close()
