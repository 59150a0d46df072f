"""What another program needs that writes into our tables."""

from __future__ import annotations

from processing.settings import load_settings
from processing.storage.connections import Connection


def options() -> dict[str, str]:
    """With which another program reaches the lake."""
    return Connection(connection_string=load_settings().lake_connection).delta_options()
