"""An installation for each test, on the emulator of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from processing import wiring
from processing.settings import load_settings
from tests.support.installation import Installation, use_storage


@pytest.fixture(scope="session")
def prepared(azurite: str) -> str:
    """The emulator with queues and the lake's containers, and this process pointed at it."""
    use_storage(azurite)
    wiring.prepare_storage(load_settings())
    return azurite


@pytest.fixture
def installation(prepared: str) -> Iterator[Installation]:
    """A customer that no other test knows, gone with the test."""
    installation = Installation.new(prepared)
    yield installation
    installation.leave()
