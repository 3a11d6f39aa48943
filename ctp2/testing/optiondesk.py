"""What an option scenario needs of a desk: the words of its ``instrument`` line, and its holders' declarations."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp.errors import prompt
from ctp2.refdata.models import OPTION
from ctp2.tts import declared_rows
from ctp2.tts.declarations import (
    ABANDON,
    EXECUTE,
    EXERCISE,
    SELF_CLOSE,
    DeclarationRefused,
    DeclarationReported,
    Declare,
    ExerciseReported,
    Withdraw,
)
from ctp2.tts.events import Event

if TYPE_CHECKING:
    from ctp2.testing.desk import Desk

OPTION_WORDS = ("underlying", "strike", "option", "style", "spot", "strike_fee", "closed")


def option_fields(words: dict[str, str]) -> dict[str, Any]:
    """``Instrument`` fields of ``option=call|put strike=… underlying=… style=european spot=yes``; none without option.

    Raises:
        ValueError: a word that an ``instrument`` line does not know.
    """
    unknown = set(words) - set(OPTION_WORDS)
    if unknown:
        raise ValueError(f"not options of an instrument: {', '.join(sorted(unknown))}")
    if "option" not in words:
        return {}
    return {
        "product_class": OPTION,
        "option_type": words["option"],
        "strike": Decimal(words["strike"]),
        "underlying": words.get("underlying", ""),
        "exercise_style": words.get("style", "american"),
        "is_spot_option": words.get("spot") == "yes",
    }


def strike_rates(words: dict[str, str]) -> dict[str, Decimal]:
    """``Commission`` fields of ``strike_fee=BY_MONEY,BY_VOLUME``: of the strike's turnover, and per lot."""
    by_money, by_volume = words.get("strike_fee", "0,0").split(",")
    return {"strike_by_money": Decimal(by_money), "strike_by_volume": Decimal(by_volume)}


# ------------------------------------------------------------------ declarations
DECLARE: Final = re.compile(
    r"(?P<user>\w+) (?P<verb>exercises|abandons|self-closes) (?P<volume>-?\d+) (?P<code>\S+)"
    r"(?P<rest>(?: \S+=\S*)*)(?: as (?P<name>\S+))?$"
)
"""``alice exercises 2 rb2505C3500 [offset=3 …] [as NAME]``; further members are arguments of ``Declare``."""
WITHDRAW: Final = re.compile(r"(?P<user>\w+) withdraws (?P<name>\S+)(?: by (?P<by>sysid|ref))?$")

_VERBS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "exercises": (EXERCISE, {"offset": "1", "action_type": EXECUTE, "close_flag": "1"}),
    "abandons": (EXERCISE, {"offset": "1", "action_type": ABANDON, "close_flag": "1"}),
    "self-closes": (SELF_CLOSE, {"self_close_flag": "1"}),
}


def declare(desk: Desk, user: str, verb: str, volume: int, code: str, name: str = "", **members: Any) -> list[Event]:
    """Exercise, abandon or self-close; ``members`` are further arguments of ``Declare``, which win."""
    kind, meant = _VERBS[verb]
    number = desk.request(name or str(len(desk.owners) + 1))
    desk.owners[desk.names[number]] = user
    known = desk.state.by_code.get(code)
    asked: dict[str, Any] = {
        "kind": kind,
        "now_ns": desk.now_ns,
        "front_id": 1,
        "session_id": desk.sessions[user],
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": known[0].exchange if known else "",
        "instrument": code,
        "ref": "",
        "volume": volume,
        "request_id": number,
        "echo": ("9999", *("",) * 8),
        **meant,
    }
    return desk.engine.declare(Declare(**{**asked, **members}))


def declared(desk: Desk, match: re.Match[str], members: dict[str, str]) -> list[Event]:
    """Do what a line that matches ``DECLARE`` says."""
    volume, name = int(match["volume"]), match["name"] or ""
    return declare(desk, match["user"], match["verb"], volume, match["code"], name, **members)


def withdraw(desk: Desk, user: str, name: str, by: str = "ref", **members: Any) -> list[Event]:
    """Cancel a declaration, by reference or by SysID; one that never was accepted is asked for by reference 999."""
    records = desk.state.declared.records
    record = next((record for record in records if desk.names[record.terms.request_id] == name), None)
    desk.request(name)
    asked: dict[str, Any] = {
        "kind": EXERCISE if record is None else record.terms.kind,
        "now_ns": desk.now_ns,
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": "" if record is None else record.contract.exchange,
        "instrument": "none" if record is None else record.contract.code,
        "sys_id": "" if by == "ref" or record is None else str(record.sys_id).rjust(12),
        "front_id": 1,
        "session_id": desk.sessions[user] if record is None else record.terms.session_id,
        "ref": "999" if record is None else record.ref,
        "action_flag": "0",
    }
    return desk.engine.withdraw(Withdraw(**{**asked, **members}))


def declaration_line(desk: Desk, event: Event) -> str:
    """The event as scenario files word it; empty for all others than those of declarations."""
    if isinstance(event, DeclarationRefused):
        return f"refused {desk.last_name} {event.error_id} {prompt(event.error_id)}"
    if not isinstance(event, DeclarationReported):
        return ""
    is_exercise = isinstance(event, ExerciseReported)
    record: Any = declared_rows.exercise_to_ctp(event) if is_exercise else declared_rows.self_close_to_ctp(event)
    sys_id = record.ExecOrderSysID if is_exercise else record.OptionSelfCloseSysID
    return " ".join(
        (
            "exercise" if is_exercise else "self-close",
            desk.names[record.RequestID],
            f"{record.ExecResult}/{record.OrderSubmitStatus}",
            f"#{sys_id.strip()}" if sys_id else "-",
            str(record.Volume),
            record.StatusMsg,
        )
    )


def declarations(desk: Desk, user: str) -> list[Any]:
    """The user's exercises and self closes as their queries show them."""
    told = [declared_rows.declaration_now(r) for r in desk.state.declared.records if r.account.account_id == user]
    return [
        declared_rows.exercise_to_ctp(event)
        if event.declaration.terms.kind == EXERCISE
        else declared_rows.self_close_to_ctp(event)
        for event in told
    ]
