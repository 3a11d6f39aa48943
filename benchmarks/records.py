"""Creating, filling, checking and packing CTP records.

Method: :mod:`benchmarks.structs`, which holds the candidates that were compared and checks every result before it is
timed; here only what is used. Each run is the median of three times 5,000 calls, the loop's own cost taken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks import structs
from benchmarks.figures import Figure, Plan, figure, require
from ctp2 import tdapi

LAYOUT: Final = {
    "check InputOrder": "layout.check of an InputOrder",
    "pack Order": "pack an Order to the C layout",
    "pack Order, four texts new each time": "pack an Order, four texts new each time",
    "unpack Order": "unpack an Order",
    "unpack Order, four texts new each time": "unpack an Order, four texts new each time",
}


def measure(plan: Plan) -> Iterator[Figure]:
    """µs per call."""
    structs.RUNS, structs.CALLS = 3, 5_000
    fill = structs.filler(structs.REQUEST)
    order = tdapi.CThostFtdcInputOrderField
    require(all(getattr(fill(order), name) == value for name, value in structs.REQUEST.items()), "a field is not set")
    require(len(structs.REQUEST) == 19, "not 19 fields")

    def run() -> list[float]:
        layout = structs.layout_figures()
        creation = [structs.microseconds(order), structs.microseconds(fill, order)]
        return [*creation, *(layout[name] for name in LAYOUT)]

    runs = plan.repeat(run)
    names = ["create an InputOrder", "create an InputOrder and set 19 fields", *LAYOUT.values()]
    for place, name in enumerate(names):
        target, goal = ("1", "0.3") if place == 1 else ("", "")
        yield figure(name, "µs", (values[place] for values in runs), target, goal)
