"""The scenarios of spec ib 7: the public Api, a real client library, a stand-in TWS whose quotes stand still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ctp2.testing.tws import Script
from tests.ib.scenarios.told import APPLE_QUOTE

if TYPE_CHECKING:
    from tests.ib.stand import Stand


@pytest.fixture
def tws() -> Iterator[Stand]:
    """AAPL is 199.99 bid and 200.01 asked, 1000 each."""
    from tests.ib.stand import stand  # skips without a client library, which a conftest may not

    script = Script()
    script.market.walks = False
    with stand(script) as made:
        made.tws.control.set_quote("AAPL", **APPLE_QUOTE)
        yield made
