"""Records of CSV with their errors as the first field (contract section 5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from processing.domain.receipts import MASKED
from processing.ingest.columns.header import HeaderNames
from processing.ingest.fixes.fix_file import Masks
from processing.ingest.fixes.text_fixes import TextRecords
from processing.ingest.readers.csv.escapes import Escapes
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.upload_form import ERRORS, CsvForm

_MASKED: Final = MASKED.encode()
_DIFFERENT: Final = 1_024
"""Texts of errors that are kept as they are written; mostly there are few."""


class CsvRecords(TextRecords):
    """The fields of a record stay as they were written; of a fix file that was not fixed, the earlier errors go."""

    def __init__(self, form: CsvForm, masks: Masks | None = None) -> None:
        self._form = form
        self._dialect = form.dialect
        self._field = lru_cache(_DIFFERENT)(form.dialect.field)
        self._earlier = _first_field(form.dialect) if form.names[:1] == (ERRORS,) else None
        self._hidden = [] if masks is None else [index for index, name in enumerate(form.names) if masks.hides(name)]
        self._escapes = Escapes(form.dialect) if form.dialect.escape else None
        self._names = None if masks is None or masks.known is None else HeaderNames(form.names, masks.known)

    @property
    def opening(self) -> bytes:
        """What stands before the header, and the header."""
        line = self._own(self._form.header)
        if self._names is not None and not all(map(self._names.may_show, self._form.names)):
            first = 0 if self._earlier is None else 1
            shown = [self._names.shown(index) for index in range(first, len(self._form.names))]
            line = self._dialect.delimiter.join(map(self._dialect.field, shown))
        return self._form.before + ERRORS.encode() + self._dialect.delimiter + line + self._form.end

    def line(self, raw: bytes, words: str) -> bytes:
        """The record behind a field of its errors."""
        own = self._own(self._masked(raw) if self._hidden else raw)
        return self._field(words) + self._dialect.delimiter + own

    def lines(self, raws: Sequence[bytes | None], words: Sequence[str]) -> list[bytes | None]:
        """The same of several; of a mostly bad file there are millions, which are only put together."""
        if self._hidden or self._earlier is not None:
            return super().lines(raws, words)
        before = {each: self._dialect.field(each) + self._dialect.delimiter for each in set(words)}
        return [None if raw is None else before[own] + raw for raw, own in zip(raws, words, strict=True)]

    def _own(self, raw: bytes) -> bytes:
        return raw if self._earlier is None else self._earlier.sub(b"", raw, count=1)

    def _masked(self, raw: bytes) -> bytes:
        plain = raw.removesuffix(b"\n").removesuffix(b"\r")
        marked = plain if self._escapes is None else b"".join(self._escapes.marked(iter([plain])))
        fields = _fields(marked, self._dialect)
        for index in self._hidden:
            if index < len(fields) and fields[index] not in (b"", 2 * self._dialect.quote):
                fields[index] = _MASKED
        shown = self._dialect.delimiter.join(fields)
        return (shown if self._escapes is None else self._escapes.as_uploaded(shown)) + raw[len(plain) :]


def _first_field(dialect: Dialect) -> re.Pattern[bytes]:
    delimiter, quote, escape = map(re.escape, (dialect.delimiter, dialect.quote, dialect.escape))
    plain = rb"[^\n" + delimiter + rb"]*"
    if not quote:
        return re.compile(rb"\A" + plain + delimiter)
    inside = rb"[^" + quote + escape + rb"]|" + quote + quote + (rb"|" + escape + rb"." if escape else b"")
    quoted = quote + rb"(?:" + inside + rb")*+" + quote
    return re.compile(rb"\A(?:" + quoted + rb"|(?!" + quote + rb")" + plain + rb")" + delimiter, re.DOTALL)


def _fields(raw: bytes, dialect: Dialect) -> list[bytes]:
    """The fields of a sound record as they are written, its escapes out of the way: quotes come in pairs."""
    pieces: Sequence[bytes] = raw.split(dialect.delimiter)
    if not dialect.has_quotes(raw):
        return list(pieces)
    fields: list[bytes] = []
    is_open = False
    for piece in pieces:
        if is_open:
            fields[-1] += dialect.delimiter + piece
        else:
            fields.append(piece)
        is_open ^= piece.count(dialect.quote) % 2 == 1
    return fields
