"""What lies in ``deploy``: a systemd unit, a Dockerfile and settings that this version understands."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from ctp2.cli.app import app
from ctp2.front.service import Service
from ctp2.settings import MD_PORT, TRADE_PORT, WEB_PORT, Serve, resolve
from tests.front import fake


@pytest.fixture
def deploy(root: Path) -> Path:
    """The folder; not in a wheel's tests."""
    return root / "deploy"


def lines_of(path: Path, begin: str) -> list[str]:
    """The rest of every line that begins so."""
    lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line.removeprefix(begin).strip() for line in lines if line.startswith(begin)]


def options_of(verb: str) -> set[str]:
    """The options that a verb takes."""
    command = typer.main.get_command(app)
    (found,) = (one for name, one in vars(command)["commands"].items() if name == verb)
    return {name for parameter in found.params for name in parameter.opts}


def test_the_settings_are_known(deploy: Path, tmp_path: Path) -> None:
    settings = resolve(Serve, "serve", {}, file=deploy / "ctp2.toml")
    assert [one.name for one in settings.served] == ["7x24"]
    assert settings.limits.per_user == 20
    # What is commented out is right too.
    whole = tmp_path / "whole.toml"
    text = (deploy / "ctp2.toml").read_text(encoding="utf-8")
    whole.write_text(re.sub(r"(?m)^# (?=\[\[|\w+ = )", "", text), encoding="utf-8")
    assert [one.name for one in resolve(Serve, "serve", {}, file=whole).served] == ["7x24", "vip"]


def test_the_unit_is_one(deploy: Path, tmp_path: Path) -> None:
    unit = deploy / "ctp2.service"
    (command,) = lines_of(unit, "ExecStart=")
    program, verb, *arguments = shlex.split(command)
    assert (Path(program).name, verb) == ("ctp2", "serve")
    assert {word for word in arguments if word.startswith("--")} <= options_of("serve")
    assert lines_of(unit, "ExecReload=") == ["/bin/kill -HUP $MAINPID"]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    # It wants a program that is there.
    here = tmp_path / "ctp2.service"
    text = unit.read_text(encoding="utf-8")
    here.write_text(text.replace(program, sys.executable), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if "ctp2.service" in line]
    assert not told


def test_the_image_is_made_of_the_wheel(deploy: Path) -> None:
    file = deploy / "Dockerfile"
    assert lines_of(file, "COPY ") == ["ctp2-*.whl /tmp/wheel/"] and not lines_of(file, "ADD ")
    assert lines_of(file, "USER ") == ["10001"] and lines_of(file, "STOPSIGNAL ") == ["SIGTERM"]
    assert lines_of(file, "EXPOSE ") == [f"{TRADE_PORT} {MD_PORT} {WEB_PORT}"]
    (entry,) = lines_of(file, "ENTRYPOINT ")
    (command,) = lines_of(file, "CMD ")
    assert json.loads(entry) == ["ctp2", "serve"]
    assert {word for word in json.loads(command) if word.startswith("--")} <= options_of("serve")


@pytest.mark.parametrize(("fault", "code"), [("", 0), ("ill", 1)])
def test_the_images_health_check(deploy: Path, backend: fake.Backend, fault: str, code: int) -> None:
    backend.fault = fault
    (check,) = lines_of(deploy / "Dockerfile", "HEALTHCHECK ")
    program, *arguments = json.loads(check.partition("CMD ")[2])

    async def main() -> int:
        service = Service(Serve(backend="fake://x", trade_port=0, md_port=0, web_port=0))
        await service.start()
        assert service.web is not None and program == "python"
        port = service.web.address.rpartition(":")[2]
        here = [argument.replace(str(WEB_PORT), port) for argument in arguments]
        done = await asyncio.create_subprocess_exec(sys.executable, *here)
        code = await done.wait()
        await service.stop()
        return code

    assert asyncio.run(main()) == code
