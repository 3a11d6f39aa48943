"""The two languages of the command line, one table."""

from __future__ import annotations

import os
from typing import Final, Literal

from ctp2.cli.messages_account import ACCOUNT
from ctp2.cli.messages_front import FRONT
from ctp2.cli.messages_quote import QUOTE
from ctp2.cli.messages_shim import SHIM

Language = Literal["en", "zh"]


def language() -> Language:
    """Chinese where the locale says so, by the variables' own precedence; English elsewhere."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


TEXTS: Final[dict[str, tuple[str, str]]] = {
    "help": (
        "One CTP API, every venue. Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found or not reachable.",
        "一套 CTP 接口，接入所有市场。退出码：0 成功，1 失败，2 用法错误，3 找不到或连不上。",
    ),
    "help.version": ("Show the version.", "显示版本。"),
    "help.json": ("Print one JSON document, for programs.", "输出一份 JSON，供程序读取。"),
    "help.demo": (
        "A strategy trades a recorded day in the embedded counter; ends by itself and checks the books.",
        "示例策略在内置柜台上用真实行情交易一段，自动结束并核对账目。",
    ),
    "help.demo.speed": ("Times the recorded speed.", "回放倍速。"),
    "help.stream": (
        "Feed an exchange's order-by-order stream to the matching engine and compare every trade.",
        "把交易所逐笔委托喂给撮合引擎，逐笔核对成交。",
    ),
    "help.stream.orders": (
        "CSV(.gz): BizIndex, Time, Type (A, D), Side (B, S), OrderNo, Price, Volume.",
        "逐笔委托 CSV(.gz)：BizIndex、Time、Type（A、D）、Side（B、S）、OrderNo、Price、Volume。",
    ),
    "help.stream.trades": (
        "CSV(.gz): BizIndex, Time, Aggressor (B, S, N), BidOrderNo, AskOrderNo, Price, Volume.",
        "逐笔成交 CSV(.gz)：BizIndex、Time、Aggressor（B、S、N）、BidOrderNo、AskOrderNo、Price、Volume。",
    ),
    "help.stream.reference": (
        "Previous close: decides between auction prices that are otherwise equal.",
        "昨收价：集合竞价有多个价格同样满足条件时用来取舍。",
    ),
    "stream.progress": ("feeding", "喂入"),
    "stream.result": (
        "{identical} of {theirs} trades identical in order, price, volume and both order numbers; {ours} were made",
        "{theirs} 笔成交中 {identical} 笔的次序、价格、数量与双方委托号完全一致；引擎共成交 {ours} 笔",
    ),
    "stream.refused": (
        "{count} orders were not taken, the first is {first}",
        "{count} 笔委托未被接受，第一笔为 {first}",
    ),
    "stream.difference": (
        "first difference at trade {place}: ours {ours}, theirs {theirs}",
        "第一处不同在第 {place} 笔：引擎 {ours}，交易所 {theirs}",
    ),
    "help.run": (
        "Run a script written for openctp_ctp, unchanged. Ends with the script's own exit code.",
        "不改一行地运行为 openctp_ctp 编写的脚本，退出码即脚本的退出码。",
    ),
    "help.run.script": ("The Python file.", "Python 文件。"),
    "help.run.args": ("Arguments for the script.", "传给脚本的参数。"),
    "help.run.front": (
        "Every front that the script registers becomes this address, for example tts://7x24.",
        "脚本登记的所有前置都改为此地址，例如 tts://7x24。",
    ),
    "help.run.md_front": (
        "The same for MdApi alone, where market data has a port of its own, as behind ctp2 serve.",
        "仅用于 MdApi：行情前置另有端口时填写，例如 ctp2 serve。",
    ),
    "help.check": (
        "Try on a front how a CTP counter behaves, card by card. Ends with 1 if a card fails, 3 if not reachable.",
        "逐卡检验一个前置的 CTP 行为。有不符时退出码 1，连不上时 3。",
    ),
    "help.check.address": ("The trading front, for example tts://7x24.", "交易前置地址，例如 tts://7x24。"),
    "help.check.md": ("The market data front, where it is another.", "行情前置地址（与交易前置不同时）。"),
    "help.check.user": (
        "The user; it should not have confirmed the statement today.",
        "用户；当日最好尚未确认结算单。",
    ),
    "help.check.password": ("The user's password.", "用户密码。"),
    "help.check.instrument": (
        "The instrument to trade (default: one with bid and ask).",
        "用于交易的合约（默认自动选取）。",
    ),
    "help.record": (
        "Record the market data of any front, a part each minute; Ctrl-C or SIGTERM ends it cleanly.",
        "录制任意行情前置，每分钟落成一个文件；Ctrl-C 或 SIGTERM 正常结束。",
    ),
    "help.record.address": ("The market data front.", "行情前置地址。"),
    "help.record.codes": (
        "Instruments, comma separated, or @FILE with one per line.",
        "合约，逗号分隔，或 @文件（每行一个）。",
    ),
    "help.record.dir": ("The folder of the recording.", "录制目录。"),
    "help.record.format": (
        "Default: parquet if ctp2[record] is installed, else csv.",
        "默认：装有 ctp2[record] 时为 parquet，否则 csv。",
    ),
    "help.record.login": ("For fronts that ask for it.", "前置要求登录信息时填写。"),
    "help.record.seconds": ("End after so many seconds (0: never).", "录制多少秒后结束（0 为不限）。"),
    "help.record.rows": ("End after so many rows (0: never).", "录制多少行后结束（0 为不限）。"),
    "record.recovered": (
        "recovered {path}: {rows} rows of a recorder that was killed ({lost} bytes of its last line were torn)",
        "已恢复 {path}：上次被强行终止的录制，{rows} 行（残缺的末行 {lost} 字节）",
    ),
    "record.connected": (
        "{address}: connected, {detail} instruments subscribed",
        "{address}：已连接，订阅 {detail} 个合约",
    ),
    "record.disconnected": (
        "{address}: disconnected ({detail}), connecting again",
        "{address}：连接断开（{detail}），正在重连",
    ),
    "record.refused": ("{address}: subscription refused: {detail}", "{address}：订阅被拒：{detail}"),
    "record.done": (
        "{rows} rows in {parts} parts, {disconnections} disconnections; play them with tts://replay?data={dir}",
        "共 {rows} 行，{parts} 个文件，断线 {disconnections} 次；回放地址 tts://replay?data={dir}",
    ),
    "record.no_codes": ("no instruments given", "没有给出合约"),
    "record.format": ("unknown format {value}: parquet or csv", "未知格式 {value}：parquet 或 csv"),
    "record.no_parquet": (
        "writing Parquet needs the package pyarrow: pip install 'ctp2[record]', or --format csv",
        "写 Parquet 需要 pyarrow：pip install 'ctp2[record]'，或使用 --format csv",
    ),
    "help.replay": (
        "What a recording holds: instruments, rows, times, gaps, faults; or play it. Ends with 1 if rows are at fault.",
        "查看录制内容：合约、行数、时间、缺口、错误；或播放。数据有错时退出码 1。",
    ),
    "help.replay.path": (
        "A recording, a file, a folder of files, or 'sample'.",
        "录制目录、文件、放文件的目录，或 sample。",
    ),
    "help.replay.from": ("The first trading day.", "起始交易日。"),
    "help.replay.to": ("The last trading day.", "结束交易日。"),
    "help.replay.codes": ("Only these instruments, comma separated.", "只看这些合约，逗号分隔。"),
    "help.replay.play": ("Print the rows in order.", "按顺序打印行情。"),
    "help.replay.speed": ("Times the recorded speed; 0 at once.", "播放倍速；0 为不停顿。"),
    "replay.day": ("day", "交易日"),
    "replay.exchange": ("exchange", "交易所"),
    "replay.code": ("instrument", "合约"),
    "replay.rows": ("rows", "行数"),
    "replay.first": ("first", "首笔"),
    "replay.last": ("last", "末笔"),
    "replay.volume": ("volume", "成交量"),
    "replay.price": ("price", "最新价"),
    "replay.gaps": ("gaps", "缺口"),
    "replay.faults": ("faults", "错误"),
    "replay.falling_volume": ("volume falls", "成交量回落"),
    "replay.crossed": ("crossed book", "买卖盘交叉"),
    "replay.off_tick": ("off tick", "不合最小变动价位"),
    "replay.outside_limits": ("outside limits", "超出涨跌停"),
    "replay.gap": (
        "{day} {code}: nothing for {seconds} s, {first} to {last}",
        "{day} {code}：{first} 至 {last} 之间 {seconds} 秒无行情",
    ),
    "replay.unfinished": (
        "{path}: unfinished; a recorder writes it now, or the next ctp2 record recovers it",
        "{path}：未完成；正在录制，或由下一次 ctp2 record 恢复",
    ),
    "replay.summary": ("{days} days, {rows} rows; address {address}", "{days} 个交易日，{rows} 行；地址 {address}"),
    "help.settle": (
        "Print or export statements of a counter's log, or of a file exported before.",
        "打印或导出结算单，数据来自柜台的日志文件或先前导出的文件。",
    ),
    "help.settle.file": ("Statements exported with --format json.", "先前以 --format json 导出的文件。"),
    "help.settle.db": (
        "The counter's log: its file, or the counter's address with its option db=.",
        "柜台的日志：文件，或带选项 db= 的柜台地址。",
    ),
    "help.settle.account": ("Only this account; else all.", "只看此账户；不填为全部。"),
    "help.settle.day": (
        "A day, a month, or all days; else the last settled day.",
        "某日、某月或全部（all）；不填为最近一个结算日。",
    ),
    "help.settle.format": (
        "text: as CTP sends it; csv: a file per table; json: all of it, amounts exact.",
        "text：CTP 原文；csv：每张表一个文件；json：全部内容，金额精确。",
    ),
    "help.settle.out": ("Write files into this folder.", "写入此目录。"),
    "settle.format": ("unknown format {value}: text, csv or json", "未知格式 {value}：text、csv 或 json"),
    "settle.source": ("give either FILE.json or --db PATH", "请给出 FILE.json 或 --db PATH，二者取一"),
    "settle.no_db": ("{address} keeps no log: name its option db=", "{address} 没有日志：请写明选项 db="),
    "settle.csv": ("CSV is several files: name a folder with --out", "CSV 是多个文件：请用 --out 指定目录"),
    "settle.nothing": (
        "no such statement; accounts with statements: {accounts}",
        "没有符合条件的结算单；有结算单的账户：{accounts}",
    ),
    "settle.written": ("written {path}", "已写入 {path}"),
    "run.missing": ("no such script: {path}", "找不到脚本：{path}"),
    "aborted": ("interrupted", "已中断"),
    "demo.title": ("{instrument} · recorded day, {speed} times its speed", "{instrument} · 真实行情回放，{speed} 倍速"),
    "demo.last": ("last", "最新"),
    "demo.bid": ("bid", "买一"),
    "demo.ask": ("ask", "卖一"),
    "demo.volume": ("volume", "成交量"),
    "demo.time": ("time", "时间"),
    "demo.instrument": ("instrument", "合约"),
    "demo.quote": (
        "{time} quote   {instrument} {last} ({bid} / {ask})",
        "{time} 行情 {instrument} {last}（{bid} / {ask}）",
    ),
    "demo.order": (
        "{time} order   {ref} {side} {offset} {volume} @ {price}: {status}",
        "{time} 报单 {ref} {side}{offset} {volume} 手 @ {price}：{status}",
    ),
    "demo.trade": (
        "{time} trade   {ref} {side} {offset} {volume} @ {price}",
        "{time} 成交 {ref} {side}{offset} {volume} 手 @ {price}",
    ),
    "demo.refused": ("the counter refused: {error}", "柜台拒绝：{error}"),
    "demo.buy": ("buy", "买"),
    "demo.sell": ("sell", "卖"),
    "demo.open": ("open", "开"),
    "demo.close": ("close", "平"),
    "demo.account": ("account", "资金"),
    "demo.positions": ("positions", "持仓"),
    "demo.no_positions": ("no positions", "无持仓"),
    "demo.long": ("long", "多"),
    "demo.short": ("short", "空"),
    "demo.lots": ("lots", "手数"),
    "demo.cost": ("opening cost", "开仓成本"),
    "demo.margin": ("margin", "保证金"),
    "demo.profit": ("profit", "盈亏"),
    "demo.checks": ("what was checked", "核对结果"),
    "demo.expected": ("from the trades", "由成交推算"),
    "demo.found": ("from the counter", "柜台数据"),
    "demo.passed": (
        "{trades} trades, {cancelled} cancelled; all {count} checks passed in {seconds:.1f} s",
        "成交 {trades} 笔，撤单 {cancelled} 笔；{count} 项核对全部通过，用时 {seconds:.1f} 秒",
    ),
    "demo.failed": ("{count} checks failed", "{count} 项核对未通过"),
    "cards.pass": ("pass", "通过"),
    "cards.fail": ("FAIL", "不符"),
    "cards.not supported": ("not supported", "不支持"),
    "cards.given": ("given", "前提"),
    "cards.expected": ("expected", "应为"),
    "cards.got": ("got", "实际"),
    "cards.spec": ("spec", "规范"),
    "cards.summary": (
        "{passed} passed, {failed} failed, {missing} not supported in {seconds:.1f} s · {address} {user} {instrument}",
        "通过 {passed}，不符 {failed}，不支持 {missing}，用时 {seconds:.1f} 秒 · {address} {user} {instrument}",
    ),
    "check.lots opened": ("lots opened", "开仓手数"),
    "check.lots closed": ("lots closed", "平仓手数"),
    "check.orders cancelled": ("orders cancelled", "撤单数"),
    "check.orders refused": ("orders refused", "被拒单数"),
    "check.Commission": ("commission", "手续费"),
    "check.CloseProfit": ("close profit", "平仓盈亏"),
    "check.PositionProfit": ("position profit at a price seen", "持仓盈亏（按收到的行情）"),
    "check.Balance": ("balance", "动态权益"),
    "check.Available": ("available", "可用资金"),
    "check.nothing frozen": ("nothing frozen", "无冻结"),
    "check.long lots": ("long lots", "多头手数"),
    "check.short lots": ("short lots", "空头手数"),
    "check.margin of the rows": ("margin of the position rows", "持仓保证金"),
    "check.CurrMargin": ("margin of the account", "账户保证金"),
    **FRONT,
    **ACCOUNT,
    **QUOTE,
    **SHIM,
}


def text(key: str, **values: object) -> str:
    """The message in the user's language."""
    english, chinese = TEXTS[key]
    template = chinese if language() == "zh" else english
    return template.format(**values) if values else template
