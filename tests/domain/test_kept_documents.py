"""For how long a day has a status document."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.kept_documents import keeps_document
from processing.domain.stream_state import DayRecord, Published, StreamState

DAY = date(2026, 11, 18)
PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1, superseded=0, rows_in=1)
DAYS = {DAY: DayRecord(published=PUBLISHED)}
CLOSED = StreamState(customer="acme", dataset=Dataset.METRICS, first_day=DAY, closed_through=DAY, days=DAYS)
OPEN = replace(CLOSED, closed_through=None)
UNBEGUN = replace(OPEN, first_day=None, days={DAY: DayRecord()})
BEFORE_THE_FIRST = replace(OPEN, first_day=DAY + timedelta(days=1), days={DAY: DayRecord()})


@pytest.mark.parametrize(
    ("state", "age", "is_kept"),
    [
        (CLOSED, 61, True),
        (CLOSED, 400, True),
        (CLOSED, 401, False),
        (BEFORE_THE_FIRST, 400, True),
        (BEFORE_THE_FIRST, 401, False),
        (UNBEGUN, 401, True),
        (OPEN, 401, True),
        (OPEN, 10_000, True),
    ],
)
def test_a_day_has_a_status_document_until_it_is_over_and_older_than_its_receipts(
    state: StreamState, age: int, is_kept: bool
) -> None:
    assert keeps_document(state, DAY, today=DAY + timedelta(days=age), receipts=400) is is_kept
