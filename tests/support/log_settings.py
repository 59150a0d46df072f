"""Settings of logs that end with the test that made them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def own_log_settings() -> Iterator[None]:
    """Logs may be configured inside; after it they are as before, and configured by nobody if they were not.

    Commands leave logs to whoever has configured them: settings that stay would have later tests print log lines.
    """
    was_configured, before = structlog.is_configured(), structlog.get_config()
    try:
        yield
    finally:
        if was_configured:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()
