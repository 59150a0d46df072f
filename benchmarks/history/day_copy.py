"""One day of history as copies of the template day: the same blobs under another day, other attempts and other versions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from benchmarks.history.emulator import Copy
from benchmarks.history.template_day import TemplateDay, TemplateUpload
from processing.domain import blob_names
from processing.domain.publications import InputPart, Manifest, TableFile, TableOutput
from processing.domain.readiness.inherited import digest_of
from processing.domain.stream_state import DayRecord, DayState, MarkerRef, Published
from processing.ports import BlobInfo
from processing.stored import name_metadata
from processing.stored.change_notes import ChangeNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which blobs of a day retention has left; receipts, which it keeps longest, are always there."""

    uploads: bool
    staged: bool


class DayCopy:
    """A day like the template's, with names, attempts and ETags of its own."""

    def __init__(self, template: TemplateDay, day: date) -> None:
        self.day = day
        self._template = template
        self._attempts = {each.attempt: blob_names.new_attempt() for each in template.files if each.attempt is not None}
        self._etags = {each.name: _etag_like(each.etag) for each in (*template.files, template.marker)}
        self._uploaded_at = datetime.combine(day, time(20), UTC)
        self._marked_at = self._uploaded_at + timedelta(hours=14)

    def blobs(self, kept: Kept, *, marked: bool) -> Iterator[Copy]:
        """Uploads, receipts and parts, and the marker with its receipt where the day is marked."""
        for each in self._template.files:
            yield from self._copies(each, self._uploaded_at, kept)
        if marked:
            yield from self._copies(self._template.marker, self._marked_at, kept)

    def changes(self) -> Iterator[ChangeNote]:
        """What the ingest of each file left for the publication of a day that is to come."""
        for each in self._template.files:
            receipt = blob_names.receipt_name(self._text(each.name))
            yield ChangeNote(receipt=receipt, before=None, days=(self.day,))

    def files(self) -> Iterator[Copy]:
        """The files of the day's tables."""
        results = blob_names.results_container(self._template.stream.customer)
        for output in self._template.manifest.outputs:
            for file in output.files:
                name = f"{output.table}/{file.path}"
                yield Copy(template=f"{results}/{name}", container=results, name=self._text(name), modified=self._marked_at)

    def manifest(self, seq: int) -> Manifest:
        """By which the day was published."""
        template = self._template.manifest
        inputs = (InputPart(part=self._part(each.part), blob=self._text(each.blob), rows=each.rows) for each in template.inputs)
        return replace(
            template,
            day=self.day,
            seq=seq,
            created_at=self._marked_at,
            markers=self._markers(),
            inputs=tuple(inputs),
            outputs=tuple(self._output(each) for each in template.outputs),
        )

    def record(self, published: Published, manifest: Manifest, name: str) -> DayRecord:
        """The day in the stream's state, published by this manifest but for the tables."""
        inputs = digest_of(each.part for each in manifest.inputs)
        return replace(
            self._template.record,
            state=DayState.PROCESSING,
            markers=self._markers(),
            marked_at=self._marked_at,
            cut_at=self._marked_at,
            published=replace(published, seq=manifest.seq, manifest=name, inputs=inputs),
            history=tuple(replace(each, at=self._marked_at) for each in self._template.record.history[:-1]),
        )

    def _copies(self, upload: TemplateUpload, at: datetime, kept: Kept) -> Iterator[Copy]:
        customer, name, etag = self._template.stream.customer, self._text(upload.name), self._etags[upload.name]
        drop, receipts = blob_names.drop_container(customer), blob_names.receipts_container(customer)
        texts = self._texts(upload, at)
        if kept.uploads:
            yield Copy(template=f"{drop}/{upload.name}", container=drop, name=name, modified=at, etag=etag)
        yield Copy(
            template=f"{receipts}/{upload.receipt.name}",
            container=receipts,
            name=blob_names.receipt_name(name),
            modified=at,
            metadata=_replaced(upload.receipt, texts),
            replace=texts,
        )
        for part in upload.parts if kept.staged else ():
            staged = blob_names.STAGED_CONTAINER
            yield Copy(
                template=f"{staged}/{part.name}",
                container=staged,
                name=self._part(part.name),
                modified=at,
                metadata=_replaced(part, texts),
            )

    def _texts(self, upload: TemplateUpload, at: datetime) -> dict[str, str]:
        """What a document of the template's upload says, and what one of this day's says in its place."""
        texts = {self._template.day.isoformat(): self.day.isoformat(), upload.etag: self._etags[upload.name]}
        if upload.attempt is not None:
            texts[upload.attempt] = self._attempts[upload.attempt]
        for old in (upload.name, upload.receipt.name):
            texts[name_metadata.to_metadata(old)] = name_metadata.to_metadata(self._text(old))
        for print_instant in (datetime.isoformat, _with_z):
            texts[print_instant(upload.modified)] = print_instant(at)
        return texts

    def _markers(self) -> tuple[MarkerRef, ...]:
        return tuple(MarkerRef(name=self._text(name), etag=self._etags[name]) for name in (self._template.marker.name,))

    def _output(self, output: TableOutput) -> TableOutput:
        files = (
            TableFile(
                path=self._text(file.path),
                size=file.size,
                rows=file.rows,
                partition=self._partition(file.partition),
                statistics=file.statistics,
            )
            for file in output.files
        )
        return TableOutput(table=output.table, partition=self._partition(output.partition), files=tuple(files))

    def _partition(self, partition: Mapping[str, str]) -> dict[str, str]:
        return {column: self._text(value) for column, value in partition.items()}

    def _part(self, name: str) -> str:
        part = blob_names.PartName.parse(name)
        if part is None:
            raise RuntimeError(f"{name} is no part")
        return str(replace(part, day=self.day, attempt=self._attempts[part.attempt]))

    def _text(self, text: str) -> str:
        return text.replace(self._template.day.isoformat(), self.day.isoformat())


def _replaced(info: BlobInfo, texts: Mapping[str, str]) -> dict[str, str]:
    metadata = {}
    for key, value in info.metadata.items():
        for old, new in texts.items():
            value = value.replace(old, new)  # noqa: PLW2901 - step by step
        metadata[key] = value
    return metadata


def _etag_like(etag: str) -> str:
    return "0x9" + secrets.token_hex(len(etag))[: len(etag) - 3].upper()


def _with_z(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
