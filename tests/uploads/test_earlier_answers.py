"""The last 20 answers of a name stand in its receipt, whatever made the next one (contract section 5)."""

from __future__ import annotations

import json
from datetime import date

import pytest

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import LaterError
from processing.domain.receipts import MOST_ANSWERS, Receipt
from processing.jobs.uploads import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from tests.support.memory import Memory, metrics

DAY = date(2026, 11, 18)
NAME = "metrics/a.csv"


@pytest.fixture
def world() -> Memory:
    return Memory()


def upload(world: Memory, data: bytes) -> str:
    """The ETag of the version."""
    world.upload(NAME, data)
    return str(world.receipt(NAME)["etag"])


def told(world: Memory) -> list[tuple[str, str, int, str | None]]:
    found = world.receipt(NAME)["earlier_answers"]
    return [(each["etag"], each["status"], each["rows"]["accepted"], each["error"]) for each in found]


def test_the_first_answer_has_none_before_it(world: Memory) -> None:
    upload(world, metrics(DAY, {"u": 1}))
    assert told(world) == []


def test_each_answer_keeps_those_before_it_the_newest_first(world: Memory) -> None:
    first = upload(world, metrics(DAY, {"u": 1, "v": 2}))
    at = world.receipt(NAME)["finished_at"]
    world.pass_time(seconds=5)
    second = upload(world, b"no header,at all\n1,2\n")
    upload(world, metrics(DAY, {"u": 3}))
    assert told(world) == [(second, "rejected", 0, "missing_column"), (first, "accepted", 2, None)]
    assert world.receipt(NAME)["earlier_answers"][1]["finished_at"] == at


def test_no_more_than_twenty_answers_are_kept(world: Memory) -> None:
    etags = [upload(world, metrics(DAY, {"u": number})) for number in range(MOST_ANSWERS + 5)]
    assert [etag for etag, *_ in told(world)] == etags[-2 : -MOST_ANSWERS - 1 : -1]
    found = world.drop.get(blob_names.receipts_container("acme"), blob_names.receipt_name(NAME))
    assert found is not None
    assert len(json.dumps(json.loads(found[0])["earlier_answers"])) < 8_000


def test_a_reingest_keeps_them_and_the_answer_whose_place_it_takes(world: Memory) -> None:
    first = upload(world, metrics(DAY, {"u": 1}))
    second = upload(world, metrics(DAY, {"u": 2}))
    reingest(world.context, "acme", ReingestFilter())
    world.answer_events()
    assert [etag for etag, *_ in told(world)] == [second, first]
    assert world.receipt(NAME)["etag"] == second


def test_a_failure_is_no_answer_and_loses_none(world: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    etags = [upload(world, metrics(DAY, {"u": number})) for number in range(MOST_ANSWERS)]

    def fails(*_: object, **__: object) -> object:
        raise LaterError("storage is down")

    with monkeypatch.context() as patched:
        patched.setattr(receive_file, "draft_answer", fails)
        last = upload(world, metrics(DAY, {"u": 100}))
    assert world.receipt(NAME)["status"] == "failed"
    assert [etag for etag, *_ in told(world)] == etags[::-1]
    world.pass_time(minutes=30)
    world.sweep()
    world.answer_events()
    assert world.receipt(NAME)["etag"] == last
    assert [etag for etag, *_ in told(world)] == etags[:0:-1]


def test_a_receipt_of_an_older_program_has_none_and_is_kept_as_the_first(world: Memory) -> None:
    etag = upload(world, metrics(DAY, {"u": 1}))
    container, name = blob_names.receipts_container("acme"), blob_names.receipt_name(NAME)
    found = world.drop.get(container, name)
    assert found is not None
    tree = json.loads(found[0])
    for key in ("earlier_answers", "fix_blob", "fix_left_out"):
        del tree[key]
    older = from_json(Receipt, json.dumps(tree).encode())
    assert older.earlier_answers == ()
    world.drop.put(container, name, json.dumps(tree).encode(), metadata=found[1].metadata)
    upload(world, metrics(DAY, {"u": 2}))
    assert [each for each, *_ in told(world)] == [etag]
    assert from_json(Receipt, to_json(older)) == older
