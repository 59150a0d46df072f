"""Programs that leave out one step of the protocol: each is the real one with a part exchanged, or on a store that lies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.publications import TableFile
from processing.domain.readiness import advance as readiness
from processing.domain.readiness import first_day
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.readiness.observation import Observation
from processing.domain.stream_state import Opening, StreamState
from processing.jobs.days import commit_day, day_inputs, observations, observe_stream, publish_day, work_stream
from processing.jobs.housekeeping import parts
from processing.ports import BlobInfo
from processing.stored import stream_state
from processing.stored.context import JobContext
from processing.stored.stream_state import StoredState
from processing.stored.uploads import list_uploads
from tests.support.in_memory import InMemoryTable
from tests.support.stepping import SteppedStore, SteppedTable, SteppedTables

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """What is wrong with a program."""

    name: str
    patch: Callable[[Patch], None] | None = None
    """What of the program is exchanged."""
    store: Callable[[SteppedStore], Any] = lambda store: store
    tables: Callable[[SteppedTables], Any] = lambda tables: tables


def _nothing(*asked: object) -> None:
    """In the place of a check."""


class _LooksOnce(SteppedStore):
    """Step 6 of ingest is left out: the upload is what it was when it was first looked at."""

    def __init__(self, store: SteppedStore) -> None:
        super().__init__(store.store, store.run)
        self._first: dict[str, BlobInfo | None] = {}

    def head(self, container: str, name: str) -> BlobInfo | None:
        if not container.startswith(blob_names.DROP_PREFIX):
            return super().head(container, name)
        if name not in self._first:
            self._first[name] = super().head(container, name)
        return self._first[name]


class _Remembering(SteppedStore):
    """The staged parts are those that were listed before."""

    def __init__(self, store: SteppedStore, listed: list[BlobInfo]) -> None:
        super().__init__(store.store, store.run)
        self._listed = listed

    def list_blobs(self, container: str, prefix: str = "", **how: Any) -> Iterator[BlobInfo]:
        if container == blob_names.STAGED_CONTAINER:
            return iter(self._listed)
        return super().list_blobs(container, prefix, **how)


def _lists_parts_first(patch: Patch) -> None:
    def parts_then_receipts(context: JobContext, state: StreamState, day: date) -> Any:
        prefix = blob_names.parts_prefix(state.stream, day)
        listed = list(context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix, metadata=True))
        assert isinstance(context.lake, SteppedStore)
        return day_inputs.staged_inputs(replace(context, lake=_Remembering(context.lake, listed)), state, day)

    patch.setattr(publish_day, "staged_inputs", parts_then_receipts)
    _takes_what_is_left(patch)


class _Tables(SteppedTables):
    """Opens tables of another kind."""

    def __init__(self, tables: SteppedTables, kind: type[SteppedTable]) -> None:
        super().__init__(tables.tables, tables.run)
        self._kind = kind

    def open(self, container: str, spec: Any) -> SteppedTable:
        opened = super().open(container, spec)
        return self._kind(opened.table, self.run, container, spec.name)

    def find(self, container: str, spec: Any) -> SteppedTable | None:
        found = super().find(container, spec)
        return None if found is None else self._kind(found.table, self.run, container, spec.name)


class _KnowsNoSeq(SteppedTable):
    """Nobody asks, before a commit, whether the publication is there already."""

    is_to_commit = False

    def refresh(self) -> None:
        super().refresh()
        self.is_to_commit = True

    def seq_of(self, app: str) -> int:
        seq = super().seq_of(app)
        return 0 if self.is_to_commit else seq


class _CommitsAfresh(SteppedTable):
    """The check was made on another version of the table than the commit."""

    def replace(self, files: Sequence[TableFile], *, partition: Mapping[str, str], app: str, seq: int) -> int:
        def act() -> int:
            seen = self.table
            assert isinstance(seen, InMemoryTable)
            self.table = InMemoryTable(seen._log, seen._lock, seen._what, seen._layout)
            return self.table.replace(files, partition=partition, app=app, seq=seq)

        return self._through("replace", act)


def _publishes_without_claim(patch: Patch) -> None:
    def any_epoch(context: JobContext, stored: StoredState, change: Any, *, epoch: int | None = None) -> StoredState:
        return stream_state.change_state(context, stored, change)

    patch.setattr(publish_day, "change_state", any_epoch)
    patch.setattr(commit_day, "change_state", any_epoch)


def _lists_uploads_before_markers(patch: Patch) -> None:
    listed: dict[tuple[int, str], list[BlobInfo]] = {}
    look_at = observe_stream._observed

    def listing_first(context: JobContext, state: StreamState) -> StreamState:
        for folder in folders_of(state.dataset):
            listed[threading.get_ident(), folder] = list(list_uploads(context.drop, state.customer, folder))
        return look_at(context, state)

    patch.setattr(observe_stream, "_observed", listing_first)
    patch.setattr(observations, "list_uploads", lambda *asked: listed[threading.get_ident(), asked[-1]])


def _keeps_the_old_listing(patch: Patch) -> None:
    seen: dict[int, tuple[Any, ...]] = {}

    class Remembering:
        def __getattr__(self, name: str) -> Any:
            return getattr(readiness, name)

        def advance(self, state: StreamState, *listed: Any) -> StreamState:
            seen[threading.get_ident()] = listed
            return readiness.advance(state, *listed)

    def stored_anyhow(context: JobContext, before: StoredState, state: StreamState) -> StoredState:
        while True:
            try:
                return stream_state.store_state(context, before, state)
            except ConditionNotMet:
                before = stream_state.load_state(context, state.stream)
                state = readiness.advance(before.state, *seen[threading.get_ident()])

    patch.setattr(observe_stream, "readiness", Remembering())
    patch.setattr(observe_stream, "store_state", stored_anyhow)


def _forgets_the_new_cut(patch: Patch) -> None:
    patch.setattr(commit_day, "expect_in_hand", _nothing)


def _asks_once_whether_a_day_is_due(patch: Patch) -> None:
    patch.setattr(commit_day, "due_days", lambda state: state.days)


def _begins_with_what_is_answered(patch: Patch) -> None:
    def open_at_once(before: Opening | None, markers: str, seen: Observation) -> Opening:
        return Opening(markers=markers, cut=(), at=seen.now)

    patch.setattr(first_day, "_opening", open_at_once)


def _takes_what_is_left(patch: Patch) -> None:
    patch.setattr(day_inputs, "expect_parts", _nothing)


def _knows_nothing_of_tables(patch: Patch) -> None:
    patch.setattr(work_stream, "expect_tables", _nothing)


def _counts_no_tries(patch: Patch) -> None:
    patch.setattr(work_stream, "MOST_DEATHS", 1_000)


def _deletes_what_is_published(patch: Patch) -> None:
    patch.setattr(parts, "_unnamed", lambda *asked: list(asked[-1]))


LOOKS_ONCE = Mutant(name="the upload is not looked at again before its receipt is written", store=_LooksOnce)
PARTS_FIRST = Mutant(name="parts are listed before receipts", patch=_lists_parts_first)
NO_SEQ = Mutant(name="no table is asked for its publication", tables=lambda tables: _Tables(tables, _KnowsNoSeq))
FRESH_HANDLE = Mutant(name="check and commit go through two handles", tables=lambda tables: _Tables(tables, _CommitsAfresh))
NO_CLAIM = Mutant(name="the claim is not part of the commit", patch=_publishes_without_claim)
UPLOADS_FIRST = Mutant(name="uploads are listed before markers", patch=_lists_uploads_before_markers)
OLD_LISTING = Mutant(name="an old listing is applied to a new state", patch=_keeps_the_old_listing)
NEW_CUT_FORGOTTEN = Mutant(name="a cut taken while the day was computed is forgotten", patch=_forgets_the_new_cut)
NO_MANIFESTS = Mutant(name="housekeeping looks at no manifest", patch=_deletes_what_is_published)
ASKED_ONCE = Mutant(
    name="processing is written without asking again whether the day is due", patch=_asks_once_whether_a_day_is_due
)
FIRST_ANSWERED = Mutant(
    name="the first day is fixed while uploads before the markers are unanswered", patch=_begins_with_what_is_answered
)
NO_LOSSES = Mutant(name="a day is made of the parts that are left", patch=_takes_what_is_left)
NO_TABLES = Mutant(name="nobody asks whether the tables are ahead", patch=_knows_nothing_of_tables)
NO_TRIES = Mutant(name="nobody counts how often a day ended its worker", patch=_counts_no_tries)
