"""What ``ctp2 shim`` says, in both languages."""

from __future__ import annotations

from typing import Final

from ctp2.shim.errors import TEXTS

SHIM: Final[dict[str, tuple[str, str]]] = {
    **{f"shim.{why}": said for why, said in TEXTS.items()},
    "help.shim": (
        "Native libraries (thosttraderapi_se, thostmduserapi_se): put in the place of a program's own, they let it"
        " trade on any front of ctp2, uncompiled and unchanged.",
        "原生库（thosttraderapi_se、thostmduserapi_se）：替换程序自带的库，"
        "程序无需修改或重新编译即可接入 ctp2 的任意前置。",
    ),
    "help.shim.examples": (
        "Examples:  ctp2 shim install openctp-ctp --front tts://7x24  ·  ctp2 shim install ./my_program"
        "  ·  ctp2 shim restore openctp-ctp  ·  ctp2 shim build --version 6.7.11 --out lib --headers",
        "示例：  ctp2 shim install openctp-ctp --front tts://7x24  ·  ctp2 shim install ./my_program"
        "  ·  ctp2 shim restore openctp-ctp  ·  ctp2 shim build --version 6.7.11 --out lib --headers",
    ),
    "help.shim.where": (
        "An installed package (openctp-ctp, vnpy_ctp, vnpy_tts, ctp-python …), or a program's folder.",
        "已安装的包（openctp-ctp、vnpy_ctp、vnpy_tts、ctp-python 等），或程序所在目录。",
    ),
    "help.shim.python": (
        "The interpreter, or the folder of the environment, that has the package. Default: the one that runs ctp2.",
        "安装了该包的解释器或虚拟环境目录；默认为运行 ctp2 的解释器。",
    ),
    "help.shim.list": (
        "The revisions of CTP, and the platforms for which their libraries are at hand.",
        "列出 CTP 各版本，以及已有库的平台。",
    ),
    "help.shim.build": (
        "Build the two libraries of one revision, or of all.",
        "构建某一版本（或全部版本）的两个库。",
    ),
    "help.shim.version": (
        "The revision, or the vendor's name of it, as in ctp2 shim list. Default: all.",
        "版本，或原厂版本号，见 ctp2 shim list；默认全部。",
    ),
    "help.shim.out": (
        "Where to put them (default ctp2-native); all revisions: each in a folder of its name.",
        "输出目录（默认 ctp2-native）；构建全部版本时各占一个子目录。",
    ),
    "help.shim.target": ("The platform; default: this one.", "目标平台，默认为本机。"),
    "help.shim.headers": (
        "Put C++ headers of the interface beside them, for programs that have none.",
        "同时输出接口的 C++ 头文件，供没有头文件的程序使用。",
    ),
    "help.shim.install": (
        "Exchange the CTP libraries of a package or program for ctp2's of exactly their revisions; the originals are"
        " kept beside them (NAME.ctp2-original). Ends with 1 if a revision is refused, 3 if nothing is found.",
        "把包或程序中的 CTP 库换成版本完全相同的 ctp2 库，原库保留在旁边（NAME.ctp2-original）。"
        "版本不支持时退出码 1，找不到时 3。",
    ),
    "help.shim.front": (
        "Counts instead of every front that the program registers, e.g. tts://7x24; can be given several times.",
        "代替程序登记的所有前置，例如 tts://7x24；可多次给出。",
    ),
    "help.shim.md_front": (
        "The same for market data, where it has a front of its own; --front is then for trading alone.",
        "行情前置另有地址时填写；此时 --front 仅用于交易。",
    ),
    "help.shim.restore": ("Put the original libraries back.", "恢复原来的库。"),
    "shim.revision": ("revision", "版本"),
    "shim.vendor": ("vendor's name", "原厂版本号"),
    "shim.at_hand": ("at hand for", "已有的平台"),
    "shim.prebuilt": ("prebuilt", "自带"),
    "shim.built": ("built", "已构建"),
    "shim.compiler": ("{target}: {compiler}", "{target}：{compiler}"),
    "shim.none": (
        "{target}: no compiler (pip install ziglang)",
        "{target}：没有编译器（pip install ziglang）",
    ),
    "shim.made": ("{revision}: {folder}: {files}", "{revision}：{folder}：{files}"),
    "shim.installed": (
        "{path}: {side} {revision} installed; the original is beside it as {kept}",
        "{path}：{side} {revision} 已安装，原库保留为 {kept}",
    ),
    "shim.updated": (
        "{path}: {side} {revision} was ctp2's already, updated",
        "{path}：{side} {revision} 原已是 ctp2 的库，已更新",
    ),
    "shim.foreign": (
        "{path}: {side}, for another system; left alone",
        "{path}：{side}，属于其他操作系统，未作改动",
    ),
    "shim.restored": ("{path}: {side} {revision} restored", "{path}：{side} {revision} 已恢复"),
    "shim.other": (
        "{path}: is the vendor's again (the package was updated?); left alone, the older original is {kept}",
        "{path}：已是原厂的库（包可能已升级），未作改动；较早的原库为 {kept}",
    ),
    "shim.ours": (
        "{path}: ctp2's {revision}, and no original beside it: install the package or program again",
        "{path}：是 ctp2 的库（{revision}），旁边没有原库：请重新安装该包或程序",
    ),
    "shim.nothing": ("{place}: nothing to restore", "{place}：没有需要恢复的库"),
    "shim.next": (
        "run the program as before; it reaches ctp2 at the front it registers (tts://7x24, or tcp:// of ctp2 serve),"
        " or at CTP2_FRONT",
        "照常运行程序即可；它连接的是自己登记的前置（tts://7x24，或 ctp2 serve 的 tcp:// 地址），"
        "也可用环境变量 CTP2_FRONT 指定",
    ),
    "shim.next_front": (
        "run the program as before; whatever front it registers, it reaches the one given here",
        "照常运行程序即可；无论登记什么前置，都连接到这里给出的地址",
    ),
    "shim.bad_address": (
        "{address}: an address has no spaces and no #",
        "{address}：地址中不能有空格或 #",
    ),
}
