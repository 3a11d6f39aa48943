"""What a trader was told, in short."""

from __future__ import annotations

from typing import Any, Final

from ctp2.testing.clients import Order, TraderClient, delivered

APPLE: Final = "AAPL-USD-STK"
APPLE_QUOTE: Final = {"bid": 199.99, "bid_size": 1000, "ask": 200.01, "ask_size": 1000, "last": 200.0}


def life(order: Order) -> list[str]:
    """OrderStatus with VolumeTraded of each return, and each trade as ``T`` with its volume, in the order they came."""
    delivered(order.client.api)
    system_ids = {row.OrderSysID for row in order.returns if row.OrderSysID}
    told: list[str] = []
    for call in order.client.spi.calls:
        field = call.field
        if call.name == "OnRtnOrder" and field.OrderRef == order.ref and field.SessionID == order.client.session_id:
            told.append(f"{field.OrderStatus}{field.OrderSubmitStatus} {field.VolumeTraded}")
        elif call.name == "OnRtnTrade" and field.OrderSysID in system_ids:
            told.append(f"T {field.Volume}")
    return told


def errors(client: TraderClient, *names: str) -> list[tuple[str, int]]:
    """Errors of these callbacks, in the order they came."""
    delivered(client.api)
    return [(call.name, call.error_id) for call in client.spi.calls if call.name in names]


def of(client: Any, name: str) -> list[Any]:
    """The fields of a callback, oldest first."""
    return [call.field for call in client.spi.of(name)]
