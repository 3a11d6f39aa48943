"""What ``ctp2 serve`` and ``ctp2 ping`` say, in both languages."""

from __future__ import annotations

from typing import Final

FRONT: Final[dict[str, tuple[str, str]]] = {
    "help.serve": (
        "Trading and market data fronts for any backend. SIGTERM or Ctrl-C ends it in order, with 0.",
        "为任意后端提供交易前置与行情前置。SIGTERM 或 Ctrl-C 正常结束，退出码 0。",
    ),
    "help.serve.backend": ("What to serve, for example tts://7x24.", "后端地址，例如 tts://7x24。"),
    "help.serve.host": ("The address to listen on.", "监听地址。"),
    "help.serve.trade_port": ("Port of the trading front; 0: any free one.", "交易前置端口；0 为任一空闲端口。"),
    "help.serve.md_port": ("Port of the market data front; 0: any free one.", "行情前置端口；0 为任一空闲端口。"),
    "help.serve.web_port": (
        "Port of /metrics and /healthz (20080 if it is free); 0: any free one; off: none.",
        "/metrics 与 /healthz 的端口（默认 20080，被占用则不提供）；0 为任一空闲端口；off 为不提供。",
    ),
    "help.serve.config": (
        "Settings (TOML), also for several environments; without it ./ctp2.toml and config.toml count.",
        "设置文件（TOML），可含多个环境；不给出时使用 ./ctp2.toml 与 config.toml。",
    ),
    "help.serve.make_cert": (
        "Make a self-signed certificate and its key (at --tls-cert and --tls-key), and end.",
        "生成自签名证书与私钥（位于 --tls-cert 与 --tls-key）后结束。",
    ),
    "help.serve.cert_name": (
        "A further name or address of this machine in the certificate; may be repeated.",
        "证书中另加的主机名或地址，可重复。",
    ),
    "help.serve.log_format": (
        "Log lines as text, or one JSON object each.",
        "日志格式：text 为文本，json 为每行一个 JSON。",
    ),
    "help.serve.open": (
        "Let every user and password in and create the account (on loopback only).",
        "任何用户与密码都可登录并自动开户（仅限本机）。",
    ),
    "help.serve.cert": ("Certificate for ssl:// (PEM).", "ssl:// 证书（PEM）。"),
    "help.serve.key": ("Its key, if it is not in the same file.", "证书私钥（不在同一文件时）。"),
    "help.serve.insecure": (
        "Serve other machines without accounts or without TLS all the same.",
        "即使没有账户或 TLS 也对其他机器开放。",
    ),
    "help.serve.private": (
        "For native programs: say where ADDRESS is served for this user alone, or serve it until nobody needs it.",
        "供本地库程序使用：给出仅供当前用户使用的 ADDRESS 服务，没有则启动，无人使用后自动结束。",
    ),
    "serve.private_alone": (
        "--private takes no other option: write serve --private ADDRESS",
        "--private 不能与其他选项同用：serve --private ADDRESS",
    ),
    "help.serve.log": ("debug, info, warning or error.", "日志级别：debug、info、warning 或 error。"),
    "serve.trader": ("trading front      {address}", "交易前置 {address}"),
    "serve.md": ("market data front  {address}", "行情前置 {address}"),
    "serve.web": ("web                {address}", "Web 端口 {address}"),
    "serve.environment": ("{name}  {backend}", "环境 {name}  {backend}"),
    "serve.no_extra": (
        "the package {package} is needed for that and not installed: pip install 'ctp2[server]'",
        "此功能需要尚未安装的 {package}：pip install 'ctp2[server]'",
    ),
    "serve.cert_failed": ("no certificate made: {path}: {error}", "未生成证书：{path}：{error}"),
    "serve.cert_made": (
        "certificate {cert}\nkey         {private}\nnames       {names}\nsha256      {sha256}\n"
        "Serve with --tls-cert {cert} --tls-key {private}; give the certificate (never the key) to clients: "
        "ssl://HOST:PORT?ca=FILE",
        "证书 {cert}\n私钥 {private}\n名称 {names}\nsha256 {sha256}\n"
        "启动：--tls-cert {cert} --tls-key {private}；把证书（不是私钥）交给客户端：ssl://主机:端口?ca=文件",
    ),
    "serve.end": ("Ctrl-C ends it", "按 Ctrl-C 结束"),
    "serve.port": ("cannot serve at {where}: {error}", "无法在 {where} 提供服务：{error}"),
    "serve.no_file": ("no such file: {path}", "找不到文件：{path}"),
    "serve.nobody": (
        "who may log in at {backend}? Keep its users in a folder with --data DIR (ctp2 account new), name them with"
        " accounts=FILE in --backend, or let all in with --open",
        "谁可以登录 {backend}？请用 --data 目录 保存用户（ctp2 account new），"
        "在 --backend 中用 accounts=文件 指定用户，或用 --open 允许所有人",
    ),
    "serve.open_and_accounts": (
        "--open lets all in, and {backend} has users of its own: one of the two",
        "--open 允许所有人登录，而 {backend} 已有自己的用户：请只用其一",
    ),
    "serve.open_to_all": (
        "--open on {host} would let everybody on the network in: listen on 127.0.0.1, or add --insecure",
        "在 {host} 上使用 --open 会让网络上任何人登录：请监听 127.0.0.1，或加上 --insecure",
    ),
    "serve.no_tls": (
        "passwords would travel in clear on {host}: give --tls-cert, listen on 127.0.0.1, or add --insecure",
        "在 {host} 上密码将明文传输：请给出 --tls-cert，或监听 127.0.0.1，或加上 --insecure",
    ),
    "help.ping": (
        "Times to connect, shake hands, log in and back; or what is wrong. Ends with 3 if a front is not reached.",
        "测量连接、握手、登录与往返时间，或说明问题所在。有前置连不上时退出码 3。",
    ),
    "help.ping.address": (
        "Fronts, tcp://HOST:PORT or ssl://HOST:PORT.",
        "前置地址，tcp://主机:端口 或 ssl://主机:端口。",
    ),
    "help.ping.kind": ("trader or md, if it must be that one.", "trader 或 md，要求必须是该类前置时填写。"),
    "help.ping.login": ("To measure a login.", "测量登录时填写。"),
    "help.ping.watch": ("Again every second, until Ctrl-C.", "每秒一次，直到 Ctrl-C。"),
    "ping.trader": ("trading", "交易"),
    "ping.md": ("market data", "行情"),
    "ping.kind": ("unknown kind {value}: trader or md", "未知类型 {value}：trader 或 md"),
    "ping.scheme": (
        "{address}: only tcp:// and ssl:// can be pinged",
        "{address}：只能探测 tcp:// 与 ssl:// 前置",
    ),
    "ping.fault": ("{address}  FAULT  {fault}", "{address}  故障  {fault}"),
    # {detail} is what the other side, or the system, said.
    "ping.no_answer": (
        "{place} does not answer in time: host down, or a firewall in between",
        "{place} 在时限内没有应答：主机未开机，或被防火墙拦截",
    ),
    "ping.nobody": (
        "nobody listens at {place}: is the server running, and is this its port?",
        "{place} 无人监听：服务器在运行吗？端口对吗？",
    ),
    "ping.unreachable": (
        "cannot connect to {place}: {detail}",
        "无法连接 {place}：{detail}",
    ),
    "ping.untrusted": (
        "the certificate of {place} is not trusted ({detail}): name the server's certificate with ?ca=FILE",
        "{place} 的证书不受信任（{detail}）：请用 ?ca=文件 指定服务器的证书",
    ),
    "ping.no_tls": (
        "{place} does not speak TLS: write tcp:// instead of ssl://",
        "{place} 不使用 TLS：请把 ssl:// 改为 tcp://",
    ),
    "ping.tls_failed": (
        "no TLS with {place}: {detail}",
        "与 {place} 的 TLS 握手失败：{detail}",
    ),
    "ping.tls_expected": (
        "{place} expects TLS: write ssl:// instead of tcp://",
        "{place} 要求 TLS：请把 tcp:// 改为 ssl://",
    ),
    "ping.closed": (
        "{place} closed the link without a word: it may expect TLS (ssl://), or be an original CTP front (ctp+tcp://)",
        "{place} 直接断开了连接：它可能要求 TLS（ssl://），或者是原版 CTP 前置（ctp+tcp://）",
    ),
    "ping.silent": (
        "{place} does not answer the handshake: it may expect TLS (ssl://), or be an original CTP front (ctp+tcp://)",
        "{place} 不应答握手：它可能要求 TLS（ssl://），或者是原版 CTP 前置（ctp+tcp://）",
    ),
    "ping.no_front": (
        "{place} is no ctp2 front: {detail}",
        "{place} 不是 ctp2 前置：{detail}",
    ),
    "ping.busy": (
        "{place} takes no more links now: {detail}",
        "{place} 现在不接受连接：{detail}",
    ),
    "ping.refused": (
        "{place} refuses this client: {detail}",
        "{place} 拒绝连接：{detail}",
    ),
    "ping.version": (
        "{place} speaks another version: {detail}",
        "{place} 的版本不同：{detail}",
    ),
    "ping.wrong_kind": (
        "{place} is a front of the other kind ({detail}): use the other port",
        "{place} 是另一类前置（{detail}）：请改用另一个端口",
    ),
    "ping.login": (
        "login refused: {detail}",
        "登录被拒绝：{detail}",
    ),
    "ping.lost": (
        "{place} broke off: {detail}",
        "{place} 中途断开：{detail}",
    ),
    "ping.summary": (
        "{address}  {tries} tries, {faults} with a fault  round trip min {least}  median {median}  max {most} ms",
        "{address}  {tries} 次，故障 {faults} 次  往返 最小 {least}  中位 {median}  最大 {most} 毫秒",
    ),
    "ping.well": (
        "{address}  {kind}  connect {connect}  handshake {handshake}  login {login}  round trip {round}"
        "  clock {clock} ms  day {day}  {server}",
        "{address}  {kind}  连接 {connect}  握手 {handshake}  登录 {login}  往返 {round}  时钟差 {clock} 毫秒"
        "  交易日 {day}  {server}",
    ),
}
