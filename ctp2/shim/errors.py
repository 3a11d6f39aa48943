"""Why a library is not built or not installed: one line in each of the command line's languages."""

from __future__ import annotations

from typing import Final


class ShimError(Exception):
    """What went wrong and what to do, in one line. ``why`` names it in ``TEXTS``; ``details`` are what varies."""

    def __init__(self, why: str, **details: object) -> None:
        self.why = why
        self.details = {name: str(value) for name, value in details.items()}
        super().__init__(TEXTS[why][0].format(**self.details))


class NoCompiler(ShimError):
    """There is none, or the one that was named is of no use here."""


class BuildFailed(ShimError):
    """The compiler failed, or its result is not as it must be."""


TEXTS: Final[dict[str, tuple[str, str]]] = {
    "no_compiler": (
        "no C++ compiler for {target}: pip install ziglang, or install g++ (Debian: apt-get install g++)",
        "没有可用于 {target} 的 C++ 编译器：pip install ziglang，或安装 g++（Debian：apt-get install g++）",
    ),
    "no_zig": (
        "no compiler for {target}: pip install ziglang",
        "没有可用于 {target} 的编译器：pip install ziglang",
    ),
    "no_cross_compiler": (
        "no compiler for {target}: pip install ziglang, or install {also}",
        "没有可用于 {target} 的编译器：pip install ziglang，或安装 {also}",
    ),
    "bad_compiler": (
        "the compiler {command} cannot be used: {reason}; name another in $CXX, or pip install ziglang and unset CXX",
        "编译器 {command} 不可用：{reason}；请在 $CXX 中指定另一个，或 pip install ziglang 并取消 CXX",
    ),
    "compile": (
        "{command} failed: {output}",
        "{command} 失败：{output}",
    ),
    "wrong_exports": (
        "{library}: exports {found} instead of {wanted}: this compiler cannot be used, try another in $CXX",
        "{library}：导出了 {found}，应为 {wanted}：此编译器不可用，请用 $CXX 换一个",
    ),
    "too_new": (
        "{library}: needs {found}, which systems with glibc 2.17 lack: try another compiler in $CXX, or ziglang",
        "{library}：依赖 {found}，glibc 2.17 的系统没有：请用 $CXX 换一个编译器，或使用 ziglang",
    ),
    "wrong_imports": (
        "{library}: needs {found}, which a ctp2 library must not: try another compiler",
        "{library}：依赖 {found}，ctp2 的库不应依赖它：请换一个编译器",
    ),
    "no_target": (
        "no target {target}: one of {targets}",
        "没有目标平台 {target}：可选 {targets}",
    ),
    "no_revision": (
        "no revision {revision}: one of {revisions}",
        "没有版本 {revision}：可选 {revisions}",
    ),
    "no_stamp": (
        "no place in the library for the interpreter {python}: its path is too long, or the library is of another ctp2",
        "库中没有位置写入解释器 {python}：路径过长，或该库来自另一版本的 ctp2",
    ),
    "not_loaded": (
        "the new library does not load, nothing was changed: {reason}",
        "新库无法加载，未作任何改动：{reason}",
    ),
    "no_revision_string": (
        "{library}: no CTP revision string in it, so its layout cannot be told; left alone (there are: {revisions})",
        "{library}：其中没有 CTP 版本字符串，无法确定内存布局，未作改动；支持的版本：{revisions}",
    ),
    "unknown_revision": (
        "{library}: there is no build of revision {said}, and another one's layout would corrupt memory;"
        " there are {revisions}; install a package of one of these: {command}",
        "{library}：没有版本 {said} 的库，换用其他版本的布局会破坏内存；"
        "支持的版本：{revisions}；请安装其中之一：{command}",
    ),
    "many_revisions": (
        "{library}: several CTP revisions in one file ({said}); left alone",
        "{library}：同一文件中有多个 CTP 版本（{said}），未作改动",
    ),
    "wrong_slots": (
        "{library}: says {said} but has {found} methods instead of {wanted}; left alone",
        "{library}：自称 {said}，但方法数为 {found}，应为 {wanted}；未作改动",
    ),
    "wrong_factory": (
        "{library}: says {said} but exports {found}, which is another revision's; left alone",
        "{library}：自称 {said}，但导出的 {found} 属于其他版本；未作改动",
    ),
    "both_sides": (
        "{library}: trading and market data in one library; left alone",
        "{library}：交易与行情在同一个库中，未作改动",
    ),
    "no_build_for": (
        "{library}: is for {target}; libraries can be built for {targets}",
        "{library}：属于平台 {target}；可构建的平台：{targets}",
    ),
    "no_library": (
        "{place}: no CTP library in it (a file that exports CreateFtdcTraderApi or CreateFtdcMdApi)",
        "{place}：其中没有 CTP 库（导出 CreateFtdcTraderApi 或 CreateFtdcMdApi 的文件）",
    ),
    "no_package": (
        "{python} has no package {name}: give its interpreter with --python, or a folder as ./{name}",
        "{python} 中没有安装 {name}：请用 --python 指定解释器，或以 ./{name} 给出目录",
    ),
    "no_folder": (
        "no such folder: {folder}",
        "没有这个目录：{folder}",
    ),
    "no_interpreter": (
        "the interpreter {python} does not answer: {reason}",
        "解释器 {python} 无法运行：{reason}",
    ),
    "cannot_read": (
        "cannot read {path}: {reason}",
        "无法读取 {path}：{reason}",
    ),
    "cannot_restore": (
        "cannot restore all of {place}: {path}: {reason}; end programs that use it, or run as its owner, and try again",
        "{place} 未能全部恢复：{path}：{reason}；请结束正在使用它的程序，或以其所有者身份重试",
    ),
    "cannot_write": (
        "cannot change {place}: {path}: {reason}; nothing was changed; end programs that use it, or run as its owner",
        "无法修改 {place}，未作任何改动：{path}：{reason}；请结束正在使用它的程序，或以其所有者身份运行",
    ),
}
