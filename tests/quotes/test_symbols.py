"""InstrumentID → instrument → the sources' keys, and back: table 2.3 of spec quotes row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctp2.quotes import symbols
from ctp2.quotes.sources import sina, tencent
from ctp2.quotes.symbols import NoSymbol

TODAY = "20260928"

#: InstrumentID, Sina's key, Tencent's key, ExchangeID, bare code.
SPELLINGS = """
    600000      sh600000    sh600000    SSE       600000
    601398      sh601398    sh601398    SSE       601398
    603259      sh603259    sh603259    SSE       603259
    605499      sh605499    sh605499    SSE       605499
    688981      sh688981    sh688981    SSE       688981
    689009      sh689009    sh689009    SSE       689009
    900901      sh900901    sh900901    SSE       900901
    510300      sh510300    sh510300    SSE       510300
    508000      sh508000    sh508000    SSE       508000
    588000      sh588000    sh588000    SSE       588000
    000001      sz000001    sz000001    SZSE      000001
    sh000001    sh000001    sh000001    SSE       000001
    SSE.000001  sh000001    sh000001    SSE       000001
    000001.SH   sh000001    sh000001    SSE       000001
    000001.SS   sh000001    sh000001    SSE       000001
    SH000001    sh000001    sh000001    SSE       000001
    sse.000001  sh000001    sh000001    SSE       000001
    sz.000001   sz000001    sz000001    SZSE      000001
    002594      sz002594    sz002594    SZSE      002594
    003816      sz003816    sz003816    SZSE      003816
    300750      sz300750    sz300750    SZSE      300750
    301269      sz301269    sz301269    SZSE      301269
    302132      sz302132    sz302132    SZSE      302132
    200012      sz200012    sz200012    SZSE      200012
    399001      sz399001    sz399001    SZSE      399001
    980017      sz980017    sz980017    SZSE      980017
    159915      sz159915    sz159915    SZSE      159915
    161725      sz161725    sz161725    SZSE      161725
    180101      sz180101    sz180101    SZSE      180101
    430047      bj430047    bj430047    BSE       430047
    832000      bj832000    bj832000    BSE       832000
    920118      bj920118    bj920118    BSE       920118
    899050      bj899050    bj899050    BSE       899050
    821001      bj821001    bj821001    BSE       821001
    110059      sh110059    sh110059    SSE       110059
    113050      sh113050    sh113050    SSE       113050
    111015      sh111015    sh111015    SSE       111015
    118060      sh118060    sh118060    SSE       118060
    123100      sz123100    sz123100    SZSE      123100
    128136      sz128136    sz128136    SZSE      128136
    132018      sh132018    sh132018    SSE       132018
    204001      sh204001    sh204001    SSE       204001
    131810      sz131810    sz131810    SZSE      131810
    019547      sh019547    sh019547    SSE       019547
    010107      sh010107    sh010107    SSE       010107
    020500      sh020500    sh020500    SSE       020500
    101918      sz101918    sz101918    SZSE      101918
    112831      sz112831    sz112831    SZSE      112831
    149001      sz149001    sz149001    SZSE      149001
    136001      sh136001    sh136001    SSE       136001
    175001      sh175001    sh175001    SSE       175001
    SZSE.111001 sz111001    sz111001    SZSE      111001
    163001.SH   sh163001    sh163001    SSE       163001
    00700       rt_hk00700  r_hk00700   HKEX      00700
    00700.HK    rt_hk00700  r_hk00700   HKEX      00700
    hk.00700    rt_hk00700  r_hk00700   HKEX      00700
    HKEX.00700  rt_hk00700  r_hk00700   HKEX      00700
    rt_hk00700  rt_hk00700  r_hk00700   HKEX      00700
    r_hk00700   rt_hk00700  r_hk00700   HKEX      00700
    hk00700     hk00700     hk00700     HKEX      00700
    80737       rt_hk80737  r_hk80737   HKEX      80737
    hkHSI       hkHSI       hkHSI       HKEX      HSI
    HSI.HK      rt_hkHSI    hkHSI       HKEX      HSI
    AAPL        gb_aapl     usAAPL      NASD      AAPL
    aapl        gb_aapl     usAAPL      NASD      AAPL
    AAPL.US     gb_aapl     usAAPL      NASD      AAPL
    NYSE.BABA   gb_baba     usBABA      NASD      BABA
    BRK.B       gb_brk$b    usBRK.B     NASD      BRK.B
    BRK-B       gb_brk$b    usBRK.B     NASD      BRK.B
    BRK/B       gb_brk$b    usBRK.B     NASD      BRK.B
    usBRK.B     gb_brk$b    usBRK.B     NASD      BRK.B
    gb_AAPL     gb_aapl     usAAPL      NASD      AAPL
    usAAPL.OQ   gb_aapl     usAAPL      NASD      AAPL
    usBRK.B.N   gb_brk$b    usBRK.B     NASD      BRK.B
    usr_aapl    gb_aapl     usAAPL      NASD      AAPL
    CL          gb_cl       usCL        NASD      CL
    GC          gb_gc       usGC        NASD      GC
    C           gb_c        usC         NASD      C
    HSI         gb_hsi      usHSI       NASD      HSI
    .DJI        gb_dji      usDJI       NASD      .DJI
    .IXIC       gb_ixic     usIXIC      NASD      .IXIC
    .INX        gb_inx      usINX       NASD      .INX
    gb_$ixic    gb_ixic     usIXIC      NASD      .IXIC
    us.INX      gb_inx      usINX       NASD      .INX
    rb2610      nf_RB2610   -           SHFE      RB2610
    SHFE.rb2610 nf_RB2610   -           SHFE      RB2610
    rb2610.SHFE nf_RB2610   -           SHFE      RB2610
    sc2612      nf_SC2612   -           INE       SC2612
    m2609       nf_M2609    -           DCE       M2609
    lc2611      nf_LC2611   -           GFEX      LC2611
    TA609       nf_TA2609   -           CZCE      TA2609
    TA2609      nf_TA2609   -           CZCE      TA2609
    IF2612      nf_IF2612   -           CFFEX     IF2612
    T2612       nf_T2612    -           CFFEX     T2612
    RB0         nf_RB0      -           SHFE      RB0
    CFF_RE_IF0  nf_IF0      -           CFFEX     IF0
    CFF_IF0     nf_IF0      -           CFFEX     IF0
    hf_CL       hf_CL       hf_CL       OVERSEAS  CL
    CL.HF       hf_CL       hf_CL       OVERSEAS  CL
    hf_CHA50CFD hf_CHA50CFD hf_CHA50CFD OVERSEAS  CHA50CFD
"""


@pytest.mark.parametrize("line", SPELLINGS.strip().splitlines(), ids=lambda line: str(line).split()[0])
def test_spellings(line: str) -> None:
    text, of_sina, of_tencent, exchange, code = line.split()
    symbol = symbols.read(text, TODAY)
    assert (symbol.exchange, symbol.code) == (exchange, code)
    assert sina.key_of(symbol) == of_sina
    assert tencent.key_of(symbol) == of_tencent.replace("-", "", of_tencent == "-")


@pytest.mark.parametrize("line", SPELLINGS.strip().splitlines(), ids=lambda line: str(line).split()[0])
def test_a_key_leads_back_to_its_instrument(line: str) -> None:
    symbol = symbols.read(line.split()[0], TODAY)
    back = symbols.native(sina.key_of(symbol), TODAY)
    assert back is not None
    assert (back.market, back.kind, back.code, back.exchange) == (
        symbol.market,
        symbol.kind,
        symbol.code,
        symbol.exchange,
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "7", "700", "0700", "1234567", "730001", "732001", "780001", "787001", "880001", "970", "990001"),
        *("m2609-C-3000", "IO2609-C-4000", "SR609C6000", "rb609", "ABCDEF", "测试", "60000O", "SSE.60000", "HK.700"),
        *("CFFEX.rb2610", "nf_", "hf_", "nf_rb2610x", "*", "sh600000,sz000001", "hf_a b", "\x00"),
    ],
)
def test_what_fits_no_rule_is_refused(text: str) -> None:
    with pytest.raises(NoSymbol):
        symbols.read(text, TODAY)


@pytest.mark.parametrize(
    ("text", "today", "code"),
    [
        ("TA609", "20260928", "TA2609"),
        ("TA701", "20260928", "TA2701"),
        ("TA001", "20261201", "TA3001"),
        ("TA905", "20300110", "TA2905"),
        ("TA112", "20310110", "TA3112"),
    ],
)
def test_three_digits_mean_the_nearest_year(text: str, today: str, code: str) -> None:
    assert symbols.read(text, today).code == code


def test_only_a_guess_between_two_readings_is_marked() -> None:
    assert symbols.read("000001", TODAY).is_ambiguous
    assert not symbols.read("SZSE.000001", TODAY).is_ambiguous
    assert not symbols.read("600000", TODAY).is_ambiguous


def test_the_users_names_come_before_inference_and_after_keys(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("# mine\nGOLD = hf_GC\n000001 = sh000001  # the index\n\n", encoding="utf-8")
    names = symbols.load_names(file)
    assert symbols.read("GOLD", TODAY, names).exchange == "OVERSEAS"
    assert symbols.read("000001", TODAY, names).exchange == "SSE"
    assert symbols.read("sz000001", TODAY, names).exchange == "SZSE"


@pytest.mark.parametrize("line", ["GOLD", "= hf_GC", "GOLD = gold", "GOLD ="])
def test_a_wrong_line_of_names_is_told(tmp_path: Path, line: str) -> None:
    file = tmp_path / "names.txt"
    file.write_text(f"A = sh600000\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"names\.txt:2"):
        symbols.load_names(file)


def test_no_two_products_share_a_name() -> None:
    from ctp2.refdata.products import products

    futures = [product.product.upper() for product in products().all() if product.product_class == "future"]
    assert len(futures) == len(set(futures))


@given(st.text(max_size=20))
def test_any_text_is_an_instrument_or_refused(text: str) -> None:
    try:
        symbol = symbols.read(text, TODAY)
    except NoSymbol:
        return
    key = sina.key_of(symbol)
    assert key.isascii()
    assert not set(key) & set(",/?&=# \n\r")
