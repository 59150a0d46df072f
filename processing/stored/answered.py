"""Which versions of a customer's uploads were seen to have an answer, so that nobody lists all receipts to learn it again.

A version that has an answer keeps it (protocol, Answered). So what is written here may be old, lost or written by two at once
without harm: a listed version that it names needs no request, and one that it does not name costs a HEAD of its receipt. Only
whether an answer was a refusal may change, when an operator asks for another one: refused versions are asked again wherever
that matters, and a version that is refused in place of an earlier answer is taken out.

The uploads that were there and are not listed any more stand beside them until their receipts say so (protocol, Deletions).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, LaterError
from processing.ports import IF_ABSENT, UNCONDITIONAL, BlobInfo, Condition
from processing.stored.context import JobContext
from processing.stored.tries import tries

_FAST: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredVersions:
    """Names of uploads to the ETag that was seen to have an answer."""

    accepted: Mapping[str, str] = field(default_factory=dict)
    """Also those that were ignored."""
    refused: Mapping[str, str] = field(default_factory=dict)
    with_rows: frozenset[Dataset] = frozenset()
    """The streams of which any upload was seen to hold rows in force."""
    listed_at: datetime | None = None
    """When all receipts were listed last, by the service's clock; None when they never were."""
    earlier: Mapping[str, str] = field(default_factory=dict)
    """Versions that were there and had a receipt, of which it is to be asked again whether that is an answer."""
    gone: frozenset[str] = frozenset()
    """Names of uploads that were seen and are not listed any more, whose receipts may not say so yet."""

    def known(self) -> dict[str, str]:
        """Every upload that was there when this was written, to the version that was seen of it."""
        return {**self.earlier, **self.accepted, **self.refused}

    def has(self, info: BlobInfo) -> bool:
        """Whether this version of an upload has an answer."""
        return info.etag in (self.accepted.get(info.name), self.refused.get(info.name))

    def is_accepted(self, info: BlobInfo) -> bool:
        """Whether it has one that is no refusal."""
        return self.accepted.get(info.name) == info.etag


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswers:
    """What is stored of a customer, and the version of the blob that holds it."""

    versions: AnsweredVersions
    etag: str | None
    """None while there is none."""


_ADAPTER: Final = TypeAdapter(AnsweredVersions)


def load_answered(context: JobContext, customer: str) -> StoredAnswers:
    """What is known of a customer; nothing where that cannot be read."""
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.answered_name(customer))
    if found is None:
        return StoredAnswers(versions=AnsweredVersions(), etag=None)
    data, info = found
    try:
        versions = _ADAPTER.validate_python(json.loads(gzip.decompress(data)))
    except (OSError, EOFError, ValueError):
        versions = AnsweredVersions()
    return StoredAnswers(versions=versions, etag=info.etag)


def store_answered(context: JobContext, customer: str, before: StoredAnswers, versions: AnsweredVersions) -> bool:
    """Write what is known now, unless somebody wrote since `before` was read: what was seen before that may be over.

    Whether it was written.
    """
    try:
        _store(context, customer, _condition(before), versions)
    except ConditionNotMet:
        return False
    return True


def forget_answers(context: JobContext, customer: str, names: Collection[str] | None = None) -> None:
    """Take some versions out, so that their receipts are asked again, also by those who are asking just now; or all.

    Where others write at the same time all are taken out: thousands of refusals at once would wait for each other. It is kept
    which uploads were there, but for all that are taken out after a disaster: then nobody knows what is gone by whom.
    """
    if names is None:
        _store(context, customer, UNCONDITIONAL, AnsweredVersions())
        return
    before = load_answered(context, customer)
    with suppress(ConditionNotMet):
        # Written also where nothing is taken out: whoever has read it before cannot write it any more.
        _store(context, customer, _condition(before), _without(before.versions, names))
        return
    versions = load_answered(context, customer).versions
    _store(context, customer, UNCONDITIONAL, AnsweredVersions(earlier=versions.known(), gone=versions.gone))


def forget_deleted(context: JobContext, customer: str, names: Collection[str]) -> None:
    """Take out uploads whose receipts say now that they are gone; LaterError where others write every time.

    Their versions too: somebody may have seen one come back before its receipt said so.
    """
    for _ in tries(context):
        before = load_answered(context, customer)
        versions = before.versions
        accepted, refused, earlier = (
            {name: etag for name, etag in each.items() if name not in names}
            for each in (versions.accepted, versions.refused, versions.earlier)
        )
        left = replace(versions, accepted=accepted, refused=refused, earlier=earlier, gone=versions.gone.difference(names))
        if store_answered(context, customer, before, left):
            return
    raise LaterError(f"what is known to be answered of {customer} changes faster than it can be written")


def _without(versions: AnsweredVersions, names: Collection[str]) -> AnsweredVersions:
    known = versions.known()
    accepted, refused = (
        {name: etag for name, etag in each.items() if name not in names} for each in (versions.accepted, versions.refused)
    )
    earlier = {**versions.earlier, **{name: known[name] for name in names if name in known}}
    return replace(versions, accepted=accepted, refused=refused, earlier=earlier)


def _condition(before: StoredAnswers) -> Condition:
    return IF_ABSENT if before.etag is None else Condition.unchanged(before.etag)


def _store(context: JobContext, customer: str, when: Condition, versions: AnsweredVersions) -> None:
    data = json.dumps(_ADAPTER.dump_python(versions, mode="json"), separators=(",", ":")).encode()
    name = blob_names.answered_name(customer)
    context.lake.put(blob_names.STATE_CONTAINER, name, gzip.compress(data, _FAST, mtime=0), when=when)
