"""What queries and market data show as CTP structs: positions, lots, money, instruments, snapshots."""

from __future__ import annotations

from typing import Final

from ctp2.ctp.structs import (
    CThostFtdcDepthMarketDataField,
    CThostFtdcInstrumentField,
    CThostFtdcInvestorPositionDetailField,
    CThostFtdcInvestorPositionField,
    CThostFtdcTradingAccountField,
)
from ctp2.refdata.models import Instrument
from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.refdata.tradingday import dates_shown
from ctp2.tts import codes
from ctp2.tts.account import Account, Purse
from ctp2.tts.contract import Contract
from ctp2.tts.money import RATE
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.terms import LONG, NO_PRICE
from ctp2.tts.values import money_to_ctp, moved, number_to_ctp, price_to_ctp, volume_to_ctp

SETTLEMENT_ID: Final = 1
_TRUE_AVERAGES: Final = ("CZCE",)
"""Exchanges whose AveragePrice is a price; elsewhere it is what a lot was worth."""


# ------------------------------------------------------------------ positions and money
def position_to_ctp(
    row: PositionRow, account_id: str, broker_id: str, trading_day: str
) -> CThostFtdcInvestorPositionField:
    """A position row (spec 5.2)."""
    contract = row.contract
    rate = row.rates.long_rate if row.is_long else row.rates.short_rate
    last = contract.reference_price()
    if contract.option is not None and row.is_long:
        last = row.last_mark if row.last_mark != NO_PRICE else contract.pre_settlement
    record = CThostFtdcInvestorPositionField()
    record.BrokerID = broker_id
    record.InvestorID = account_id
    record.PosiDirection = row.side
    record.HedgeFlag = row.hedge
    record.PositionDate = "2" if row.is_history else "1"
    record.YdPosition = row.yd_position
    record.Position = row.position
    record.LongFrozen = row.frozen_open if row.is_long else row.frozen_close
    record.ShortFrozen = row.frozen_close if row.is_long else row.frozen_open
    record.LongFrozenAmount = money_to_ctp(row.frozen_open_amount) if row.is_long else 0.0
    record.ShortFrozenAmount = 0.0 if row.is_long else money_to_ctp(row.frozen_open_amount)
    record.OpenVolume = row.open_volume
    record.CloseVolume = row.close_volume
    record.OpenAmount = money_to_ctp(row.open_amount)
    record.CloseAmount = money_to_ctp(row.close_amount)
    record.PositionCost = money_to_ctp(row.position_cost)
    record.PreMargin = money_to_ctp(row.pre_margin)
    record.UseMargin = money_to_ctp(row.margin + row.margin_mark)
    record.FrozenMargin = money_to_ctp(row.frozen_margin)
    record.FrozenCash = money_to_ctp(row.frozen_cash)
    record.FrozenCommission = money_to_ctp(row.frozen_commission)
    record.CashIn = money_to_ctp(row.cash_in)
    record.Commission = money_to_ctp(row.commission)
    record.CloseProfit = money_to_ctp(row.close_profit_by_date)
    record.PositionProfit = money_to_ctp(row.profit)
    record.PreSettlementPrice = price_to_ctp(contract.pre_settlement, contract.price_scale)
    record.SettlementPrice = price_to_ctp(last, contract.price_scale)
    record.TradingDay = trading_day
    record.SettlementID = SETTLEMENT_ID
    record.OpenCost = money_to_ctp(row.open_cost)
    record.ExchangeMargin = money_to_ctp(row.exchange_margin + row.exchange_mark)
    record.StrikeFrozen = row.strike_frozen
    record.StrikeFrozenAmount = money_to_ctp(row.strike_frozen_amount)
    record.AbandonFrozen = row.abandon_frozen
    record.CloseProfitByDate = money_to_ctp(row.close_profit_by_date)
    record.CloseProfitByTrade = money_to_ctp(row.close_profit_by_trade)
    record.TodayPosition = row.today_position
    record.MarginRateByMoney = rate.by_money / RATE
    record.MarginRateByVolume = money_to_ctp(rate.by_volume)
    record.CombPosition = row.comb_position
    record.ExchangeID = contract.exchange
    record.InstrumentID = contract.code
    return record


def position_detail_to_ctp(
    row: PositionRow, lot: Lot, account_id: str, broker_id: str, trading_day: str
) -> CThostFtdcInvestorPositionDetailField:
    """A position detail: what is left of one opening trade (spec 5.3)."""
    contract = row.contract
    rate = row.rates.long_rate if row.is_long else row.rates.short_rate
    sign = 1 if row.is_long else -1
    mark = lot.last_mark
    unit = sign * lot.volume * contract.notional_micro
    margin, exchange_margin = lot.margin, lot.exchange_margin
    option = row.rates.option
    if option is not None and not row.is_long:
        royalty = contract.reference_price() if contract.reference_price() != NO_PRICE else lot.open_price
        today, carried = (lot.volume, 0) if lot.is_today else (0, lot.volume)
        margin += option.mark(royalty, today, carried)
        exchange_margin += option.mark(royalty, today, carried, True)
    record = CThostFtdcInvestorPositionDetailField()
    record.BrokerID = broker_id
    record.InvestorID = account_id
    record.HedgeFlag = row.hedge
    record.Direction = "0" if row.side == LONG else "1"
    record.OpenDate = lot.open_date
    record.TradeID = number_to_ctp(lot.trade_id)
    record.Volume = lot.volume + lot.lag
    record.TimeFirstVolume = lot.volume if contract.exchange == "DCE" else 0
    record.OpenPrice = lot.open_price / contract.price_scale
    record.TradingDay = trading_day
    record.SettlementID = SETTLEMENT_ID
    record.TradeType = "0"
    record.ExchangeID = contract.exchange
    record.CloseProfitByDate = money_to_ctp(lot.close_profit_by_date)
    record.CloseProfitByTrade = money_to_ctp(lot.close_profit_by_trade)
    record.PositionProfitByDate = money_to_ctp((mark - lot.basis) * unit)
    record.PositionProfitByTrade = money_to_ctp((mark - lot.open_price) * unit)
    record.Margin = money_to_ctp(margin)
    record.ExchMargin = money_to_ctp(exchange_margin)
    record.MarginRateByMoney = rate.by_money / RATE
    record.MarginRateByVolume = money_to_ctp(rate.by_volume)
    record.LastSettlementPrice = price_to_ctp(contract.pre_settlement, contract.price_scale)
    record.SettlementPrice = price_to_ctp(mark, contract.price_scale)
    record.CloseVolume = lot.close_volume
    record.CloseAmount = money_to_ctp(lot.close_amount)
    record.SpecPosiType = "#"
    record.InstrumentID = contract.code
    return record


def account_to_ctp(account: Account, purse: Purse, broker_id: str, trading_day: str) -> CThostFtdcTradingAccountField:
    """One currency row of the trading account (spec 6)."""
    available = purse.available()
    record = CThostFtdcTradingAccountField()
    record.BrokerID = broker_id
    record.AccountID = account.account_id
    record.PreDeposit = money_to_ctp(purse.pre_balance)
    record.PreBalance = money_to_ctp(purse.pre_balance)
    record.PreMargin = money_to_ctp(purse.pre_margin)
    record.Deposit = money_to_ctp(purse.deposit)
    record.Withdraw = money_to_ctp(purse.withdraw)
    record.FrozenMargin = money_to_ctp(purse.frozen_margin)
    record.FrozenCash = money_to_ctp(purse.frozen_cash)
    record.FrozenCommission = money_to_ctp(purse.frozen_commission)
    record.CurrMargin = money_to_ctp(purse.curr_margin)
    record.CashIn = money_to_ctp(purse.cash_in)
    record.Commission = money_to_ctp(purse.commission)
    record.CloseProfit = money_to_ctp(purse.close_profit)
    record.PositionProfit = money_to_ctp(purse.position_profit + purse.security_profit)
    record.Balance = money_to_ctp(purse.balance())
    record.Available = money_to_ctp(available)
    record.WithdrawQuota = money_to_ctp(purse.withdraw_quota())
    record.TradingDay = trading_day
    record.SettlementID = SETTLEMENT_ID
    record.ExchangeMargin = money_to_ctp(purse.exchange_margin)
    record.CurrencyID = purse.currency
    record.MortgageableFund = money_to_ctp(available - max(purse.close_profit, 0))
    return record


# ------------------------------------------------------------------ instruments and market data
def instrument_to_ctp(instrument: Instrument) -> CThostFtdcInstrumentField:
    """An instrument's row (spec 8.4)."""
    record = CThostFtdcInstrumentField()
    record.ExchangeID = instrument.exchange
    record.InstrumentName = instrument.name
    record.ProductClass = codes.product_class_to_ctp(instrument)
    record.DeliveryYear = instrument.delivery_year
    record.DeliveryMonth = instrument.delivery_month
    record.MaxMarketOrderVolume = instrument.max_market_volume
    record.MinMarketOrderVolume = instrument.min_market_volume
    record.MaxLimitOrderVolume = instrument.max_limit_volume
    record.MinLimitOrderVolume = instrument.min_limit_volume
    record.VolumeMultiple = instrument.multiplier
    record.PriceTick = float(instrument.price_tick)
    record.CreateDate = instrument.create_date
    record.OpenDate = instrument.open_date
    record.ExpireDate = instrument.expire_date
    record.StartDelivDate = instrument.start_deliv_date
    record.EndDelivDate = instrument.end_deliv_date
    record.InstLifePhase = "1"
    record.IsTrading = int(instrument.is_trading)
    record.PositionType = "2"
    record.PositionDateType = "1" if instrument.uses_history else "2"
    record.LongMarginRatio = float(instrument.long_margin_ratio)
    record.ShortMarginRatio = float(instrument.short_margin_ratio)
    record.MaxMarginSideAlgorithm = "1" if instrument.larger_side else "0"
    record.StrikePrice = DBL_MAX if instrument.strike is None else float(instrument.strike)
    record.OptionsType = codes.OPTION_TYPE_TO_CTP[instrument.option_type]
    record.UnderlyingMultiple = (
        DBL_MAX if instrument.underlying_multiple is None else float(instrument.underlying_multiple)
    )
    record.CombinationType = "0"
    record.InstrumentID = instrument.code
    record.ExchangeInstID = instrument.exchange_code
    record.ProductID = instrument.product
    record.UnderlyingInstrID = instrument.underlying
    return record


def tick_to_ctp(
    tick: Tick, contract: Contract, trading_day: str, with_exchange: bool = False
) -> CThostFtdcDepthMarketDataField:
    """A snapshot (spec 9.3). ExchangeID is empty on the futures front and filled for securities and in queries."""
    last = tick.last
    if last == DBL_MAX:
        last = tick.pre_settlement  # before the first trade [SIM]
    record = CThostFtdcDepthMarketDataField()
    if tick.action_day and tick.action_day < trading_day:  # a night session: CZCE shows the natural day in both dates
        trading_day = dates_shown(contract.exchange, trading_day, tick.action_day).trading_day
    record.TradingDay = trading_day
    record.ExchangeID = contract.exchange if with_exchange or contract.is_security else ""
    record.LastPrice = last
    record.PreSettlementPrice = tick.pre_settlement
    record.PreClosePrice = tick.pre_close
    record.PreOpenInterest = tick.pre_open_interest
    record.OpenPrice = tick.open
    record.HighestPrice = tick.high
    record.LowestPrice = tick.low
    record.Volume = volume_to_ctp(tick.volume)
    record.Turnover = tick.turnover
    record.OpenInterest = tick.open_interest
    record.ClosePrice = tick.close
    record.SettlementPrice = tick.settlement
    record.UpperLimitPrice = tick.upper_limit
    record.LowerLimitPrice = tick.lower_limit
    record.PreDelta = tick.pre_delta
    record.CurrDelta = tick.curr_delta
    record.UpdateTime = tick.time_of_day
    record.UpdateMillisec = tick.millisec
    record.BidPrice1 = tick.bid1
    record.BidVolume1 = tick.bid_volume1
    record.AskPrice1 = tick.ask1
    record.AskVolume1 = tick.ask_volume1
    record.BidPrice2 = tick.bid2
    record.BidVolume2 = tick.bid_volume2
    record.AskPrice2 = tick.ask2
    record.AskVolume2 = tick.ask_volume2
    record.BidPrice3 = tick.bid3
    record.BidVolume3 = tick.bid_volume3
    record.AskPrice3 = tick.ask3
    record.AskVolume3 = tick.ask_volume3
    record.BidPrice4 = tick.bid4
    record.BidVolume4 = tick.bid_volume4
    record.AskPrice4 = tick.ask4
    record.AskVolume4 = tick.ask_volume4
    record.BidPrice5 = tick.bid5
    record.BidVolume5 = tick.bid_volume5
    record.AskPrice5 = tick.ask5
    record.AskVolume5 = tick.ask_volume5
    record.AveragePrice = tick.average_price or _average_price(tick, contract)
    record.ActionDay = tick.action_day
    record.InstrumentID = contract.code
    record.ExchangeInstID = tick.exchange_code
    if contract.zone != contract.home:
        record.ActionDay, record.UpdateTime = moved(tick.action_day, tick.time_of_day, contract.home, contract.zone)
    return record


def _average_price(tick: Tick, contract: Contract) -> float:
    """Turnover / Volume, with the multiplier in it; at CZCE the true price (spec 9.3). 0 while nothing was traded."""
    if not tick.volume or tick.turnover == DBL_MAX:
        return 0.0
    average = tick.turnover / tick.volume
    return average / contract.instrument.multiplier if contract.exchange in _TRUE_AVERAGES else average
