"""Settings from files and the environment, and which of several wins.

A setting is looked for in this order, and the first that has it counts: argument, address, environment variable
(``CTP2_SERVE_WEB_PORT`` is ``web_port`` of the section ``serve``), ``./ctp2.toml``, ``config.toml`` in the user's data
folder, default. Tables of settings are merged key by key, lists are taken whole. A file that is named takes the
place of both files.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from ctp2.core.paths import data_dir
from ctp2.front.limits import Limits

LOCAL_FILE: Final = "ctp2.toml"
USER_FILE: Final = "config.toml"
PREFIX: Final = "CTP2_"
DEFAULT: Final = "default"
TRADE_PORT: Final = 20002
MD_PORT: Final = 20004
WEB_PORT: Final = 20080

Table = Mapping[str, Any]
OFF: Final = "off"
Port = Annotated[
    Annotated[int, Field(ge=0, le=65_535)] | None, BeforeValidator(lambda value: None if value == OFF else value)
]
"""0 is any free one; ``"off"`` (inside: None) is not offered."""
_Model = TypeVar("_Model", bound=BaseModel)


class SettingsError(ValueError):
    """A settings file, a variable or a value that cannot be; the text says where it stands."""


class Layer(NamedTuple):
    """Settings of one origin."""

    origin: str
    values: Table


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------------ models
class Environment(_Strict):
    """One backend and its fronts."""

    name: str = Field(default="", max_length=64, pattern=r"^[\w.-]*$")
    backend: str = "tts://7x24"
    trade_port: Port = TRADE_PORT
    md_port: Port = MD_PORT


class Serve(_Strict):
    """The section ``serve``: what ``ctp2 serve`` offers."""

    backend: str = "tts://7x24"
    trade_port: Port = TRADE_PORT
    md_port: Port = MD_PORT
    environments: tuple[Environment, ...] = ()
    """Several at once, in place of the three settings above."""
    host: str = "127.0.0.1"
    web_port: Port = WEB_PORT
    web_host: str = ""
    """Empty: where the fronts are."""
    data: str = ""
    """The folder of logs and accounts (``--data``)."""
    open: bool = False
    insecure: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    log: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    limits: Limits = Limits()

    @field_validator("limits", mode="before")
    @classmethod
    def _known_limits(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            known = {field.name for field in fields(Limits)}
            unknown = sorted(set(value) - known)
            if unknown:
                raise ValueError(f"unknown limit {unknown[0]}; known: {', '.join(sorted(known))}")
            negative = sorted(name for name, number in value.items() if isinstance(number, int | float) and number < 0)
            if negative:
                raise ValueError(f"limit {negative[0]} is negative")
        return value

    @model_validator(mode="after")
    def _one_or_several(self) -> Serve:
        alone = {"backend", "trade_port", "md_port"} & self.model_fields_set
        if self.environments and alone:
            raise ValueError(f"{min(alone)} is for a server of one environment: write it into [[serve.environments]]")
        names = [one.name for one in self.environments]
        if len(names) > 1 and (not all(names) or len(set(names)) < len(names)):
            raise ValueError("each of [[serve.environments]] needs a name of its own")
        return self

    @property
    def served(self) -> tuple[Environment, ...]:
        """The environments, one at least."""
        if self.environments:
            return self.environments
        return (Environment(backend=self.backend, trade_port=self.trade_port, md_port=self.md_port),)


class Private(_Strict):
    """The section ``private``: servers that native programs start for themselves (``ctp2 serve --private``)."""

    linger: float = Field(default=10.0, gt=0)
    """Seconds after its last client in which a server ends."""
    first: float = Field(default=30.0, gt=0)
    """Seconds in which the first client must have come."""
    log: Literal["debug", "info", "warning", "error"] = "info"


# ------------------------------------------------------------------ layers
def resolve(
    model: type[_Model], section: str, argument: Table, address: Table | None = None, file: str | Path | None = None
) -> _Model:
    """The settings of a section.

    ``argument`` and ``address`` hold what the caller was given there (None: not given); ``file`` stands for both files.

    Raises:
        SettingsError: a file that is not there or no TOML, an unknown setting, a value that cannot be.
    """
    layers = [Layer("argument", _given(argument)), Layer("address", _given(address or {}))]
    layers.append(Layer("environment", _environment(model, section)))
    layers += _files(section, file)
    values: dict[str, Any] = {}
    for layer in reversed(layers):
        _lay_over(values, layer.values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_told(error, section, layers)) from None


def _given(values: Table) -> Table:
    return {name: value for name, value in values.items() if value is not None}


def _lay_over(values: dict[str, Any], upper: Table) -> None:
    for name, value in upper.items():
        below = values.get(name)
        if isinstance(value, Mapping) and isinstance(below, dict):
            _lay_over(below, value)
        elif isinstance(value, Mapping):
            values[name] = dict(value)
        else:
            values[name] = value


def _environment(model: type[BaseModel], section: str) -> Table:
    """``CTP2_<SECTION>_<SETTING>``, for single values and those of a table of them; no other name may begin so."""
    prefix = f"{PREFIX}{section.upper()}_"
    places = dict(_places(model, prefix))
    values: dict[str, Any] = {}
    for name, value in os.environ.items():
        if not name.startswith(prefix):
            continue
        if name not in places:
            raise SettingsError(f"environment variable {name}: no such setting; known: {', '.join(sorted(places))}")
        *tables, last = places[name]
        inner = values
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[last] = value
    return values


def _places(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if field.annotation is Limits:
            for limit in fields(Limits):
                yield f"{variable}_{limit.name.upper()}", (name, limit.name)
        elif name != "environments":
            yield variable, (name,)


def _files(section: str, file: str | Path | None) -> list[Layer]:
    if file is not None:
        if not Path(file).is_file():
            raise SettingsError(f"no settings file {file}")
        return [_read(Path(file), section)]
    found = (Path(LOCAL_FILE), data_dir() / USER_FILE)
    return [_read(path, section) for path in found if path.is_file()]


def _read(path: Path, section: str) -> Layer:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    values = read.get(section, {})
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: [{section}] is no table")
    return Layer(str(path), values)


def _told(error: ValidationError, section: str, layers: list[Layer]) -> str:
    """The first of what is wrong, and where it stands."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in first["loc"]]
    what = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what = "no such setting"
    origin = next((layer.origin for layer in layers if place and place[0] in layer.values), "settings")
    return f"{origin}: {'.'.join([section, *place])}: {what}"
