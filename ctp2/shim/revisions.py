"""Which revisions there are, by the names that vendor libraries carry (spec native 2).

The number of a version does not say which layout a program was compiled for: patch releases put methods into the middle
of the vtable. A vendor library contains its revision string in clear; builds are keyed by it, and a revision that is
not here is refused, never served by a neighbour's layout.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ctp2.ctp import schema


class Revision(NamedTuple):
    """One binary interface.

    ``name`` is the schema's (``6.7.9`` is 6.7.9_P1, ``6.7.9_20241224`` the one before it); ``vendor`` are the revision
    strings of the vendor's libraries that have it, the first one Linux's.
    """

    name: str
    vendor: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """What ``GetApiVersion`` says: programs parse its front."""
        return f"{self.vendor[0]} ctp2"

    @property
    def macos_api_version(self) -> str:
        """What it says on macOS, where one revision has a name of its own."""
        return f"{next((name for name in self.vendor if '_MacOS_' in name), self.vendor[0])} ctp2"


REVISIONS: Final = (
    Revision("6.3.15", ("6.3.15_20190220", "v6.3.15_20190220")),
    Revision("6.3.19", ("v6.3.19_P1_20200106",)),
    Revision("6.5.1", ("v6.5.1_20200908",)),
    Revision("6.6.1", ("v6.6.1_P1_20210406",)),
    Revision("6.6.7", ("v6.6.7_20220613",)),
    Revision("6.6.9", ("v6.6.9_20220914",)),
    Revision("6.7.0", ("v6.7.0_20230209",)),
    Revision("6.7.1", ("v6.7.1_20230613",)),
    Revision("6.7.2", ("v6.7.2_20230913",)),
    Revision("6.7.7", ("v6.7.7_20240607", "v6.7.7_MacOS_20240716")),
    Revision("6.7.8", ("v6.7.8_20240918",)),
    Revision("6.7.9_20241224", ("v6.7.9_20241224",)),
    Revision("6.7.9", ("v6.7.9_P1_20250319",)),
    Revision("6.7.10", ("v6.7.10_20250422",)),
    Revision("6.7.11", ("v6.7.11_20250617",)),
    Revision("6.7.13", ("v6.7.13_20260225",)),
)
"""All of them, oldest first."""

_BY_NAME: Final = {revision.name: revision for revision in REVISIONS}
_BY_VENDOR: Final = {vendor: revision for revision in REVISIONS for vendor in revision.vendor}
_STRING: Final = re.compile(rb"v?6\.\d{1,2}\.\d{1,2}(?:_[A-Za-z0-9]{1,12})?_20\d{6}(?!\d)")

assert tuple(_BY_NAME) == schema.VERSIONS


def by_name(name: str | Revision) -> Revision:
    """The revision of a schema's name or of the vendor's string for it; a revision is its own.

    Names may have ``_P1`` where that is what it is, and strings what follows them in a library (``ctp2``, a time).

    Raises:
        ValueError: there is none.
    """
    if isinstance(name, Revision):
        return name
    plain = "6.7.9" if name == "6.7.9_P1" else name
    found = _BY_NAME.get(plain) or by_vendor(name)
    if found is None:
        raise ValueError(f"no CTP revision {name!r}; there are: {', '.join(_BY_NAME)}")
    return found


def by_vendor(text: bytes | str) -> Revision | None:
    """The revision of a vendor's revision string, whatever follows it (as a build time); None if there is none."""
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    found = _STRING.match(data)
    return _BY_VENDOR.get(found.group().decode()) if found else None


def vendor_strings(content: bytes) -> list[str]:
    """Every revision string in the content of a library, each once, in the order in which they stand."""
    return list(dict.fromkeys(found.group().decode() for found in _STRING.finditer(content)))
