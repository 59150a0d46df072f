"""What the store in memory does with a clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from processing.domain.errors import OperatorError
from tests.support.in_memory import InMemoryBlobStore, InMemoryQueue, ServiceTime


@pytest.fixture
def clock() -> ServiceTime:
    return ServiceTime(datetime(2026, 3, 1, 12, 0, 0, 600_000, tzinfo=UTC))


def test_last_modified_is_the_given_clock_in_whole_seconds(clock: ServiceTime) -> None:
    store = InMemoryBlobStore(clock)
    store.create_container("c")
    store.put("c", "a", b"")
    clock.advance(timedelta(seconds=-1))
    store.put("c", "b", b"")
    times = [info.last_modified for info in store.list_blobs("c")]
    assert times == [datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC), datetime(2026, 3, 1, 11, 59, 59, tzinfo=UTC)]
    assert store.service_time() == times[1]


def test_a_lease_that_ran_out_can_be_taken_or_had_back_by_whoever_comes_first(clock: ServiceTime) -> None:
    store = InMemoryBlobStore(clock)
    store.create_container("c")
    store.put("c", "a", b"")
    first = store.lease("c", "a", seconds=15)
    assert first is not None
    clock.advance(timedelta(seconds=16))
    assert first.renew()
    assert store.lease("c", "a", seconds=15) is None
    clock.advance(timedelta(seconds=16))
    second = store.lease("c", "a", seconds=15)
    assert second is not None
    assert not first.renew()
    assert second.renew()


def test_a_container_with_an_unprintable_name_cannot_be_listed() -> None:
    store = InMemoryBlobStore()
    store.create_container("c")
    store.put("c", "unprintable\x01", b"")
    with pytest.raises(OperatorError, match="cannot be listed"):
        list(store.list_blobs("c"))


def test_the_queue_gives_what_was_sent_in_order() -> None:
    queue = InMemoryQueue()
    queue.send("a")
    queue.send("b", delay_seconds=5)
    assert queue.sent() == (("a", 0), ("b", 5))
    assert [queue.take(), queue.take(), queue.take()] == ["a", "b", None]


def test_a_message_waits_since_it_was_sent_and_a_delayed_one_once_its_delay_is_over(clock: ServiceTime) -> None:
    queue = InMemoryQueue(clock)
    sent = clock()
    queue.send("a", delay_seconds=60)
    assert queue.waiting_since() is None
    clock.advance(timedelta(seconds=60))
    assert queue.waiting_since() == sent
