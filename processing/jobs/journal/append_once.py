"""Appends the rows of a request that its caller may send again: once, on whatever instance it comes (contract section 7).

Before its rows are appended the request is written down, with its answer and the place that the rows are going to have. So
whoever gets it again can tell whether they are in, also when the process that took it died in between.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from processing.domain.blob_names import journal_container
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError
from processing.domain.journal_names import Segment
from processing.domain.request_claims import KEPT, RequestClaim, claim_name
from processing.jobs.journal.journal import Journal
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.journal import holds
from processing.stored.tries import tries

IN_HAND: Final = timedelta(seconds=10)
"""For so long a request that has no answer is left to the process that took it."""


class KeyReusedError(DropzoneError):
    """The caller acts next: another request had this key within a day."""


class RequestInHandError(LaterError):
    """The same request is under way."""


class _AlreadyClaimedError(DropzoneError):
    """The key is written down already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRows:
    """Rows, and the request that they came with."""

    customer: str
    dataset: Dataset
    rows: bytes
    """Whole lines of NDJSON."""
    key: str
    """The caller's own name for the request."""
    fingerprint: str
    """SHA-256 of what it asks for: two requests with one key and two fingerprints are two requests."""
    answer: str
    """The body of the answer once the rows are in."""


def append_once(context: JobContext, journal: Journal, request: KeyedRows) -> str:
    """Return the answer once the rows are durable: that of the first time, where they were before.

    Raises KeyReusedError, RequestInHandError, and what `Journal.append` raises.
    """
    for _ in tries(context):
        claim = _Claim(context, request)
        try:
            journal.append(request.customer, request.dataset, request.rows, claim=claim)
        except _AlreadyClaimedError:
            answer = known_answer(context, request.customer, request.key, request.fingerprint)
            if answer is not None:
                return answer
        else:
            claim.settle()
            return request.answer
    raise LaterError("the same request is sent faster than it can be answered")


def answer_once(context: JobContext, request: KeyedRows) -> str:
    """The answer of a request of which no row is kept: that of the first time, where it was answered before."""
    context.drop.create_container(journal_container(request.customer))  # it may be the first request of all
    for _ in tries(context):
        try:
            _Claim(context, request).answer_without_rows()
        except _AlreadyClaimedError:
            answer = known_answer(context, request.customer, request.key, request.fingerprint)
            if answer is not None:
                return answer
        else:
            return request.answer
    raise LaterError("the same request is sent faster than it can be answered")


def known_answer(context: JobContext, customer: str, key: str, fingerprint: str) -> str | None:
    """The answer of the first time; None when there was none, or it came to nothing, and the request may be done.

    Raises KeyReusedError, RequestInHandError, and LaterError.
    """
    container, name = journal_container(customer), claim_name(key)
    found = context.drop.get(container, name)
    if found is None:
        return None
    known, info = from_json(RequestClaim, found[0]), found[1]
    unchanged = Condition.unchanged(info.etag)
    if context.clock.now() >= info.last_modified + KEPT:
        with suppress(ConditionNotMet):
            context.drop.delete(container, name, when=unchanged)
        return None
    if known.fingerprint != fingerprint:
        raise KeyReusedError(
            "another request had this Idempotency-Key within the last day: send this one under a key of its own"
        )
    if known.is_answered:
        return known.answer
    if context.drop.service_time() < info.last_modified + IN_HAND:
        raise RequestInHandError("the same request is under way: ask again in a few seconds")
    segment = Segment.parse(customer, known.segment)
    with suppress(ConditionNotMet):  # somebody else came to the same end, or appends it again
        if segment is not None and holds(context, segment, known.end):
            context.drop.put(container, name, to_json(replace(known, is_answered=True)), when=unchanged)
            return known.answer
        context.drop.delete(container, name, when=unchanged)
    return None


@dataclass(slots=True)
class _Claim:
    """What is written down of one attempt at a request."""

    context: JobContext
    request: KeyedRows
    attempt: str = field(default_factory=lambda: secrets.token_hex(16))
    etag: str | None = None
    written: RequestClaim | None = None

    def begin(self, segment: Segment, at: int) -> None:
        """Write the claim, also anew for another place; _AlreadyClaimedError when somebody else's is there."""
        request = self.request
        self._begin(
            RequestClaim(
                fingerprint=request.fingerprint,
                attempt=self.attempt,
                segment=str(segment),
                end=at + len(request.rows),
                answer=request.answer,
            )
        )

    def answer_without_rows(self) -> None:
        """Write down the answer of a request that has no rows to wait for; _AlreadyClaimedError as above."""
        request = self.request
        self._begin(
            RequestClaim(
                fingerprint=request.fingerprint,
                attempt=self.attempt,
                segment="",
                end=0,
                answer=request.answer,
                is_answered=True,
            )
        )

    def _begin(self, claim: RequestClaim) -> None:
        when = IF_ABSENT if self.etag is None else Condition.unchanged(self.etag)
        try:
            self.etag = self._put(claim, when)
        except ConditionNotMet:
            # It may be this very write, whose answer was lost on the way.
            found = self.context.drop.get(journal_container(self.request.customer), claim_name(self.request.key))
            if found is None or from_json(RequestClaim, found[0]) != claim:
                raise _AlreadyClaimedError("the key is written down already") from None
            self.etag = found[1].etag
        self.written = claim

    def settle(self) -> None:
        """Say that the rows are in; where that fails, the next one who asks finds it out."""
        if self.written is not None and self.etag is not None:
            with suppress(ConditionNotMet, LaterError):
                self._put(replace(self.written, is_answered=True), Condition.unchanged(self.etag))

    def _put(self, claim: RequestClaim, when: Condition) -> str:
        container = journal_container(self.request.customer)
        return self.context.drop.put(container, claim_name(self.request.key), to_json(claim), when=when)
