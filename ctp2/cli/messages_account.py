"""What ``ctp2 account`` says, in both languages."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final[dict[str, tuple[str, str]]] = {
    "help.account": (
        "Owners and accounts of a server (ctp2 serve --data DIR), also while it runs.",
        "管理服务器（ctp2 serve --data DIR）的用户与账户，服务器运行时也可使用。",
    ),
    "help.account.data": ("The server's folder.", "服务器的数据目录。"),
    "help.account.env": ("The environment that the account trades in.", "账户所属环境。"),
    "help.account.all_envs": ("One environment only.", "只限一个环境。"),
    "help.account.user": ("The account (UserID, InvestorID).", "账户（UserID、InvestorID）。"),
    "help.account.new_user": ("The account; left out: the next free number.", "账户名；省略时取下一个空闲号码。"),
    "help.account.amount": ("With two decimals at most.", "金额，最多两位小数。"),
    "help.account.currency": ("The currency.", "币种。"),
    "help.account.stdin": (
        "Read the password from the first line of standard input instead of asking for it.",
        "从标准输入第一行读取密码，而不是询问。",
    ),
    "help.account.new": ("Make an account; a new owner is asked for his password.", "开户；新的所有者需设置密码。"),
    "help.account.owner": (
        "Whose it is: all accounts of an owner share one password. Left out: an owner named as the account.",
        "账户所有者：同一所有者的所有账户共用一个密码。省略时与账户同名。",
    ),
    "help.account.balance": (
        "Money it begins with; left out: the server's default.",
        "初始资金；省略时用服务器默认值。",
    ),
    "help.account.operator": (
        "A login that sees every investor and may do nothing.",
        "操作员：可查询所有投资者，不能交易。",
    ),
    "help.account.list": ("List accounts.", "列出账户。"),
    "help.account.of_owner": ("Of one owner only.", "只限一个所有者。"),
    "help.account.money": ("With their money.", "同时显示资金。"),
    "help.account.deposit": ("Put money into an account.", "入金。"),
    "help.account.withdraw": (
        "Take money out of an account, at most its WithdrawQuota.",
        "出金，不超过可取资金。",
    ),
    "help.account.reset": (
        "Cancel everything, close nothing: fresh money and no positions.",
        "撤销全部委托，恢复初始资金，清空持仓。",
    ),
    "help.account.password": ("Give the owner of an account a new password.", "重设账户所有者的密码。"),
    "help.account.lock": (
        "No logins (error 4) and no orders on open sessions (19) any more.",
        "锁定账户：不能登录（错误 4），已登录的会话不能报单（19）。",
    ),
    "help.account.unlock": (
        "Lift a lock, and forget failed logins (75, 143).",
        "解锁，并清除登录失败记录（75、143）。",
    ),
    "help.account.limit": (
        "How many accounts an owner may have in an environment, or change that.",
        "查看或修改每个所有者在一个环境中的账户数上限。",
    ),
    "help.account.number": ("The new limit.", "新的上限。"),
    "help.account.export": (
        "Today's orders, trades, positions and money, and all statements.",
        "导出当日委托、成交、持仓、资金与全部结算单。",
    ),
    "help.account.format": ("One JSON document, or a CSV file for each table.", "一份 JSON，或每个表一个 CSV 文件。"),
    "help.account.out": ("Write into this folder.", "写入此目录。"),
    "account.made": (
        "account {user} of {environment}, owner {owner}",
        "已开户：{environment} 的 {user}，所有者 {owner}",
    ),
    "account.moved": (
        "{user} {environment}: {CurrencyID} balance {Balance:,.2f}, available {Available:,.2f}",
        "{user} {environment}：{CurrencyID} 权益 {Balance:,.2f}，可用 {Available:,.2f}",
    ),
    "account.reset": ("{user} {environment} begins anew", "{user} {environment} 已重置"),
    "account.password": (
        "{owner} has a new password, for {user} and all other accounts",
        "{owner} 的密码已重设，适用于 {user} 及其所有账户",
    ),
    "account.locked": ("{user} is locked", "{user} 已锁定"),
    "account.unlocked": ("{user} is not locked", "{user} 已解锁"),
    "account.limit": (
        "an owner may have {limit} accounts of {environment}",
        "每个所有者在 {environment} 最多 {limit} 个账户",
    ),
    "account.has_password": (
        "{owner} has a password already: leave --password-stdin out, or change it with ctp2 account password",
        "{owner} 已有密码：请去掉 --password-stdin，或用 ctp2 account password 修改",
    ),
    "account.format": ("unknown format {value}: json or csv", "未知格式 {value}：json 或 csv"),
    "account.environment": ("unknown environment {value}: {known}", "未知环境 {value}：{known}"),
    "account.unknown": (
        "{user}: no such account of {environment} (ctp2 account list shows them)",
        "{environment} 没有账户 {user}（用 ctp2 account list 查看）",
    ),
    "account.no_answer": (
        "the server does not answer; nothing was changed",
        "服务器没有回应；未作任何修改",
    ),
    "account.unknown_answer": (
        "the server began and did not answer: see with ctp2 account list --money whether it was done",
        "服务器已开始执行但没有回应：请用 ctp2 account list --money 查看是否完成",
    ),
    "account.no_terminal": (
        "no terminal to ask for the password: give it by --password-stdin",
        "没有终端可以询问密码：请用 --password-stdin 输入",
    ),
    "account.ask": ("New password: ", "新密码："),
    "account.again": ("Again: ", "再输一次："),
    "account.differ": ("the two are not the same", "两次输入不一致"),
    "account.column.environment": ("environment", "环境"),
    "account.column.user": ("account", "账户"),
    "account.column.owner": ("owner", "所有者"),
    "account.column.kind": ("kind", "类型"),
    "account.column.state": ("state", "状态"),
    "account.column.money": ("money", "资金"),
    "account.trader": ("trader", "交易"),
    "account.operator": ("operator", "操作员"),
    "account.state.open": ("open", "正常"),
    "account.state.locked": ("locked", "锁定"),
    "help.serve.data": (
        "A folder for the log of the counter and the accounts of its users (ctp2 account).",
        "数据目录：柜台日志与用户账户（ctp2 account）。",
    ),
}
