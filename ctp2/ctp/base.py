"""What all CTP structs have in common, and how :mod:`ctp2.ctp.structs` builds one on first use.

A struct is described by one line, ``"BrokerID:11 Direction:c LimitPrice:d VolumeTotalOriginal:i"``: field and kind,
where the kind is ``c`` (one character), ``i`` (int32), ``h`` (int16), ``d`` (double), the ``N`` of ``char[N]``, or
``bN`` for a ``char[N]`` that holds a piece of a text cut anywhere, maybe within a character: Python gets its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self, cast

import msgspec

SECRETS: Final = frozenset(
    {
        *("AuthCode", "AuthInfo", "AuthKey", "BankPassWord", "Captcha", "CurrentKey", "FirstOTP", "FutureAccPwd"),
        *("MacKey", "NewBankPassWord", "NewPassword", "OTPPassword", "OldPassword", "OneTimePassword", "Password"),
        *("PasswordDeprecated", "PinKey", "PreAuthCode", "SMSCode", "SecondOTP", "Text", "Token", "TradingPassword"),
    }
)
"""Fields whose value never shows in a ``repr``."""

_PYTHON: Final[dict[str, tuple[type, object]]] = {"i": (int, 0), "h": (int, 0), "d": (float, 0.0)}
_TEXT: Final = (str, "")
_PIECE: Final = (bytes, b"")

_any_attribute = False


def accept_any_attribute() -> None:
    """Let every struct built from now on keep attributes that CTP does not know, as the SWIG classes do.

    For a process that runs a program written for those: some set members of another struct, or of another version.
    Cannot be undone, as the classes are built once.
    """
    global _any_attribute
    _any_attribute = True


class CtpStruct(msgspec.Struct, gc=False, repr_omit_defaults=True):
    """Base of all CTP structs: every field defaulted, set by attribute or keyword, compared by value.

    ``gc=False`` because fields hold only text and numbers, which cannot form cycles.
    """

    if TYPE_CHECKING:

        def __copy__(self) -> Self:
            """A copy: msgspec's own, which its stubs leave out; faster than ``copy.copy``."""


class _SecretStruct(CtpStruct):
    """Base of the structs that carry a secret: shows ``***`` in its place."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value, _ in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any, Any]]:  # type: ignore[override]  # a generator is what rich wants
        for name, default in zip(self.__struct_fields__, self.__struct_defaults__, strict=True):
            value = getattr(self, name)
            if value != default:
                yield name, "***" if name in SECRETS else value, default


def parse(description: str) -> Iterator[tuple[str, str]]:
    """Field and kind of every field of a struct's description."""
    for item in description.split():
        field, _, kind = item.partition(":")
        yield field, kind


def build(name: str, description: str, module: str) -> type[CtpStruct]:
    """Make the class ``name`` from its description."""
    fields: list[tuple[str, type, Any]] = []
    base: type[CtpStruct] = CtpStruct
    for field, kind in parse(description):
        fields.append((field, *_PYTHON.get(kind, _PIECE if kind[0] == "b" else _TEXT)))
        if field in SECRETS:
            base = _SecretStruct
    namespace = {"__doc__": f"The CTP struct {name}."}
    # msgspec gives a __dict__ only to what the garbage collector looks after.
    loose = _any_attribute
    made = msgspec.defstruct(name, fields, bases=(base,), module=module, namespace=namespace, dict=loose, gc=loose)
    cls = cast(type[CtpStruct], made)
    # msgspec's own setter looks after garbage collection, which gc=False leaves nothing to do for; with the plain one
    # the interpreter can specialise "order.LimitPrice = …", which makes filling a struct more than twice as fast.
    cls.__setattr__ = object.__setattr__  # type: ignore[method-assign]
    cls.__delattr__ = object.__delattr__  # type: ignore[method-assign]
    return cls
