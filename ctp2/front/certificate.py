"""A certificate that a server signs for itself, for clients that are given its file (``ssl://HOST:PORT?ca=FILE``)."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ctp2.core.clock import Clock

DAYS: Final = 3650
_CLOCKS_DIFFER: Final = timedelta(days=1)
_NS: Final = 1_000_000_000


def names_of(host: str, others: Sequence[str] = ()) -> list[str]:
    """The names by which clients may reach a server that listens at ``host``."""
    own = socket.gethostname()
    listens = [] if host in ("0.0.0.0", "::") else [host]
    return list(dict.fromkeys([*others, *listens, "localhost", "127.0.0.1", "::1", own]))


def make(cert: Path, key: Path, names: Sequence[str], clock: Clock) -> str:
    """Write a certificate for ``names`` and its key, which only its owner may read; returns its SHA-256 fingerprint.

    Raises:
        FileExistsError: one of the files is there already; it is left as it is.
    """
    for path in (cert, key):
        if path.exists():
            raise FileExistsError(17, "it is there already", str(path))
    private = ec.generate_private_key(ec.SECP256R1())
    made = _signed(private, names, datetime.fromtimestamp(clock.now_ns() // _NS, UTC))
    for path in (cert, key):
        path.parent.mkdir(parents=True, exist_ok=True)
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made.fingerprint(hashes.SHA256()).hex(":")


def _signed(private: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    public = private.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return builder.sign(private, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
