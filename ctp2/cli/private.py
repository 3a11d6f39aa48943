"""``ctp2 serve --private ADDRESS``: where an address is served for this user alone; serves it if it is not yet."""

from __future__ import annotations

import sys

from ctp2.cli.errors import DONE, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.core.errors import Ctp2Error
from ctp2.front.private import Found, Place, Seat, canonical, find, place_of


def main(address: str) -> int:
    """The whole verb, for those who have not loaded the other verbs."""
    try:
        return serve_private(address)
    except CliError as error:
        print(f"ctp2: {error}", file=sys.stderr)
        return error.code


def serve_private(text: str, has_more: bool = False) -> int:
    """Write one line, ``ready PID TRADE MD TOKEN``, as soon as clients may come.

    Like what is wrong it goes to standard error, the one stream that a starter keeps. Returns at once when another
    process serves the address, else when nobody needs it any more.
    """
    if has_more:
        from ctp2.cli.messages import text as worded

        raise CliError(worded("serve.private_alone"), WRONG_USE)
    try:
        address = canonical(text)
    except (ValueError, OSError) as error:
        raise CliError(str(error), WRONG_USE) from None
    try:
        place = place_of(address)
        found = find(place.lock)
        if isinstance(found, Found):
            _say(found)
            return DONE
        try:
            _serve(found, address, place)
        finally:
            found.leave()
    except Ctp2Error as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    except ValueError as error:
        raise CliError(str(error), WRONG_USE) from None
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise CliError(why, NOT_REACHABLE) from None
    return DONE


def _serve(seat: Seat, address: str, place: Place) -> None:
    # Imported late: only one of many starters becomes the server.
    from ctp2.front.private_server import run
    from ctp2.settings import Private, resolve

    settings = resolve(Private, "private", {})
    run(seat, address, place.log, settings, _say)


def _say(found: Found) -> None:
    print(found.line(), file=sys.stderr, flush=True)
