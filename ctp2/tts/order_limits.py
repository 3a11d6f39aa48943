"""How many orders may wait inside the counter, as one table (spec ctp-semantics 1.12, 3.3, 12.2)."""

from __future__ import annotations


class OrderLimits:
    """Conditional orders (条件单) and parked orders (预埋单) that may wait; 0 is no limit.

    ``conditional`` False: the counter takes no conditional orders (error 54). ``conditional_total`` and
    ``parked_total`` count over all users (52, 160), the others per investor (53, 159).
    """

    __slots__ = (
        "conditional",
        "conditional_per_user",
        "conditional_total",
        "parked_per_user",
        "parked_total",
    )

    def __init__(
        self,
        conditional: bool = True,
        conditional_per_user: int = 0,
        conditional_total: int = 0,
        parked_per_user: int = 0,
        parked_total: int = 0,
    ) -> None:
        self.conditional: bool = conditional
        self.conditional_per_user: int = conditional_per_user
        self.conditional_total: int = conditional_total
        self.parked_per_user: int = parked_per_user
        self.parked_total: int = parked_total
