"""Passwords that can be compared and not be read, and the form in which a file may hold them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

SCHEME: Final = "scrypt"
_SCRYPT_COST: Final = 1 << 12


def hashed(password: str) -> str:
    """A password as the file of accounts may hold it: salted, not to be turned back (``scrypt:SALT:HASH``)."""
    salt = secrets.token_bytes(16)
    return f"{SCHEME}:{salt.hex()}:{_scrypt(password, salt).hex()}"


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_SCRYPT_COST, r=8, p=1, dklen=32)


class Secret:
    """A password that can be compared and not be read; never shown."""

    __slots__ = ("_digest", "_salt")

    def __init__(self, text: str) -> None:
        """``text``: the password, or the form of :func:`hashed`."""
        scheme, _, rest = text.partition(":")
        salt, _, digest = rest.partition(":")
        if scheme == SCHEME and digest:
            self._salt = bytes.fromhex(salt)
            self._digest = bytes.fromhex(digest)
        else:
            self._salt = b""
            self._digest = self._quick(text)

    def is_(self, password: str) -> bool:
        """Whether ``password`` is it."""
        given = _scrypt(password, self._salt) if self._salt else self._quick(password)
        return hmac.compare_digest(given, self._digest)

    @staticmethod
    def _quick(password: str) -> bytes:
        """What is kept in this process alone: keyed with a number that ends with it."""
        return hashlib.blake2b(password.encode(), key=_PROCESS_KEY).digest()


_PROCESS_KEY: Final = secrets.token_bytes(32)
