"""What an option scenario needs of a desk: the words of its ``instrument`` line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ctp2.refdata.models import OPTION

OPTION_WORDS = ("underlying", "strike", "option", "style", "spot", "strike_fee")


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
