"""Tells telemetry what receipts and streams say, and nothing that they do not: no name of a blob, no value."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from processing.domain.receipts import Receipt
from processing.domain.stream_state import StreamState
from processing.domain.telemetry_names import ANSWER_LAG, BYTES, DAY_LAG, DAYS, REJECTS, ROWS, UPLOADS, Attribute, Attributes
from processing.ports import Telemetry


def measure_receipt(telemetry: Telemetry, receipt: Receipt, *, is_first: bool) -> None:
    """Count what a receipt that was just written answers, and name its dataset on the open span.

    `is_first` unless the answer was asked for again.
    """
    telemetry.set_attributes({Attribute.DATASET: receipt.dataset})
    upload: Attributes = {Attribute.CUSTOMER: receipt.customer, Attribute.DATASET: receipt.dataset}
    telemetry.measure(UPLOADS, 1, {**upload, Attribute.OUTCOME: receipt.status.value})
    if not receipt.status.is_answer:
        return  # it is counted when it is answered
    telemetry.measure(BYTES, receipt.size, upload)
    rows = receipt.rows
    for outcome, count in (("accepted", rows.accepted), ("rejected", rows.rejected), ("filtered", rows.filtered)):
        if count:
            telemetry.measure(ROWS, count, {**upload, Attribute.OUTCOME: outcome})
    rules: Counter[str] = Counter()
    for broken in receipt.rules:
        rules[broken.rule] += broken.count
    for rule, count in rules.items():
        telemetry.measure(REJECTS, count, {**upload, Attribute.RULE: rule})
    if is_first:
        telemetry.measure(ANSWER_LAG, _seconds(receipt.received_at, receipt.finished_at), upload)


def measure_days(telemetry: Telemetry, state: StreamState) -> None:
    """Tell how many days of a stream are in each state."""
    for found, count in Counter(record.state for record in state.days.values()).items():
        telemetry.measure(DAYS, count, {**_stream(state), Attribute.STATE: found.value})


def measure_publication(telemetry: Telemetry, state: StreamState, day: date, now: datetime) -> None:
    """Tell how long after its marker a day came into every table; a day that no marker of its own marked has no such time."""
    marked = state.days[day].marked_at
    if marked is not None:
        telemetry.measure(DAY_LAG, _seconds(marked, now), _stream(state))


def _stream(state: StreamState) -> Attributes:
    return {Attribute.CUSTOMER: state.customer, Attribute.DATASET: state.dataset.value}


def _seconds(since: datetime, until: datetime) -> float:
    # Two clocks: the service's and the host's.
    return max(0.0, (until - since).total_seconds())
