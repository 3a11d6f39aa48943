"""Combinations at the desk of scenarios.

``combination SP X1&X2`` makes one of two instruments known; ``alice combines 3 of SP X1&X2 buy as c`` (also ``parts``
and ``deletes``, the latter with ``ref=c``) is an action. The lines are ``comb c b`` with ActionStatus and StatusMsg;
tables are ``combinations`` (the rows that combinations add to the positions) and ``pairs`` (their details).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp.errors import prompt
from ctp2.refdata.combinations import Pair, make_combination
from ctp2.tts import combo_requests as records
from ctp2.tts.combos import CombActionRefused, CombActionReport, InsertCombAction
from ctp2.tts.events import Event

if TYPE_CHECKING:
    from ctp2.testing.desk import Desk

_ECHO: Final = ("9999", "", "", "", "")
_DIRECTIONS: Final = {"buy": "0", "sell": "1"}
_VERBS: Final = {"combines": "0", "parts": "1", "deletes": "2"}


def add_combination(desk: Desk, code: str) -> None:
    """Make the combination of two instruments known: ``KIND FIRST&SECOND``."""
    kind, _, legs = code.partition(" ")
    first, second = (desk.contract(leg) for leg in legs.split("&"))
    instrument = make_combination(Pair(kind, first.instrument, second.instrument), desk.state.trading_day)
    desk.engine.combinations.add(instrument, (first, second))
    if code not in desk.combination_codes:
        desk.combination_codes.append(code)


def comb_action(
    desk: Desk,
    user: str,
    verb: str,
    volume: int,
    code: str,
    direction: str,
    *,
    name: str = "",
    ref: str = "",
    **members: Any,
) -> list[Event]:
    """Combine, part, or take a combination action back (``ref`` names it)."""
    number = desk.request(name or f"c{len(desk.owners) + 1}")
    desk.owners[desk.names[number]] = user
    key = next((key for key in desk.state.combos.known if key[1] == code), ("", code))
    asked: dict[str, Any] = {
        "now_ns": desk.now_ns,
        "front_id": 1,
        "session_id": desk.session_of(user),
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": key[0],
        "instrument": code,
        "direction": _DIRECTIONS.get(direction, direction),
        "volume": volume,
        "comb_direction": _VERBS.get(verb, verb),
        "action_ref": ref or desk.names[number],
        "echo": (*_ECHO[:-1], str(number)),
    }
    return desk.engine.combinations.insert(InsertCombAction(**{**asked, **members}))


def line_of(desk: Desk, event: Event) -> str:
    """The event as scenarios word it; empty for those of other subjects."""
    if isinstance(event, CombActionReport):
        record = records.action_to_ctp(event)
        return f"comb {desk.names[int(record.UserProductInfo)]} {record.ActionStatus} {record.StatusMsg}".rstrip()
    if isinstance(event, CombActionRefused):
        return f"refused {desk.names[int(event.terms.echo[-1])]} {event.error_id} {prompt(event.error_id)}"
    return ""


def comb_rows(desk: Desk, user: str) -> list[Any]:
    """The account's position rows of combinations."""
    rows = desk.state.combos.rows.get(user, {}).values()
    return [records.row_to_ctp(row, user, "9999", desk.state.trading_day) for row in rows]


def pair_rows(desk: Desk, user: str) -> list[Any]:
    """The account's ``InvestorPositionCombineDetail`` rows."""
    return [
        records.detail_to_ctp(pair, leg, user, "9999", desk.state.trading_day)
        for pair in desk.state.combos.standing(user)
        for leg in (0, 1)
    ]


# ------------------------------------------------------------------ steps of scenarios
def _known_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    add_combination(desk, match["code"])
    return []


def _action_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    members = dict(word.split("=", 1) for word in match["rest"].split())
    return comb_action(
        desk,
        match["user"],
        match["verb"],
        int(match["volume"]),
        match["code"],
        match["direction"],
        name=match["name"] or "",
        **members,
    )


STEPS: Final[tuple[tuple[re.Pattern[str], Callable[[Desk, re.Match[str]], list[Event]]], ...]] = (
    (re.compile(r"combination (?P<code>[A-Z]+ \S+)$"), _known_step),
    (
        re.compile(
            r"(?P<user>\w+) (?P<verb>combines|parts|deletes) (?P<volume>-?\d+) of (?P<code>(?:[A-Z]+ )?\S+)"
            r" (?P<direction>buy|sell|\d)(?P<rest>(?: \S+=\S*)*)(?: as (?P<name>\S+))?$"
        ),
        _action_step,
    ),
)
TABLES: Final[dict[str, Callable[[Desk, str], list[Any]]]] = {"combinations": comb_rows, "pairs": pair_rows}
"""Further steps and tables of scenarios."""
