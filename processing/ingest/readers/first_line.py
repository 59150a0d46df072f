"""What the first line of a refused text file was read as, where the cause may lie in how it was read (contract section 3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from processing.domain.reasons import RefusalCode
from processing.domain.receipts import ReceiptError
from processing.ingest.columns.header import HeaderNames
from processing.ingest.readers.csv.hints import separator_line
from processing.ingest.readers.formats import FileFormat, Layout, Packing, plain_head
from processing.ingest.readers.header_advice import DELIMITERS, fields_of_line, header_at, shown_line
from processing.ingest.readers.raw_batches import TextHead
from processing.ingest.readers.text_encoding import as_utf8, without_bom
from schemas.customer_config import DatasetConfig

_SAID: Final = "The first line was read as"
_MAY_BE_MISREAD: Final = frozenset(
    {
        RefusalCode.UNKNOWN_FORMAT,
        RefusalCode.JSON_NOT_LINES,
        RefusalCode.UNREADABLE_HEADER,
        RefusalCode.MISSING_COLUMN,
        RefusalCode.DUPLICATE_COLUMN,
        RefusalCode.TOO_MANY_COLUMNS,
        RefusalCode.CONFIG_COLUMN_MISSING,
        RefusalCode.RECORD_TOO_LONG,
        RefusalCode.TOO_MANY_METRIC_NAMES,
        RefusalCode.TOO_MANY_ID_TYPES,
        RefusalCode.TOO_MANY_REJECTED_ROWS,
        RefusalCode.NOTHING_ACCEPTED,
    }
)


def with_first_line(
    problem: ReceiptError, head: bytes, found: FileFormat | None, config: DatasetConfig, known: Collection[str] | None
) -> ReceiptError:
    """The refusal of a file that begins with `head`, with its first line, and with how the next one looks.

    Where values are masked, `known` are the names that may be told, and a line of anything else is not; None tells all.
    """
    layout = None if found is None else found.layout
    if problem.code not in _MAY_BE_MISREAD or _SAID in problem.message or layout is Layout.PARQUET:
        return problem
    top = _opening(plain_head(head, found.packing if found is not None else Packing.PLAIN), layout, config)
    is_json = layout is Layout.NDJSON
    at = next((at for at, line in enumerate(top.lines) if line.strip()), 0) if is_json else header_at(top, config)
    line = top.lines[at] if at < len(top.lines) else ""
    if not line.strip():
        return problem
    names = fields_of_line(line, top.delimiter)
    is_hidden = known is not None and (is_json or not all(map(HeaderNames(names, known).may_show, names)))
    said = f". {_SAID} {'(masked)' if is_hidden else shown_line(line)}"
    following = top.lines[at + 1] if at + 1 < len(top.lines) else ""
    other = None if is_json else _other_delimiter(following, len(names), top.delimiter)
    if other is not None:
        said += f", and the line behind it is separated by {DELIMITERS[other]}: separate all lines alike"
    return replace(problem, message=problem.message + said)


def _opening(plain: bytes, layout: Layout | None, config: DatasetConfig) -> TextHead:
    encoding = None if layout is Layout.NDJSON else config.csv.encoding
    text = without_bom(b"".join(as_utf8(iter([plain]), encoding)))
    separator = separator_line(text) if layout in (Layout.CSV, Layout.TSV) else None
    usual = "\t" if layout is Layout.TSV else ","
    delimiter = separator or (config.csv.delimiter or usual).encode()
    return TextHead.of(text, delimiter, config.csv.quote.encode(), has_separator=separator is not None)


def _other_delimiter(line: str, fields: int, delimiter: str) -> str | None:
    """The delimiter by which a line has as many fields as the first one, where it is not that of the first."""
    if fields < 2 or delimiter in line:  # noqa: PLR2004 - one field has no delimiter
        return None
    return next((each for each in DELIMITERS if each != delimiter and line.count(each) + 1 == fields), None)
