"""Write the tables of the documents that the code decides: what the counter serves, and how it refuses.

    gen_capabilities.py generate    write them between their markers
    gen_capabilities.py check       exit 1 and name the file when a table is not what the code says

READMEs, between ``<!-- capabilities:start -->`` and ``<!-- capabilities:end -->``: from the backend's ``CAPABILITIES``.
docs/errors.md and docs/zh/errors.md, between ``<!-- errors:start -->`` and ``<!-- errors:end -->``: from
``ctp2/tts/precedence.py``, only those lines whose error the counter's code can answer.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from ctp2.core import session, unsupported  # noqa: E402
from ctp2.ctp import methods  # noqa: E402
from ctp2.ctp.errors import rsp_info  # noqa: E402
from ctp2.tts import precedence, rejections  # noqa: E402
from ctp2.tts.abilities import AREAS, BUILT_IN, CLASS_NAMES, ORDER_KINDS  # noqa: E402
from ctp2.tts.backend import CAPABILITIES  # noqa: E402

ENGLISH: Final = 0
CHINESE: Final = 1


# --- capabilities ---------------------------------------------------------------------------------------------------
def capabilities(language: int) -> str:
    """The table of a README."""
    head = ("| Area | Served | Not served |", "| 范围 | 支持 | 不支持 |")[language]
    lines = [head, "| --- | --- | --- |"]
    kinds = (
        "、".join(kind.name_zh for kind in ORDER_KINDS) if language else ", ".join(kind.name for kind in ORDER_KINDS)
    )
    lines.append(f"| {('order kinds', '报单类型')[language]} | {kinds} | – |")
    lines.append(f"| {('markets', '市场')[language]} | {markets(language)} | – |")
    served = CAPABILITIES.requests | BUILT_IN
    for name, name_zh, requests in AREAS:
        yes = [request for request in requests if request in served]
        no = [request for request in requests if request not in served]
        lines.append(f"| {(name, name_zh)[language]} | {_names(yes) or '–'} | {_names(no) or '–'} |")
    queries = [name for name in methods.TRADER if name.startswith(("ReqQry", "ReqQueryMax", "ReqQueryCFMMC"))]
    yes = [name for name in queries if name in served]
    no = [name for name in queries if name not in served]
    refused = _names(sorted(unsupported.NOT_IN_CTP))
    others = len(no) - len(unsupported.NOT_IN_CTP)
    rest = (
        f"empty result: {others} others; error 27: {refused}",
        f"空结果：其余 {others} 种；错误 27：{refused}",
    )[language]
    lines.append(f"| {('queries', '查询')[language]} | {len(yes)}: {_names(yes)} | {rest} |")
    return "\n".join(lines)


def markets(language: int) -> str:
    """Exchanges by what can be traded there."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for exchange, classes in CAPABILITIES.markets.items():
        groups.setdefault(classes, []).append(exchange)
    shown = []
    for classes, exchanges in groups.items():
        names = [CLASS_NAMES[name][language] for name in classes]
        shown.append(f"{' '.join(exchanges)}{'：' if language else ': '}{('、' if language else ', ').join(names)}")
    return ("; ", "；")[language].join(shown)


def _names(requests: list[str]) -> str:
    return " ".join(f"`{request.removeprefix('ReqQry').removeprefix('Req')}`" for request in requests)


# --- errors ---------------------------------------------------------------------------------------------------------
def raised() -> set[int]:
    """The CTP errors that the counter's code uses: constants of ``rejections`` named outside tables of texts."""
    used: set[str] = set()
    reasons: set[str] = set()
    for path in sorted((ROOT / "ctp2" / "tts").glob("*.py")):
        names = set(re.findall(r"\b(?:error|rejections)\.([A-Z][A-Z_0-9]+)\b", path.read_text("utf-8")))
        (reasons if path.stem == "codes" else used).update(names)
    numbers = {vars(rejections)[name] for name in used - reasons if name in vars(rejections)}
    house = {session.BUSY, session.QUERY_TOO_SOON, unsupported.NOT_LOGGED_IN, unsupported.UNSUPPORTED}
    return numbers | house | {unsupported.WRONG_FRONT}


def errors(language: int) -> str:
    """The refusals by request, in the order of the checks, and the codes that never come."""
    can = raised()
    lines: list[str] = []
    for section in precedence.SECTIONS:
        rows = [line for line in section.lines if line.error in can]
        if not rows:
            continue
        title = (section.title, section.title_zh)[language]
        requests = " ".join(f"`{name}`" for name in section.requests)
        lines += ["", f"### {title}", ""]
        if requests:
            lines += [requests, ""]
        lines += [("| No. | Text | Cause |", "| 编号 | 文字 | 原因 |")[language], "| --- | --- | --- |"]
        for line in rows:
            lines.append(f"| {line.error} | {prompt(line.error)} | {(line.cause, line.cause_zh)[language]} |")
    lines += ["", ("### Never answered", "### 不会出现的编号")[language], ""]
    lines += [("| No. | Text | Why not |", "| 编号 | 文字 | 原因 |")[language], "| --- | --- | --- |"]
    for number, why in sorted(precedence.NEVER.items()):
        if number not in can:
            lines.append(f"| {number} | {prompt(number)} | {why[language]} |")
    return "\n".join(lines).strip()


def prompt(number: int) -> str:
    """CTP's text as a client gets it."""
    return rsp_info(number).ErrorMsg


# --- the command ----------------------------------------------------------------------------------------------------
TABLES: Final = (
    ("README.md", "capabilities", ENGLISH),
    ("README.zh-CN.md", "capabilities", CHINESE),
    ("docs/errors.md", "errors", ENGLISH),
    ("docs/zh/errors.md", "errors", CHINESE),
)


def generated() -> dict[Path, str]:
    """What every document with such a table should hold."""
    made = {"capabilities": capabilities, "errors": errors}
    texts: dict[Path, str] = {}
    for name, marker, language in TABLES:
        path = ROOT / name
        text = path.read_text("utf-8")
        start, end = f"<!-- {marker}:start -->", f"<!-- {marker}:end -->"
        if text.count(start) != 1 or text.count(end) != 1:
            raise SystemExit(f"{name}: needs {start} and {end} once each")
        before, _, rest = text.partition(start)
        texts[path] = f"{before}{start}\n{made[marker](language)}\n{end}{rest.partition(end)[2]}"
    return texts


def stale() -> list[Path]:
    """The documents whose table differs."""
    return [path for path, text in generated().items() if path.read_text("utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Run one sub-command; see the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=("generate", "check"))
    options = parser.parse_args(arguments)
    if options.verb == "generate":
        for path, text in generated().items():
            path.write_text(text, "utf-8", newline="\n")
        return 0
    late = stale()
    for path in late:
        print(f"{path.relative_to(ROOT)} is stale: run python tools/gen_capabilities.py generate", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
