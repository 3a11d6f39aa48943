"""``ctp2 serve``: the fronts of a backend, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import ipaddress
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

from ctp2.cli.errors import DONE, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core import address as addresses
from ctp2.core.address import Address
from ctp2.core.errors import Ctp2Error
from ctp2.front.server import Config, Server, run

_OPEN: Final = "open"
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


def serve(config: Config, data: Path | None, is_open: bool, is_insecure: bool, log_level: str, as_json: bool) -> int:
    """Serve; returns when the server has ended in order."""
    if data is not None:
        config = with_data(config, data, is_open)
    problem = unprotected(config, is_open, is_insecure)
    if problem:
        raise CliError(problem, WRONG_USE)
    logging.basicConfig(level=log_level.upper(), format=_FORMAT)
    try:
        run(config, lambda server: _tell(server, as_json))
    except (Ctp2Error, ValueError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    except OSError as error:
        where = f"{config.host}:{config.trade_port}/{config.md_port}"
        raise CliError(text("serve.port", where=where, error=error), NOT_REACHABLE) from None
    return DONE


def with_data(config: Config, data: Path, is_open: bool) -> Config:
    """The same with the log and the accounts of a folder, which is made if there is none."""
    from ctp2.tts.datafolder import DataFolder  # SQLite is for those who use it

    folder = DataFolder(data)
    try:
        backend = folder.address(config.backend, lets_all_in=is_open)
        folder.make()
    except ValueError as error:
        raise CliError(str(error), WRONG_USE) from None
    except OSError as error:
        raise CliError(f"{error.filename or data}: {error.strerror or error}", NOT_REACHABLE) from None
    return replace(config, backend=backend)


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
    """Whether the backend takes every user and password: only our own counter does, unless told otherwise."""
    options = backend.options
    lets_in = options.get("accounts", _OPEN) == _OPEN or options.get("new_accounts") == "on"
    return backend.scheme == "tts" and lets_in


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tell(server: Server, as_json: bool) -> None:
    fronts = {kind: server.address(kind) for kind in server.ports}
    if as_json:
        print(json.dumps({"backend": server.config.backend, **fronts}), flush=True)
        return
    for kind, front in fronts.items():
        print(text(f"serve.{kind}", address=front), flush=True)
    print(text("serve.end"), flush=True)
