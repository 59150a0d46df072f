"""A stream with a day to publish, and then one to reprocess and two more: what was uploaded, and what must come of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from tests.support.doors import open_door
from tests.support.installation import Installation, metrics_csv

PRIVATE: Final = "private-unit"
"""What every id of a unit begins with."""
DAYS: Final = ("2026-11-18", "2026-11-19", "2026-11-20")
TABLES: Final = ("metric_rows", "metric_days", "days")
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a published day is."""

    seq: int
    publications: int
    values: Mapping[str, float]
    files: int
    superseded: int = 0


FIRST: Final = {DAYS[0]: Day(seq=1, publications=1, values={f"{PRIVATE}-1": 1, f"{PRIVATE}-2": 2}, files=1)}
"""The days once the first is published."""
ALL: Final = {
    DAYS[0]: Day(
        seq=2, publications=2, values={f"{PRIVATE}-1": 1, f"{PRIVATE}-2": 20, f"{PRIVATE}-3": 3}, files=2, superseded=1
    ),
    DAYS[1]: Day(seq=3, publications=1, values={f"{PRIVATE}-1": 4, f"{PRIVATE}-4": 5}, files=1),
    DAYS[2]: Day(seq=4, publications=1, values={f"{PRIVATE}-5": 6}, files=1),
}
"""The days once everything is published."""


@dataclass(frozen=True, slots=True)
class DayStory:
    """The same story for any customer."""

    installation: Installation

    @property
    def work(self) -> str:
        """The message that sends a worker to the stream."""
        return stream_work(Stream(self.installation.customer, Dataset.METRICS))

    def upload_first_day(self) -> None:
        """One day becomes due."""
        self._deliver("metrics/first.csv", metrics_csv(DAYS[0], dict(FIRST[DAYS[0]].values)))
        self._deliver(f"signals/{DAYS[0]}", b"")

    def upload_the_rest(self) -> None:
        """A late file joins the first day, whose marker comes again, and two more days become due."""
        self._deliver("metrics/late.csv", metrics_csv(DAYS[0], {f"{PRIVATE}-2": 20, f"{PRIVATE}-3": 3}))
        self._deliver("metrics/second.csv", metrics_csv(DAYS[1], dict(ALL[DAYS[1]].values)))
        self._deliver("metrics/third.csv", metrics_csv(DAYS[2], dict(ALL[DAYS[2]].values)))
        for day in DAYS:
            self._deliver(f"signals/{day}", b"")

    def check(self, expected: dict[str, Day]) -> None:
        """Each publication stands once in each table, and documents, tables and state all say the same."""
        installation = self.installation
        installation.assert_consistent()
        state = installation.state()
        last = max(day.seq for day in expected.values())
        assert state.seq == last
        assert {str(day): record.published.seq for day, record in state.days.items() if record.published} == {
            day: each.seq for day, each in expected.items()
        }
        for table in TABLES:
            assert self.commits(table) == list(range(1, last + 1)), f"one commit for each publication in {table}"
        for day, each in expected.items():
            self._check_day(day, each)
        self._check_versions(expected)

    def check_readers(self, before: dict[str, Day], after: dict[str, Day]) -> None:
        """At any time: no reader sees half a day, and no document says `processed` of a day that a table does not show."""
        installation = self.installation
        store, receipts = installation.context.drop, blob_names.receipts_container(installation.customer)
        commits = {table: self.commits(table) for table in TABLES}
        for day in after:
            values = installation.values(day) if commits["metric_rows"] else {}
            allowed = [each[day].values for each in (before, after) if day in each] + [{}] * (day not in before)
            assert values in allowed, day
            found = store.get(receipts, blob_names.day_status_name(Dataset.METRICS, date.fromisoformat(day)))
            document = json.loads(found[0]) if found is not None else {}
            if document.get("state") == "processed":
                assert all(document["seq"] in seqs for seqs in commits.values())
                assert values == (after if after[day].seq == document["seq"] else before)[day].values

    def check_at_rest(self) -> None:
        """A worker finds nothing more to do."""
        before = self.installation.state()
        run_worker(self.installation)
        after = self.installation.state()
        assert (after.seq, after.days) == (before.seq, before.days)

    def commits(self, table: str) -> list[int]:
        """The publications in a table's log, in the order of its commits."""
        container, prefix = blob_names.results_container(self.installation.customer), f"{table}/_delta_log/"
        store = self.installation.context.lake
        names = sorted(info.name for info in store.list_blobs(container, prefix) if info.name.endswith(".json"))
        actions: list[dict[str, Any]] = []
        for name in names:
            found = store.get(container, name)
            assert found is not None
            actions += [json.loads(line) for line in found[0].splitlines()]
        return [action["txn"]["version"] for action in actions if "txn" in action]

    def _deliver(self, name: str, data: bytes) -> None:
        self.installation.deliver(self.installation.upload(name, data))

    def _check_day(self, day: str, expected: Day) -> None:
        assert self.installation.values(day) == expected.values
        document = self.installation.day(day)
        assert document["state"] == "processed"
        assert (document["seq"], document["files"], document["rows"], document["superseded"], document["error"]) == (
            expected.seq,
            expected.files,
            len(expected.values),
            expected.superseded,
            None,
        )
        states = [change["state"] for change in document["history"]]
        assert states.count("processed") == expected.publications, states
        assert states[-1] == "processed"
        if expected.publications > 1:
            self._check_difference(document["difference"])
        else:
            assert document["difference"] is None

    def _check_difference(self, name: str) -> None:
        found = self.installation.context.drop.get(blob_names.receipts_container(self.installation.customer), name)
        assert found is not None, f"the difference {name} is not there"
        difference = json.loads(found[0])
        assert (difference["seq"], difference["replaces"]) == (2, 1)
        assert difference["rows"] == {"before": 2, "after": 3}
        assert (difference["files_joined"], difference["files_left"]) == (["metrics/late.csv"], [])

    def _check_versions(self, expected: dict[str, Day]) -> None:
        """The files that `days` names are those of the manifests, and a manifest names only what is there."""
        state = self.installation.state()
        store, results = self.installation.context.lake, blob_names.results_container(self.installation.customer)
        for day, record in state.days.items():
            assert record.published is not None
            found = store.get(blob_names.STATE_CONTAINER, record.published.manifest)
            assert found is not None
            manifest = from_json(Manifest, found[0])
            assert manifest.seq == expected[str(day)].seq
            for output in manifest.outputs:
                for file in output.files:
                    head = store.head(results, f"{output.table}/{file.path}")
                    assert head is not None
                    assert head.size == file.size


def run_worker(installation: Installation) -> None:
    """Open the worker's door for the stream of a customer, as its message would."""
    open_door("dayworker", stream_work(Stream(installation.customer, Dataset.METRICS)))


def begun(connection_string: str, count: int) -> list[DayStory]:
    """So many customers with a first day for a worker to publish."""
    stories = [DayStory(Installation.new(connection_string)) for _ in range(count)]
    _at_once(DayStory.upload_first_day, stories)
    wait_for_markers()
    return stories


def partly_published(connection_string: str, count: int) -> list[DayStory]:
    """So many customers with a first day published, and all that comes after it for a worker to do."""
    stories = begun(connection_string, count)
    _at_once(_publish_the_first, stories)
    wait_for_markers()
    return stories


def remove(stories: Iterable[DayStory]) -> None:
    """Take the customers away."""
    for story in stories:
        story.installation.leave()


def wait_for_markers() -> None:
    """The service's clock has steps of a second, and a marker takes effect when it lies in the past."""
    time.sleep(1.0)


def _publish_the_first(story: DayStory) -> None:
    run_worker(story.installation)
    story.upload_the_rest()


def _at_once(act: Callable[[DayStory], None], stories: Iterable[DayStory]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(act, stories))
