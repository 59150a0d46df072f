"""The status documents of a stream's days, printed from its state (contract section 6; protocol, Objects).

Nothing is decided by what they say. The state keeps the last changes of a day and the document more of them, so that the older
ones are taken over from the document before.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Self

from processing.domain import blob_names
from processing.domain.attention.of_days import needs_of_day
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet
from processing.domain.kept_documents import keeps_document
from processing.domain.readiness.day_states import HISTORY_IN_STATE
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.stream_state import Change, DayRecord, DayStatus, StreamState
from processing.ports import IF_ABSENT, BlobInfo, Condition
from processing.stored.context import JobContext
from processing.stored.policies import readiness_policy
from processing.stored.staged_parts import count_staged, list_parts
from processing.stored.stream_state import load_state

_REVISION, _STAMP = "revision", "stamp"
_HISTORY: Final = 50
"""Changes of a day that its document tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedDay:
    """Which change of a day a document tells of."""

    etag: str | None
    revision: int
    stamp: str

    @classmethod
    def of(cls, info: BlobInfo) -> Self:
        """What a document's metadata says."""
        return cls(etag=info.etag, revision=int(info.metadata.get(_REVISION, "0")), stamp=info.metadata.get(_STAMP, ""))

    def is_of(self, record: DayRecord) -> bool:
        """Whether the document tells of this record, and so need not be printed."""
        return (self.revision, self.stamp) == (record.revision, record.stamp)


_NOTHING: Final = PrintedDay(etag=None, revision=-1, stamp="")


def printed_days(context: JobContext, state: StreamState) -> Mapping[date, PrintedDay]:
    """What the documents tell of each day that the state has a record of: documents of other days are not even listed."""
    if not state.days:
        return {}
    container, folder = blob_names.receipts_container(state.customer), blob_names.days_prefix(state.dataset)
    first = _document(state, min(state.days))
    infos = {info.name: info for info in context.drop.list_blobs(container, folder, start=first, metadata=True)}
    return {day: PrintedDay.of(infos[name]) if (name := _document(state, day)) in infos else _NOTHING for day in state.days}


def print_status(context: JobContext, state: StreamState) -> None:
    """Bring the status documents of the stream's days up to its state."""
    printed = printed_days(context, state)
    behind = [day for day, record in state.days.items() if not printed[day].is_of(record)]
    if not behind:
        return
    container = blob_names.receipts_container(state.customer)
    policy = readiness_policy(context, state.customer)
    today = context.zone.day_of(context.drop.service_time())
    # A document of a later revision is another worker's, or tells of a state in whose place one from before was put back.
    is_current = all(printed[day].revision < state.days[day].revision for day in behind)
    is_current = is_current or load_state(context, state.stream).state == state
    for day in behind:
        before, record = printed[day], state.days[day]
        if before.revision >= record.revision and not is_current:
            continue
        if before.etag is None and not keeps_document(state, day, today=today, receipts=context.retention.receipts):
            continue  # retention gave it up
        document = _document_of(context, state, day, policy)
        if before.etag is not None and len(record.history) == HISTORY_IN_STATE:
            document = replace(document, history=_earlier_changes(context, state, day, record) + document.history)
        with suppress(ConditionNotMet):  # another worker printed meanwhile; what is still behind is printed by the next look
            context.drop.put(
                container,
                _document(state, day),
                to_json(document),
                when=IF_ABSENT if before.etag is None else Condition.unchanged(before.etag),
                metadata={_REVISION: str(record.revision), _STAMP: record.stamp},
            )


def day_status(context: JobContext, state: StreamState, day: date, record: DayRecord) -> DayStatus:
    """The status document of a day."""
    published = record.published
    kept = None if state.is_closed(day) else day + timedelta(days=context.retention.staged)
    return DayStatus(
        customer=state.customer,
        dataset=state.dataset,
        day=day,
        state=record.state,
        seq=published.seq if published else None,
        files=published.files if published else 0,
        rows=published.rows if published else 0,
        superseded=published.superseded if published else 0,
        refused=record.refused,
        waiting_for=record.waiting_for,
        history=record.history,
        error=record.error or record.mismatch,
        late_marker=record.late_marker,
        changed=record.change,
        difference=record.difference,
        reprocess_until=kept if published else None,
        tries=record.tries,
        overflowed=published.overflowed if published else 0,
        kind_changed=published.kind_changed if published else None,
    )


def _document_of(context: JobContext, state: StreamState, day: date, policy: ReadinessPolicy) -> DayStatus:
    record = state.days[day]
    document = replace(day_status(context, state, day, record), needs=needs_of_day(state, day, record, policy))
    if record.published is None:
        files, rows = count_staged(list_parts(context.lake, state.stream, day))
        document = replace(document, files=files, rows=rows)
    return document


def _earlier_changes(context: JobContext, state: StreamState, day: date, record: DayRecord) -> tuple[Change, ...]:
    """The changes that the document tells and the state has forgotten."""
    found = context.drop.get(blob_names.receipts_container(state.customer), _document(state, day))
    told = from_json(DayStatus, found[0]).history if found is not None else ()
    earlier = tuple(each for each in told if each.at <= record.history[0].at and each not in record.history)
    return earlier[-(_HISTORY - len(record.history)) :]


def _document(state: StreamState, day: date) -> str:
    return blob_names.day_status_name(state.dataset, day)
