"""What one day of a stream needs, by its record, the stream and the customer's settings (contract section 6). Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.attention.model import Actor, Attention, AttentionCode
from processing.domain.readiness.cuts import count_missing
from processing.domain.readiness.day_states import next_in_order
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.stream_state import DayRecord, DayState, StreamState

_NAMES_SHOWN: Final = 3


def attention_of_day(state: StreamState, day: date, record: DayRecord, policy: ReadinessPolicy) -> Attention | None:
    """What the day needs of anybody; None when nothing."""
    if state.is_closed(day):
        return None
    match record.state:
        case DayState.FAILED:
            return _failed(state, day, record)
        case DayState.WAITING:
            return _waiting(day, record, policy)
        case DayState.CHANGED:
            return _changed(state, day, record, policy)
        case DayState.OPEN if record.late_marker:
            return _said(
                AttentionCode.LATE_MARKER,
                day,
                f"{day} has no marker, which is later than usual",
                Actor.CUSTOMER,
                how_to_mark(state, day),
            )
        case _:
            return None


def needs_of_day(state: StreamState, day: date, record: DayRecord, policy: ReadinessPolicy) -> str | None:
    """The same as a sentence for the day's own document, where it also says which earlier day comes first."""
    found = attention_of_day(state, day, record, policy)
    following = next_in_order(state)
    if found is None and record.state is DayState.WAITING and following is not None and following < day:
        is_marked = _is_cut(state, following)
        found = _said(
            AttentionCode.DAY_WAITING,
            day,
            f"{following} comes first" + ("" if is_marked else ", and has no marker"),
            Actor.DROPZONE if is_marked else Actor.CUSTOMER,
            "it is processed before this day" if is_marked else how_to_mark(state, following),
        )
    return None if found is None else f"{found.message} - {found.who}: {found.do}"


def how_to_mark(state: StreamState, day: date) -> str:
    """The upload, or the command, by which a day of the stream is marked."""
    return (
        f"upload an empty blob signals/{state.dataset}/{day}, or signals/{day} for all streams, once all its files are there, "
        f"also when it has no rows; or `dropzone ready {state.customer} {day} --dataset {state.dataset}`"
    )


def _failed(state: StreamState, day: date, record: DayRecord) -> Attention:
    if record.mismatch is not None and record.error is None:
        return _said(
            AttentionCode.DAY_FAILED,
            day,
            f"{day} differs from its manifest: {record.mismatch}",
            Actor.CUSTOMER,
            "upload what the manifest names, or upload the marker again with a manifest that is right, or without one",
        )
    again = "" if record.next_try is None else f", and is tried again at {utc(record.next_try)}"
    return _said(
        AttentionCode.DAY_FAILED,
        day,
        f"{day} failed: {record.error or 'no reason was kept'}{again}",
        Actor.OPERATOR,
        f"mend what it names, then `dropzone retry {state.customer} --dataset {state.dataset}` tries it at once",
    )


def _waiting(day: date, record: DayRecord, policy: ReadinessPolicy) -> Attention | None:
    count = count_missing(record)
    if not count:
        return None  # an earlier day, or the first day, comes first: the stream's affair
    names = listed([*(record.cut or ()), *(each.name for each in record.expected_files)], count)
    if record.expected_files and not record.cut:
        return _said(
            AttentionCode.DAY_WAITING,
            day,
            f"{day} waits for {counted(count, 'file')} that its manifest names: {names}",
            Actor.CUSTOMER,
            "upload them, or upload the marker again with a manifest without them",
        )
    if policy.wait_for_refused:
        do = "those that were refused are to be uploaded again, fixed, or deleted (on_refused: wait); the others are read"
        return _said(AttentionCode.DAY_WAITING, day, f"{day} waits for {counted(count, 'upload')}: {names}", Actor.CUSTOMER, do)
    return _said(
        AttentionCode.DAY_WAITING,
        day,
        f"{day} waits for {counted(count, 'upload')} without an answer: {names}",
        Actor.DROPZONE,
        "they are read, or tried again, by themselves; deleting one lets the day go on without it",
    )


def _changed(state: StreamState, day: date, record: DayRecord, policy: ReadinessPolicy) -> Attention:
    change, published = record.change, record.published
    if change is not None and published is not None and change.carried != published.carried:
        return _said(
            AttentionCode.DAY_CHANGED,
            day,
            f"{day} is given something else by an earlier day than when it was published",
            Actor.DROPZONE,
            "it is processed again by itself, after the earlier days",
        )
    joined, left = (change.joined, change.left) if change is not None else (0, 0)
    until = day + timedelta(days=policy.late_window_days)
    share = f"{policy.late_threshold:.3g}"
    rows = published.rows if published is not None else 0
    if policy.hold_late:
        why = "late_policy: hold keeps it as it is"
    elif joined + left <= policy.late_threshold * rows:
        why = f"that is no more than {share} of its {rows:,} rows"
    else:
        why = f"it was more than {policy.late_window_days} days old, and so only until {until} by itself"
    counts = f"{joined:,} rows joined and {left:,} left"
    again = f"`dropzone reprocess {state.customer} {state.dataset} {day}`"
    return _said(
        AttentionCode.DAY_CHANGED,
        day,
        f"{day} changed since it was published ({counts}) and is not processed again by itself: {why}",
        Actor.OPERATOR,
        f"{again}, or the customer uploads signals/{state.dataset}/{day} again",
    )


def missing_day(state: StreamState, marked: frozenset[date]) -> Attention | None:
    """The first day without a marker that later days wait for."""
    following = next_in_order(state)
    if following is None or following in marked or _is_cut(state, following):
        return None
    later = sorted(
        {day for day in marked if day > following} | {day for day in state.days if day > following and _is_cut(state, day)}
    )
    if not later:
        return None
    waiting = listed([str(day) for day in later], len(later))
    return _said(
        AttentionCode.DAY_NOT_MARKED,
        following,
        f"{following} has no marker, and {counted(len(later), 'later day')} cannot go on without it: {waiting}",
        Actor.CUSTOMER,
        f"{how_to_mark(state, following)}; `gap_policy: infer` in the config lets a later marker stand for it",
    )


def _is_cut(state: StreamState, day: date) -> bool:
    record = state.days.get(day)
    return record is not None and record.cut is not None


def _said(code: AttentionCode, day: date, message: str, who: Actor, do: str) -> Attention:
    return Attention(code=code, message=message, who=who, do=do, day=day)


def listed(names: list[str], count: int) -> str:
    """The first of so many names, and how many more there are."""
    more = f" and {count - _NAMES_SHOWN:,} more" if count > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def counted(count: int, noun: str) -> str:
    """So many of a thing."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def utc(instant: datetime) -> str:
    """An instant as people read it, to the second."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
