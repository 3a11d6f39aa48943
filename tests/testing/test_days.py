"""Days of lines: what stands in the file, and what cannot be read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ctp2.refdata.ticks import read_day
from ctp2.testing import Days, open_counter


def test_lines_become_a_day(tmp_path: Path) -> None:
    path = Days(tmp_path)(
        """
        # time  code  bid  ask
        21:00   rb2605  4299 4301
        09:30:00.25 rb2605 4302 - 4303 7 0
        """.replace("21:00 ", "09:00 ")
    )
    with path.open(encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["ExchangeID"], first["UpdateTime"], first["LastPrice"]) == ("SHFE", "09:00:00", "4299.0")
    # rb moves by 5 % a day: 4299 x 1.05 = 4513.95 and 4299 x 0.95 = 4084.05, down to the tick of 1.
    assert (first["UpperLimitPrice"], first["LowerLimitPrice"], first["BidVolume1"]) == ("4513", "4085", "10")
    assert (second["UpdateTime"], second["UpdateMillisec"], second["LastPrice"]) == ("09:30:00", "250", "4303.0")
    assert (second["BidVolume1"], second["AskPrice1"], second["AskVolume1"], second["Volume"]) == ("7", "", "0", "20")
    assert len(read_day(path)) == 2


def test_a_synthetic_day_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    days = Days(tmp_path)
    first, again, other = (days.synthetic("600519", "IF2603", seed=seed).read_text() for seed in (1, 1, 2))
    assert first == again != other
    assert first.count("600519") > 20 and first.count("IF2603") > 100
    times = [line.split(",")[2] for line in first.splitlines()[1:]]
    assert times == sorted(times) and times[0] >= "09:30:00" and times[-1] <= "09:35:00"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rb2605 4299 4301", "write TIME CODE BID ASK"),
        ("09:30 rb2605 4299 many", "write TIME CODE BID ASK"),
        ("09:30 nothing 1 2", "nothing: nothing is known about this instrument on 20260302"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Days(tmp_path)(line)


def test_a_counter_without_pytest(tmp_path: Path) -> None:
    counter = open_counter(tmp_path, fills="full")
    try:
        trader = counter.trader()
        assert trader.order("IF2603", "sell", "open", 1, 5200.0).filled().trades[0].Price == 5229.8
    finally:
        counter.close()
    with pytest.raises(ValueError, match="unknown option colour"):
        open_counter(tmp_path, colour="red").open()
