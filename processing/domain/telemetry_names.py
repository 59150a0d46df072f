"""The names under which the program tells of its work: spans, metrics, and the few attributes that stand beside them.

Every list here is closed, and none holds a customer's text: no name of a blob, no value of a row. The one thing that is
a customer's is its own name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class SpanName(StrEnum):
    """The pieces of work whose time is measured."""

    RECEIVE_FILE = "receive_file"
    """One upload, from its event to its receipt."""
    SEND_SWEEPS = "send_sweeps"
    """One run of the sweep's timer, which sends a message for each customer."""
    SWEEP = "sweep"
    """One look for a customer's uploads without an answer, which announces them."""
    SEND_HOUSEKEEPING = "send_housekeeping"
    """One run of housekeeping's timer, which sends a message for each customer."""
    CLEAN_UP = "clean_up"
    """One round of housekeeping for a customer."""
    ROLL_JOURNAL = "roll_journal"
    """One round for rows that came over HTTP and were left: they become uploads."""
    ADVANCE_DAYS = "advance_days"
    """One look of the day timer at every stream."""
    WORK_STREAM = "work_stream"
    """One turn of a worker at a stream."""
    PROCESS_DAY = "process_day"
    """One day, from its inputs to every table."""


class Attribute(StrEnum):
    """What may stand beside a span or a metric."""

    CUSTOMER = "customer"
    DATASET = "dataset"
    """`metrics`, `events`, `exposures` or `signals`; empty for an upload outside these folders."""
    DAY = "day"
    """On spans alone."""
    OUTCOME = "outcome"
    """How the work ended, or what became of the rows."""
    RULE = "rule"
    """A rule of ours, by its name in receipts."""
    STATE = "state"
    """A state of days."""
    QUEUE = "queue"
    """A queue of ours, by its name."""


Attributes: TypeAlias = Mapping[Attribute, str]


class InstrumentKind(StrEnum):
    """How values of a metric are put together."""

    COUNTER = "counter"
    """They are added up."""
    HISTOGRAM = "histogram"
    """Of each minute the count, sum, least and greatest are kept.

    What a look sees is one too: a gauge would go on telling its last value from every instance that once looked.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    kind: InstrumentKind
    unit: str
    """As OpenTelemetry writes units: `s`, `By`, or what is counted, in braces."""
    meaning: str
    attributes: tuple[Attribute, ...]


ROWS: Final = Metric(
    name="dropzone.rows",
    kind=InstrumentKind.COUNTER,
    unit="{row}",
    meaning="rows read from answered uploads; the outcome says whether they were accepted, rejected or filtered",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET, Attribute.OUTCOME),
)
UPLOADS: Final = Metric(
    name="dropzone.uploads",
    kind=InstrumentKind.COUNTER,
    unit="{upload}",
    meaning="receipts written; the outcome is their status",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET, Attribute.OUTCOME),
)
BYTES: Final = Metric(
    name="dropzone.bytes",
    kind=InstrumentKind.COUNTER,
    unit="By",
    meaning="bytes of answered uploads, as they were uploaded",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET),
)
REJECTS: Final = Metric(
    name="dropzone.rejects",
    kind=InstrumentKind.COUNTER,
    unit="{row}",
    meaning="rows that broke a rule; a row that broke two is counted under both",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET, Attribute.RULE),
)
ANSWER_LAG: Final = Metric(
    name="dropzone.answer_lag",
    kind=InstrumentKind.HISTOGRAM,
    unit="s",
    meaning="from the writing of an upload to its receipt; answers that were asked for again are left out",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET),
)
OLDEST_UNANSWERED: Final = Metric(
    name="dropzone.oldest_unanswered",
    kind=InstrumentKind.HISTOGRAM,
    unit="s",
    meaning="age of the customer's oldest upload without an answer as the sweep saw it, 0 when there is none",
    attributes=(Attribute.CUSTOMER,),
)
DAYS: Final = Metric(
    name="dropzone.days",
    kind=InstrumentKind.HISTOGRAM,
    unit="{day}",
    meaning="open days of a stream in a state as the day timer saw them; a state without days is not told",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET, Attribute.STATE),
)
DAY_LAG: Final = Metric(
    name="dropzone.day_lag",
    kind=InstrumentKind.HISTOGRAM,
    unit="s",
    meaning="from the writing of a day's first marker to the day in every table, for its first publication",
    attributes=(Attribute.CUSTOMER, Attribute.DATASET),
)
QUEUE_LENGTH: Final = Metric(
    name="dropzone.queue_length",
    kind=InstrumentKind.HISTOGRAM,
    unit="{message}",
    meaning="messages of a queue as a timer saw them, those that are being worked on too",
    attributes=(Attribute.QUEUE,),
)
QUEUE_AGE: Final = Metric(
    name="dropzone.queue_age",
    kind=InstrumentKind.HISTOGRAM,
    unit="s",
    meaning="age of the message that is next in a queue as a timer saw it, 0 when none waits",
    attributes=(Attribute.QUEUE,),
)
REFUSED_KEYS: Final = Metric(
    name="dropzone.refused_keys",
    kind=InstrumentKind.COUNTER,
    unit="{request}",
    meaning=(
        "requests over HTTP that showed no right key; the outcome is none, malformed, unknown (also revoked), too_many of one "
        "address, or scope"
    ),
    attributes=(Attribute.OUTCOME,),
)
METRICS: Final = (
    *(ROWS, UPLOADS, BYTES, REJECTS, ANSWER_LAG, OLDEST_UNANSWERED),
    *(DAYS, DAY_LAG, QUEUE_LENGTH, QUEUE_AGE, REFUSED_KEYS),
)

# OpenTelemetry, which reads and writes these texts behind the port, is no library of the domain. The shape alone is looked at
# here, because a message comes from outside: what is no traceparent may be anybody's text, and goes no further.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(value: object) -> bool:
    """Whether this is the identity of a span as W3C's `traceparent` writes it: two random numbers and a flag."""
    return isinstance(value, str) and _TRACEPARENT.fullmatch(value) is not None
