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
    "no_target": (
        "no target {target}: one of {targets}",
        "没有目标平台 {target}：可选 {targets}",
    ),
    "no_revision": (
        "no revision {revision}: one of {revisions}",
        "没有版本 {revision}：可选 {revisions}",
    ),
}
