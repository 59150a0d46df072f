"""The same bytes under two names: the later upload is warned of the earlier one (contract section 5)."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from processing.domain import blob_names
from processing.domain.documents import from_json
from processing.domain.receipts import Receipt, Upload
from processing.jobs.uploads.same_bytes import same_bytes_warnings
from processing.stored import same_bytes
from processing.stored.context import JobContext
from processing.stored.recent import Recent
from processing.stored.same_bytes import UploadsByBytes, keep_bytes, recent_bytes
from tests.support.counting import counted
from tests.support.memory import Memory, metrics

DAY = date(2026, 11, 18)
ROWS = metrics(DAY, {"u": 1, "v": 2})


@pytest.fixture
def world() -> Memory:
    return Memory()


def warned(world: Memory, name: str) -> list[tuple[int, str]]:
    found = world.receipt(name)["warnings"]
    return [(each["count"], each["message"]) for each in found if each["code"] == "same_bytes_as"]


def swept(world: Memory) -> None:
    world.pass_time(minutes=11)
    world.sweep()


def remember(world: Memory) -> None:
    object.__setattr__(world.context, "recent", Recent(keep=timedelta(minutes=1)))


def test_the_later_upload_names_the_earlier_one(world: Memory) -> None:
    world.upload("metrics/a.csv", ROWS)
    swept(world)
    world.upload("metrics/a (1).csv", ROWS)
    message = "metrics/a.csv holds the same bytes, and the rows are in force there too"
    assert warned(world, "metrics/a (1).csv") == [(1, message)]
    assert warned(world, "metrics/a.csv") == []
    swept(world)
    world.upload("metrics/b/a.csv", ROWS)
    assert warned(world, "metrics/b/a.csv")[0][0] == 2


def test_one_process_remembers_what_it_read_and_asks_nothing_more(world: Memory) -> None:
    remember(world)
    world.upload("metrics/a.csv", ROWS)
    world.upload("metrics/other.csv", metrics(DAY, {"w": 1}))
    drop, lake = counted(world)
    world.upload("metrics/next.csv", metrics(DAY, {"x": 1}))
    assert len(drop.requests + lake.requests) <= 7 + 1  # and the customer's own put
    world.upload("metrics/b.csv", ROWS)
    assert warned(world, "metrics/b.csv")[0][0] == 1
    world.pass_time(minutes=11)
    world.sweep()
    world.upload("metrics/c.csv", ROWS)
    assert warned(world, "metrics/c.csv")[0][0] == 2, "what was read is read again after some minutes"


def test_the_same_name_again_another_folder_and_other_bytes_are_no_matter(world: Memory) -> None:
    world.upload("metrics/a.csv", ROWS)
    swept(world)
    world.upload("metrics/a.csv", ROWS)
    world.upload("metrics/b.csv", metrics(DAY, {"u": 1}))
    assert [warned(world, name) for name in ("metrics/a.csv", "metrics/b.csv")] == [[], []]
    in_force = from_json(Receipt, json.dumps(world.receipt("metrics/a.csv")).encode())
    assert in_force.in_force is not None
    assert in_force.md5 is not None
    for folder, count in (("metrics", 1), ("events", 0)):
        upload = Upload(customer="acme", name=f"{folder}/x.csv", etag="1", size=1, last_modified=world.time())
        found = same_bytes_warnings(world.context, upload, md5=in_force.md5, sha256=in_force.in_force.sha256)
        assert len(found) == count


@pytest.mark.parametrize("then", [b"", metrics(DAY, {"u": 3})])
def test_an_upload_whose_rows_are_withdrawn_or_replaced_is_no_matter(world: Memory, then: bytes) -> None:
    world.upload("metrics/a.csv", ROWS)
    swept(world)
    world.upload("metrics/a.csv", then)
    world.upload("metrics/b.csv", ROWS)
    assert warned(world, "metrics/b.csv") == []


def test_files_without_rows_are_no_matter(world: Memory) -> None:
    for name in "ab":
        world.upload(f"metrics/{name}.csv", metrics(DAY, {}))
        swept(world)
    assert warned(world, "metrics/b.csv") == []


def test_an_upload_that_was_deleted_and_keeps_its_rows_is_named(world: Memory) -> None:
    world.upload("metrics/a.csv", ROWS)
    world.upload("metrics/z.csv", metrics(DAY, {"z": 1}))
    swept(world)
    world.drop.delete(world.container, "metrics/a.csv")
    swept(world)
    swept(world)
    world.upload("metrics/b.csv", ROWS)
    assert warned(world, "metrics/b.csv")[0][0] == 1


@pytest.mark.parametrize("harm", [None, b"{", b"[]"])
def test_what_is_lost_or_damaged_costs_a_warning_and_no_more(world: Memory, harm: bytes | None) -> None:
    world.upload("metrics/a.csv", ROWS)
    swept(world)
    if harm is None:
        world.lake.delete(blob_names.STATE_CONTAINER, blob_names.bytes_name("acme"))
    else:
        world.lake.put(blob_names.STATE_CONTAINER, blob_names.bytes_name("acme"), harm)
    assert world.upload("metrics/b.csv", ROWS) == "accepted"
    assert warned(world, "metrics/b.csv") == []


def names(context: JobContext, md5: str) -> list[str]:
    found: UploadsByBytes = recent_bytes(context, "acme")
    return found.others("", md5)


def test_the_cache_keeps_what_was_answered_last(world: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_bytes, "MOST_KEPT", 2)
    keep_bytes(world.context, "acme", {"metrics/a.csv": "a" * 32, "metrics/b.csv": "b" * 32})
    keep_bytes(world.context, "acme", {"metrics/a.csv": "a" * 32, "metrics/c.csv": "c" * 32})
    kept = {md5: names(world.context, md5 * 32) for md5 in "abc"}
    assert kept == {"a": ["metrics/a.csv"], "b": [], "c": ["metrics/c.csv"]}
