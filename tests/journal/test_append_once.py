"""A request under an Idempotency-Key: answered as the first time, kept once, on any instance and through every crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from processing.domain.blob_names import journal_container
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.domain.request_claims import CLAIMS_PREFIX, KEPT
from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.journal.append_once import IN_HAND, KeyedRows, KeyReusedError, RequestInHandError, append_once
from processing.jobs.journal.journal import Journal
from processing.stored.journal import roll_segments
from tests.journal.test_journal import Desk, once

REQUEST = KeyedRows(
    customer="acme", dataset=Dataset.METRICS, rows=b"1\n", key="key", fingerprint="f", answer='{"success": true}'
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def send(desk: Desk, request: KeyedRows = REQUEST, *, journal: Journal | None = None) -> str:
    return append_once(desk.world.context, journal or desk.journal, request)


def test_the_same_request_is_answered_as_before_and_kept_once(desk: Desk) -> None:
    assert send(desk) == REQUEST.answer
    assert send(desk, replace(REQUEST, answer="computed anew")) == REQUEST.answer
    other = Journal(desk.world.context)
    assert send(desk, journal=other) == REQUEST.answer, "on another instance"
    other.roll(everything=True)
    assert desk.rolled() == ["1"]
    assert send(desk) == REQUEST.answer, "after its rows are an upload"
    assert desk.rolled() == ["1"]


def test_another_request_under_the_same_key_is_refused(desk: Desk) -> None:
    send(desk)
    with pytest.raises(KeyReusedError):
        send(desk, replace(REQUEST, fingerprint="g", rows=b"2\n"))
    assert desk.rolled() == ["1"]


def test_a_key_is_the_customers_own(desk: Desk) -> None:
    send(desk)
    desk.world.drop.create_container(journal_container("blue"))
    desk.world.drop.create_container("drop-blue")
    send(desk, replace(REQUEST, customer="blue", fingerprint="g"))
    desk.journal.roll(everything=True)
    assert sum(info.name.startswith("metrics/api/") for info in desk.world.drop.list_blobs("drop-blue")) == 1


def test_an_answer_that_was_lost_is_found_again(desk: Desk) -> None:
    desk.blobs.after = once(error=LaterError("no answer"))
    assert send(desk) == REQUEST.answer
    assert send(desk) == REQUEST.answer
    assert desk.rolled() == ["1"]


def dies(desk: Desk, where: str) -> None:
    """The process that takes the request ends before its append, or behind it."""

    def end() -> None:
        raise KeyboardInterrupt

    setattr(desk.blobs, where, end)
    with pytest.raises(KeyboardInterrupt):
        send(desk)
    setattr(desk.blobs, where, lambda: None)


@pytest.mark.parametrize("rolled", [False, True])
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_request_whose_process_died_is_in_once(desk: Desk, where: str, rolled: bool) -> None:
    desk.append("0")
    dies(desk, where)
    other = Journal(desk.world.context)
    with pytest.raises(RequestInHandError):
        send(desk, journal=other)
    if rolled:
        roll_segments(desk.world.context, "acme", [Dataset.METRICS])
    desk.world.time.advance(IN_HAND)
    assert send(desk, journal=other) == REQUEST.answer
    assert send(desk, journal=other) == REQUEST.answer
    other.roll(everything=True)
    roll_segments(desk.world.context, "acme", [Dataset.METRICS])
    assert sorted(line for lines in desk.uploads().values() for line in lines) == ["0", "1"]


def test_nothing_else_comes_to_stand_where_a_claim_may_say_that_rows_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    put = desk.world.drop.put

    def lose(container: str, name: str, *args: object, **options: object) -> str:
        etag = put(container, name, *args, **options)  # type: ignore[arg-type]
        if name.startswith(CLAIMS_PREFIX):
            monkeypatch.setattr(desk.world.drop, "put", put)
            raise LaterError("no answer")
        return etag

    monkeypatch.setattr(desk.world.drop, "put", lose)
    with pytest.raises(LaterError):
        send(desk)
    desk.append("2")  # as long as the rows that are claimed
    desk.world.time.advance(IN_HAND)
    assert send(desk) == REQUEST.answer
    assert desk.rolled() == ["1", "2"]


def test_after_a_day_a_request_is_not_known_any_more(desk: Desk) -> None:
    def claims() -> list[str]:
        return [info.name for info in desk.world.drop.list_blobs(journal_container("acme"), CLAIMS_PREFIX)]

    send(desk)
    for by, left in ((KEPT - timedelta(minutes=1), 1), (timedelta(minutes=2), 0)):
        desk.world.time.advance(by)
        clean_up_customer(desk.world.context, "acme")
        assert len(claims()) == left


def test_housekeeping_makes_no_container_of_journals(desk: Desk) -> None:
    clean_up_customer(desk.world.context, "acme")
    assert journal_container("acme") not in desk.world.drop.list_containers()
