"""What a stream as a whole needs: its first day, its markers, rows that nobody asks for (contract section 6). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from processing.domain.attention.model import Actor, Attention, AttentionCode, StagedDay
from processing.domain.attention.of_days import attention_of_day, counted, how_to_mark, listed, missing_day, utc
from processing.domain.days import DayZone
from processing.domain.readiness.observation import ListedMarker, ReadinessPolicy
from processing.domain.readiness.silence import last_marked, silent_days, was_marked
from processing.domain.stream_state import StreamState


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What is known of a stream besides its state."""

    now: datetime
    """By the storage service's clock."""
    zone: DayZone
    policy: ReadinessPolicy
    markers: Sequence[ListedMarker]
    """Those that are there now, in effect or not."""
    staged: Mapping[date, StagedDay]
    """The rows in force of each day that is not closed."""
    keep_staged: int
    """Days for which staged rows are kept."""

    def effective_at(self, marker: ListedMarker) -> datetime:
        """When a marker takes effect: it has settled, and its day has ended."""
        return max(marker.written + self.policy.settle, self.zone.end_of(marker.day))

    @property
    def in_effect(self) -> frozenset[date]:
        """The days that are marked."""
        return frozenset(each.day for each in self.markers if self.effective_at(each) <= self.now)


def attention_of_stream(state: StreamState, facts: StreamFacts) -> list[Attention]:
    """Everything that a stream and its days need, the most urgent first."""
    found = [
        *_stopped(state),
        *_first_day(state, facts),
        *_missing(state, facts),
        *_without_markers(state, facts),
        *_silent(state, facts),
        *_earlier_rows(state, facts),
        *_not_in_effect(facts),
    ]
    days = (attention_of_day(state, day, record, facts.policy) for day, record in sorted(state.days.items()))
    return [*found, *(each for each in days if each is not None)]


def _stopped(state: StreamState) -> Iterator[Attention]:
    if state.stopped is not None:
        yield Attention(
            code=AttentionCode.STREAM_STOPPED,
            message=f"the stream stands still: {state.stopped}",
            who=Actor.OPERATOR,
            do="do what it says; the next look goes on by itself",
        )


def _first_day(state: StreamState, facts: StreamFacts) -> Iterator[Attention]:
    """Why it is not known with which day the stream begins."""
    if state.first_day is not None or facts.policy.first_day is not None or not facts.in_effect:
        return
    newest = max(each.written for each in facts.markers) + facts.policy.first_day_wait
    begin = f"or name it: `dropzone first-day {state.customer} {state.dataset} DATE`, or first_day in the config"
    opening = state.opening
    if opening is not None and opening.cut:
        names, uploads = listed(list(opening.cut), len(opening.cut)), counted(len(opening.cut), "upload")
        message = f"the first day is fixed when {uploads} that came before the markers are answered: {names}"
        who, do = Actor.DROPZONE, f"they are read by themselves; {begin}"
    elif newest > facts.now:
        message = "the first day is not fixed yet: markers are still coming in"
        who, do = Actor.DROPZONE, f"it is fixed at {utc(newest)} if no further marker comes; {begin}"
    elif any(facts.staged.values()):
        days = [str(day) for day in sorted(facts.in_effect)]
        window, shown = facts.policy.first_day_window, listed(days, len(days))
        message = f"the first day is not fixed: no marked day of the last {window} has rows ({shown})"
        who, do = Actor.CUSTOMER, f"mark a day that has rows; {begin}"
    else:
        message = "the first day is not fixed: days are marked, and no row has come for one of them"
        who, do = Actor.CUSTOMER, f"upload the rows of the days that are marked; {begin}"
    yield Attention(code=AttentionCode.FIRST_DAY_OPEN, message=message, who=who, do=do)


def _missing(state: StreamState, facts: StreamFacts) -> Iterator[Attention]:
    if facts.policy.infer_gaps:
        return
    found = missing_day(state, facts.in_effect)
    if found is not None:
        yield found


def _without_markers(state: StreamState, facts: StreamFacts) -> Iterator[Attention]:
    """Rows of a stream of which no day was ever marked."""
    days = [day for day, each in sorted(facts.staged.items()) if each.rows]
    if not days or facts.markers or was_marked(state):
        return
    rows = sum(each.rows for each in facts.staged.values())
    first = state.first_day or facts.policy.first_day or days[0]
    yield Attention(
        code=AttentionCode.NO_MARKER,
        message=f"{_rows(rows, days)} ({days[0]} to {days[-1]}) came, and no day was ever marked",
        who=Actor.CUSTOMER,
        do=how_to_mark(state, first),
    )


def _silent(state: StreamState, facts: StreamFacts) -> Iterator[Attention]:
    """A stream that had its days published, and for which nobody marks any more."""
    last = max(filter(None, (last_marked(state), max(facts.in_effect, default=None))), default=None)
    silent = silent_days(last, facts.zone, facts.now) if last is not None and state.seq else 0
    if last is None or not silent:
        return
    newer = [day for day, each in sorted(facts.staged.items()) if day > last and each.rows]
    came = f"rows of {counted(len(newer), 'later day')} have come" if newer else "no row of a later day has come either"
    following = last + timedelta(days=1)
    yield Attention(
        code=AttentionCode.STREAM_SILENT,
        message=f"no day after {last} was marked, though {silent:,} have ended since; {came}",
        who=Actor.CUSTOMER,
        do=how_to_mark(state, following) if newer else "send the files of these days, and mark them",
        day=following,
    )


def _earlier_rows(state: StreamState, facts: StreamFacts) -> Iterator[Attention]:
    """Rows that lie before the first day, and until when they can be taken in."""
    first = facts.policy.first_day or state.first_day
    if first is None:
        return
    earlier = {
        day: each for day, each in sorted(facts.staged.items()) if day < first and each.rows and not state.is_published(day)
    }
    if not earlier:
        return
    begin = min(earlier)
    oldest = min((each.oldest for each in earlier.values() if each.oldest is not None), default=None)
    until = "" if oldest is None else f", until {oldest + timedelta(days=facts.keep_staged)}"
    how = (
        f"`dropzone first-day {state.customer} {state.dataset} {begin}`"
        if facts.policy.first_day is None
        else f"set first_day: {begin} in customers/{state.customer}.yaml"
    )
    rows = sum(each.rows for each in earlier.values())
    yield Attention(
        code=AttentionCode.EARLIER_ROWS,
        message=f"{_rows(rows, earlier)} from {begin} on came for days before the first, {first}, and are in no result",
        who=Actor.OPERATOR,
        do=f"{how} takes them in{until}; then their days are marked like others",
        day=begin,
    )


def _rows(rows: int, days: Collection[date]) -> str:
    return f"{counted(rows, 'row')} of {counted(len(days), 'day')}"


def _not_in_effect(facts: StreamFacts) -> Iterator[Attention]:
    """Markers that are there and do not count yet."""
    for marker in sorted(facts.markers, key=lambda each: (each.day, each.ref.name)):
        at = facts.effective_at(marker)
        if at <= facts.now or marker.day in facts.in_effect:
            continue
        has_ended = facts.zone.has_ended(marker.day, facts.now)
        when = "it has settled" if has_ended else f"{marker.day} has ended"
        yield Attention(
            code=AttentionCode.MARKER_SETTLING if has_ended else AttentionCode.DAY_NOT_OVER,
            message=f"{marker.ref.name} marks {marker.day} and takes effect at {utc(at)}, when {when}",
            who=Actor.DROPZONE,
            do=f"the day is looked at after {utc(at)}; nothing is to be done",
            day=marker.day,
        )
