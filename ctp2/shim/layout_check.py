"""A source that does not compile unless a revision's layout is the schema's: struct sizes, and the slot of each method.

The sizes and offsets stand in the header itself (``header.py``). A slot is what the compiler put into a pointer
to the method: not a constant to the language, but folded by the optimiser, so that a wrong one leaves a call of a
function that must not be called.
"""

from __future__ import annotations

from typing import Final

from ctp2.ctp import schema

HEADER: Final = "layout.h"
SOURCE: Final = "layout.cpp"

_INCLUDE: Final = f'#include "{HEADER}"\n'
_CHECK: Final = """#include <cstddef>

namespace {

[[gnu::error("a method is not in the slot of the schema")]] void wrong_slot();

template <class Method> inline __attribute__((always_inline)) void check(Method method, std::size_t slot) {
    union {
        Method method;
        std::size_t word;  // a virtual method: its offset in the table, marked here or (arm64) in the next word
    } bits = {method};
#if defined(__aarch64__)
    constexpr std::size_t MARK = 0;
#else
    constexpr std::size_t MARK = 1;
#endif
    if (bits.word != MARK + slot * sizeof(void *)) wrong_slot();
}

}  // namespace

void ctp2_check_slots() {
"""


def source(revision: str, is_itanium: bool) -> str:
    """The source for a revision, beside which ``HEADER`` must lie.

    ``is_itanium``: pointers to methods are as in the Itanium interface. Elsewhere only the header is held against the
    schema.
    """
    if not is_itanium:
        return _INCLUDE
    lines = [_INCLUDE, _CHECK]
    for owner, methods in schema.load(revision)["classes"].items():
        slots = (one["name"] for one in methods if not one.get("static"))
        lines += [f"    check(&{owner}::{name}, {slot});\n" for slot, name in enumerate(slots)]
    return "".join(lines) + "}\n"
