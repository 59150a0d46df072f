"""Records of text as they stand in the upload, in its encoding and compression (contract section 5).

Each group is an archive of its own: several end to end are one file, as `gzip` and `zstd` read it.
"""

from __future__ import annotations

import codecs
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
from isal import igzip

from processing.ingest.bounds import LONGEST_RECORD
from processing.ingest.fixes.fix_file import WORDS, FixFile
from processing.ingest.readers.formats import Packing
from processing.ingest.readers.raw_batches import RECORD
from processing.ingest.readers.upload_form import TextForm, UploadedRecords
from processing.ingest.spilled_file import SpilledFile


class TextRecords(ABC):
    """How one record is written."""

    @property
    @abstractmethod
    def opening(self) -> bytes:
        """What stands before all records."""

    @abstractmethod
    def line(self, raw: bytes, words: str) -> bytes | None:
        """The record with its errors and its line end; None where it cannot be written."""

    def lines(self, raws: Sequence[bytes | None], words: Sequence[str]) -> list[bytes | None]:
        """The same of several; None also for those of which nothing is known."""
        return [None if raw is None else self.line(raw, own) for raw, own in zip(raws, words, strict=True)]


class TextFixes(FixFile):
    """Writes records into `file`, as many as have room in `most` bytes before they are packed; None for any number."""

    def __init__(
        self, file: SpilledFile, records: TextRecords, form: TextForm, packing: Packing, *, most: int | None = None
    ) -> None:
        super().__init__(file.path)
        self._file = file
        self._records = records
        self._form = form
        self._packing = packing
        self._room = math.inf if most is None else most
        self._held: dict[int, bytes] = {}
        self._size = 0
        # Names of the config may have letters that the file's encoding does not know.
        self._has_header = form.encoding is None or _is_text_of(records.opening, form.encoding)
        self._encoder = None if form.encoding is None else codecs.getincrementalencoder(form.encoding)()

    @property
    def held(self) -> int:
        """Bytes of the records that are held."""
        return self._size

    def take(self, uploaded: UploadedRecords) -> None:
        """Hold records."""
        self._held.update(zip(uploaded.records.to_list(), uploaded.rows, strict=True))
        self._size += uploaded.size

    def put(self, rejected: pl.DataFrame) -> None:
        """Write those that are named, with their words."""
        if not self._has_header:
            self.left_out += rejected.height
            return
        records = rejected.get_column(RECORD).to_list()
        lines = self._lines([self._held.get(record) for record in records], rejected.get_column(WORDS).to_list())
        found = []
        for record, line in zip(records, lines, strict=True):
            # With the words, a record might be too long to be read.
            if line is None or len(line) > LONGEST_RECORD:
                self.left_out += 1
                continue
            if len(line) > self._room:
                self.unwritten_from = int(record)
                break
            self._room -= len(line)
            found.append(line)
        self._write(found)

    def forget(self) -> None:
        """Hold nothing any longer."""
        self._held, self._size = {}, 0

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _lines(self, raws: Sequence[bytes | None], words: Sequence[str]) -> list[bytes | None]:
        encoding = self._form.encoding
        if encoding is None:
            return self._records.lines(raws, words)
        written = [each.encode(encoding, "replace").decode(encoding) for each in words]
        lines = self._records.lines(raws, written)
        # Bytes that are no text of it are not known any more.
        return [line if line is not None and _is_text_of(line, encoding) else None for line in lines]

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        mark = b""
        if self.is_empty:
            lines.insert(0, self._records.opening)
            mark = self._form.mark
            self.is_empty = False
        data = b"".join(lines)
        if self._encoder is not None:
            data = self._encoder.encode(data.decode())
        self._file.write(_packed(mark + data, self._packing))


def _is_text_of(line: bytes, encoding: str) -> bool:
    try:
        line.decode().encode(encoding)
    except UnicodeError:
        return False
    return True


def _packed(data: bytes, packing: Packing) -> bytes:
    if packing is Packing.GZIP:
        return bytes(igzip.compress(data))
    return bytes(pa.compress(data, "zstd", asbytes=True)) if packing is Packing.ZSTD else data
