"""``instruments=`` and ``rates=``: the user's own files decide, and a bad row is refused at ``RegisterFront``."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2 import tdapi
from ctp2.tts import counter
from tests.tts.programs import FIRST, Trader, address_of

RATES = """\
exchange,product,margin_long_by_money,open_by_money,open_by_volume
SHFE,rb,0.2,0,3.5
"""
OWN = """\
exchange,code,product,product_class,multiplier,price_tick,reference_price,upper_limit,lower_limit
SHFE,OWN1,OWN,future,10,1,500,600,400
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rates_of_a_file_are_charged(tmp_path: Path) -> None:
    rates = write(tmp_path / "rates.csv", RATES)
    trader = Trader(address_of(tmp_path, f"&rates={rates}")).start()
    (row,) = trader.rows("ReqQryInstrumentMarginRate", InstrumentID="rb2105")
    assert row.LongMarginRatioByMoney == 0.2
    trader.rest(price=4200.0, volume=2)
    (account,) = trader.rows("ReqQryTradingAccount")
    # 4200 x 2 lots x 10 x 0.2 and 2 lots x 3.5
    assert (account.FrozenMargin, account.FrozenCommission) == (16800.0, 7.0)
    trader.api.Release()


OWN_RATES = """\
account,exchange,product,instrument,margin_long_by_money,open_by_money,open_by_volume
,SHFE,rb,,0.15,0,3
alice,SHFE,rb,,0.3,0,
alice,SHFE,,rb2105,,,4
"""


def test_rates_of_one_account_are_charged_to_it_alone(tmp_path: Path) -> None:
    """42,000 is 4200 x 1 lot x 10. Bob's rates are the product's, Alice's her own, empty cells the product's."""
    address = address_of(tmp_path, f"&rates={write(tmp_path / 'rates.csv', OWN_RATES)}")
    for user, margin, fee, scope, margin_of, fee_of in (
        ("alice", 12600.0, 4.0, "3", "rb", "rb2105"),
        ("bob", 6300.0, 3.0, "1", "rb", "rb"),
    ):
        trader = Trader(address, user).start()
        trader.rest(price=4200.0, volume=1)
        (account,) = trader.rows("ReqQryTradingAccount")
        assert (account.FrozenMargin, account.FrozenCommission) == (margin, fee)
        (row,) = trader.rows("ReqQryInstrumentMarginRate", InstrumentID="rb2105")
        assert (row.InvestorRange, row.InstrumentID, row.LongMarginRatioByMoney) == (scope, margin_of, margin / 42000)
        (row,) = trader.rows("ReqQryInstrumentCommissionRate", InstrumentID="rb2105")
        assert (row.InvestorRange, row.InstrumentID, row.OpenRatioByVolume) == (scope, fee_of, fee)
        counter(address).step(FIRST)
        trader.fill(price=4310.0)
        (position,) = trader.rows("ReqQryInvestorPosition", InstrumentID="rb2105")
        # filled at Ask1 4301 of the first snapshot
        assert (position.UseMargin, position.Commission) == (round(43010 * margin / 42000, 6), fee)
        trader.api.Release()


def test_an_instrument_of_a_file_is_traded_between_users(tmp_path: Path) -> None:
    own = write(tmp_path / "own.csv", OWN)
    address = address_of(tmp_path, f"&instruments={own}&match=OWN1")
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    (row,) = alice.rows("ReqQryInstrument", InstrumentID="OWN1")
    assert (row.ExchangeID, row.VolumeMultiple, row.PriceTick) == ("SHFE", 10, 1.0)
    alice.rest("OWN1", 510.0)
    trade = bob.fill("OWN1", 505.0, Direction="1")
    assert (trade.Price, trade.Volume, trade.Direction) == (510.0, 1, "1")
    alice.api.Release()
    bob.api.Release()


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("rates", RATES.replace("0.2", "abc"), r"rates\.csv:2: .*margin_long_by_money.*abc"),
        ("rates", RATES.replace("open_by_money", "open_bymoney"), r"rates\.csv:1: unknown column 'open_bymoney'"),
        ("instruments", OWN.replace("future", "fuuture"), r"instruments\.csv:2: .*product_class"),
    ],
)
def test_a_bad_row_is_named_at_once(tmp_path: Path, option: str, text: str, message: str) -> None:
    path = write(tmp_path / f"{option}.csv", text)
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(ValueError, match=message):
        api.RegisterFront(f"tts://7x24?id=files&{option}={path}")


def test_a_missing_file_is_named_at_once(tmp_path: Path) -> None:
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(FileNotFoundError, match=r"rates=.*nowhere.csv: no such file"):
        api.RegisterFront(f"tts://7x24?id=files&rates={tmp_path / 'nowhere.csv'}")
