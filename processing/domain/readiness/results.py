"""Which day of results is due: those of the streams that it is computed from decide, and no marker (contract section 8).

A day is computed when all of them have published it, in order, because each day goes on from the totals of the one before.
What it was computed from is kept as two digests: of the publications of these streams, and of the day of results before it.
When either is another one, the day is computed again, and all days after it follow, because they are given something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.readiness.day_states import next_in_order, with_state
from processing.domain.readiness.inherited import digest_of
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.readiness.rest import has_work
from processing.domain.stream_state import DayRecord, DayState, StreamState

_DAY: Final = timedelta(days=1)
_ANOTHER_MEANING: Final = "the config says something else of experiments"
_OTHER_DAYS: Final = "days that it is computed from were published again"
_BEFORE: Final = "the results of the day before are others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What results of a customer are computed from."""

    states: Sequence[StreamState]
    """Of the streams whose days they need, that of exposures first; streams that have not begun are not waited for."""
    looks_back: int
    """Days before a day whose metrics and events it needs, too."""
    begins: date | None
    """The earliest day that an experiment is to have results of, by the config; None where it does not say."""
    meaning: str
    """Digest of what the config says of experiments."""

    def through(self) -> date | None:
        """The last day that all streams have published with all before it; None until exposures have one."""
        following = [next_in_order(state) for state in self.states]
        ends = [day - _DAY for day in following if day is not None]
        first = self.states[0].first_day if self.states else None
        return min(ends) if first is not None and ends and min(ends) >= first else None

    def earliest(self) -> date | None:
        """The first day that exposures have published: it stays in the tables when the stream is told to begin later."""
        if not self.states:
            return None
        exposures = self.states[0]
        published = (day for day, record in exposures.days.items() if record.published is not None)
        return min((*published, *(each.first for each in exposures.closed)), default=None)

    def digest(self, day: date) -> str | None:
        """What a day would be computed from now; None where it is not known without the documents of closed days."""
        found: list[str] = []
        for state in self.states:
            back = 0 if state.dataset is Dataset.EXPOSURES else self.looks_back
            for its in (day - _DAY * number for number in range(back, -1, -1)):
                if state.closed_with(its) is not None:
                    return None
                published = state.days[its].published if its in state.days else None
                if published is not None:
                    found.append(f"{state.dataset} {its.isoformat()} {published.manifest}")
        return digest_of(found)


def advance_results(state: StreamState, sources: Sources, policy: ReadinessPolicy, now: datetime) -> StreamState:
    """The state after a look at the streams that results are computed from; the revision is left as it is."""
    through = sources.through()
    if state.first_day is None and through is not None:
        state = replace(state, first_day=_first_day(sources, policy, through))
    days = dict(state.days)
    again = _first_to_compute_again(state, sources)
    for day, record in state.days.items():
        days[day] = _published(record, now, again[1] if day == again[0] else None)
    following = next_in_order(state)
    if following is not None and through is not None:
        is_settled = again[0] is None
        while following <= through:
            record = days.get(following, DayRecord())
            is_next = following == next_in_order(state)
            days[following] = _awaited(record, now, is_next=is_next, is_settled=is_settled, first=next_in_order(state))
            following += _DAY
        for day, names in _behind(sources, following):
            days[day] = _waiting(days.get(day, DayRecord()), now, names)
    return _looked(replace(state, days=dict(sorted(days.items())), stopped=None), policy, now)


def carried_to(state: StreamState, day: date) -> str:
    """What the day of results before one gives to it."""
    before = state.days.get(day - _DAY)
    return "" if before is None or before.published is None else before.published.manifest


def _looked(state: StreamState, policy: ReadinessPolicy, now: datetime) -> StreamState:
    is_fresh = state.compared_at is not None and state.compared_at + policy.compare_every > now
    return state if is_fresh else replace(state, compared_at=now)


def _first_day(sources: Sources, policy: ReadinessPolicy, through: date) -> date:
    """The first day with results: what came before the last weeks is in the totals, and has no rows of its own."""
    begun = [day for day in (sources.states[0].first_day, sources.begins) if day is not None]
    return min(max([*begun, through - _DAY * (policy.first_day_window - 1)]), through)


def _first_to_compute_again(state: StreamState, sources: Sources) -> tuple[date | None, str]:
    """The first published day that would come out otherwise now, and why. Those after it follow when it is published."""
    open_days = [day for day, record in state.days.items() if record.published is not None and not state.is_closed(day)]
    for day in open_days:
        record = state.days[day]
        cause = record.reprocess or _cause(state, sources, day, is_last=day == open_days[-1])
        if cause is not None:
            return day, cause
    return None, ""


def _cause(state: StreamState, sources: Sources, day: date, *, is_last: bool) -> str | None:
    published, present = state.days[day].published, sources.digest(day)
    if published is None:
        return None
    if present is not None and published.inputs != present:
        return _OTHER_DAYS
    if day - _DAY in state.days and published.carried != carried_to(state, day):
        return _BEFORE
    return _ANOTHER_MEANING if is_last and published.meaning != sources.meaning else None


def _published(record: DayRecord, now: datetime, cause: str | None) -> DayRecord:
    """The record of a day that is published, with `cause` to be computed again, in its turn."""
    if record.published is None:
        return record
    if cause is None:
        # An operator may have asked for a later day, too: its turn comes.
        return record if record.reprocess is None else replace(record, cut=None)
    if record.reprocess is not None and record.cut == ():
        return record
    asked = replace(record, reprocess=cause, cut=(), cut_at=now)
    if record.reprocess is None:
        asked = replace(asked, tries=0, failures=0, next_try=None, error=None)
    return with_state(asked, DayState.READY, now, f"to be processed again: {cause}")


def _awaited(record: DayRecord, now: datetime, *, is_next: bool, is_settled: bool, first: date | None) -> DayRecord:
    """The record of a day that can be computed, as soon as those before it are."""
    record = replace(record, marked_at=record.marked_at or now, waiting_for=())
    if is_next and is_settled:
        record = replace(record, cut=(), cut_at=record.cut_at or now)
        if record.failures or record.state is DayState.PROCESSING:
            return record
        return with_state(record, DayState.READY, now, "all days that it is computed from are published")
    record = replace(record, cut=None)
    cause = (
        f"day {first.isoformat()} comes first" if first is not None and not is_next else "earlier results are computed again"
    )
    return with_state(record, DayState.WAITING, now, cause)


def _behind(sources: Sources, day: date) -> Iterator[tuple[date, tuple[str, ...]]]:
    """The day that comes next, if some streams have published it, with those that have not."""
    have = {state.dataset: state.is_published(day) for state in sources.states}
    missing = tuple(f"{dataset} of {day.isoformat()}" for dataset, is_there in have.items() if not is_there)
    if any(have.values()) and missing:
        yield day, missing


def _waiting(record: DayRecord, now: datetime, names: tuple[str, ...]) -> DayRecord:
    record = replace(record, waiting_for=names)
    return with_state(record, DayState.WAITING, now, f"not published yet: {', '.join(names)}")


def is_at_rest(state: StreamState, policy: ReadinessPolicy, now: datetime) -> bool:
    """Whether nothing of the stream is begun or due, and it was looked at within the hour.

    Whoever publishes a day that results are computed from sends a worker; one that is lost is made good by that hour.
    """
    if state.pending is not None or state.stopped is not None or state.compared_at is None:
        return False
    return not any(map(has_work, state.days.values())) and state.compared_at + policy.compare_every > now


def definitions_digest(said: Mapping[str, str]) -> str:
    """A digest of what is said of each of several experiments."""
    return digest_of(f"{name} {digest}" for name, digest in said.items())
