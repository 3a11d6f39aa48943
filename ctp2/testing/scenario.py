"""Scenarios: who does what at a counter, the callbacks that follow, and the money and positions they leave.

A scenario file is a table that a trader can read. A line that starts at the margin does something, the indented lines
below it say what comes of it: the callbacks of each user in their order, or the rows of a table::

    on SHFE INE                                       the file's scenarios run once per exchange; <EXCH> is its code
    settings fills=full                               options of the counter: profile seed fills resting checks
    instrument rb tick=1 multiplier=10 margin=0.1 fees=0.0001,0.0001,0.0002 limits=3000..4000 settled=3500
    user alice 1000000

    scenario A: rests, filled whole later
    quote rb bid 3499x10 ask 3510x10 last 3505
    alice buys open 2 rb at 3508
        order 1  a/0  -   0+2  报单已提交             status/submit, OrderSysID, traded + left, StatusMsg
        order 1  3/3  #1  0+2  未成交
    quote rb bid 3499x10 ask 3508x10 last 3508
        order 1  3/3  #1  0+2  未成交
        order 1  0/3  #1  2+0  全部成交
        trade 1  T1  2@3508
    account alice
        CurrMargin  Commission  Available
        7016        7.016       992976.984

``known 00700 settled=600`` instead of ``instrument`` takes everything from the reference data; ``user alice 1000 HKD``
and ``account alice HKD`` are about another currency than CNY.

``proves 3.6 A, 3.10`` (before or after ``scenario``) names the rows and sections of the specification that are shown.
What stands before the first ``scenario`` belongs to each of them. Orders are named 1, 2, … as they are sent, or by
``as NAME``; ``MEMBER=value`` behind an order or a cancel is a member of the request. Other steps: ``alice cancels 1``,
``alice confirms``, ``phase rb 3``, ``wait 1s``, ``alice carries long 2 rb at 3400``, ``alice exercises 1 rb2505C3500``,
``alice abandons …``, ``alice self-closes …``, ``alice withdraws 1``, and the tables ``account``, ``positions``,
``details``, ``orders``, ``trades``, ``declarations``, ``returns ORDER`` (every OnRtnOrder of it) and ``book``. Columns
are CTP's names; ``_`` in a cell is a blank and makes its width count, ``-`` is an empty text. An order that ends in
``when last >= 3500`` (or ``ask``, ``bid``) is a conditional one, in ``stop 3500``, ``take-profit 3500`` the exchange's
own; what the counter releases of an order ``s`` is called ``s*``. Parked orders: ``parkdesk.py``; the day's end:
``desk_night.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ctp2.testing import desk_combos, desk_night, desk_quotes, optiondesk, parkdesk
from ctp2.testing.desk import Desk
from ctp2.tts import translate
from ctp2.tts.events import Event, OrderReport, TradeDone
from ctp2.tts.terms import LONG, SHORT


class ScenarioFailed(AssertionError):
    """What a scenario expected did not come; the message shows the step, both sides, and where it stands."""


# ------------------------------------------------------------------ files
@dataclass(frozen=True)
class Step:
    """A line at the margin, and the indented lines below it."""

    number: int
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """One scenario on one exchange."""

    title: str
    source: str
    exchange: str
    settings: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    proves: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """File, title and exchange in one line."""
        options = " ".join(f"{name}={value}" for name, value in self.settings if name == "profile")
        return " ".join(part for part in (Path(self.source).stem, self.title, self.exchange, options) if part)


def load(path: Path) -> list[Scenario]:
    """The scenarios of a file, once per exchange of its ``on`` lines.

    Raises:
        ValueError: a line that cannot be a scenario's.
    """
    common: list[Step] = []
    columns: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    found: list[tuple[str, list[Step]]] = []
    for step in _steps(path):
        word, _, rest = step.text.partition(" ")
        if word == "on":
            parts = rest.split()
            options = _options([part for part in parts if "=" in part])
            columns.extend((part, tuple(options.items())) for part in parts if "=" not in part)
        elif word == "scenario":
            found.append((rest.strip(), []))
        else:
            (found[-1][1] if found else common).append(step)
    if not found:
        raise ValueError(f"{path}: no line starts with 'scenario'")
    return [
        _scenario(title, path, exchange, options, [*common, *steps])
        for exchange, options in columns or [("SHFE", ())]
        for title, steps in found
    ]


def _scenario(
    title: str, path: Path, exchange: str, options: tuple[tuple[str, str], ...], steps: Sequence[Step]
) -> Scenario:
    proves = [row.strip() for step in steps if step.text.startswith("proves ") for row in step.text[7:].split(",")]
    doing = [step for step in steps if not step.text.startswith("proves ")]
    return Scenario(title, str(path), exchange, options, tuple(_of_exchange(doing, exchange)), tuple(proves))


def _steps(path: Path) -> Iterable[Step]:
    steps: list[tuple[int, str, list[str]]] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = re.split(r"(?:^|\s{2,})# ", f"{raw} ", maxsplit=1)[0].rstrip()
        if not line or raw.startswith("#"):
            continue
        if not line[0].isspace():
            steps.append((number, " ".join(line.split()), []))
        elif steps:
            steps[-1][2].append(" ".join(line.split()))
        else:
            raise ValueError(f"{path}:{number}: an expectation without a step")
    return [Step(number, text, tuple(expected)) for number, text, expected in steps]


def _of_exchange(steps: Sequence[Step], exchange: str) -> Iterable[Step]:
    for step in steps:
        expected = tuple(line.replace("<EXCH>", exchange) for line in step.expected)
        yield Step(step.number, step.text.replace("<EXCH>", exchange), expected)


def _options(words: Iterable[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


# ------------------------------------------------------------------ running
_ORDER: Final = re.compile(
    r"(?P<user>\w+)(?:/(?P<session>\d+))? (?P<direction>buys|sells) (?P<offset>\S+) (?P<volume>-?\d+) (?P<code>\S+)"
    r"(?: at (?P<price>\S+))?(?: (?P<kind>(?!when |stop )[A-Za-z][^\s=]*[A-Z0-9a-z])(?=\s|$))?(?P<rest>(?: \S+=\S*)*)"
    r"(?: (?P<when>when (?:last|ask|bid) \S+ \S+|stop \S+|take-profit \S+))?(?: as (?P<name>\S+))?$"
)
_CANCEL: Final = re.compile(
    r"(?P<user>\w+) cancels (?P<name>\S+)(?: by (?P<by>sysid|trimmed|ref))?(?P<rest>(?: \S+=\S*)*)$"
)
_CONFIRM: Final = re.compile(r"(?P<user>\w+) confirms$")
_CARRY: Final = re.compile(
    r"(?P<user>\w+) carries (?P<side>long|short) (?P<volume>\d+) (?P<code>\S+) at (?P<price>\S+)$"
)


_NUMBERS: Final = ("min_volume", "is_swap", "request_id")


def run(scenario: Scenario) -> Desk:
    """Carry a scenario out; returns its counter.

    Raises:
        ScenarioFailed: something else happened than the file says.
        ValueError: a step that is none.
    """
    options = dict(scenario.settings)
    steps = []
    for step in scenario.steps:
        word, _, rest = step.text.partition(" ")
        if word == "settings":
            options = {**_options(rest.split()), **options}
        else:
            steps.append(step)
    runner = _Runner(scenario, Desk(**{**options, "seed": int(options.get("seed", "0"))}))  # type: ignore[arg-type]
    for step in steps:
        runner.carry_out(step)
    return runner.desk


class _Runner:
    """Carries out the steps of one scenario."""

    def __init__(self, scenario: Scenario, desk: Desk) -> None:
        self.scenario = scenario
        self.desk = desk
        self._returns: dict[str, list[Any]] = {}  # order's name → its OnRtnOrder records
        self._trades: dict[str, list[Any]] = {}  # user → his OnRtnTrade records
        self._verbs: dict[str, Callable[[Step, list[str]], None]] = {
            "instrument": self._instrument,
            "known": self._known,
            "user": self._user,
            "quote": self._quote,
            "phase": self._phase,
            "wait": self._wait,
            "account": self._account,
            "positions": lambda step, words: self._table(step, self.desk.positions(words[0])),
            "details": lambda step, words: self._table(step, self.desk.details(words[0])),
            "orders": lambda step, words: self._table(step, self.desk.orders(words[0])),
            "declarations": lambda step, words: self._table(step, optiondesk.declarations(self.desk, words[0])),
            "returns": lambda step, words: self._table(step, self._returns.get(words[0], [])),
            "trades": lambda step, words: self._table(step, self._trades.get(words[0], [])),
            "book": self._book,
            "parked": lambda step, words: self._table(step, parkdesk.table(self.desk, words[0], is_cancel=False)),
            "parked-cancels": lambda step, words: self._table(step, parkdesk.table(self.desk, words[0], True)),
        }
        self._tables = {**desk_quotes.TABLES, **desk_combos.TABLES, **desk_night.TABLES}

    def carry_out(self, step: Step) -> None:
        """Do what the step says and compare."""
        word, *words = step.text.split()
        verb = self._verbs.get(word)
        if verb is not None:
            verb(step, words)
        elif word in self._tables:
            self._table(step, self._tables[word](self.desk, words[0]))
        elif match := _ORDER.match(step.text):
            self._order(step, match)
        elif match := _CANCEL.match(step.text):
            members: dict[str, Any] = {**_options(match["rest"].split())}
            self._callbacks(step, self.desk.cancel(match["user"], match["name"], match["by"] or "ref", **members))
        elif match := optiondesk.DECLARE.match(step.text):
            self._callbacks(step, optiondesk.declared(self.desk, match, _options(match["rest"].split())))
        elif match := optiondesk.WITHDRAW.match(step.text):
            self._callbacks(step, optiondesk.withdraw(self.desk, match["user"], match["name"], match["by"] or "ref"))
        elif match := _CONFIRM.match(step.text):
            self.desk.confirm(match["user"])
        elif match := parkdesk.PARK_CANCEL.match(step.text):
            self._callbacks(step, self.desk.cancel(match["user"], match["name"], match["by"] or "ref", parks=True))
        elif match := parkdesk.PARK_ORDER.match(step.text):
            order = _ORDER.match(f"{match['user']} {match['order']}")
            if order is None:
                raise ValueError(f"{self.scenario.source}:{step.number}: not an order: {match['order']}")
            self._order(step, order, parks=True)
        elif match := parkdesk.TAKE_BACK.match(step.text):
            events = parkdesk.take_back(self.desk, match["user"], match["id"], match["cancel"] is not None)
            self._callbacks(step, events)
        elif match := _CARRY.match(step.text):
            side = LONG if match["side"] == "long" else SHORT
            self.desk.carry(match["user"], side, int(match["volume"]), match["code"], match["price"])
        elif not self._further(step):
            raise ValueError(f"{self.scenario.source}:{step.number}: not a step: {step.text}")

    def _further(self, step: Step) -> bool:
        """Steps of subjects with modules of their own."""
        for shape, action in (*desk_quotes.STEPS, *desk_combos.STEPS, *desk_night.STEPS):
            if match := shape.match(step.text):
                self._callbacks(step, action(self.desk, match))
                return True
        return False

    # -------------------------------------------------------------- steps
    def _instrument(self, step: Step, words: list[str]) -> None:
        options = _options(words[1:])
        self.desk.instrument(options.pop("exchange", self.scenario.exchange), words[0], **options)

    def _known(self, step: Step, words: list[str]) -> None:
        options = _options(words[1:])
        self.desk.known(options.pop("exchange", self.scenario.exchange), words[0], **options)

    def _user(self, step: Step, words: list[str]) -> None:
        currency = words[2] if len(words) > 2 and words[2].isupper() else "CNY"
        self.desk.user(words[0], words[1], currency=currency, confirms="unconfirmed" not in words)

    def _quote(self, step: Step, words: list[str]) -> None:
        sides = dict(zip(words[1::2], words[2::2], strict=True))
        self._callbacks(step, self.desk.quote(words[0], **sides))

    def _phase(self, step: Step, words: list[str]) -> None:
        self._callbacks(step, self.desk.phase(words[0], words[1]))

    def _wait(self, step: Step, words: list[str]) -> None:
        self._callbacks(step, self.desk.wait(float(words[0].removesuffix("s"))))

    def _order(self, step: Step, match: re.Match[str], parks: bool = False) -> None:
        members: dict[str, Any] = {
            name: int(value) if name in _NUMBERS else value for name, value in _options(match["rest"].split()).items()
        }
        if match["when"]:
            members = {**_waits(match["when"]), **members}
        events = self.desk.insert(
            match["user"],
            match["direction"],
            match["offset"],
            int(match["volume"]),
            match["code"],
            float(match["price"] or 0),
            match["kind"] or "limit",
            name=match["name"] or "",
            session=int(match["session"] or 0),
            parks=parks,
            **members,
        )
        self._callbacks(step, events)

    # -------------------------------------------------------------- comparing
    def _callbacks(self, step: Step, events: Sequence[Event]) -> None:
        """Each user's callbacks in their order; users have streams of their own, so their order among them is free."""
        told = self.desk.told(self.desk.remember(events))
        for event in events:
            if isinstance(event, OrderReport):
                record = translate.order_to_ctp(event)
                self._returns.setdefault(self.desk.name_of(record, event.order), []).append(record)
            elif isinstance(event, TradeDone):
                self._trades.setdefault(event.account_id, []).append(translate.trade_to_ctp(event))
        expected = [(self._owner(step, line), line) for line in step.expected]
        users = sorted({user for user, _ in (*told, *expected)})
        for user in users:
            self._same(
                step, [line for name, line in expected if name == user], [line for name, line in told if name == user]
            )

    def _owner(self, step: Step, line: str) -> str:
        if line.startswith("not "):
            return step.text.split()[0]  # a refused cancel is told to who sent it
        words = line.removeprefix("condition ").split()
        owner = self.desk.owners.get(words[1]) if len(words) > 1 else None
        if owner is None:
            raise ValueError(f"{self.scenario.source}: below line {step.number}: no such order: {line}")
        return owner

    def _account(self, step: Step, words: list[str]) -> None:
        self._table(step, [self.desk.account(*words[:2])])

    def _table(self, step: Step, rows: Sequence[Any]) -> None:
        if not step.expected or step.expected == ("-",):
            self._same(step, [], [str(row) for row in rows])
            return
        columns = step.expected[0].split()
        expected = [line.split() for line in step.expected[1:]]
        told = [[_cell(getattr(row, column)) for column in columns] for row in rows]
        same = len(told) == len(expected) and all(
            len(left) == len(right) and all(map(_is_same, left, right))
            for left, right in zip(expected, told, strict=True)
        )
        if not same:
            self._same(step, [" ".join(row) for row in expected], [" ".join(row) for row in told])

    def _book(self, step: Step, words: list[str]) -> None:
        self._same(step, list(step.expected), self.desk.book(words[0]))

    def _same(self, step: Step, expected: list[str], told: list[str]) -> None:
        if expected != told:
            lines = [f"{self.scenario.source}:{step.number}: {self.scenario.title} {self.scenario.exchange}"]
            lines += [f"  {step.text}", "expected:", *(f"    {line}" for line in expected or ["(nothing)"])]
            lines += ["came:", *(f"    {line}" for line in told or ["(nothing)"])]
            raise ScenarioFailed("\n".join(lines))


_CONTINGENT: Final = {
    **{f"last {sign}": code for sign, code in zip((">", ">=", "<", "<="), "5678", strict=True)},
    **{f"ask {sign}": code for sign, code in zip((">", ">=", "<", "<="), "9ABC", strict=True)},
    **{f"bid {sign}": code for sign, code in zip((">", ">=", "<", "<="), "DEFH", strict=True)},
    "stop": "2",
    "take-profit": "3",
}


def _waits(text: str) -> dict[str, Any]:
    """``when last >= 3500``, ``stop 3500``: ContingentCondition and StopPrice."""
    words, price = text.removeprefix("when ").rsplit(" ", 1)
    return {"contingent": _CONTINGENT[words], "stop_price": float(price)}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value).replace(" ", "_") or "-"


def _is_same(expected: str, told: str) -> bool:
    if expected == told:
        return True
    if "_" in expected:
        return False
    try:
        return Decimal(expected) == Decimal(told.replace("_", ""))
    except ArithmeticError:
        return False
