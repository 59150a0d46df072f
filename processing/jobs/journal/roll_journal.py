"""Makes uploads of segments whose writers left them: the backstop behind every process that writes (protocol, Journal)."""

from __future__ import annotations

import structlog

from processing.domain.journal_names import Segment
from processing.domain.telemetry_names import Attribute, SpanName
from processing.jobs.failures import log_failure
from processing.stored.context import JobContext
from processing.stored.journal import left_segments, roll_segment

_log = structlog.get_logger()


def roll_customer(context: JobContext, customer: str, *, traceparent: str | None = None) -> int:
    """Make uploads of what a customer's writers left; returns of how many segments.

    What fails is logged and done with the next message; one segment holds up no other. `traceparent` is the span that asked.
    """
    rolled = 0
    with context.telemetry.span(SpanName.ROLL_JOURNAL, {Attribute.CUSTOMER: customer}, links=[traceparent]):
        try:
            for segment in left_segments(context, customer):
                rolled += is_rolled(context, segment)
        except Exception as error:  # noqa: BLE001 - the message is done: the next one asks again
            log_failure(_log, "journal_not_rolled", error, customer=customer)
            return rolled
        _log.info("journal_rolled", customer=customer, segments=rolled)
    return rolled


def is_rolled(context: JobContext, segment: Segment) -> bool:
    """Make an upload of a segment; False where that fails, which is logged and no reason to leave the others."""
    try:
        roll_segment(context, segment)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one segment stays with that one
        log_failure(_log, "segment_not_rolled", error, customer=segment.customer, segment=str(segment))
        return False
    return True
