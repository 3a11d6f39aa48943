"""The running counter in the hands of a Python program: its market, and what a broker does to its accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, get_args

from ctp2.ctp.errors import prompt
from ctp2.refdata.calendar import plus_days
from ctp2.tts.carrying import carried
from ctp2.tts.lockstep import Hold
from ctp2.tts.money_text import CURRENCIES, micro_of
from ctp2.tts.progress import Bar, Progress
from ctp2.tts.resetting import reset
from ctp2.tts.rights import MoveMoney, Restrict, Rights, refusal_of_money
from ctp2.tts.statement import ENCODING
from ctp2.tts.users import Refused

if TYPE_CHECKING:
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.fault_control import FaultControl

May = Literal["all", "close", "none"]
"""What may be done in an instrument: everything, only close (error 29), nothing (error 28)."""
Password = Literal["", "weak", "first", "expired"]
"""State of a login password: fine, or what a login with it is answered: 131, 140, 141."""

_MAX_PRICE: Final = 1e9
_CARRIED: Final = 900_000_001
"""TradeIDs of carried lots start here: no trade of the day reaches it."""


class Control:
    """A handle on a running counter (:func:`ctp2.tts.counter`). Every method may be called from any thread."""

    def __init__(self, backend: TtsBackend) -> None:
        self._backend = backend
        self._counter = backend.counter

    # ------------------------------------------------------------------ the market
    def run(self) -> None:
        """Let the market run from where it stands. A market that waits for its first listener starts now."""
        self._counter.call(self._counter.play)

    def pause(self) -> None:
        """Let the market stand still; requests are served on."""
        self._counter.call(self._counter.pause)

    def step(self, count: int = 1) -> int:
        """Play ``count`` entries (snapshots and phase changes) at once; returns how many there were left to play.

        The counter's time is then the last entry's. A market that runs goes on from there at its speed, one that is
        paused stays there. After a day's last entry one step settles the day and begins the next recorded one, and no
        other is made in that call: the clients have to log in first.
        """
        return int(self._counter.call(lambda: self._step(count)))

    def _step(self, count: int) -> int:
        counter = self._counter
        day, done = counter.world, 0
        while done < count and counter.world is day and counter.step():
            done += 1
        return done

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the last recorded day is over; False when it is not after ``timeout`` seconds.

        In lock step everybody has then finished with its last snapshot. Not inside a callback.
        """
        return self._counter.is_over.wait(timeout)

    @property
    def progress(self) -> Progress:
        """How far the recording has been played."""
        counter, days = self._counter, self._backend.days
        feed = counter.world.feed
        day = counter.world.trading_day
        return Progress(day, days.number, days.total, feed.done, feed.total, counter.is_over.is_set())

    def show_progress(self) -> Bar:
        """Draw a bar on the standard error output (if that is a terminal) until the recording is over.

        ``with control.show_progress(): control.wait()``, or ``stop()`` what comes back.
        """
        return Bar(lambda: self.progress)

    def settle(self) -> str:
        """Settle the trading day now and begin the next; returns it.

        Every client sees ``OnFrontDisconnected`` 4097 and ``OnFrontConnected``, and logs in to the new day. The rest of
        a recorded day is left out; after the last one the trading day after it follows, on which the market is quiet.

        Raises:
            CalendarError: the calendar does not know the next trading day.
        """
        return str(self._backend.carry_out(self._backend.roll))

    def hold(self) -> Hold:
        """What stops the market from taking its next entry while it is held: so another thread takes part in lock step.

        ``with control.hold(): …``, or ``hold = control.hold().acquire()`` in a callback and ``hold.release()`` in the
        thread to which it handed the work.
        """
        return Hold(self._counter.hold, self._counter.release_hold)

    def set_speed(self, speed: float | str) -> None:
        """Times the recorded speed, or ``"max"``.

        Raises:
            ValueError: not a number above 0.
        """
        factor = 0.0 if speed == "max" else float(speed)
        if speed != "max" and factor <= 0:
            raise ValueError(f"speed {speed!r}: a number above 0, or 'max'")
        self._counter.call(lambda: self._counter.set_speed(factor))

    def carry(self, account: str, exchange: str, code: str, volume: int, price: float) -> None:
        """Give an account that has logged in a long position opened at ``price`` on an earlier day: yesterday's lots.

        It is valued at the previous settlement price (previous close), and its worth is added to PreBalance, so that
        the money to spend stays the same. For shares that can be sold today, and for tests.

        Raises:
            LookupError: no such account, or no such instrument.
            ValueError: a volume or price that is not positive.
        """
        self._backend.carry_out(lambda: self._carry(account, exchange, code, volume, price))

    def _carry(self, account_id: str, exchange: str, code: str, volume: int, price: float) -> None:
        state = self._counter.engine.state
        account = state.accounts.get(account_id)
        found = [contract for contract in state.named(code) if contract.exchange == exchange]
        if account is None or not found:
            raise LookupError(f"{account_id} has not logged in" if account is None else f"{exchange} has no {code}")
        units = round(price * found[0].price_scale) if 0 < price < _MAX_PRICE else 0
        if volume <= 0 or units <= 0:
            raise ValueError(f"{volume} at {price}: both must be above 0")
        day = plus_days(state.trading_day, -1)
        number = _CARRIED + sum(len(row.lots) for row in account.rows.values())
        now_ns = self._counter.now_ns()
        event = carried(state, account, found[0], True, volume, units, day, now_ns, number, adds_value=True)
        state.evolve(event)
        self._counter.publish([event])

    @property
    def is_playing(self) -> bool:
        """Whether the market runs."""
        return self._counter.is_playing

    def source_of(self, code: str, exchange: str = "") -> str:
        """Where an instrument's prices come from, in words.

        ``recorded IF2101 20210104``: a record, under this code of this trading day; ``synthetic``: made, nothing was
        recorded (``7x24``); ``users``: they trade with each other; ``none``: quotes would have to arrive.

        Raises:
            LookupError: no such instrument is listed.
        """
        return str(self._counter.call(lambda: self._counter.world.source_of(code, exchange)))

    @property
    def mapping(self) -> dict[str, str]:
        """Every recorded instrument: its present code → the code under which it was recorded."""
        return dict(self._counter.call(lambda: self._counter.world.mapping))

    @property
    def trading_day(self) -> str:
        """The counter's trading day, ``YYYYMMDD``."""
        return self._counter.world.trading_day

    @property
    def now_ns(self) -> int:
        """The environment's time in UTC nanoseconds."""
        return int(self._counter.call(self._counter.now_ns))

    @property
    def depth(self) -> int:
        """Requests that wait for the counter."""
        return self._counter.depth

    @property
    def faults(self) -> FaultControl:
        """What goes wrong on purpose (docs/zh/testing.md)."""
        from ctp2.tts.fault_control import FaultControl

        return FaultControl(self._backend)

    # ------------------------------------------------------------------ accounts
    @property
    def accounts(self) -> list[str]:
        """The accounts that are there, in the order of their opening."""
        return list(self._counter.call(lambda: list(self._counter.engine.state.accounts)))

    def restrict(
        self,
        user: str,
        *,
        active: bool = True,
        trading: Mapping[str, May] | None = None,
        position_limits: Mapping[str, int] | None = None,
        no_trading_code: Collection[str] = (),
        conditional_orders: bool = True,
        bank_transfers: bool = True,
        password: Password = "",
    ) -> None:
        """Say what an account may do from now on; ``restrict(user)`` lifts every restriction (and error 75).

        Args:
            user: the account; it is opened if it is not there yet.
            active: False: login error 4, orders and cancels on sessions that are logged in error 19.
            trading: instrument, product, exchange or ``"*"`` → ``"close"`` (error 29) or ``"none"`` (28); the most
                particular key wins.
            position_limits: the same keys → lots on one side, working opening orders included (106).
            no_trading_code: exchanges where the investor has no trading code (20).
            conditional_orders: False: CTP's conditional orders are refused (62).
            bank_transfers: False: transfers with the bank are refused (1022).
            password: ``"weak"`` 131, ``"first"`` 140, ``"expired"`` 141: the next logins are refused with it until the
                password is changed.

        Raises:
            LookupError: the counter has a file of accounts and the user is not in it.
            ValueError: a word or number that a setting cannot have.
        """
        for key, may in (trading or {}).items():
            if may not in get_args(May):
                raise ValueError(f"trading of {key}: {may!r} is none of {', '.join(get_args(May))}")
        for key, lots in (position_limits or {}).items():
            if lots < 0:
                raise ValueError(f"position limit of {key}: {lots} is below 0")
        if password not in get_args(Password):
            raise ValueError(f"password {password!r}: '', 'weak', 'first' or 'expired'")
        rights = Rights(
            active,
            {key: str(may) for key, may in (trading or {}).items()},
            dict(position_limits or {}),
            tuple(no_trading_code),
            conditional_orders,
            bank_transfers,
            password,
        )

        def carry_out() -> None:
            self._open(user)
            self._backend.users.unlock(user)
            self._counter.publish(self._counter.engine.restrict(Restrict(self._counter.now_ns(), user, rights)))

        self._backend.carry_out(carry_out)

    def deposit(self, user: str, amount: Decimal | float | str, currency: str = "CNY") -> None:
        """Put money into an account (出入金): its Deposit grows; no callback tells it.

        Raises:
            LookupError: the counter has a file of accounts and the user is not in it.
            ValueError: no positive amount in whole cents, or an unknown currency.
        """
        self._move(user, amount, currency, 1)

    def withdraw(self, user: str, amount: Decimal | float | str, currency: str = "CNY") -> None:
        """Take money out of an account: its Withdraw grows.

        Raises:
            LookupError: the counter has a file of accounts and the user is not in it.
            ValueError: as for :meth:`deposit`, and when it is more than the account's WithdrawQuota.
        """
        self._move(user, amount, currency, -1)

    def reset(self, user: str) -> None:
        """Let an account begin anew: the money of a new one, no positions; all that works is cancelled, and told so.

        Statements of earlier days stay, and so do restrictions.

        Raises:
            LookupError: the counter knows who may come, and the user is not among them.
        """

        def carry_out() -> None:
            self._open(user)
            backend = self._backend
            balances = backend.users.balances(user, backend.balances)
            self._counter.publish(reset(self._counter.engine, user, balances, self._counter.now_ns()))

        self._backend.carry_out(carry_out)

    def statement(self, user: str, period: str = "") -> str:
        """An account's statement (结算单) of a day (``YYYYMMDD``), a month (``YYYYMM``) or the last settled day.

        Raises:
            LookupError: there is none.
        """
        found = self._counter.call(lambda: self._backend.statements.of(user, period))
        if found is None:
            raise LookupError(f"{user} has no statement{' of ' + period if period else ''}")
        return str(found.text().decode(ENCODING))

    def _move(self, user: str, amount: Decimal | float | str, currency: str, sign: int) -> None:
        micro = micro_of(amount)
        if micro <= 0:
            raise ValueError(f"{amount!r}: the amount must be above 0")
        if currency not in CURRENCIES:
            raise ValueError(f"currency {currency!r}: one of {', '.join(CURRENCIES)}")

        def carry_out() -> None:
            self._open(user)
            engine = self._counter.engine
            command = MoveMoney(self._counter.now_ns(), user, currency, sign * micro)
            number = refusal_of_money(engine.state.accounts[user], command)
            if number:
                raise Refused(f"{user}, {amount} {currency}: {prompt(number)}", number)
            self._counter.publish(engine.move_money(command))

        self._backend.carry_out(carry_out)

    def _open(self, user: str) -> None:
        if not self._backend.users.knows(user):
            raise LookupError(f"no account {user!r} at this counter")
        self._backend.open_account(user)
