"""The web sources, one file each: what a source calls an instrument, its URL, and what its replies say.

Everything here is pure: text in, rows out. A row is a key and the text between the quotes; nothing is cut or converted
before somebody wants it, because most rows of a poll say what the poll before said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctp2.quotes.symbols import Symbol

Layout = Literal["sina", "tencent"]


class Reply:
    """What a body holds: rows by key (the last of equal keys), control statements, and what kind of body it was."""

    __slots__ = ("control", "is_refused", "is_throttled", "is_whole", "rows")

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.control: dict[str, str] = {}
        self.is_refused = False
        """``sys_auth=FAILED``: one key spoils the whole batch (spec 8.4)."""
        self.is_throttled = False
        """Short rows for full keys (spec 8.4)."""
        self.is_whole = True
        """False when the last statement was cut off: its key counts as missing this time."""

    @property
    def is_empty(self) -> bool:
        """Whether the body holds no statement at all: an error page, or nothing."""
        return not self.rows and not self.control and not self.is_refused


class Source(Protocol):
    """One web source over HTTP."""

    name: str
    layout: Layout
    system_name: str
    hosts: Sequence[str]
    headers: Mapping[str, str]
    batch: int
    batch_max: int

    def key_of(self, symbol: Symbol) -> str:
        """What the source calls an instrument; empty when it does not carry it."""

    def url(self, base: str, keys: Sequence[str]) -> str:
        """The address of a batch; ``base`` is ``https://host``."""

    def parse(self, text: str) -> Reply:
        """The rows of a body."""


AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
"""Both sources serve browsers."""


_MARK: Final = b"\xef\xbb\xbf"


def decoded(body: bytes) -> str:
    """The text of a body, whatever its header says.

    UTF-8 is tried first: GB18030 reads any UTF-8 in some way, and there a character may swallow the ``~`` behind it,
    while UTF-8 leaves every digit and separator where it is. Bytes that fit neither are replaced; only names suffer.
    """
    # A mark of UTF-8 in front of GB18030 would take the first letter of the first statement with it.
    body = body.removeprefix(_MARK)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030", errors="replace").removeprefix("\ufeff")
