"""Orders in the hands of a card: send one, wait for a state, cancel it, and look at what it caused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp import enums as e
from ctp2.testing.conformance.model import Mismatch, expect
from ctp2.testing.recorder import Call

if TYPE_CHECKING:
    from ctp2.testing.conformance.client import Trader

BUY: Final = e.THOST_FTDC_D_Buy
SELL: Final = e.THOST_FTDC_D_Sell
OPEN: Final = e.THOST_FTDC_OF_Open
CLOSE: Final = e.THOST_FTDC_OF_Close
CLOSE_TODAY: Final = e.THOST_FTDC_OF_CloseToday
LIMIT: Final = e.THOST_FTDC_OPT_LimitPrice
MARKET: Final = e.THOST_FTDC_OPT_AnyPrice
IOC: Final = e.THOST_FTDC_TC_IOC
GFD: Final = e.THOST_FTDC_TC_GFD

ALL_TRADED: Final = "0"
RESTS: Final = "3"
CANCELED: Final = "5"
UNKNOWN: Final = "a"
NOT_TOUCHED: Final = "b"
FINAL: Final = frozenset("0524")
WORKING: Final = frozenset("13")

State = Callable[[Any], bool]


def number_of(ref: str) -> int:
    """An OrderRef as a number; −1 for none."""
    text = ref.strip()
    return int(text) if text.isascii() and text.isdigit() else -1


class Order:
    """One order of a trader client."""

    def __init__(self, trader: Trader, field: Any) -> None:
        self.trader = trader
        self.field = field
        self.after = trader.mark()
        self.request_id = trader.send("ReqOrderInsert", field)

    def is_mine(self, call: Call) -> bool:
        """Whether a call is a return of this order."""
        field = call.field
        return (
            call.name == "OnRtnOrder"
            and field.FrontID == self.trader.front_id
            and field.SessionID == self.trader.session_id
            and number_of(field.OrderRef) == number_of(self.field.OrderRef)
        )

    def is_refusal(self, call: Call) -> bool:
        """Whether a call is CTP's refusal of this order."""
        return call.name in ("OnRspOrderInsert", "OnRspError") and call.request_id == self.request_id

    def states(self) -> list[Any]:
        """Every ``OnRtnOrder`` of this order."""
        return [call.field for call in self.trader.calls[self.after :] if self.is_mine(call)]

    @property
    def last(self) -> Any:
        """The latest ``OnRtnOrder``."""
        return self.states()[-1]

    @property
    def sys_id(self) -> str:
        """The exchange's number, as it was told."""
        return next((state.OrderSysID for state in reversed(self.states()) if state.OrderSysID), "")

    def is_trade(self, call: Call) -> bool:
        """Whether a call is a trade of this order."""
        if call.name != "OnRtnTrade":
            return False
        sys_id = self.sys_id
        if sys_id:
            return bool(call.field.OrderSysID.strip() == sys_id.strip())
        return number_of(call.field.OrderRef) == number_of(self.field.OrderRef)

    def trades(self) -> list[Any]:
        """Every ``OnRtnTrade`` of this order."""
        return [call.field for call in self.trader.calls[self.after :] if self.is_trade(call)]

    def sequence(self) -> list[str]:
        """What came, in the notation of spec 3.6: ``a/0``, ``3/3``, ``T``."""
        found = []
        for call in self.trader.calls[self.after :]:
            if self.is_mine(call):
                found.append(f"{call.field.OrderStatus}/{call.field.OrderSubmitStatus}")
            elif self.is_trade(call):
                found.append("T")
            elif self.is_refusal(call):
                found.append(f"refused {call.error_id}")
        return found

    def wait(self, what: str, state: State) -> Any:
        """The first return that fits; a refusal or a final state that does not fit ends the wait at once."""

        def ends(call: Call) -> bool:
            if self.is_refusal(call):
                return True
            return self.is_mine(call) and (state(call.field) or call.field.OrderStatus in FINAL)

        call = self.trader.wait(what, ends, self.after)
        if self.is_refusal(call):
            text = getattr(call.info, "ErrorMsg", "")
            raise Mismatch(what, "OnRtnOrder", f"{call.name} {call.error_id} {text}")
        if not state(call.field):
            field = call.field
            raise Mismatch(what, "that state", f"{field.OrderStatus}/{field.OrderSubmitStatus} {field.StatusMsg}")
        return call.field

    def rests(self) -> Any:
        """Wait until the exchange has the order in its book."""
        return self.wait("the order rests (OnRtnOrder 3)", lambda field: field.OrderStatus in WORKING)

    def ends(self) -> Any:
        """Wait for a final state."""
        return self.wait("a final state of the order", lambda field: field.OrderStatus in FINAL)

    def fills(self) -> Any:
        """Wait until everything is traded and told."""
        self.wait("the order fills (OnRtnOrder 0)", lambda field: field.OrderStatus == ALL_TRADED)
        self.settles()
        return self.last

    def settles(self) -> None:
        """Wait until the trades add up to what the last state says."""

        def complete(_: Call) -> bool:
            return bool(sum(trade.Volume for trade in self.trades()) >= self.last.VolumeTraded)

        self.trader.wait("OnRtnTrade for every lot of VolumeTraded", complete, self.after)

    def cancel_fields(self, by: str = "sys") -> dict[str, Any]:
        """The fields of a cancel, by OrderSysID (``sys``, or ``trimmed``) or by F+S+Ref (``ref``)."""
        fields: dict[str, Any] = {
            **self.trader.who,
            "UserID": self.trader.user,
            "InstrumentID": self.field.InstrumentID,
            "ExchangeID": self.states()[0].ExchangeID if self.states() else self.field.ExchangeID,
            "ActionFlag": e.THOST_FTDC_AF_Delete,
        }
        if by == "ref":
            fields.update(FrontID=self.trader.front_id, SessionID=self.trader.session_id, OrderRef=self.field.OrderRef)
        else:
            fields["OrderSysID"] = self.sys_id if by == "sys" else self.sys_id.strip()
        return fields

    def cancel(self, by: str = "sys", sender: Trader | None = None) -> Any:
        """Cancel, and wait for status 5."""
        sender = sender or self.trader
        after = sender.mark()
        request_id = sender.send("ReqOrderAction", **self.cancel_fields(by))

        def ends(call: Call) -> bool:
            refused = call.name in ("OnRspOrderAction", "OnRspError") and call.request_id == request_id
            return refused or (self.is_mine(call) and call.field.OrderStatus in FINAL)

        call = sender.wait("the cancel takes effect (OnRtnOrder 5)", ends, after)
        if call.name != "OnRtnOrder":
            text = getattr(call.info, "ErrorMsg", "")
            raise Mismatch("the cancel takes effect", "OnRtnOrder 5", f"{call.name} {call.error_id} {text}")
        expect("OrderStatus after the cancel", call.field.OrderStatus, CANCELED)
        return call.field
