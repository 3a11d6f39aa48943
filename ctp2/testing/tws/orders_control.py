"""The part of the control that is about orders."""

from __future__ import annotations


class OrdersControl:
    """Fills, refusals and manual orders by hand."""
