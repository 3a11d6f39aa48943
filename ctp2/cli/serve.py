"""``ctp2 serve``: the fronts of one or several backends, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ctp2.cli.errors import DONE, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core import address as addresses
from ctp2.core.address import Address
from ctp2.core.clock import LiveClock
from ctp2.core.errors import Ctp2Error, MissingExtra
from ctp2.core.paths import data_dir
from ctp2.front.server import Config
from ctp2.front.service import Service, configs_of, run
from ctp2.settings import Serve, SettingsError, resolve

_OPEN: Final = "open"
CERT_FILE: Final = "server.crt"
KEY_FILE: Final = "server.key"


def read(given: Mapping[str, Any], file: Path | None) -> Serve:
    """What to serve: ``given`` on the command line (None: not given), in a file, in the environment."""
    settings = resolve(Serve, "serve", given, file=file)
    return with_data(settings) if settings.data else settings


def serve(given: Mapping[str, Any], file: Path | None, as_json: bool) -> int:
    """Serve; returns when the server has ended in order."""
    try:
        settings = read(given, file)
    except ValueError as error:
        raise CliError(str(error), WRONG_USE) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror or error}", NOT_REACHABLE) from None
    problem = next(
        filter(None, (unprotected(one, settings.open, settings.insecure) for one in configs_of(settings))), ""
    )
    if problem:
        raise CliError(problem, WRONG_USE)
    try:
        run(settings, lambda service: _tell(service, as_json), lambda: read(given, file))
    except MissingExtra as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    except SettingsError as error:
        raise CliError(str(error), WRONG_USE) from None
    except (Ctp2Error, ValueError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    except OSError as error:
        raise CliError(text("serve.port", where=_places(settings), error=error), NOT_REACHABLE) from None
    return DONE


def make_cert(given: Mapping[str, Any], file: Path | None, names: Sequence[str], as_json: bool) -> int:
    """Make a certificate that the server signs for itself, and say how it is used."""
    try:
        settings = resolve(Serve, "serve", given, file=file)
    except SettingsError as error:
        raise CliError(str(error), WRONG_USE) from None
    try:
        from ctp2.front.certificate import make, names_of
    except ModuleNotFoundError as error:
        raise CliError(text("serve.no_extra", package=error.name), NOT_REACHABLE) from None
    cert = Path(settings.tls_cert or data_dir() / CERT_FILE)
    key = Path(settings.tls_key or cert.with_name(KEY_FILE))
    known = names_of(settings.host, names)
    try:
        fingerprint = make(cert, key, known, LiveClock())
    except OSError as error:
        raise CliError(text("serve.cert_failed", path=error.filename, error=error.strerror), NOT_REACHABLE) from None
    if as_json:
        print(json.dumps({"cert": str(cert), "key": str(key), "names": known, "sha256": fingerprint}))
    else:
        print(text("serve.cert_made", cert=str(cert), private=str(key), names=", ".join(known), sha256=fingerprint))
    return DONE


def with_data(settings: Serve) -> Serve:
    """The same with the logs and the accounts of the data folder, which is made if there is none."""
    from ctp2.tts.datafolder import DataFolder  # SQLite is for those who use it

    folder = DataFolder(settings.data)
    served = [
        one.model_copy(update={"backend": folder.address(one.backend, lets_all_in=settings.open)})
        for one in settings.served
    ]
    folder.make()
    return settings.model_copy(update={"environments": tuple(served)})


def unprotected(config: Config, is_open: bool, is_insecure: bool) -> str:
    """Why the server must not start so; empty when it may."""
    try:
        backend = addresses.parse(config.backend)
    except ValueError as error:
        return str(error)
    for file in (config.tls_cert, config.tls_key):
        if file and not Path(file).is_file():
            return text("serve.no_file", path=file)
    lets_all_in = _lets_all_in(backend)
    if is_open and not lets_all_in:
        return text("serve.open_and_accounts", backend=config.backend)
    if lets_all_in and not is_open:
        return text("serve.nobody", backend=config.backend)
    if is_insecure or is_loopback(config.host):
        return ""
    if lets_all_in:
        return text("serve.open_to_all", host=config.host)
    if not config.tls_cert:
        return text("serve.no_tls", host=config.host)
    return ""


def _lets_all_in(backend: Address) -> bool:
    """Whether the backend takes every user and password, as our own counter and ``ib://`` do unless told otherwise."""
    options = backend.options
    lets_in = options.get("accounts", _OPEN) == _OPEN or options.get("new_accounts") == "on"
    return backend.scheme in ("tts", "ib") and lets_in


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _places(settings: Serve) -> str:
    ports = [port for one in settings.served for port in (one.trade_port, one.md_port)]
    return f"{settings.host}:{'/'.join(str(port) for port in (*ports, settings.web_port) if port is not None)}"


def _tell(service: Service, as_json: bool) -> None:
    environments = [
        {
            "name": server.config.name,
            "backend": server.config.backend,
            **{kind: server.address(kind) for kind in server.ports},
        }
        for server in service.servers
    ]
    web = service.web.address if service.web is not None else ""
    if as_json:
        only = {key: value for key, value in environments[0].items() if key != "name"} if len(environments) == 1 else {}
        print(json.dumps({**only, "environments": environments, "web": web}), flush=True)
        return
    for one in environments:
        if one["name"]:
            print(text("serve.environment", name=one["name"], backend=one["backend"]))
        for kind in ("trader", "md"):
            if kind in one:
                print(text(f"serve.{kind}", address=one[kind]))
    if web:
        print(text("serve.web", address=web))
    print(text("serve.end"), flush=True)
