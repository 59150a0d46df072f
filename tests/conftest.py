"""The emulator that every test shares: one for each worker, gone with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from processing.local.azurite import running_or_new


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of Azurite: the one that DROPZONE_AZURITE names, else one of our own."""
    with running_or_new() as connection_string:
        yield connection_string
