"""A worker that dies at any storage call of the results of experiments costs nothing and publishes nothing twice.

It has two days to publish, the second of which goes on from the totals of the first. In a soak every call has its turn, else
some of those that write.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.stored.stream_state import load_state
from tests.azurite.test_day_kills import strikes
from tests.support.door_process import kill_door, run_door
from tests.support.doors import open_door
from tests.support.experiments import CONFIG, exposures, two_groups
from tests.support.installation import Installation, metrics_csv

FIRST = date(2026, 11, 17)
DAYS = [FIRST, FIRST + timedelta(days=1)]
KILLS = 4


def published(connection_string: str) -> Installation:
    """A customer whose days are published, and whose results nobody has computed."""
    installation = Installation.new(connection_string)
    name = blob_names.config_name(installation.customer)
    installation.context.lake.put(blob_names.CONFIG_CONTAINER, name, CONFIG.encode())
    messages = [installation.upload("exposures/a.csv", exposures(FIRST, two_groups()))]
    for day in DAYS:
        values: dict[str, float | str] = {unit: float(place) for place, unit in enumerate(two_groups())}
        messages.append(installation.upload(f"metrics/{day}.csv", metrics_csv(day, values)))
    installation.deliver(*messages)
    installation.deliver(*[installation.upload(f"signals/{day}", b"") for day in DAYS])
    installation.wait_a_second()
    for dataset in (Dataset.METRICS, Dataset.EXPOSURES):
        open_door("dayworker", stream_work(Stream(installation.customer, dataset)))
    return installation


def work(installation: Installation) -> str:
    return stream_work(Stream(installation.customer, Dataset.EXPERIMENTS))


def shown(installation: Installation) -> list[dict[str, Any]]:
    """What a reader sees: day, group and mean of each row."""
    rows = installation.table("experiment_results").select("pst_date", "group_id", "mean", "delta")
    return rows.sort("pst_date", "group_id").to_dicts()


def check(installation: Installation, expected: list[dict[str, Any]]) -> None:
    state = load_state(installation.context, Stream(installation.customer, Dataset.EXPERIMENTS)).state
    assert {day: record.state for day, record in state.days.items()} == dict.fromkeys(DAYS, DayState.PROCESSED)
    assert (state.seq, state.pending) == (2, None)
    assert shown(installation) == expected
    days = installation.table("days").filter(pl.col("dataset") == "experiments").sort("pst_date")
    assert days.select("pst_date", "seq").rows() == [(DAYS[0], 1), (DAYS[1], 2)]


def test_a_worker_of_results_killed_at_any_storage_call(prepared: str) -> None:
    story = published(prepared)
    calls = run_door(story, "dayworker", work(story))
    expected = shown(story)
    check(story, expected)
    assert [row["mean"] for row in expected] == pytest.approx([5.5, 1.5, 11.0, 3.0])
    story.leave()
    for strike in strikes(calls, KILLS):
        story = published(prepared)
        try:
            kill_door(story, "dayworker", work(story), strike)
            story.let_lease_expire(Dataset.EXPERIMENTS)
            open_door("dayworker", work(story))
            check(story, expected)
        except Exception as error:
            raise AssertionError(f"killed {strike}") from error
        story.leave()
