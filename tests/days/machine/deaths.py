"""Work that ends its worker time after time: after three times it rests, and is told (protocol, Retries)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from processing.domain.queue_messages import upload_event
from processing.domain.receipts import UploadStatus
from processing.domain.stream_state import DayState
from tests.days.machine.crew import Crew
from tests.days.machine.customer import Customer
from tests.days.machine.pauses import Pause
from tests.days.machine.watch import Watch

DEATHS: Final = 3
_LATER: Final = timedelta(hours=1, minutes=1)
"""After which a lease is over, a note is old, and what failed is due again."""


def die_of_a_day(crew: Crew, watch: Watch, where: Pause) -> date | None:
    """Workers die of a day that is due, until it rests; the day, or None when it does not come to that."""
    days: list[tuple[date, int]] = []
    for _ in range(DEATHS):
        worker = crew.work(watch.named, where)
        # A day that was cut anew meanwhile has not ended anybody yet.
        in_hand = [(day, record.round) for day, record in watch.state.days.items() if record.state is DayState.PROCESSING]
        if worker not in crew.workers or len(in_hand) != 1 or days not in ([], in_hand):
            crew.finish_alone(worker)
            return None
        days = in_hand
        crew.kill(worker)
        crew.world.time.advance(_LATER)
    ((day, _),) = days
    before = watch.state.days[day]
    crew.work(watch.named, None)
    record = watch.state.days[day]
    if record.round > before.round:
        return None
    assert record.state is DayState.FAILED, f"{day} goes on ending its workers"
    assert record.published == before.published, f"{day} goes on ending its workers"
    crew.tally.hit("a day that ended its workers rests")
    return day


def die_of_an_upload(crew: Crew, customer: Customer, name: str, content: str, where: Pause) -> bool:
    """Workers die of an upload until it is refused; whether it came to that."""
    message = upload_event(customer.drop, name, customer.upload(name, content).etag)
    for _ in range(DEATHS):
        worker = crew.answer(message, where)
        if worker not in crew.workers:
            return False
        crew.kill(worker)
        crew.world.time.advance(_LATER)
    crew.answer(message, None)
    found = customer.receipt(name)
    assert found is not None, f"{name} goes on ending its workers"
    assert found[0].status is UploadStatus.REJECTED, f"{name} goes on ending its workers"
    assert found[0].error is not None
    assert found[0].error.code == "unreadable_here"
    return True
