"""What does not count is never called accepted, and what changes nothing changes nothing (contract sections 3 and 5)."""

from __future__ import annotations

from datetime import date

import pytest

from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.domain.queue_messages import parse_upload_event
from processing.domain.stream_state import DayState
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.ports import ARCHIVED, CUSTOMERS_KEY
from processing.stored.upload_notes import list_notes, read_note
from tests.support.all_customers import clean_up_all, sweep_all
from tests.support.memory import HEADER, Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)
GOOD = metrics(D1, {f"u{number}": 1 for number in range(200)})


def bad(rows: int) -> bytes:
    return (HEADER + f"u,user_id,{D1},m,x,,\n" * rows).encode()


@pytest.mark.parametrize(
    "data", [b"<html>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>\n", bad(1), bad(99), bad(100), bad(5_000)]
)
@pytest.mark.parametrize("config", ["", "max_rejected_fraction: 1\n"])
def test_a_version_of_which_nothing_was_accepted_replaces_nothing(data: bytes, config: str) -> None:
    world = Memory()
    world.config(config)
    world.upload("metrics/a.csv", GOOD)
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.upload("metrics/a.csv", data) == "rejected"
    receipt = world.receipt("metrics/a.csv")
    assert receipt["rows"]["accepted"] == 0
    assert len(receipt["in_force"]["parts"]) == 1
    world.settle()
    assert len(world.values(D1)) == 200


def test_a_filter_that_leaves_nothing_replaces_nothing_and_says_so() -> None:
    world = Memory()
    world.upload("metrics/a.csv", GOOD)
    world.config("datasets:\n  metrics:\n    where: unit_id = 'nobody'\n")
    assert world.upload("metrics/a.csv", GOOD + b"\n") == "rejected"
    error = world.receipt("metrics/a.csv")["error"]
    assert error["code"] == "nothing_accepted"
    assert "dropped by the config's filter" in error["message"]


@pytest.mark.parametrize("data", [b"", HEADER.encode()])
def test_an_empty_file_and_a_header_alone_withdraw(data: bytes) -> None:
    world = Memory()
    world.upload("metrics/a.csv", GOOD)
    assert world.upload("metrics/a.csv", data) == "accepted"
    assert world.receipt("metrics/a.csv")["in_force"]["parts"] == []


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("", "# a comment\n", True),
        ("id_types: [user_id]\n", "# said otherwise\nid_types:\n- user_id\n", True),
        ("", "late_policy: hold\n", True),
        ("", "datasets:\n  events:\n    where: event_name = 'e'\n", True),
        ("", "datasets:\n  metrics:\n    constants: {is_test: 'false'}\n", False),
        ("", "id_types: [user_id]\n", False),
    ],
)
def test_the_same_bytes_under_a_config_that_means_the_same_change_nothing(before: str, after: str, *, same: bool) -> None:
    world = Memory()
    world.config(before)
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.pass_time(minutes=1)
    world.upload("metrics/b.csv", metrics(D1, {"u": 2}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.values(D1) == {"u": 2}
    attempt = world.receipt("metrics/a.csv")["in_force"]["attempt"]
    world.config(after)
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    assert (world.receipt("metrics/a.csv")["in_force"]["attempt"] == attempt) is same
    world.settle()
    assert world.values(D1) == {"u": 2 if same else 1}
    assert world.state().seq == (1 if same else 2)


@pytest.mark.parametrize("why", [ARCHIVED, CUSTOMERS_KEY])
def test_an_upload_that_storage_does_not_let_us_read_is_refused_and_holds_no_day(why: str) -> None:
    world = Memory()
    world.put("metrics/cold.csv", metrics(D1, {"u": 1}))
    world.drop.make_unreadable(world.container, "metrics/cold.csv", why)
    world.upload("metrics/good.csv", metrics(D1, {"v": 1}))
    world.upload(f"signals/{D1}")
    world.pass_time(minutes=5)
    world.sweep()
    receipt = world.receipt("metrics/cold.csv")
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", "unreadable_blob")
    assert why in receipt["error"]["message"]
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_reingest_that_fails_is_asked_for_until_it_is_done_and_the_answer_stays_till_then() -> None:
    world = Memory()
    data = ("who,id_type,date,metric_name,metric_value\n" + f"u,user_id,{D1},m,1\n").encode()
    assert world.upload("metrics/a.csv", data) == "rejected"
    world.config("datasets:\n  metrics:\n    columns:\n      who: unit_id\n")
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 1
    body = world.events.take()
    assert body is not None
    event = parse_upload_event(body.encode())
    assert event is not None
    head = world.drop.head

    def busy(container: str, name: str) -> None:
        raise LaterError("storage is busy")

    world.drop.head = busy  # type: ignore[method-assign]
    for _ in range(5):
        assert (
            receive_file(world.context, event.container, event.name, replaces_receipt=event.replaces_receipt).value == "not_now"
        )
    world.drop.head = head  # type: ignore[method-assign]
    assert world.receipt("metrics/a.csv")["status"] == "rejected"
    assert sweep_all(world.context) == 0, "its next try is not due"
    world.pass_time(hours=1)
    world.sweep()
    assert world.receipt("metrics/a.csv")["status"] == "accepted"
    world.pass_time(hours=3)
    assert sweep_all(world.context) == 0


def test_a_lost_message_of_a_reingest_is_found_by_the_sweep_and_a_request_with_nothing_to_answer_ends() -> None:
    world = Memory()
    for name in ("metrics/a.csv", "metrics/b.csv"):
        world.upload(name, metrics(D1, {"u": 1}))
    world.config("id_types: [user_id]\n")
    assert reingest(world.context, "acme", ReingestFilter()) == 2
    while world.events.take() is not None:
        pass
    world.drop.delete(world.container, "metrics/b.csv")
    world.pass_time(minutes=5)
    assert sweep_all(world.context) == 2
    world.answer_events()
    assert world.receipt("metrics/a.csv")["config"] is not None
    world.pass_time(hours=3)
    assert sweep_all(world.context) == 0
    assert clean_up_all(world.context)["notes"] == 0


@pytest.mark.parametrize("name", ["metrics/a.csv", "metrics/" + "é" * 400 + ".csv", "metrics/😀 [x].csv"])
def test_what_is_asked_for_again_is_told_by_the_listing_of_notes_and_by_the_notes_themselves(name: str) -> None:
    world = Memory()
    world.upload(name, metrics(D1, {"u": 1}))
    reingest(world.context, "acme", ReingestFilter())
    (listed,) = list_notes(world.context, "acme").values()
    read = read_note(world.context, "acme", name)
    assert read is not None
    assert (listed.note.blob, listed.note.replaces, listed.etag) == (name, read.note.replaces, read.etag)
    assert listed.note.replaces is not None
