"""What ``ctp2 quote`` says, in both languages."""

from __future__ import annotations

from typing import Final

QUOTE: Final[dict[str, tuple[str, str]]] = {
    "help.quote": (
        "A live price board: quotes of Sina and Tencent, or of any market data front. Ctrl-C ends it, with 0.",
        "实时行情板：新浪与腾讯行情，或任一行情前置。Ctrl-C 结束，退出码 0。",
    ),
    "help.quote.codes": (
        "Instruments: 600000, sh000001, 00700, AAPL, IF2612, hf_CL (docs/zh/sina-tencent.md).",
        "合约：600000、sh000001、00700、AAPL、IF2612、hf_CL（见 docs/zh/sina-tencent.md）。",
    ),
    "help.quote.source": ("The market data front to ask.", "行情前置地址。"),
    "help.quote.depth": ("Show five levels of this instrument, too.", "同时显示该合约的五档盘口。"),
    "help.quote.seconds": ("End after so many seconds; 0: when told to.", "运行多少秒后结束；0 为直到中断。"),
    "help.quote.ticks": ("End after so many ticks; 0: when told to.", "收到多少笔行情后结束；0 为直到中断。"),
    "help.quote.json": ("One JSON line per tick, for programs.", "每笔行情输出一行 JSON，供程序读取。"),
    "quote.no_front": (
        "{address} does not answer; it is tried for {seconds:.0f} s",
        "{address} 在 {seconds:.0f} 秒内无应答",
    ),
    "quote.refused": ("{code}: {error} {message}", "{code}：{error} {message}"),
    "quote.none": ("no quote of any of these instruments", "这些合约都没有行情"),
    "quote.waiting": ("waiting for quotes of {address}", "等待 {address} 的行情"),
    "quote.down": ("{address}: the link is down ({reason})", "{address}：连接断开（{reason}）"),
    "quote.column.code": ("code", "代码"),
    "quote.column.name": ("name", "名称"),
    "quote.column.last": ("last", "最新"),
    "quote.column.change": ("change", "涨跌幅"),
    "quote.column.bid": ("bid", "买一"),
    "quote.column.bid_volume": ("size", "买量"),
    "quote.column.ask": ("ask", "卖一"),
    "quote.column.ask_volume": ("size", "卖量"),
    "quote.column.high": ("high", "最高"),
    "quote.column.low": ("low", "最低"),
    "quote.column.volume": ("volume", "成交量"),
    "quote.column.turnover": ("turnover", "成交额"),
    "quote.column.time": ("time", "时间"),
    "quote.depth": ("five levels of {code}", "{code} 五档"),
    "quote.ask": ("ask {level}", "卖{level}"),
    "quote.bid": ("bid {level}", "买{level}"),
}
