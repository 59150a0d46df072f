"""The fix file of each form of upload (contract section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Final

from processing.ingest.fixes.csv_records import CsvRecords
from processing.ingest.fixes.fix_file import FixFile, Masks
from processing.ingest.fixes.ndjson_records import NdjsonRecords
from processing.ingest.fixes.parquet_fixes import ParquetFixes
from processing.ingest.fixes.text_fixes import TextFixes
from processing.ingest.readers.formats import FileFormat, Layout, Packing
from processing.ingest.readers.upload_form import CsvForm, NdjsonForm, ParquetForm, UploadForm
from processing.ingest.spilled_file import SpilledFile

_ENDINGS: Final = {Layout.NDJSON: "jsonl"}
"""Where it is not the layout itself: rejected rows with all their reasons are NDJSON, too, and called so."""


def ending_of(found: FileFormat) -> str:
    """The ending of a fix file's name, such as `csv.gz`, by which it is read as the upload was."""
    layout = _ENDINGS.get(found.layout, found.layout.value)
    return f"{layout}.{found.packing}" if found.packing else layout


def every_ending() -> Iterator[str]:
    """All endings that there are."""
    for layout, packing in product(Layout, Packing):
        if layout is not Layout.PARQUET or packing is Packing.PLAIN:
            yield ending_of(FileFormat(layout=layout, packing=packing))


def open_fixes(
    form: UploadForm,
    found: FileFormat,
    masks: Masks | None,
    path: Path,
    spill: Callable[[Path], None] | None = None,
    *,
    most: int | None = None,
) -> FixFile:
    """Begin the fix file of an upload, of at most so many bytes before they are packed; see `SpilledFile` for `spill`."""
    file = SpilledFile(path, spill)
    match form:
        case CsvForm():
            return TextFixes(file, CsvRecords(form, masks), form.text, found.packing, most=most)
        case NdjsonForm():
            return TextFixes(file, NdjsonRecords(masks), form.text, found.packing, most=most)
        case ParquetForm():
            return ParquetFixes(file, form, masks, most=most)
