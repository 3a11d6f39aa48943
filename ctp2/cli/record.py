"""``ctp2 record ADDRESS``: market data of any front to Parquet or CSV."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core.clock import LiveClock
from ctp2.core.errors import Ctp2Error
from ctp2.ctp import structs
from ctp2.recording.parts import PartWriter, RecordingFailed, has_parquet
from ctp2.recording.recorder import Recorder, Refused

FORMATS = ("", "parquet", "csv")


def record(
    address: str,
    codes: str,
    folder: Path,
    file_format: str,
    login: tuple[str, str, str],
    limits: tuple[float, int],
    as_json: bool,
) -> int:
    """Record until SIGINT, SIGTERM or a limit (seconds, rows); 0 also then.

    ``login`` is broker, user and password: a market data front takes anything (spec 9.1).
    """
    wanted = codes_of(codes)
    writer = _writer(folder, file_format)
    for item in writer.recovered:
        _tell(text("record.recovered", path=item.path, rows=item.rows, lost=item.lost_bytes), as_json)
    broker, user, password = login
    try:
        recorder = Recorder(
            address,
            wanted,
            writer,
            LiveClock(),
            login=structs.CThostFtdcReqUserLoginField(BrokerID=broker, UserID=user, Password=password),
            max_rows=limits[1],
            on_event=lambda what, detail: _tell(text(f"record.{what}", detail=detail, address=address), as_json),
        )
    except (Ctp2Error, ValueError, OSError) as error:
        writer.close()
        raise CliError(str(error), NOT_REACHABLE) from None
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: recorder.stop())
    try:
        recorder.run(limits[0])
    except (RecordingFailed, Refused) as error:
        raise CliError(str(error), FAILED) from None
    summary = {
        "rows": writer.rows,
        "parts": writer.parts,
        "dir": str(folder),
        "disconnections": recorder.disconnections,
    }
    print(json.dumps(summary, ensure_ascii=False) if as_json else text("record.done", **summary))
    return DONE


def codes_of(option: str) -> list[str]:
    """``a,b`` or ``@FILE`` with a code per line."""
    try:
        listed = (
            Path(option[1:]).read_text(encoding="utf-8").split("\n") if option.startswith("@") else option.split(",")
        )
    except OSError as error:
        raise CliError(f"{option[1:]}: {error.strerror or error}", NOT_REACHABLE) from None
    except UnicodeDecodeError as error:
        raise CliError(f"{option[1:]}: {error}", FAILED) from None
    codes = [code.strip() for code in listed if code.strip()]
    if not codes:
        raise CliError(text("record.no_codes"), WRONG_USE)
    return codes


def _writer(folder: Path, file_format: str) -> PartWriter:
    if file_format not in FORMATS:
        raise CliError(text("record.format", value=file_format), WRONG_USE)
    if file_format == "parquet" and not has_parquet():
        raise CliError(text("record.no_parquet"), NOT_REACHABLE)
    try:
        return PartWriter(folder, None if not file_format else file_format == "parquet")
    except RecordingFailed as error:
        raise CliError(str(error), NOT_REACHABLE) from None


def _tell(line: str, as_json: bool) -> None:
    if not as_json:
        print(f"ctp2: {line}", file=sys.stderr)
