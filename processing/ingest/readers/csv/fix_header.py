"""The header of a fix file of CSV: how one is known, and what it is made of (contract section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from processing.ingest.readers.csv.record_scanner import fields_of
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.upload_form import ERRORS


def is_fix(head: bytes, dialect: Dialect) -> bool:
    """Whether a file that begins so names the column of errors first, so that its first line is a header in any case."""
    name = ERRORS.encode()
    begins = (name, dialect.quote + name + dialect.quote)
    return head.startswith(tuple(each + dialect.delimiter for each in begins))


def header_for(line: bytes | None, names: Sequence[str], dialect: Dialect) -> bytes:
    """The header line of rows with these columns; `line` is the file's own, None where it has none.

    A reader may take one column more or fewer than the header has, where every row has a delimiter more or fewer. Few rows do
    not tell that again.
    """
    if line is None:
        return dialect.delimiter.join(map(dialect.field, names))
    count = len(fields_of(line.decode("utf-8", "surrogateescape"), dialect))
    if len(names) == count + 1:
        return line + dialect.delimiter
    cut = line.rpartition(dialect.delimiter)[0]
    return cut if len(names) == count - 1 else line
