"""Every refusal of the counter in the order of its checks: the first that applies is the answer.

One table for the documents (``tools/gen_capabilities.py`` writes them) and for the tests, which put each line to the
proof and each pair of neighbours against each other. A new refusal is a line here. Spec ctp-semantics 1.7, 3.3, 4, 12
and 13.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Line(NamedTuple):
    """One reason: CTP's number, the cause in English and Chinese; ``key`` names it in the tests where they need one."""

    error: int
    cause: str
    cause_zh: str
    key: str = ""


class Section(NamedTuple):
    """The reasons of one request, in the order in which they are checked."""

    name: str
    requests: tuple[str, ...]
    title: str
    title_zh: str
    lines: tuple[Line, ...]


ANY: Final = Section(
    "any",
    (),
    "Any request",
    "任何请求",
    (
        Line(
            77,
            "a request of the other kind of front (trading on market data, or the reverse)",
            "交易请求发到行情前置，或相反",
        ),
        Line(
            6,
            "not logged in (authentication, login and password changes that a login demands are allowed)",
            "还没有登录就发请求",
        ),
        Line(
            90,
            "more queries per second than `query_rate` (with `query_excess=-3` the call returns -3)",
            "每秒查询超过 `query_rate`（`query_excess=-3` 时由调用返回 −3）",
        ),
        Line(
            27,
            "a function that the counter does not have; queries of that kind have an empty result",
            "柜台没有这项功能；不支持的查询则返回空结果",
        ),
        Line(5002, "the counter itself failed on the request (the log says why)", "柜台处理请求时出错（原因在日志里）"),
    ),
)

AUTHENTICATE: Final = Section(
    "authenticate",
    ("ReqAuthenticate",),
    "Authentication (`auth=on`)",
    "认证（`auth=on`）",
    (
        Line(4043, "AppID and AuthCode belong to another user of the file", "AppID 与 AuthCode 是文件里别的用户的"),
        Line(63, "AppID and AuthCode are not in the file", "文件里没有这一对 AppID 与 AuthCode"),
    ),
)

LOGIN: Final = Section(
    "login",
    ("ReqUserLogin",),
    "Login",
    "登录",
    (
        Line(
            27,
            "a login with captcha, text or token (CTP itself has none)",
            "用图形、短信验证码或动态口令登录（CTP 本身也不支持）",
        ),
        Line(64, "`auth=on` and not authenticated on this connection", "`auth=on` 而这个连接还没有认证"),
        Line(75, "ten wrong passwords in a row", "连续 10 次密码错误"),
        Line(
            143,
            "on a server with `--data`: a hundred wrong passwords from one address",
            "带 `--data` 的服务器：同一地址 100 次密码错误",
        ),
        Line(3, "unknown user or wrong password", "用户名或密码不对；改过密码之后要用新密码"),
        Line(4, "the user is disabled", "用户被停用"),
        Line(131, "the password is weak", "密码太弱，先在同一个连接上改密"),
        Line(140, "the first login must change the password", "首次登录要先改密"),
        Line(141, "the password has expired", "密码过期，先改密"),
        Line(60, "more logins of the user than `sessions`", "同一用户登录的会话超过 `sessions`"),
    ),
)

PASSWORD: Final = Section(
    "password",
    ("ReqUserPasswordUpdate",),
    "Change of the login password",
    "修改登录密码",
    (
        Line(10, "UserID is not the login's", "UserID 不是登录的用户"),
        Line(14, "wrong old password", "原密码不对"),
        Line(142, "the new password is the old one", "新密码与原密码相同"),
        Line(131, "the new password is weak (with a file of accounts)", "新密码太弱（有账户文件时）"),
    ),
)

CONFIRM: Final = Section(
    "confirm",
    ("ReqSettlementInfoConfirm",),
    "Confirmation of the statement",
    "确认结算单",
    (
        Line(9, "InvestorID of another investor", "InvestorID 是别的投资者"),
        Line(13, "InvestorID unknown", "没有这个投资者"),
    ),
)

INSERT: Final = Section(
    "insert",
    ("ReqOrderInsert",),
    "Order insert",
    "报单",
    (
        Line(42, "the statement is not confirmed today", "登录之后先 `ReqSettlementInfoConfirm`", "confirm"),
        Line(116, "more orders per second than `order_rate`", "每秒报单超过 `order_rate`", "frequency"),
        Line(15, "Direction", "`Direction` 写错或为空", "direction"),
        Line(15, "OrderPriceType", "`OrderPriceType` 写错或为空", "price type"),
        Line(15, "TimeCondition", "`TimeCondition` 写错或为空", "time condition"),
        Line(15, "VolumeCondition", "`VolumeCondition` 写错或为空", "volume condition"),
        Line(15, "ContingentCondition", "`ContingentCondition` 写错或为空", "contingent"),
        Line(15, "ForceCloseReason other than `0`", "`ForceCloseReason` 不是 `0`", "force close reason"),
        Line(9, "an offset flag of operators (`2`, `5`, `6`)", "开平标志 `2`、`5`、`6` 只有管理员能用", "operator"),
        Line(15, "CombOffsetFlag", "`CombOffsetFlag` 写错或为空", "offset"),
        Line(61, "hedge flag of market makers (`5`)", "做市商的投机套保标志 `5`", "market maker"),
        Line(15, "CombHedgeFlag", "`CombHedgeFlag` 写错或为空", "hedge"),
        Line(15, "volume not above 0", "数量不大于 0", "volume"),
        Line(15, "minimum volume negative or above the volume", "最小成交量为负或超过数量", "minimum volume"),
        Line(
            80,
            "a price type that no exchange takes (`4` to `F`)",
            "没有交易所支持的价格类型（`4` 到 `F`）",
            "unsupported price type",
        ),
        Line(15, "TimeCondition GTD, GTC or GFA", "有效期 GTD、GTC、GFA", "unsupported time"),
        Line(15, "ContingentCondition of parked orders (`4`)", "预埋单的触发条件 `4` 不能直接报", "parked condition"),
        Line(15, "a condition without a StopPrice", "条件单、止损止盈单没有填 `StopPrice`", "stop price"),
        Line(95, "a price that is NaN, infinite or DBL_MAX", "价格是 NaN、无穷大或没有填", "price"),
        Line(15, "a price beyond what money can hold", "价格大得超出资金的范围", "huge price"),
        Line(146, "InvestorID missing", "没有填 `InvestorID`", "no investor"),
        Line(9, "InvestorID of another investor", "`InvestorID` 是别的投资者", "other investor"),
        Line(13, "InvestorID unknown", "没有这个投资者", "unknown investor"),
        Line(
            147,
            "ExchangeID missing, and two exchanges have the code",
            "没有填 `ExchangeID`，而合约代码不唯一",
            "no exchange",
        ),
        Line(148, "ExchangeID is no exchange", "`ExchangeID` 不是交易所", "unknown exchange"),
        Line(150, "ExchangeID is not the instrument's", "`ExchangeID` 与合约所属交易所不符", "wrong exchange"),
        Line(
            22,
            "OrderRef is not greater than the session's last one, or no number",
            "同一会话里 `OrderRef` 没有递增，或不是数字",
            "order ref",
        ),
        Line(16, "unknown instrument", "合约代码写错，或该环境里没有这个合约", "unknown instrument"),
        Line(17, "the instrument is not traded", "合约不能交易", "not traded"),
        Line(66, "an option order that is not speculation", "期权只支持投机"),
        Line(19, "the investor is frozen", "投资者被停用", "frozen"),
        Line(20, "no trading code on the exchange", "在该交易所没有交易编码", "no code"),
        Line(28, "no right to trade the instrument", "没有该合约的交易权限", "no right"),
        Line(29, "an opening order where only closing is allowed", "只能平仓", "close only"),
        Line(62, "no right to conditional orders", "没有条件单权限", "conditional"),
        Line(88, "a combination of options that is not IOC", "期权组合只支持 IOC"),
        Line(
            65,
            "a swap order where the exchange has none, or one that opens",
            "互换单只在 `order_types=exchange` 的大商所、郑商所，而且只能平仓",
            "swap",
        ),
        Line(
            80,
            "`order_types=exchange`: a price type that the exchange does not have",
            "`order_types=exchange` 时该交易所没有的价格类型",
        ),
        Line(15, "a kind of order that the exchange does not have", "该交易所没有的报单类型", "no such kind"),
        Line(
            54,
            "conditional orders are switched off (`conditional=off`)",
            "柜台以 `conditional=off` 打开",
            "no conditional",
        ),
        Line(52, "more conditional orders wait than `conditional_total`", "柜台里等待触发的条件单达到上限"),
        Line(53, "more of the investor's wait than `conditional_per_user`", "该用户等待触发的条件单达到上限"),
        Line(37, "a stock sold without holding it (sell and open)", "股票不能卖出开仓", "short sell"),
        Line(
            50,
            "SHFE, INE: CloseToday of more than today's free lots",
            "上期所、能源中心的 `3` 只平今仓，可平今仓不足",
            "close today",
        ),
        Line(
            51,
            "SHFE, INE: Close, CloseYesterday of more than yesterday's free lots",
            "上期所、能源中心的 `1`、`4` 只平昨仓，可平昨仓不足",
            "close yesterday",
        ),
        Line(
            30,
            "elsewhere: a close of more than the free lots; a stock bought to close",
            "可平数量不足，也可能被挂着的平仓单占用",
            "over close",
        ),
        Line(106, "an opening order beyond a position limit", "超过持仓限额", "position limit"),
        Line(15, "amounts beyond 64 bits", "金额超出 64 位整数", "overflow"),
        Line(31, "not enough money for margin (premium) and fee", "可用资金不够保证金（权利金）与手续费", "money"),
        Line(
            156, "the sale of an option costs more than it brings, and there is no money for it", "平期权多头后资金为负"
        ),
    ),
)

ACTION: Final = Section(
    "action",
    ("ReqOrderAction",),
    "Order action (cancel)",
    "撤单",
    (
        Line(42, "the statement is not confirmed today", "结算单还没有确认", "confirm"),
        Line(116, "more cancels per second than `order_rate`", "每秒撤单超过 `order_rate`", "frequency"),
        Line(19, "the investor is frozen", "投资者被停用", "frozen"),
        Line(27, "ActionFlag Modify", "不支持改单，请撤单重报", "modify"),
        Line(23, "any other ActionFlag but `0`", "`ActionFlag` 不对", "flag"),
        Line(146, "InvestorID missing", "没有填 `InvestorID`", "no investor"),
        Line(9, "InvestorID of another investor", "`InvestorID` 是别的投资者", "other investor"),
        Line(13, "InvestorID unknown", "没有这个投资者", "unknown investor"),
        Line(23, "neither OrderSysID nor InstrumentID", "`OrderSysID` 与 `InstrumentID` 都没有填", "no instrument"),
        Line(
            25,
            "no such order of this investor",
            "`OrderRef`、`FrontID`、`SessionID` 或 `OrderSysID` 对不上",
            "not found",
        ),
        Line(26, "filled or cancelled already", "撤单到得太晚", "final"),
        Line(92, "a leg of a quote that the exchange has not answered", "报价衍生单要等交易所返回"),
        Line(
            91,
            "the exchange refuses (its text in ErrorMsg): not in a trading phase …",
            "交易所拒绝，原因在 `ErrorMsg` 里，例如不在交易时间",
            "exchange",
        ),
        Line(103, "`ReqBatchOrderAction` where the exchange has none", "该交易所不支持批量撤单"),
    ),
)

TRANSFER: Final = Section(
    "transfer",
    ("ReqFromBankToFutureByFuture", "ReqFromFutureToBankByFuture", "ReqQueryBankAccountMoneyByFuture"),
    "Bank transfer",
    "银期转账",
    (
        Line(2000, "no bank is connected (`bank=off`)", "没有接通银行（`bank=off`）"),
        Line(149, "AccountID missing", "没有填 `AccountID`"),
        Line(2011, "AccountID is not the login's", "`AccountID` 不是登录的账户"),
        Line(1002, "BankID unknown", "`BankID` 不对"),
        Line(1035, "unknown currency", "不支持的币种"),
        Line(2001, "wrong funds password", "资金密码错误"),
        Line(2014, "an amount that is not above 0 or has parts of a cent", "金额不大于 0，或不到一分"),
        Line(1022, "the account may not transfer now", "现在不能转账"),
        Line(
            1021, "more than the customer has at the bank, or than money can hold", "超过银行账户里的钱，或大得超出范围"
        ),
        Line(31, "a withdrawal above the WithdrawQuota", "出金超过可取资金"),
    ),
)

FUNDS_PASSWORD: Final = Section(
    "funds",
    ("ReqTradingAccountPasswordUpdate",),
    "Change of the funds password",
    "修改资金密码",
    (
        Line(149, "AccountID missing", "没有填 `AccountID`"),
        Line(2011, "AccountID is not the login's", "`AccountID` 不是登录的账户"),
        Line(2001, "wrong old password", "原密码不对"),
        Line(142, "the new password is the old one", "新密码与原密码相同"),
        Line(131, "the new password is weak (with a file of accounts)", "新密码太弱（有账户文件时）"),
    ),
)

OTHERS: Final = Section(
    "others",
    ("ReqQueryCFMMCTradingAccountToken", "ReqQryInvestUnit", "SubscribeMarketData"),
    "Single requests",
    "其他",
    (
        Line(
            155,
            "`ReqQueryCFMMCTradingAccountToken`: there is no monitoring centre",
            "`ReqQueryCFMMCTradingAccountToken`：没有监控中心",
        ),
        Line(27, "`ReqQryInvestUnit`: CTP itself does not serve it", "`ReqQryInvestUnit`：CTP 本身也不支持"),
        Line(
            6000,
            "`SubscribeMarketData`: more instruments than `md_limit`",
            "`SubscribeMarketData`：订阅的合约超过 `md_limit`",
        ),
    ),
)

PARKED: Final = Section(
    "parked",
    ("ReqParkedOrderInsert", "ReqParkedOrderAction", "ReqRemoveParkedOrder", "ReqRemoveParkedOrderAction"),
    "Parked orders (first all that an order or a cancel is refused with up to its instrument)",
    "预埋单（先是报单、撤单直到合约为止的各项检查）",
    (
        Line(161, "a conditional order", "预埋单不支持条件单"),
        Line(27, "a combination", "预埋单不支持组合"),
        Line(44, "the product is in continuous trading", "品种已经进入连续交易"),
        Line(159, "the investor's limit of parked orders", "个人预埋单数量超限"),
        Line(160, "the broker's limit of parked orders", "经纪公司预埋单数量超限"),
        Line(146, "removal: InvestorID missing", "删除：没有填 `InvestorID`"),
        Line(9, "removal: InvestorID of another investor", "删除：`InvestorID` 是别的投资者"),
        Line(13, "removal: InvestorID unknown", "删除：没有这个投资者"),
        Line(45, "removal: no such parked order", "删除：找不到预埋单"),
        Line(47, "removal: deleted already", "删除：预埋单已经删除"),
        Line(46, "removal: sent already", "删除：预埋单已经发送"),
    ),
)

_DECLARED_BY: Final = (
    Line(146, "InvestorID missing", "没有填 `InvestorID`"),
    Line(9, "InvestorID of another investor", "`InvestorID` 是别的投资者"),
    Line(13, "InvestorID unknown", "没有这个投资者"),
    Line(147, "ExchangeID missing, and two exchanges have the code", "没有填 `ExchangeID`，而合约代码不唯一"),
    Line(148, "ExchangeID is no exchange", "`ExchangeID` 不是交易所"),
    Line(150, "ExchangeID is not the instrument's", "`ExchangeID` 与合约所属交易所不符"),
)

EXERCISE: Final = Section(
    "exercise",
    ("ReqExecOrderInsert", "ReqExecOrderAction"),
    "Exercise of options",
    "期权行权",
    (
        Line(42, "the statement is not confirmed today", "结算单还没有确认"),
        Line(81, "ActionType", "`ActionType` 不对"),
        Line(
            15,
            "another field: volume, offset, hedge, position or close flag",
            "其他字段不对：数量、开平、投保、头寸、平仓标志",
        ),
        *_DECLARED_BY,
        Line(67, "ExecOrderRef is not greater than the last, or no number", "`ExecOrderRef` 没有递增，或不是数字"),
        Line(16, "unknown instrument", "没有这个合约"),
        Line(17, "the instrument is not traded", "合约不能交易"),
        Line(69, "not an option", "不是期权"),
        Line(66, "not speculation", "只支持投机"),
        Line(27, "the exchange takes no such request (CFFEX)", "交易所没有这种申请（中金所）"),
        Line(87, "the option cannot be abandoned (DCE)", "不支持放弃（大商所）"),
        Line(70, "the exchange has no exercise", "该交易所不支持行权"),
        Line(139, "not now", "现在不能行权"),
        Line(74, "more than the free long lots, or than there is money for", "可行权的多头持仓或资金不足"),
        Line(71, "cancel: bad action flag, or nothing that identifies it", "撤销：`ActionFlag` 不对，或没有标识"),
        Line(73, "cancel: no such exercise", "撤销：找不到该行权"),
        Line(72, "cancel: cancelled already", "撤销：已经撤销"),
    ),
)

SELF_CLOSE: Final = Section(
    "self close",
    ("ReqOptionSelfCloseInsert", "ReqOptionSelfCloseAction"),
    "Self close of options",
    "期权自对冲",
    (
        Line(42, "the statement is not confirmed today", "结算单还没有确认"),
        Line(3043, "a bad field", "字段不对"),
        *_DECLARED_BY,
        Line(3042, "the reference is not greater than the last, or no number", "引用没有递增，或不是数字"),
        Line(16, "unknown instrument", "没有这个合约"),
        Line(17, "the instrument is not traded", "合约不能交易"),
        Line(3041, "not an option", "不是期权"),
        Line(66, "not speculation", "只支持投机"),
        Line(27, "the exchange has no self close", "该交易所没有自对冲"),
        Line(3046, "set already; cancel it first (DCE)", "已经设置过，先撤销（大商所）"),
        Line(3044, "cancel: no such record", "撤销：找不到记录"),
        Line(3045, "cancel: cancelled already", "撤销：已经撤销"),
    ),
)

QUOTES: Final = Section(
    "quotes",
    ("ReqQuoteInsert", "ReqQuoteAction", "ReqForQuoteInsert"),
    "Quotes and requests for quotes",
    "报价与询价",
    (
        Line(85, "the instrument takes no quotes", "该合约不支持报价"),
        Line(3047, "hedge flag of the quote", "报价不支持该投机套保标志"),
        Line(4050, "ReplaceSysID is no quote of the investor (CFFEX)", "顶单编号不对（中金所）"),
        Line(86, "no such quote", "找不到报价"),
        Line(83, "the instrument takes no requests for quotes", "该合约不支持询价"),
        Line(113, "asked too often, or not in trading", "询价太频繁，或不在交易时间"),
        Line(114, "the spread is narrow enough", "当前价差不需要询价"),
    ),
)

COMBINATIONS: Final = Section(
    "combinations",
    ("ReqCombActionInsert",),
    "Combination actions",
    "组合申请",
    (
        Line(82, "no such combination", "无效的组合合约"),
        Line(151, "no record to delete", "没有可删除的记录"),
        Line(152, "the record is less than 30 seconds old", "记录不到 30 秒"),
        Line(153, "not enough money", "资金不足"),
    ),
)

SECTIONS: Final = (
    ANY,
    AUTHENTICATE,
    LOGIN,
    PASSWORD,
    CONFIRM,
    INSERT,
    ACTION,
    TRANSFER,
    FUNDS_PASSWORD,
    OTHERS,
    PARKED,
    EXERCISE,
    SELF_CLOSE,
    QUOTES,
    COMBINATIONS,
)

NEVER: Final[dict[int, tuple[str, str]]] = {
    **dict.fromkeys(
        (1, 35, 78, 79, 154, 158),
        ("a broker's inner systems: the counter is one process", "经纪公司内部系统：本柜台只有一个进程"),
    ),
    **dict.fromkeys(
        (2, 5),
        ("the session is known by its connection; a second login is filtered out", "会话由连接决定；重复登录被忽略"),
    ),
    **dict.fromkeys(
        (11, 12, 18, 48),
        (
            "any BrokerID is taken; an unknown user is 3, an account of others 2011",
            "BrokerID 任意；没有的用户答 3，别人的资金账户答 2011",
        ),
    ),
    **dict.fromkeys(
        (49, 144, 4042, 4060), ("clients in the process have no IP address", "同一进程里的客户端没有 IP 地址")
    ),
    **dict.fromkeys(
        (21, 39, 40, 41), ("the exchanges are part of the counter and always connected", "交易所就在柜台里，总是连接着")
    ),
    **dict.fromkeys((57, 59, 76), ("tokens and transfer agents do not exist here", "没有动态令牌与银期代理")),
    **dict.fromkeys((101, 145), ("there is one data centre", "只有一个数据中心")),
    **dict.fromkeys(
        (96, 97, 98, 99, 100, 5000, 5001, 4061),
        ("SPBM, RULE, RCAMS and pledges are not offered", "没有 SPBM、RULE、RCAMS 与质押"),
    ),
    **dict.fromkeys(
        (1004, 1005, 1006, 1019, 1030, 2018, 999999),
        ("the simulated bank knows every account and answers at once", "模拟银行认识每个账户，立即回答"),
    ),
    **dict.fromkeys((3039, 3040, 4040, 4041), ("a matter of the network protocol", "网络协议的事")),
    24: ("a cancel is carried out at once: none is pending", "撤单立即完成，没有未决的撤单"),
    157: (
        "an order is acknowledged before the next request is read: none stays in status `a`",
        "下一个请求之前报单已有回报，没有状态 `a` 的报单",
    ),
}
"""Codes of spec 13 that the counter never answers, and why."""
