from __future__ import annotations

import pytest

from ctp2.core import errors


def classes(base: type[Exception]) -> list[type[Exception]]:
    """The tree below ``base``, as far as it is ours."""
    below = [cls for cls in base.__subclasses__() if cls.__module__ == errors.__name__]
    return [base, *(deeper for cls in below for deeper in classes(cls))]


def test_every_way_a_link_breaks_has_a_reason() -> None:
    assert set(classes(errors.LinkLost)) == set(errors.REASONS)


def test_the_tree_in_the_docstring_is_complete() -> None:
    assert errors.__doc__ is not None
    for cls in classes(errors.Ctp2Error):
        assert f" {cls.__name__}" in errors.__doc__.replace("─", " ")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.HeartbeatTimeout(), 8193),
        (errors.BadPacket(), 8195),
        (errors.WriteFailed(), 4098),
        (ConnectionResetError(), 4097),
        (type("Special", (errors.HeartbeatSendFailed,), {})(), 8194),
    ],
)
def test_reasons(error: Exception, reason: int) -> None:
    assert errors.reason_of(error) == reason
