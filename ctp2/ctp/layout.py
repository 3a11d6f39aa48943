"""Byte layouts: pack and unpack every struct exactly as C holds it in each CTP version, and check what users hand in.

``codec(version)`` knows one version: natural alignment, text in GB18030, little endian. What a version lacks is dropped
when packing and left at its default when unpacking.

* Packing never fails on content: text is cut between two characters so that its NUL fits, what GB18030 cannot encode
  becomes ``?``, an integer beyond the field is clamped to its limits. Input is the business of :func:`check`, which
  raises instead; packing serves output, where a shortened message beats a lost one.
* Unpacking never fails on content: text ends at its first NUL or at the end of the field, undecodable bytes become
  U+FFFD. An empty char is ``''``.
* A piece of a longer text (a statement's ``Content``) is ``bytes`` both ways, because it may be cut within a character;
  where a program sets ``str``, that is packed as any other text.

For speed each layout gets functions of its own, written as source and compiled on first use (versions share what they
have in common): a loop over the fields is several times slower (benchmarks/structs.py). Text is converted through
bounded tables, because CTP records repeat the same few values (codes, dates, ids) and a table answers many times faster
than Python's GB18030 codec; secrets and long texts bypass them.
"""

from __future__ import annotations

import logging
import struct as struct_module
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from ctp2.ctp import schema, structs
from ctp2.ctp.base import SECRETS, CtpStruct, parse
from ctp2.ctp.text import ENCODING, encode_cut

log = logging.getLogger("ctp2.api")

NEWEST: Final = schema.NEWEST

Kind = Literal["char", "text", "piece", "int", "short", "double"]
Buffer = bytes | bytearray | memoryview

_ALIGN: Final[dict[Kind, int]] = {"char": 1, "text": 1, "piece": 1, "int": 4, "short": 2, "double": 8}
_CODE: Final[dict[Kind, str]] = {"int": "i", "short": "h", "double": "d"}
_RANGE: Final[dict[str, tuple[int, int]]] = {"i": (-(2**31), 2**31 - 1), "h": (-(2**15), 2**15 - 1)}

_PRINTABLE: Final = range(32, 127)
"""Numbers taken for the character they stand for; a small one (Direction = 0) is more likely meant as the digit."""

_TABLE_TEXT: Final = 100
"""Longest field whose texts are worth keeping."""
_TABLE_SIZE: Final = 4096
"""Texts per table; a full table is emptied, which costs less than keeping an order of use."""


def versions() -> tuple[str, ...]:
    """The versions with a codec, oldest first; ``6.7.9`` is 6.7.9_P1."""
    return schema.VERSIONS


@cache
def codec(version: str) -> Codec:
    """The codec of a version; ``ValueError`` when there is none."""
    return Codec(version)


class Field(NamedTuple):
    """Where a field lies: ``length`` bytes from ``offset`` (a text's NUL included)."""

    name: str
    kind: Kind
    offset: int
    length: int


# --- text tables ----------------------------------------------------------------------------------------------------


class _Decoded(dict[bytes, str]):
    """Bytes of a text field → its text, as ``decode`` reads it."""

    __slots__ = ("decode",)

    def __init__(self, decode: Callable[[bytes], str]) -> None:
        self.decode = decode

    def __missing__(self, data: bytes) -> str:
        if len(self) >= _TABLE_SIZE:
            self.clear()
        self[data] = text = self.decode(data)
        return text


class _Encoded(dict[str, bytes]):
    """Text → what a field of ``limit`` bytes (without NUL) holds of it."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __missing__(self, text: str) -> bytes:
        if len(self) >= _TABLE_SIZE:
            self.clear()
        self[text] = data = _encode(text, self.limit)
        return data


def decode_text(data: bytes) -> str:
    """The text of a field: up to its first NUL, undecodable bytes as U+FFFD."""
    data = data.partition(b"\0")[0]
    return data.decode("ascii") if data.isascii() else data.decode(ENCODING, "replace")


def decode_foreign(data: bytes) -> str:
    """The text of a field that a foreign program filled: many write UTF-8 where CTP has GB18030.

    UTF-8 first, because its bytes are often valid GB18030 too and hardly ever the other way round.
    """
    data = data.partition(b"\0")[0]
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(ENCODING, "replace")


def _encode(text: str, limit: int) -> bytes:
    """What a field of ``limit`` bytes holds of a text; what follows a NUL would never be read."""
    if text.isascii():
        return text.encode("ascii").partition(b"\0")[0][:limit]
    return encode_cut(text.partition("\0")[0], limit)


_decoded: Final = _Decoded(decode_text)
_decoded_foreign: Final = _Decoded(decode_foreign)
_encoded: Final[dict[int, _Encoded]] = {}


def table(limit: int) -> Mapping[str, bytes]:
    """Text → what a field of ``limit`` bytes (without NUL) holds of it, for texts that repeat."""
    return _encoded.setdefault(limit, _Encoded(limit))


def _encode_piece(value: bytes | str, limit: int) -> bytes:
    """What a field of ``limit`` bytes holds of a piece of a text."""
    return _encode(value, limit) if isinstance(value, str) else value.partition(b"\0")[0][:limit]


def _kept(field: Field) -> bool:
    """Whether a text field goes through the tables."""
    return field.length <= _TABLE_TEXT and field.name not in SECRETS


# --- layouts --------------------------------------------------------------------------------------------------------


def _place(
    fields: Sequence[Sequence[str]], types: dict[str, str], pieces: Collection[str]
) -> tuple[tuple[Field, ...], int]:
    """Fields at their natural alignment, and the size of the whole."""
    placed = []
    offset = 0
    widest = 1
    for name, typedef in fields:
        kind, length = _kind_of(types.get(typedef, typedef))
        if name in pieces:
            kind = "piece"
        align = _ALIGN[kind]
        widest = max(widest, align)
        offset += -offset % align
        placed.append(Field(name, kind, offset, length))
        offset += length
    return tuple(placed), offset + -offset % widest


def _kind_of(c_type: str) -> tuple[Kind, int]:
    """Kind and length of a C type of the schema."""
    if c_type.startswith("char["):
        return "text", int(c_type[5:-1])
    kinds: dict[str, tuple[Kind, int]] = {
        "char": ("char", 1),
        "int": ("int", 4),
        "short": ("short", 2),
        "double": ("double", 8),
    }
    return kinds[c_type]


def _format(fields: Sequence[Field], size: int, text_ends: bool) -> str:
    """The format of ``struct``; with ``text_ends`` a text's last byte is always NUL, as packing needs it."""
    parts = ["<"]
    end = 0
    for field in fields:
        parts.append(f"{field.offset - end}x")
        if field.kind in ("text", "piece") and text_ends:
            parts.append(f"{field.length - 1}sx")
        else:
            parts.append(_CODE.get(field.kind) or f"{field.length}s")
        end = field.offset + field.length
    return "".join([*parts, f"{size - end}x"])


class Codec:
    """The byte layouts of one version."""

    def __init__(self, version: str) -> None:
        facts = schema.load(version)
        self.version = version
        self._types: dict[str, str] = facts["types"]
        self._structs: dict[str, list[list[str]]] = facts["structs"]
        self._layouts: dict[str, tuple[tuple[Field, ...], int]] = {}
        self._packers: dict[type, Callable[[Any], bytes]] = {}
        self._unpackers: dict[str, Callable[[Buffer], Any]] = {}

    def names(self) -> tuple[str, ...]:
        """The structs this version has."""
        return tuple(self._structs)

    def size(self, name: str) -> int:
        """``sizeof`` the struct."""
        return self._layout(name)[1]

    def fields(self, name: str) -> tuple[Field, ...]:
        """The fields in memory order."""
        return self._layout(name)[0]

    def pack(self, struct: CtpStruct) -> bytes:
        """The struct's bytes."""
        try:
            packer = self._packers[type(struct)]
        except KeyError:
            packer = self._packers[type(struct)] = _packer(*self._layout(struct_name(type(struct))))
        return packer(struct)

    def unpack(self, name: str, data: Buffer) -> Any:
        """The struct of exactly these bytes; ``ValueError`` when their number is wrong."""
        try:
            unpacker = self._unpackers[name]
        except KeyError:
            unpacker = self._unpackers[name] = self.unpacker(name)
        try:
            return unpacker(data)
        except struct_module.error:
            raise ValueError(f"{name} has {self.size(name)} bytes in {self.version}, not {len(data)}") from None

    def unpacker(self, name: str, foreign: bool = False) -> Callable[[Buffer], Any]:
        """The function that makes the struct of exactly its bytes; ``foreign``: written by any program, maybe in UTF-8.

        It raises ``struct.error`` when the number of bytes is wrong.
        """
        fields, size = self._layout(name)  # first: it says when the version has no such struct
        return _unpacker(getattr(structs, name), fields, size, foreign)

    def _layout(self, name: str) -> tuple[tuple[Field, ...], int]:
        layout = self._layouts.get(name)
        if layout is None:
            if name not in self._structs:
                raise ValueError(f"CTP {self.version} has no struct {name}")
            pieces = {field for field, kind in parse(structs.FIELDS[name]) if kind[0] == "b"}
            layout = self._layouts[name] = _place(self._structs[name], self._types, pieces)
        return layout


def struct_name(cls: type) -> str:
    """The CTP name of a struct class; ``TypeError`` for any other. A user's subclass counts as its CTP base."""
    for base in cls.__mro__:
        if base.__module__ == structs.__name__ and base.__name__ in structs.FIELDS:
            return base.__name__
    raise TypeError(f"a CTP struct is needed, not {cls.__name__}")


def _compile(lines: Sequence[str], name: str, names: dict[str, Any]) -> Any:
    """The function ``name`` that the source defines."""
    exec(compile("\n".join(lines), f"<ctp2.ctp.layout {name}>", "exec"), names)
    return names[name]


@cache
def _packer(fields: tuple[Field, ...], size: int) -> Callable[[Any], bytes]:
    """A function ``struct → bytes``: one expression per field, one call of ``struct.pack``."""
    form = struct_module.Struct(_format(fields, size, text_ends=True))
    names: dict[str, Any] = {
        "form": form.pack,
        "encode": _encode,
        "encode_piece": _encode_piece,
        "error": struct_module.error,
    }
    items = []
    for field in fields:
        limit = 1 if field.kind == "char" else field.length - 1
        if field.kind == "piece":
            items.append(f"encode_piece(s.{field.name}, {limit})")
        elif field.kind not in ("char", "text"):
            items.append(f"s.{field.name}")
        elif _kept(field):
            names[f"t{limit}"] = table(limit)
            items.append(f"t{limit}[s.{field.name}]")
        else:
            items.append(f"encode(s.{field.name}, {limit})")
    numbers = {field.name: _CODE[field.kind] for field in fields if field.kind in _CODE}
    names["clamped"] = lambda struct: _clamped(struct, numbers)
    call = f"form({', '.join(items)})"
    # Out of range is rare: the fast way tries, and only its failure looks at the numbers one by one.
    source = ["def pack(s):", "  try:", f"    return {call}", "  except (error, OverflowError):", "    s = clamped(s)"]
    packer: Callable[[Any], bytes] = _compile([*source, f"    return {call}"], "pack", names)
    return packer


def _clamped(struct: Any, numbers: dict[str, str]) -> Any:
    """A copy whose numbers fit; ``TypeError`` when one is no number."""
    copy = struct.__copy__()
    for name, kind in numbers.items():
        value = getattr(copy, name)
        if not isinstance(value, int) and not (kind == "d" and isinstance(value, float)):
            raise TypeError(_say(struct_name(type(struct)), name, f"a number is needed, not {type(value).__name__}"))
        if kind == "d":
            setattr(copy, name, _double(value))
        else:
            low, high = _RANGE[kind]
            setattr(copy, name, min(max(value, low), high))
    return copy


def _double(value: float) -> float:
    """``value`` as a double, infinite when it is an integer beyond all doubles."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


@cache
def _unpacker(
    cls: type[CtpStruct], fields: tuple[Field, ...], size: int, foreign: bool = False
) -> Callable[[Buffer], Any]:
    """A function ``bytes → struct``: the values become local variables, then arguments in the order of the class."""
    form = struct_module.Struct(_format(fields, size, text_ends=False))
    table = _decoded_foreign if foreign else _decoded
    names = {"form": form.unpack, "cls": cls, "text": table, "decode": table.decode}
    values = {}
    for field in fields:
        kept = "text[{}]" if _kept(field) else "decode({})"
        if field.kind == "piece":
            kept = "{}.partition(b'\\0')[0]"
        elif field.kind not in ("char", "text"):
            kept = "{}"
        values[field.name] = kept.format(field.name)
    for name, default in zip(cls.__struct_fields__, cls.__struct_defaults__, strict=True):
        values.setdefault(name, repr(default))
    arguments = ", ".join(values[name] for name in cls.__struct_fields__)
    variables = ", ".join(field.name for field in fields)
    source = ["def unpack(data):", f"  {variables}, = form(data)", f"  return cls({arguments})"]
    unpacker: Callable[[Buffer], Any] = _compile(source, "unpack", names)
    return unpacker


# --- input ----------------------------------------------------------------------------------------------------------


class _Checkers(dict[type, Callable[[Any], None]]):
    """Struct class → its check."""

    def __missing__(self, cls: type) -> Callable[[Any], None]:
        name = struct_name(cls)
        checker = _checker(name, list(parse(structs.FIELDS[name])))
        self[cls] = checker = _telling(checker, name) if cls.__dictoffset__ else checker
        return checker


_checkers: Final = _Checkers()


def check(struct: CtpStruct) -> None:
    """Raise when a field of a struct that a user hands in cannot hold its value.

    ``TypeError`` for a value of the wrong type (an int will do for a double, a bool for an int), ``ValueError`` for
    text too long in GB18030, not encodable or with a NUL inside, and for an integer beyond the field. The limits are
    those of the newest version that has the field. NaN and the infinities pass: a double holds them.

    Values that SWIG would convert on assignment are converted here, in the struct itself: None to an empty text, the
    number of a character to the character, an int for a double, and other kinds of float and int
    (numpy.float64, IntEnum), to plain ones.
    """
    _checkers[type(struct)](struct)


def _telling(checker: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    """``checker`` for a struct with any attributes: it tells once of each that CTP does not know."""
    told: set[str] = set()

    def check(struct: Any) -> None:
        for attribute in sorted(vars(struct).keys() - told):
            told.add(attribute)
            log.warning("%s has no member %s: what it was set to is not sent", name, attribute)
        checker(struct)

    return check


def _checker(name: str, fields: list[tuple[str, str]]) -> Callable[[Any], None]:
    """The check of one struct: true in one long condition when all is well, else a look at each field.

    One ``join`` proves that all texts are strings, ``isascii`` that characters count as bytes. A bitwise or of all
    integers that is neither negative nor too large proves each of them so. What fails may still be right (Chinese
    text): :func:`_examine` decides.
    """
    texts = [field for field, kind in fields if kind == "c" or kind.isdigit()]
    lines = ["def check(s):", "  try:"]
    lines += [f"    {field} = s.{field}" for field, _ in fields]
    tests = []
    if texts:
        lines.append(f"    joined = ''.join(({', '.join(texts)},))")
        tests += ["joined.isascii()", "'\\0' not in joined"]
    for field, kind in fields:
        if kind[0] == "b":
            tests.append(f"type({field}) is bytes and len({field}) < {kind[1:]}")
        elif kind not in "dih":
            tests.append(f"len({field}) < {2 if kind == 'c' else kind}")
    for code in "ih":
        numbers = [field for field, kind in fields if kind == code]
        if numbers:
            low, high = _RANGE[code]
            lines.append(f"    bits_{code} = {' | '.join(numbers)}")
            one_by_one = " and ".join(f"{low} <= {field} <= {high}" for field in numbers)
            tests += [f"type(bits_{code}) is int", f"(0 <= bits_{code} <= {high} or {one_by_one})"]
    doubles = [field for field, kind in fields if kind == "d"]
    floats = [f"type({field}) is float" for field in doubles]
    lines.append(f"    if {' and '.join([*tests, *floats]) or 'True'}: return")
    if doubles:
        # An int for a price is common; a double it becomes, as whoever reads the order back expects.
        numbers = [f"(type({field}) is float or type({field}) is int)" for field in doubles]
        lines.append(f"    if {' and '.join([*tests, *numbers])}:")
        lines += [f"      if type({field}) is int: s.{field} = double({field})" for field in doubles]
        lines.append("      return")
    lines += ["  except TypeError: pass", "  examine(s)"]
    names: dict[str, Any] = {"double": _double, "examine": lambda struct: _examine(struct, name, fields)}
    checker: Callable[[Any], None] = _compile(lines, "check", names)
    return checker


def _examine(struct: Any, name: str, fields: list[tuple[str, str]]) -> None:
    """Look at each field, convert what SWIG converts, and raise for the first that is wrong."""
    for field, kind in fields:
        given = getattr(struct, field)
        value = _converted(given, kind)
        if value is not given:
            setattr(struct, field, value)
        if kind in _RANGE:
            _examine_int(name, field, value, kind)
        elif kind == "d":
            if not isinstance(value, int | float):
                raise TypeError(_say(name, field, f"a float is needed, not {type(value).__name__}"))
        elif kind[0] == "b":
            _examine_piece(name, field, value, int(kind[1:]) - 1)
        else:
            _examine_text(name, field, value, 1 if kind == "c" else int(kind) - 1)


def _converted(value: Any, kind: str) -> Any:
    """What SWIG stores for a value it is given; the value itself when that is the same, or nothing it would take."""
    if kind == "d":
        return _double(value) if isinstance(value, float | int) else value
    if kind in _RANGE:
        return int(value) if isinstance(value, int) else value
    if value is None:
        return b"" if kind[0] == "b" else ""
    if kind != "c":
        return value
    if isinstance(value, int) and value in _PRINTABLE:
        value = chr(value)
    return "" if value == "\0" else value


def _examine_int(name: str, field: str, value: object, kind: str) -> None:
    low, high = _RANGE[kind]
    if not isinstance(value, int):
        raise TypeError(_say(name, field, f"an int is needed, not {type(value).__name__}"))
    if not low <= value <= high:
        raise ValueError(_say(name, field, f"the number is out of range, the field holds {low} to {high}"))


def _examine_text(name: str, field: str, value: object, limit: int) -> None:
    if not isinstance(value, str):
        raise TypeError(_say(name, field, f"a str is needed, not {type(value).__name__}"))
    if "\0" in value:
        raise ValueError(_say(name, field, "the text contains a NUL character"))
    try:
        length = len(value.encode(ENCODING))
    except UnicodeEncodeError as error:
        raise ValueError(_say(name, field, f"character {error.start + 1} cannot be encoded in GB18030")) from None
    if length > limit:
        raise ValueError(_say(name, field, f"{length} bytes in GB18030, the field holds {limit}"))


def _examine_piece(name: str, field: str, value: object, limit: int) -> None:
    """Bytes that fit, or a text."""
    if isinstance(value, str):
        _examine_text(name, field, value, limit)
    elif not isinstance(value, bytes):
        raise TypeError(_say(name, field, f"a str or bytes is needed, not {type(value).__name__}"))
    elif len(value) > limit:
        raise ValueError(_say(name, field, f"{len(value)} bytes, the field holds {limit}"))


def _say(name: str, field: str, what: str) -> str:
    """A message; it never shows the value, which may be a secret."""
    return f"{name}.{field}: {what}"
