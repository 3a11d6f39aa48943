"""The figures as text: a table for the terminal, and the block of both READMEs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.figures import Figure, require, shown

START: Final = "<!-- bench:start -->"
END: Final = "<!-- bench:end -->"
WIDTH: Final = 60

ROWS: Final = {
    "import ctp2.tdapi": ("`import ctp2.tdapi`", "`import ctp2.tdapi`"),
    "create an InputOrder": ("create an `InputOrder`", "创建 `InputOrder`"),
    "create an InputOrder and set 19 fields": (
        "create an `InputOrder` and set 19 fields",
        "创建 `InputOrder` 并填写 19 个字段",
    ),
    "pack an Order to the C layout": ("pack an `Order` to its C layout", "按 C 内存布局打包 `Order`"),
    "unpack an Order": ("unpack an `Order`", "解包 `Order`"),
    "one order at a time, request → first OnRtnOrder, p50": (
        "request → first `OnRtnOrder`, one at a time, p50",
        "逐笔报单：请求 → 首个 `OnRtnOrder`，p50",
    ),
    "one order at a time, request → first OnRtnOrder, p99": (
        "request → first `OnRtnOrder`, one at a time, p99",
        "逐笔报单：请求 → 首个 `OnRtnOrder`，p99",
    ),
    "one order at a time, request → OnRtnTrade, p50": (
        "request → `OnRtnTrade`, one at a time, p50",
        "逐笔报单：请求 → `OnRtnTrade`，p50",
    ),
    "one order at a time, request → OnRtnTrade, p99": (
        "request → `OnRtnTrade`, one at a time, p99",
        "逐笔报单：请求 → `OnRtnTrade`，p99",
    ),
    "marketable orders, tight loop → last OnRtnTrade": (
        "marketable orders, tight loop → last `OnRtnTrade`",
        "连续发送即时成交报单 → 最后一个 `OnRtnTrade`",
    ),
    "the second divided by the first": (
        "the same at 100,000 orders done ÷ at 1,000",
        "同上，已有 10 万笔报单时 ÷ 已有 1 千笔时",
    ),
    "marketable orders, tight loop, durability=normal": (
        "the same with a log, `durability=normal`",
        "同上，带日志，`durability=normal`",
    ),
    "marketable orders, tight loop, durability=full": (
        "the same, `durability=full`",
        "同上，`durability=full`",
    ),
    "restart with 100,000 orders and trades, from the snapshot": (
        "restart with 100,000 orders and trades, from the snapshot",
        "重启：当日已有 10 万笔报单和成交，从快照恢复",
    ),
    "restart with 100,000 orders and trades, from the log": (
        "the same from the log alone",
        "同上，只从日志恢复",
    ),
    "restart with a million events, from the log": (
        "restart with a million events, from the log alone",
        "重启：当日一百万条事件，只从日志恢复",
    ),
    "resting orders inserted, full path": ("resting orders inserted", "挂单"),
    "resting orders cancelled, full path": ("resting orders cancelled", "撤单"),
    "snapshots through MdApi to one Spi": (
        "snapshots replayed through MdApi to one Spi",
        "回放行情经 MdApi 到一个 Spi",
    ),
    "lock-step backtest of one day": (
        "lock-step backtest of one day of IF2101 with 272 orders",
        "IF2101 一整天逐笔同步回测（272 笔报单）",
    ),
    "quotes into the engine, idle": ("quotes into the engine", "行情进入撮合引擎"),
    "quotes into the engine, 1,000 resting orders": (
        "the same with 1,000 resting orders",
        "同上，有 1,000 笔挂单",
    ),
    "memory per 100,000 resting orders": ("memory per 100,000 resting orders", "每 10 万笔挂单占用内存"),
    "memory per 100,000 traded orders": ("memory per 100,000 traded orders", "每 10 万笔成交报单占用内存"),
    "Python client over loopback, request → OnRtnTrade, p50": (
        "over loopback: request → `OnRtnTrade`, Python client, p50",
        "经本机网络：请求 → `OnRtnTrade`，Python 客户端，p50",
    ),
    "native client over loopback, durable, request → OnRtnTrade, p50": (
        "the same, native client, counter with `db=`, p50",
        "同上，原生客户端，柜台带 `db=`，p50",
    ),
    "native client over loopback, durable, request → OnRtnTrade, p99": (
        "the same, p99",
        "同上，p99",
    ),
    "bare TCP ping-pong, p50": ("bare TCP ping-pong of 500 bytes, p50", "纯 TCP 往返 500 字节，p50"),
    "pipelined orders over loopback, 1 native client": (
        "pipelined orders over loopback, 1 client",
        "经本机网络连续报单，1 个客户端",
    ),
    "pipelined orders over loopback, 10 native clients": ("the same, 10 clients", "同上，10 个客户端"),
    "pipelined orders over loopback, 100 native clients": ("the same, 100 clients", "同上，100 个客户端"),
    "C++ client over loopback, durable, request → OnRtnTrade, p50": (
        "C++ program on the native library, counter with `db=`: request → `OnRtnTrade`, p50",
        "使用原生库的 C++ 程序，柜台带 `db=`：请求 → `OnRtnTrade`，p50",
    ),
    "C++ client over loopback, durable, request → OnRtnTrade, p99": ("the same, p99", "同上，p99"),
    "pipelined orders over loopback, 1 C++ client": (
        "the same, pipelined orders, counter in memory",
        "同上，连续报单，内存柜台",
    ),
    "snapshots into one C++ Spi": ("snapshots into one C++ `Spi`", "行情进入一个 C++ `Spi`"),
    "memory per native Api object": ("memory per native Api object", "每个原生 Api 对象占用内存"),
    "start of a native client, dlopen → OnFrontConnected": (
        "a native client starts: `dlopen` → `OnFrontConnected`",
        "原生客户端启动：`dlopen` → `OnFrontConnected`",
    ),
    "snapshots delivered to 100 clients together": (
        "snapshots over loopback to 100 clients, all together",
        "行情经本机网络推送给 100 个客户端，合计",
    ),
    "memory per market data session, 1,000 instruments": (
        "memory per market data session with 1,000 instruments",
        "每个行情会话（订阅 1,000 个合约）占用内存",
    ),
    "memory per trading session with an account": (
        "memory per trading session with its account",
        "每个交易会话（含账户）占用内存",
    ),
    "soak: snapshots delivered": (
        "500 sessions offered 1,000 instruments at 2/s for five minutes: delivered",
        "500 个会话 × 1,000 个合约 × 每秒 2 笔，五分钟：已送达",
    ),
    "soak: snapshots conflated": ("the same: conflated", "同上：被合并"),
    "soak: age of the oldest snapshot delivered": (
        "the same: oldest snapshot delivered",
        "同上：送达行情的最大延迟",
    ),
}
"""What the READMEs show, in this order: name → its English and Chinese words."""

NEED_COMPILER: Final = frozenset(name for name in ROWS if name.startswith("C++ client")) | {
    "pipelined orders over loopback, 1 C++ client",
    "snapshots into one C++ Spi",
    "memory per native Api object",
    "start of a native client, dlopen → OnFrontConnected",
}
"""Rows that are left out where no C++ compiler is."""

HEADS: Final = (
    (
        "| Work | Median | Range | Target |",
        "Measured by `make bench` on {cores} cores, Python {python}, {package} package. On this machine, in the same"
        " run, an empty Python call took {call} ns and a hand-off to another thread and back {hand_off} µs. The targets"
        " were set on a machine where these are {reference}, and those of orders include durability, which is not there"
        " yet: read one beside the other only with that in mind. How each figure is made is in"
        " [benchmarks/README.md](benchmarks/README.md).",
    ),
    (
        "| 项目 | 中位数 | 范围 | 目标 |",
        "由 `make bench` 测得：{cores} 核，Python {python}，{package}包。同一次运行中，本机一次空的 Python 调用 "
        "{call} ns，线程间往返一次 {hand_off} µs。设定目标值的机器上，这两个数是 {reference}；"
        "报单各项的目标指带日志的柜台，落盘的代价见 `make bench` 的输出。"
        "各项的测法见 [benchmarks/README.md](benchmarks/README.md)。",
    ),
)


PACKAGES: Final = ({"pure": "pure Python", "compiled": "compiled"}, {"pure": "纯 Python ", "compiled": "编译后的"})


def line(item: Figure) -> str:
    """A figure in the terminal."""
    aims = " / ".join(part for part in (item.target, item.goal) if part)
    text = f"{item.name:{WIDTH}} {shown(item.median):>10} {item.unit:4} ({shown(item.low)} - {shown(item.high)})"
    text = f"{text}, {item.runs} runs"
    text += f"   [{aims}]" if aims else ""
    return f"{text}   {item.note}" if item.note else text


def ratio_lines(figures: Iterable[Figure], pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Ours divided by the yardstick's, where both were measured."""
    by_name = {item.name: item for item in figures}
    lines = []
    for ours, theirs in pairs:
        one, other = by_name.get(ours), by_name.get(theirs)
        if one is not None and other is not None and other.median:
            lines.append(f"{shown(one.median / other.median):>8} ×  {ours} ÷ {theirs}")
    return lines


def blocks(figures: Iterable[Figure], description: dict[str, Any], calibrations: Sequence[Any]) -> tuple[str, str]:
    """The block of the English and of the Chinese README."""
    by_name = {item.name: item for item in figures}
    missing = ROWS.keys() - by_name.keys() - NEED_COMPILER
    require(not missing, f"not measured: {', '.join(sorted(missing))}")
    facts = {
        **description,
        "call": _range(item.call_ns for item in calibrations),
        "hand_off": _range(item.hand_off_us for item in calibrations),
        "reference": machine.REFERENCE,
    }
    texts = []
    for place, (head, words) in enumerate(HEADS):
        table = [head, "| --- | --: | --: | --: |"]
        table += [_row(labels[place], by_name[name]) for name, labels in ROWS.items() if name in by_name]
        package = PACKAGES[place][description["ctp2"]]
        texts.append("\n".join([words.format(**facts, package=package), "", *table]))
    return texts[0], texts[1]


def _range(values: Iterable[float]) -> str:
    found = sorted(values)
    return f"{found[0]:.0f}–{found[-1]:.0f}"


def _row(label: str, item: Figure) -> str:
    unit = item.unit if item.unit.startswith("/") else f" {item.unit}"
    spread = f"{shown(item.low)} – {shown(item.high)}" if item.runs > 1 else "–"
    aim = f"{item.target}{unit}" if item.target else "–"
    return f"| {label} | {shown(item.median)}{unit} | {spread} | {aim} |"


def replace(path: Path, block: str) -> None:
    """Put the block between the marks of a README."""
    text = path.read_text(encoding="utf-8")
    require(text.count(START) == text.count(END) == 1, f"{path.name}: the marks of the figures are not there once")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    path.write_text(f"{before}{START}\n{block}\n{END}{after}", encoding="utf-8", newline="\n")
