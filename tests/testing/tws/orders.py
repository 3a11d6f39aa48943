"""placeOrder written out field by field, as spec ib 6.4 numbers it, and what is read back."""

from __future__ import annotations

from tests.testing.tws.wire_client import AAPL, Client, Fields

PLACES = {
    "action": 17,
    "quantity": 18,
    "type": 19,
    "limit": 20,
    "aux": 21,
    "tif": 22,
    "oca": 23,
    "account": 24,
    "ref": 27,
    "transmit": 28,
    "parent": 29,
    "good_after": 38,
    "good_till": 39,
    "all_or_none": 51,
    "min_quantity": 52,
    "etrade_only": 54,
    "algo": 84,
    "what_if": 86,
}
"""Name → number of the field at version 157."""
STATUS = 87 + 8 - 1
"""Where openOrder tells the status: field 87, behind the eight that follow delta neutral order type ``None``."""
_ZEROS = (26, 30, 31, 32, 33, 34, 35, 37, 45, 48, 51, 54, 55, 57, 63, 65, 68, 69, 79, 82, 83, 86, 88, 89, 90, 91)
_ZEROS_OF_END = (98, 107, 108, 109, 110)


def plain(order_id: int, contract: tuple[object, ...] = AAPL, **changes: object) -> list[object]:
    """A limit order to buy 100 at 200 for the day, with ``changes`` by the names of :data:`PLACES`."""
    fields: list[object] = [""] * 111
    fields[1:3] = [3, order_id]
    fields[3:15] = list(contract)
    for number in (*_ZEROS, *_ZEROS_OF_END):
        fields[number] = 0
    fields[28], fields[47] = 1, -1
    order = {"action": "BUY", "quantity": 100, "type": "LMT", "limit": 200, "tif": "DAY", **changes}
    for name, value in order.items():
        fields[PLACES[name]] = value
    return fields[1:]


def place(client: Client, order_id: int, contract: tuple[object, ...] = AAPL, **changes: object) -> list[Fields]:
    """Send it; what came of it at once."""
    client.send(*plain(order_id, contract, **changes))
    return client.settle()


def cancel(client: Client, order_id: int) -> list[Fields]:
    """Send cancelOrder; what came of it at once."""
    client.send(4, 1, order_id)
    return client.settle()


def short(told: list[Fields]) -> list[str]:
    """Messages as a line each: what kind, and what matters of it (numbers of fields as spec ib 6.5 and 6.6 count)."""
    return [one for one in map(_short, told) if one]


def _short(fields: Fields) -> str:
    kind = fields[0]
    if kind == "3":  # orderId status filled remaining average … whyHeld
        return f"status {fields[1]} {fields[2]} {fields[3]} {fields[4]} {fields[5]} {fields[10]}".rstrip()
    if kind == "4":
        return f"error {fields[2]} {fields[3]}"
    if kind == "5":  # orderId, action, quantity, type, limit … status
        return f"order {fields[1]} {fields[13]} {fields[14]} {fields[15]} {fields[16]} {fields[STATUS]}"
    if kind == "11":  # reqId orderId … side shares price … cumulative average
        return f"execution {fields[1]} {fields[2]} {fields[18]} {fields[19]} {fields[20]} {fields[24]} {fields[25]}"
    if kind == "59":  # commission currency realized
        return f"commission {fields[3]} {fields[4]} {'' if fields[5].startswith('1.797') else fields[5]}".rstrip()
    if kind == "61":  # … position, average cost
        return f"position {fields[2]} {fields[4]} {fields[14]} {fields[15]}"
    return {"53": "orders end", "102": "completed end", "55": "executions end", "62": "positions end"}.get(kind, "")
