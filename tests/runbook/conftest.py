"""An operator for each test, on the emulator, with the program's own log to read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from processing import wiring
from processing.cli import output
from processing.domain import blob_names
from processing.domain.queue_messages import QUEUES
from processing.logs import configure_logs
from processing.settings import load_settings
from processing.storage import connections
from processing.stored import tries as stored_tries
from tests.runbook.operations import LEAST, LaterStore, Operator, point_at
from tests.runbook.page import section, sections
from tests.runbook.queues import queue
from tests.support.installation import Installation

_OF_ENDED_APPS = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Apps are started anew within a test as if their process had ended, which closes no connection: the collector does."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(_OF_ENDED_APPS))


@pytest.fixture
def operator(azurite: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """Of the section that the test tries; of any where it tries another page."""
    ((name, _), *_) = getattr(request.function, "tried", [(sections()[0].name, "")])
    log, before = io.StringIO(), logging.getLogger().handlers
    monkeypatch.setattr(wiring, "AzureBlobStore", LaterStore)
    monkeypatch.setattr(LaterStore, "ahead", LEAST)
    # Tries without pauses, and a page that folds no names.
    monkeypatch.setattr(
        connections, "_TRIES", {"retry_total": 1, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    )
    monkeypatch.setattr(stored_tries, "_LONGER_EACH_TIME", 0)
    monkeypatch.setattr(output, "_PIPED", 4_000)
    output.out.cache_clear()
    point_at(azurite)
    wiring.prepare_storage(load_settings())
    configure_logs(stream=log)
    installation = Installation.new(azurite)
    try:
        yield Operator(installation=installation, section=section(name), log=log)
    finally:
        installation.leave()
        installation.context.lake.delete(blob_names.CONFIG_CONTAINER, blob_names.config_name(installation.customer))
        structlog.reset_defaults()
        logging.getLogger().handlers = before
        output.out.cache_clear()
        wiring.app.cache_clear()


@pytest.fixture
def empty_queues(operator: Operator) -> Operator:
    """Nothing is left of other tests."""
    for name in QUEUES:
        queue(operator, name).clear_messages()
    return operator
