"""The requests of a client as a table: spec ib 6.3, one line per message, fields in the order of the wire.

``name:kind`` is a field (``i`` integer, ``n`` number, ``b`` boolean, ``o`` a number or Infinity, ``t`` text; ``n``
and ``i`` may be unset), ``=N`` the fixed version of a message, ``C12`` the twelve fields of a contract,
``name:kind>=V`` a field that is there from server version V on, ``name:kind<V`` one that is there before it. What
repeats or depends on other fields is read by a function of :data:`PARTS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from ctp2.testing.tws.wire import UNSET_DOUBLE, UNSET_INTEGER

C12: Final = (
    "conId:i symbol:t secType:t lastTradeDate:t strike:n right:t multiplier:t exchange:t primaryExchange:t "
    "currency:t localSymbol:t tradingClass:t"
)

TABLE: Final[dict[int, str]] = {
    1: f"reqMktData =11 reqId:i {C12} BAG DELTA_NEUTRAL genericTicks:t snapshot:b regulatorySnapshot:b options:t",
    2: "cancelMktData =2 reqId:i",
    4: "cancelOrder =1 orderId:i manualCancelOrderTime:t>=169",
    5: "reqOpenOrders =1",
    6: "reqAccountUpdates =2 subscribe:b account:t",
    7: "reqExecutions =3 reqId:i clientId:i account:t time:t symbol:t secType:t exchange:t side:t",
    8: "reqIds =1 count:i",
    9: f"reqContractDetails =8 reqId:i {C12} includeExpired:b secIdType:t secId:t issuerId:t>=176",
    10: f"reqMktDepth =5 reqId:i {C12} rows:i isSmart:b options:t",
    11: "cancelMktDepth =1 reqId:i isSmart:b",
    14: "setServerLogLevel =1 level:i",
    15: "reqAutoOpenOrders =1 autoBind:b",
    16: "reqAllOpenOrders =1",
    17: "reqManagedAccts =1",
    20: (
        f"reqHistoricalData reqId:i {C12} includeExpired:b endDateTime:t barSize:t duration:t useRTH:b whatToShow:t "
        "formatDate:i BAG keepUpToDate:b options:t"
    ),
    25: "cancelHistoricalData =1 reqId:i",
    49: "reqCurrentTime =1",
    50: f"reqRealTimeBars =3 reqId:i {C12} barSize:i whatToShow:t useRTH:b options:t",
    51: "cancelRealTimeBars =1 reqId:i",
    58: "reqGlobalCancel =1",
    59: "reqMarketDataType =1 type:i",
    61: "reqPositions =1",
    62: "reqAccountSummary =1 reqId:i group:t tags:t",
    63: "cancelAccountSummary =1 reqId:i",
    64: "cancelPositions =1",
    71: "startApi =2 clientId:i capabilities:t",
    74: "reqPositionsMulti =1 reqId:i account:t model:t",
    75: "cancelPositionsMulti =1 reqId:i",
    76: "reqAccountUpdatesMulti =1 reqId:i account:t model:t ledgerAndNLV:b",
    77: "cancelAccountUpdatesMulti =1 reqId:i",
    78: "reqSecDefOptParams reqId:i symbol:t futFopExchange:t underSecType:t underConId:i",
    81: "reqMatchingSymbols reqId:i pattern:t",
    82: "reqMktDepthExchanges",
    91: "reqMarketRule ruleId:i",
    92: "reqPnL reqId:i account:t model:t",
    93: "cancelPnL reqId:i",
    94: "reqPnLSingle reqId:i account:t model:t conId:i",
    95: "cancelPnLSingle reqId:i",
    99: "reqCompletedOrders apiOnly:b",
}


class BadRequest(Exception):
    """A request that cannot be read; ``req_id`` is its number as far as it is known, else -1 (error 320)."""

    def __init__(self, text: str, req_id: int = -1) -> None:
        super().__init__(text)
        self.req_id = req_id


class Request:
    """A request that was read: its name and its fields."""

    __slots__ = ("message_id", "name", "values")

    def __init__(self, message_id: int, name: str, values: dict[str, Any]) -> None:
        self.message_id = message_id
        self.name = name
        self.values = values

    def text(self, name: str) -> str:
        """A text field; empty when this version has none."""
        value = self.values.get(name, "")
        assert isinstance(value, str)
        return value

    def integer(self, name: str) -> int:
        """An integer; 0 when it is unset."""
        return int(self.values.get(name) or 0)

    def number(self, name: str) -> float | None:
        """A number, None when it is unset."""
        value = self.values.get(name)
        return None if value is None else float(value)

    def flag(self, name: str) -> bool:
        """A boolean; unset is False."""
        return bool(self.values.get(name))

    @property
    def req_id(self) -> int:
        """``reqId`` (``orderId`` of orders), -1 when it has none."""
        value = self.values.get("reqId", self.values.get("orderId"))
        return -1 if value is None else int(value)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"


class Reader:
    """Steps over the fields of one message."""

    def __init__(self, fields: list[str], version: int) -> None:
        self.fields = fields
        self.version = version
        self.at = 0
        self.values: dict[str, Any] = {}

    def next(self, name: str = "a field") -> str:
        """The next field.

        Raises:
            BadRequest: there is none.
        """
        if self.at >= len(self.fields):
            raise BadRequest(f"the message ends after {self.at} fields, before {name}", self.req_id)
        self.at += 1
        return self.fields[self.at - 1]

    def take(self, kind: str, name: str = "a field") -> Any:
        """The next field as the kind that it is of."""
        text = self.next(name)
        try:
            return _KINDS[kind](text)
        except ValueError:
            raise BadRequest(f"{name} cannot be {text!r}", self.req_id) from None

    def read(self, spec: str) -> None:
        """Fields by their line of a table, into ``values``."""
        for item in spec.split():
            part = PARTS.get(item)
            if part is not None:
                part(self)
            elif item.startswith("="):
                self.next("version")
            else:
                name, _, kind = item.partition(":")
                if _is_there(kind[1:], self.version):
                    self.values[name] = self.take(kind[0], name)

    def rest(self) -> list[str]:
        """The fields that nobody read."""
        return self.fields[self.at :]

    @property
    def req_id(self) -> int:
        """The number of the request as far as it was read; -1."""
        value = self.values.get("reqId", self.values.get("orderId"))
        return -1 if value is None else int(value)


def read_request(fields: list[str], version: int) -> Request:
    """The request that the fields of a payload are.

    Raises:
        BadRequest: an unknown message, or a field that is missing or not of its kind.
    """
    try:
        message_id = int(fields[0])
    except ValueError:
        raise BadRequest(f"a message of id {fields[0]!r}") from None
    spec = TABLE.get(message_id)
    if spec is None:
        raise BadRequest(f"the stand-in does not know message {message_id}")
    name, _, rest = spec.partition(" ")
    reader = Reader(fields, version)
    reader.at = 1
    reader.read(rest)
    return Request(message_id, name, reader.values)


# ---------------------------------------------------------------------- fields
def _integer(text: str) -> int | None:
    if not text:
        return None
    value = int(text)
    return None if value == UNSET_INTEGER else value


def _number(text: str) -> float | None:
    """Clients write what is unset as nothing or as the largest double (spec ib 6.2)."""
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return None if value == UNSET_DOUBLE else value


def _offset(text: str) -> float | None:
    """A number, or without limit."""
    return float("inf") if text == "Infinity" else _number(text)


def _boolean(text: str) -> bool:
    if text in ("", "0", "1"):
        return text == "1"
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError(text)


_KINDS: Final[dict[str, Callable[[str], Any]]] = {"i": _integer, "n": _number, "o": _offset, "b": _boolean, "t": str}


def _is_there(condition: str, version: int) -> bool:
    if condition.startswith(">="):
        return version >= int(condition[2:])
    return not condition.startswith("<") or version < int(condition[1:])


# ---------------------------------------------------------------------- parts that depend on other fields
def rows(reader: Reader, *columns: str) -> list[dict[str, Any]]:
    """A count, then so many rows of ``name:kind``."""
    count = reader.take("i", "a count") or 0
    pairs = [column.split(":") for column in columns]
    return [{name: reader.take(kind, name) for name, kind in pairs} for _ in range(count)]


def _bag(reader: Reader) -> None:
    if reader.values["secType"] == "BAG":
        reader.values["legs"] = rows(reader, "conId:i", "ratio:i", "action:t", "exchange:t")


def _delta_neutral(reader: Reader) -> None:
    if reader.take("b", "deltaNeutral"):
        reader.values["deltaNeutral"] = (reader.take("i"), reader.take("n"), reader.take("n"))


PARTS: Final[dict[str, Callable[[Reader], None]]] = {"BAG": _bag, "DELTA_NEUTRAL": _delta_neutral}
