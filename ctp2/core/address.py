"""Front addresses: ``scheme://host[:port]/path?option=value``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping


class Address:
    """A parsed front address; equal addresses share one backend in a process.

    ``scheme`` is lower case, ``host`` everything between ``//`` and ``/`` or ``?`` (with its port), ``path`` the rest
    before ``?`` without leading slash, ``options`` the query part in the order given.
    """

    __slots__ = ("host", "options", "path", "scheme", "text")

    def __init__(self, scheme: str, host: str, path: str, options: dict[str, str], text: str) -> None:
        self.scheme = scheme
        self.host = host
        self.path = path
        self.options = options
        self.text = text

    @property
    def key(self) -> tuple[str, str, str, frozenset[tuple[str, str]]]:
        """What makes two addresses the same place."""
        return (self.scheme, self.host, self.path, frozenset(self.options.items()))

    def __repr__(self) -> str:
        return f"Address({self.text!r})"

    def located(self, names: Iterable[str], words: Collection[str] = ()) -> Address:
        """The same place with the files of these options named so that they are the same from every folder.

        ``words`` stand there for no file. ``text`` stays what was written.
        """
        paths = {
            name: os.path.abspath(path)
            for name in names
            if (path := self.options.get(name)) and path not in words and not os.path.isabs(path)
        }
        return self.having(paths) if paths else self

    def having(self, options: Mapping[str, str]) -> Address:
        """The same with other values of options."""
        return Address(self.scheme, self.host, self.path, {**self.options, **options}, self.text)

    def rendered(self) -> str:
        """Scheme, host, path and options as a text that :func:`parse` reads."""
        from urllib.parse import urlencode

        path = f"/{self.path}" if self.path else ""
        options = f"?{urlencode(self.options, safe=':/,*')}" if self.options else ""
        return f"{self.scheme}://{self.host}{path}{options}"


def parse(text: str) -> Address:
    """Parse a front address.

    vn.py puts ``tcp://`` before a scheme it does not know (``tcp://tts://7x24``); the inner address wins.

    Raises:
        ValueError: no scheme, an option given twice, or an option without ``=``.
    """
    text = text.strip()
    if text.startswith("tcp://") and "://" in text[6:]:
        text = text[6:]
    if "://" not in text:
        raise ValueError(f"front address {text!r} has no scheme: write for example tcp://127.0.0.1:20002 or tts://7x24")
    # Imported late: it is not needed before a front is registered.
    from urllib.parse import parse_qsl, urlsplit

    parts = urlsplit(text)
    options: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        if name in options:
            raise ValueError(f"front address {text!r}: option {name} is given twice")
        options[name] = value
    return Address(parts.scheme, parts.netloc, parts.path.lstrip("/"), options, text)
