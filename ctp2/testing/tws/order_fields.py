"""The long messages of orders: placeOrder as it is read, openOrder and completedOrder as TWS writes them (ib 6.4, 6.6).

An order is a mapping of field names, those of placeOrder; what the server adds (permId, status, margins …) comes under
its own names. Fields are told in the order of the tables, each from the mapping, else as TWS writes what is unset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ctp2.testing.tws.replies import Fields, k11
from ctp2.testing.tws.requests import C12, PARTS, TABLE, BadRequest, Reader, rows
from ctp2.testing.tws.wire import UNSET_DOUBLE

PLACE_ORDER: Final = f"""placeOrder orderId:i {C12} secIdType:t secId:t
action:t totalQuantity:n orderType:t lmtPrice:n auxPrice:n tif:t ocaGroup:t account:t openClose:t origin:i orderRef:t
transmit:b parentId:i blockOrder:b sweepToFill:b displaySize:i triggerMethod:i outsideRth:b hidden:b ORDER_LEGS
sharesAllocation:t discretionaryAmt:n goodAfterTime:t goodTillDate:t faGroup:t faMethod:t faPercentage:t
faProfile:t<177 modelCode:t shortSaleSlot:i designatedLocation:t exemptCode:i ocaType:i rule80A:t settlingFirm:t
allOrNone:b minQty:i percentOffset:n eTradeOnly:b firmQuoteOnly:b nbboPriceCap:n auctionStrategy:i startingPrice:n
stockRefPrice:n delta:n stockRangeLower:n stockRangeUpper:n overridePercentageConstraints:b volatility:n
volatilityType:i deltaNeutralOrderType:t deltaNeutralAuxPrice:n ORDER_DELTA_NEUTRAL continuousUpdate:i
referencePriceType:i trailStopPrice:n trailingPercent:n scaleInitLevelSize:i scaleSubsLevelSize:i
scalePriceIncrement:n SCALE scaleTable:t activeStartTime:t activeStopTime:t hedgeType:t HEDGE optOutSmartRouting:b
clearingAccount:t clearingIntent:t notHeld:b DELTA_NEUTRAL algoStrategy:t ALGO algoId:t whatIf:b miscOptions:t
solicited:b randomizeSize:b randomizePrice:b PEG_BENCH CONDITIONS adjustedOrderType:t triggerPrice:n lmtPriceOffset:n
adjustedStopPrice:n adjustedStopLimitPrice:n adjustedTrailingAmount:n adjustableTrailingUnit:i extOperator:t
softDollarName:t softDollarValue:t cashQty:n mifid2DecisionMaker:t mifid2DecisionAlgo:t mifid2ExecutionTrader:t
mifid2ExecutionAlgo:t dontUseAutoPriceForHedge:b isOmsContainer:b discretionaryUpToLimitPrice:b usePriceMgmtAlgo:b
duration:i>=158 postToAts:i>=160 autoCancelParent:b>=162 advancedErrorOverride:t>=166 manualOrderTime:t>=169
PEG_BEST>=170"""

# ---------------------------------------------------------------------- reading
_CONDITIONS: Final[dict[int, tuple[str, ...]]] = {
    1: ("isMore:b", "price:n", "conId:i", "exchange:t", "triggerMethod:i"),
    3: ("isMore:b", "time:t"),
    4: ("isMore:b", "percent:n"),
    5: ("secType:t", "exchange:t", "symbol:t"),
    6: ("isMore:b", "volume:i", "conId:i", "exchange:t"),
    7: ("isMore:b", "changePercent:n", "conId:i", "exchange:t"),
}
"""Kind of a condition → its fields after kind and conjunction."""


def _legs(reader: Reader) -> None:
    if reader.values["secType"] != "BAG":
        return
    columns = "conId:i ratio:i action:t exchange:t openClose:i shortSaleSlot:i designatedLocation:t exemptCode:i"
    reader.values["legs"] = rows(reader, *columns.split())
    reader.values["legPrices"] = rows(reader, "price:n")
    reader.values["routing"] = rows(reader, "tag:t", "value:t")


def _delta_neutral(reader: Reader) -> None:
    if reader.values["deltaNeutralOrderType"]:
        reader.read(
            "deltaNeutralConId:i deltaNeutralSettlingFirm:t deltaNeutralClearingAccount:t "
            "deltaNeutralClearingIntent:t deltaNeutralOpenClose:t deltaNeutralShortSale:b "
            "deltaNeutralShortSaleSlot:i deltaNeutralDesignatedLocation:t"
        )


def _scale(reader: Reader) -> None:
    if (reader.values["scalePriceIncrement"] or 0) > 0:
        reader.read(
            "scalePriceAdjustValue:n scalePriceAdjustInterval:i scaleProfitOffset:n scaleAutoReset:b "
            "scaleInitPosition:i scaleInitFillQty:i scaleRandomPercent:b"
        )


def _hedge(reader: Reader) -> None:
    if reader.values["hedgeType"]:
        reader.read("hedgeParam:t")


def _algo(reader: Reader) -> None:
    if reader.values["algoStrategy"]:
        reader.values["algoParams"] = rows(reader, "tag:t", "value:t")


def _peg_bench(reader: Reader) -> None:
    if reader.values["orderType"] in ("PEG BENCH", "PEGBENCH"):
        reader.read(
            "referenceContractId:i isPeggedChangeAmountDecrease:b peggedChangeAmount:n referenceChangeAmount:n "
            "referenceExchangeId:t"
        )


def _conditions(reader: Reader) -> None:
    conditions: list[dict[str, Any]] = []
    for _ in range(reader.take("i", "conditions") or 0):
        kind = reader.take("i", "a condition")
        columns = _CONDITIONS.get(kind)
        if columns is None:
            raise BadRequest(f"a condition of kind {kind}", reader.req_id)
        pairs = [column.split(":") for column in ("conjunction:t", *columns)]
        conditions.append({"kind": kind, **{name: reader.take(letter, name) for name, letter in pairs}})
    reader.values["conditions"] = conditions
    if conditions:
        reader.read("conditionsIgnoreRth:b conditionsCancelOrder:b")


def _peg_best(reader: Reader) -> None:
    if reader.version < 170:
        return
    values = reader.values
    if values["exchange"] == "IBKRATS":
        reader.read("minTradeQty:i")
    has_offsets = values["orderType"] in ("PEG MID", "PEGMID")
    if values["orderType"] in ("PEG BEST", "PEGBEST"):
        reader.read("minCompeteSize:i competeAgainstBestOffset:o")
        has_offsets = values["competeAgainstBestOffset"] == float("inf")
    if has_offsets:
        reader.read("midOffsetAtWhole:n midOffsetAtHalf:n")


PARTS.update(
    {
        "ORDER_LEGS": _legs,
        "ORDER_DELTA_NEUTRAL": _delta_neutral,
        "SCALE": _scale,
        "HEDGE": _hedge,
        "ALGO": _algo,
        "PEG_BENCH": _peg_bench,
        "CONDITIONS": _conditions,
        "PEG_BEST>=170": _peg_best,
    }
)
TABLE[3] = PLACE_ORDER

# ---------------------------------------------------------------------- writing
OPEN_ORDER: Final = """orderId K11 action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose
origin orderRef clientId permId outsideRth hidden discretionaryAmt goodAfterTime sharesAllocation faGroup faMethod
faPercentage faProfile<177 modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation
exemptCode auctionStrategy startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize blockOrder
sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly nbboPriceCap parentId triggerMethod volatility
volatilityType OWN_DELTA_NEUTRAL continuousUpdate referencePriceType trailStopPrice trailingPercent basisPoints
basisPointsType comboLegsDescrip legCount orderLegCount routingCount scaleInitLevelSize scaleSubsLevelSize
scalePriceIncrement hedgeType optOutSmartRouting clearingAccount clearingIntent notHeld deltaNeutralFlag algoStrategy
solicited whatIf status initMarginBefore maintMarginBefore equityBefore initMarginChange maintMarginChange
equityChange initMarginAfter maintMarginAfter equityAfter commission minCommission maxCommission commissionCurrency
warningText randomizeSize randomizePrice conditionCount adjustedOrderType triggerPrice trailStopPrice lmtPriceOffset
adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount adjustableTrailingUnit softDollarName softDollarValue
softDollarShown cashQty dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo
duration>=159 postToAts>=160 autoCancelParent>=162 minTradeQty>=170 minCompeteSize>=170 competeAgainstBestOffset>=170
midOffsetAtWhole>=170 midOffsetAtHalf>=170"""
"""Message 5, field 2 and on. Duration comes from 159 on: at 158 clients disagree, so 158 is never answered."""

COMPLETED_ORDER: Final = """K11 action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin
orderRef permId outsideRth hidden discretionaryAmt goodAfterTime faGroup faMethod faPercentage faProfile<177 modelCode
goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode startingPrice
stockRefPrice delta stockRangeLower stockRangeUpper displaySize sweepToFill allOrNone minQty ocaType triggerMethod
volatility volatilityType OWN_DELTA_NEUTRAL_SHORT continuousUpdate referencePriceType trailStopPrice trailingPercent
comboLegsDescrip legCount orderLegCount routingCount scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement
hedgeType clearingAccount clearingIntent notHeld deltaNeutralFlag algoStrategy solicited status randomizeSize
randomizePrice conditionCount trailStopPrice lmtPriceOffset cashQty dontUseAutoPriceForHedge isOmsContainer
autoCancelDate filledQuantity refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketableToBbo
parentPermId completedTime completedStatus minTradeQty>=170 minCompeteSize>=170 competeAgainstBestOffset>=170
midOffsetAtWhole>=170 midOffsetAtHalf>=170"""
"""Message 101, field 2 and on: no order id and no client id."""

_ZERO_DOUBLES: Final = "lmtPrice auxPrice discretionaryAmt"
_ZEROS: Final = """origin shortSaleSlot auctionStrategy displaySize ocaType parentId triggerMethod volatilityType
continuousUpdate referencePriceType legCount orderLegCount routingCount deltaNeutralFlag conditionCount
adjustableTrailingUnit refFuturesConId parentPermId outsideRth hidden blockOrder sweepToFill allOrNone eTradeOnly
firmQuoteOnly optOutSmartRouting notHeld solicited whatIf randomizeSize randomizePrice dontUseAutoPriceForHedge
isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo autoCancelParent imbalanceOnly routeMarketableToBbo
clientId permId orderId"""
_UNSET_DOUBLES: Final = """trailStopPrice triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice
adjustedTrailingAmount"""

_AS_TWS: Final[dict[str, object]] = {
    **dict.fromkeys(_ZERO_DOUBLES.split(), "0.0"),
    **dict.fromkeys(_ZEROS.split(), 0),
    **dict.fromkeys(_UNSET_DOUBLES.split(), UNSET_DOUBLE),
    "exemptCode": -1,
    "adjustedOrderType": "None",
    "openClose": "",
    "tif": "DAY",
}
"""What TWS writes of a field that the client left unset; empty for all others."""
_NONE: Final = ("None", "", 0, "", "", "", "?", 0, 0, "")
"""deltaNeutralOrderType of an order that has none, with the fields that follow it; the client must not send it back."""
_NONE_SHORT: Final = ("None", "", 0, 0, 0, "")

_GROUPS: Final[dict[str, Fields]] = {"OWN_DELTA_NEUTRAL": _NONE, "OWN_DELTA_NEUTRAL_SHORT": _NONE_SHORT}


def open_order(version: int, order: Mapping[str, Any]) -> Fields:
    """Message 5. ``order["listed"]`` is its contract and ``order["exchange"]`` where it is routed."""
    return (5, *_written(OPEN_ORDER, version, order))


def completed_order(version: int, order: Mapping[str, Any]) -> Fields:
    """Message 101."""
    return (101, *_written(COMPLETED_ORDER, version, order))


def _written(table: str, version: int, order: Mapping[str, Any]) -> list[object]:
    fields: list[object] = []
    for item in table.split():
        if item == "K11":
            fields += k11(order["listed"], order["exchange"])
        elif item in _GROUPS:
            fields += _GROUPS[item]
        elif "<" in item:
            name, _, bound = item.partition("<")
            fields += [_value(name, order)] if version < int(bound) else []
        elif ">=" in item:
            name, _, bound = item.partition(">=")
            fields += [_value(name, order)] if version >= int(bound) else []
        else:
            fields.append(_value(item, order))
    return fields


def _value(name: str, order: Mapping[str, Any]) -> object:
    value = order.get(name)
    return _AS_TWS.get(name, "") if value is None or value == "" else value
