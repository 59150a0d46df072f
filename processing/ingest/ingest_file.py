"""One upload, from its bytes to staged parts, rejected rows and exact counts; no storage and no clock in it.

The same function serves the functions app and a check of a local file, so that both give the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.days import PST, DayZone
from processing.domain.errors import CustomerError, panics_as_errors
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import BrokenRule, ReceiptError, ReceiptWarning, RowCounts
from processing.frames.ordered_pool import WORKERS
from processing.ingest.bounds import FileBounds
from processing.ingest.columns.dataset_schemas import SchemaContext, columns_of
from processing.ingest.deadlines import Deadline
from processing.ingest.fixes.fix_file import FixFile, Masks
from processing.ingest.fixes.open_fixes import ending_of, open_fixes
from processing.ingest.pipeline import Split, Wanted, splits
from processing.ingest.readers.first_line import with_first_line
from processing.ingest.readers.formats import HEAD, FileFormat, Layout, detect_format
from processing.ingest.readers.header_advice import nearest_names
from processing.ingest.readers.open_reader import open_reader
from processing.ingest.readers.random_access import RandomAccess
from processing.ingest.readers.upload_form import UploadForm
from processing.ingest.receipt_warnings import StreamDays, WarningTally
from processing.ingest.routes import Route, masks_of, names_that_may_be_told, open_routes
from processing.ingest.staging import WRITERS, LocalPart
from processing.ingest.validation.advice import advised
from processing.ingest.validation.reject_writer import RejectWriter
from processing.ingest.volume import volume_warnings
from schemas.customer_config import CustomerConfig, DatasetConfig
from schemas.rule_codes import RuleCode

LARGEST_UPLOAD: Final = 10 * 1000**3
"""Bytes."""
MOST_EXPLAINED: Final = 5_000_000
"""Rejected rows behind which a file is read on only while its share of them is allowed."""
_LEAST_REJECTED: Final = 64 * 1024 * 1024
"""Bytes of rejected rows that any file may become, and how many times its own bytes a larger one may."""
_MOST_REJECTED: Final = 4
_SMALL: Final = 8 * 1024 * 1024
"""Bytes of an upload that is read in one thread: two blocks."""
_FEWEST_ROWS_FOR_BUDGET: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What decides the outcome besides the bytes."""

    name: str
    """The upload's name; its ending tells the layout."""
    dataset: Dataset
    uploaded_at: datetime
    """Last-Modified of the upload, for rules against "now"."""
    zone: DayZone = PST
    config: CustomerConfig = field(default_factory=CustomerConfig)
    streams: Mapping[Dataset, StreamDays] = field(default_factory=dict)
    """What is known of the days of the streams that the upload may have rows of."""
    are_answered: bool = False
    """Whether each row was accepted before, when it came over HTTP: then no other row may cost it its place."""
    with_fixes: bool = False
    """Whether the rejected records are to be written in the upload's own form as well."""
    deadline: Callable[[], bool] | None = None
    """Whether the time for this attempt is over, which refuses the file; asked often. None where it never is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixFileWritten:
    """A fix file."""

    path: Path
    ending: str
    """The ending of its name, such as `csv.gz`."""
    unwritten_from: int | None = None
    """The first rejected record from which on none is there for want of room; None when there was room for all."""
    left_out: int = 0
    """Rejected records before that one that cannot be written in this form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOutcome:
    """What an upload turned out to hold."""

    format: str | None
    rows: RowCounts
    days: Mapping[date, int]
    """Accepted rows of each day; empty for a refused file."""
    rules: tuple[BrokenRule, ...]
    warnings: tuple[ReceiptWarning, ...]
    rejected: Path | None
    """NDJSON of the rejected rows, after those that were spilled; None when there are none at all, and when the file was
    refused before all of it was read: what was spilled by then is to be given up."""
    problem: ReceiptError | None
    """Why the file is refused as a whole, None when it is not."""
    rejected_from: int | None = None
    """The first rejected record that is counted and not among those written, as they are too large together; None when all
    are there."""
    fixes: FixFileWritten | None = None
    """The rejected records in the upload's own form, after those that were spilled; None where none are wanted, where there are
    none, and where the file is refused: then nothing of it counts, and the file itself is to be fixed."""


def ingest_file(
    request: IngestRequest,
    source: RandomAccess,
    *,
    scratch: Path,
    emit: Callable[[Dataset, LocalPart], None],
    spill: Callable[[Path], None] | None = None,
    spill_fixes: Callable[[FixFileWritten], None] | None = None,
) -> IngestOutcome:
    """Read, validate and stage one upload; a refusal is an outcome, not an exception.

    `emit` is called for each finished part with the dataset of its rows, `spill` for each 64 MiB of rejected rows, and
    `spill_fixes` for each 64 MiB of the fix file; all must have moved the file away when they return. Errors of `source` and
    of these pass through. What was emitted of a file that is refused counts for nothing, nor does what was spilled where the
    outcome names no rejected rows or no fix file.
    """
    found, head = None, b""
    try:
        with panics_as_errors():
            head = source.read(0, min(HEAD, source.size))
            found = detect_format(request.name, head)
            outcome = _read(request, found, source, _Outlets(scratch=scratch, emit=emit, spill=spill, spill_fixes=spill_fixes))
    except CustomerError as error:
        outcome = IngestOutcome(
            format=str(found) if found else None,
            rows=RowCounts(),
            days={},
            rules=(),
            warnings=(),
            rejected=None,
            problem=ReceiptError(code=error.code, message=error.message),
        )
    if outcome.problem is None:
        return outcome
    own = request.config.dataset(request.dataset)
    may_tell = names_that_may_be_told(own, request.config)
    return replace(outcome, problem=with_first_line(outcome.problem, head, found, own, may_tell))


@dataclass(slots=True)
class _Counts:
    read: int = 0
    accepted: int = 0
    filtered: int = 0
    left_out: int = 0
    """Of the filtered records those that the reader filtered."""
    days: dict[Dataset, Counter[date]] = field(default_factory=dict)
    """Accepted records of each day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlets:
    scratch: Path
    emit: Callable[[Dataset, LocalPart], None]
    spill: Callable[[Path], None] | None
    spill_fixes: Callable[[FixFileWritten], None] | None


def _read(request: IngestRequest, found: FileFormat, source: RandomAccess, outlets: _Outlets) -> IngestOutcome:
    if source.size > LARGEST_UPLOAD:
        raise CustomerError(
            RefusalCode.FILE_TOO_LARGE, f"the file has {source.size:,} bytes, more than 10 GB: upload several files"
        )
    deadline = Deadline(request.deadline)
    reader = open_reader(found, source, request.dataset, request.config.dataset(request.dataset), deadline)
    context = SchemaContext(
        uploaded_at=request.uploaded_at,
        zone=request.zone,
        id_types=request.config.id_types,
        closed={dataset: stream.closed for dataset, stream in request.streams.items()},
        kinds=request.config.fitting,
    )
    with ExitStack() as stack:
        # A small file is done before a thread has started.
        is_large = source.size > _SMALL
        readers = stack.enter_context(ThreadPoolExecutor(WORKERS, "read")) if is_large else None
        writer = stack.enter_context(ThreadPoolExecutor(WRITERS, "write")) if is_large else None
        routes = open_routes(
            reader,
            request.dataset,
            context,
            request.config,
            name=request.name,
            scratch=outlets.scratch,
            emit=outlets.emit,
            pool=writer,
            ratios=request.streams.get(Dataset.METRICS, StreamDays()).kinds.ratio_since,
        )
        most = max(_LEAST_REJECTED, _MOST_REJECTED * source.size)
        masks = masks_of(routes) if request.config.mask_values else None
        fixes = _open_fixes(reader.form, found, masks, outlets, most) if request.with_fixes else None
        rejects = RejectWriter(outlets.scratch / "rejected.ndjson", outlets.spill, most=most, fixes=fixes)
        # A record that cannot be taken apart cannot be masked.
        wanted = Wanted.NONE if fixes is None else Wanted.ALL if masks is None else Wanted.SOUND
        batches = deadline.checked(splits(reader, routes, readers, wanted))
        # Of a format with a header, what is missing there was refused with it.
        names = reader.found if found.layout is Layout.NDJSON and not request.config.mask_values else None
        return _split_all(request, batches, routes, found, rejects, header=names)


def _split_all(
    request: IngestRequest,
    batches: Iterator[Split],
    routes: Sequence[Route],
    found: FileFormat,
    rejects: RejectWriter,
    *,
    header: Sequence[str] | None,
) -> IngestOutcome:
    warning_tally = WarningTally(name=request.name, streams=request.streams, pinned=request.config.pinned)
    counts = _Counts()
    bounds = FileBounds(are_answered=request.are_answered)
    most = 1.0 if request.are_answered else request.config.max_rejected_fraction
    is_hopeless = False
    try:
        for batch in batches:
            _bound(batch, bounds)
            _take(batch, routes, rejects, warning_tally, counts)
            # Explaining a bad row takes far longer than taking a good one. Of a file of the most rows that one may have, no
            # more bad ones than its share are explained by this, and a batch.
            is_hopeless = rejects.count >= MOST_EXPLAINED and _exceeds(rejects.count, most, counts.read)
            if is_hopeless:
                break
        for route in routes:
            route.parts.finish()
    finally:
        rejects.close()
    own_days = counts.days
    days: Counter[date] = sum(own_days.values(), Counter())
    rows = RowCounts(read=counts.read, accepted=counts.accepted, rejected=rejects.count, filtered=counts.filtered)
    own = request.config.dataset(request.dataset)
    rules = tuple(advised(rule, request.dataset, own) for rule in rejects.rules())
    problem = _over_budget(rows, most, rules, is_hopeless=is_hopeless) or _nothing_accepted(rows, rules, counts.left_out)
    if problem is not None:
        near = _near(rows, rules, header, own, request.dataset)
        problem = replace(problem, message=problem.message + near) if near else problem
    # The route of the folder itself speaks for the header.
    warnings = [*routes[-1].plan.warnings, *warning_tally.warnings({} if problem else own_days)]
    if problem is None:
        warnings += volume_warnings({route.dataset: route.parts.days for route in routes}, request.streams)
    else:
        # Nothing of a refused file counts as accepted: its sound rows are rejected with it.
        rows = RowCounts(read=rows.read, rejected=rows.read - rows.filtered, filtered=rows.filtered)
    return IngestOutcome(
        format=str(found),
        rows=rows,
        days={} if problem else dict(sorted(days.items())),
        rules=rules,
        warnings=tuple(warnings),
        rejected=rejects.path if rejects.count else None,
        problem=problem,
        rejected_from=rejects.unwritten_from,
        fixes=None if problem else _fixes_of(rejects, found),
    )


def _open_fixes(form: UploadForm, found: FileFormat, masks: Masks | None, outlets: _Outlets, most: int) -> FixFile:
    ending, take = ending_of(found), outlets.spill_fixes
    spill = None if take is None else lambda path: take(FixFileWritten(path=path, ending=ending))
    return open_fixes(form, found, masks, outlets.scratch / f"rejected.{ending}", spill, most=most)


def _fixes_of(rejects: RejectWriter, found: FileFormat) -> FixFileWritten | None:
    fixes = rejects.fixes
    if fixes is None or fixes.is_empty:
        return None
    # Of records behind the last that is written as NDJSON no words are known.
    ends = fixes.unwritten_from or rejects.unwritten_from
    return FixFileWritten(path=fixes.path, ending=ending_of(found), unwritten_from=ends, left_out=fixes.left_out)


def _bound(batch: Split, bounds: FileBounds) -> None:
    bounds.add_rows(batch.read)
    for part in batch.routes:
        bounds.add_days(part.accepted.frames)
        bounds.add_metrics(part.warning_counts.metrics)
        bounds.add_id_types(part.warning_counts.ids)
        bounds.add_id_types(part.warning_counts.custom_ids)


def _take(batch: Split, routes: Sequence[Route], rejects: RejectWriter, warning_tally: WarningTally, counts: _Counts) -> None:
    counts.read += batch.read
    rejects.add_broken(routes[-1].validator, batch.broken)
    if batch.uploaded is not None:
        rejects.add_uploaded(batch.uploaded)
    left_out = sum(batch.left_out.values())
    warning_tally.add_left_out(batch.left_out)
    counts.filtered += left_out
    counts.left_out += left_out
    settled = len(batch.broken) + left_out
    for part in batch.routes:
        part.route.parts.add(part.accepted)
        rejects.add(part.route.validator, part.rejected)
        warning_tally.add(part.route, part.warning_counts)
        counts.days.setdefault(part.route.dataset, Counter()).update(part.days)
        accepted = sum(part.days.values())
        counts.accepted += accepted
        counts.filtered += part.filtered
        settled += accepted + part.rejected.height + part.filtered
    rejects.end_batch()
    if settled != batch.read:
        raise AssertionError("rows of a batch were lost or doubled")


def _over_budget(rows: RowCounts, most: float, rules: Sequence[BrokenRule], *, is_hopeless: bool) -> ReceiptError | None:
    if rows.read < _FEWEST_ROWS_FOR_BUDGET or not _exceeds(rows.rejected, most, rows.read):
        return None
    every = rows.read - rows.filtered
    absent = [
        rule.column for rule in rules if rule.rule == RuleCode.REQUIRED and rule.column is not None and rule.count == every
    ]
    where = f"the first {rows.read:,} rows, behind which reading stopped," if is_hopeless else f"{rows.read:,} rows"
    why = f" (no row has {', '.join(absent)})" if absent else ""
    message = f"{rows.rejected:,} of {where} break rules, more than {most:.0%}{why}: fix the file and upload it again"
    return ReceiptError(code=RefusalCode.TOO_MANY_REJECTED_ROWS, message=message + _most_often(rules))


def _most_often(rules: Sequence[BrokenRule]) -> str:
    """What most of the rejected rows break, as an end of the sentence."""
    if not rules:
        return ""
    column = f" ({rules[0].column})" if rules[0].column is not None else ""
    return f"; most often {rules[0].rule}{column}: {rules[0].hint}"


def _near(
    rows: RowCounts, rules: Sequence[BrokenRule], header: Sequence[str] | None, config: DatasetConfig, dataset: Dataset
) -> str:
    """The names that come near those of which no record has a value, where records name their values themselves."""
    every = rows.read - rows.filtered
    absent = [rule.column for rule in rules if rule.rule == RuleCode.REQUIRED and rule.column and rule.count == every]
    absent += ["metric_value" for rule in rules if rule.rule == RuleCode.VALUE_MISSING and rule.count == every]
    there = {*config.select, *(header or ())}
    # A name that is a column itself is meant for no other one.
    others = [name for name in header or () if name not in columns_of(dataset)]
    pairs = nearest_names([name for name in absent if name not in there], others)
    if not pairs:
        return ""
    near = ", ".join(f"{source!r} for {column}" for column, source in pairs.items())
    mapped = ", ".join(f"{source}: {column}" for column, source in pairs.items())
    return f"; near come {near}: rename them, or have the operator set columns to {{{mapped}}} in the config"


def _nothing_accepted(rows: RowCounts, rules: Sequence[BrokenRule], left_out: int) -> ReceiptError | None:
    """Why a file of which something was read and nothing is left is refused: only an empty one withdraws what is in force."""
    if not rows.read or rows.accepted:
        return None
    why = "every row breaks a rule" if rows.rejected else "every row was dropped by the config's filter"
    if left_out and left_out == rows.filtered and not rows.rejected:
        why = "every row is one that is left out, as the warnings say"
    elif rows.rejected and rows.filtered and not left_out:
        why = "every row breaks a rule, or was dropped by the config's filter"
    message = (
        f"of {rows.read:,} rows none was accepted, {why}: fix the file and upload it again; to withdraw it, upload it empty"
    )
    return ReceiptError(code=RefusalCode.NOTHING_ACCEPTED, message=message + _most_often(rules))


def _exceeds(part: int, share: float, whole: int) -> bool:
    """Whether `part` is more than the share as it is written: as a float, 0.7 of 170 is less than 119."""
    return part > Fraction(str(share)) * whole
