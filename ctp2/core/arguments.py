"""Checks of the arguments of Api calls: an exception that names call, argument and limit, before anything happens."""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Sequence
from typing import Any, Final

from ctp2.core.flow import Resume

log = logging.getLogger("ctp2.api")

INT32: Final = range(-(2**31), 2**31)
_CODE_BYTES: Final = 80


def text(argument: str, value: str | bytes) -> str:
    """``value`` as text: what was written for SWIG may pass bytes."""
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, str):
        return value
    raise TypeError(f"{argument}: expected str, got {type(value).__name__}")


def of_struct(function: str, field: Any, struct: str) -> Any:
    """``field``, if it is a ``struct`` or of a class derived from it."""
    if any(base.__name__ == struct for base in type(field).__mro__):
        return field
    got = "None" if field is None else type(field).__name__
    raise TypeError(f"{function}: expected a {struct}, got {got}")


def int32(function: str, argument: str, value: Any) -> int:
    """``value``, if it is a whole number that fits into a C int."""
    try:
        number = int(operator.index(value))
    except TypeError:
        raise TypeError(f"{function}: {argument} must be an int, got {type(value).__name__}") from None
    if number not in INT32:
        raise ValueError(f"{function}: {argument} {number} does not fit into 32 bits")
    return number


def resume_type(function: str, value: Any) -> Resume:
    """``value`` as one of the resume modes."""
    number = int32(function, "nResumeType", value)
    try:
        return Resume(number)
    except ValueError:
        raise ValueError(f"{function}: nResumeType {number} is none of the THOST_TERT_ constants") from None


def codes(function: str, instruments: Any, number: Any) -> tuple[str, ...]:
    """The first ``number`` instruments, in the forms that users write: a list of str or bytes, or one alone."""
    listed: Sequence[Any] = [instruments] if isinstance(instruments, str | bytes) else instruments
    if not isinstance(listed, list | tuple):
        raise TypeError(f"{function}: ppInstrumentID must be a list of str or bytes, got {type(instruments).__name__}")
    wanted = int32(function, "nCount", number)
    if wanted < 0:
        raise ValueError(f"{function}: nCount is {wanted}")
    if wanted > len(listed):
        # Some programs hand in a request number here, as SWIG cannot compare the two.
        log.warning("%s: nCount is %d, but %d instruments are given: these are taken", function, wanted, len(listed))
    return tuple(_code(function, item) for item in listed[:wanted])


def _code(function: str, item: Any) -> str:
    if isinstance(item, bytes):
        item = item.decode("gb18030")
    if not isinstance(item, str):
        raise TypeError(f"{function}: an instrument must be str or bytes, got {type(item).__name__}")
    if len(item) > _CODE_BYTES or len(item.encode("gb18030", "replace")) > _CODE_BYTES:
        raise ValueError(
            f"{function}: instrument {item[:20]!r}… is longer than the {_CODE_BYTES} bytes of InstrumentID"
        )
    return item
