"""The blobs of rejected rows of one attempt: one write for a few rows, blocks for many (contract section 5)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.receipts import Receipt, Upload
from processing.ingest.ingest_file import FixFileWritten, IngestOutcome
from processing.ports import BlobStore, BlockUpload
from processing.stored.write_once import write_once


class RejectedRows:
    """Takes the rejected rows, and the fix file, as they are written; nothing is there to be read before `store`."""

    def __init__(self, store: BlobStore, upload: Upload, attempt: str) -> None:
        container = blob_names.receipts_container(upload.customer)
        self._upload = upload
        self._attempt = attempt
        self._rows = _Blob(store, container)
        self._fixes = _Blob(store, container)

    def spill(self, path: Path) -> None:
        """Send rows that do not fit on scratch disk any longer."""
        self._rows.add(self._rows_name(), path)

    def spill_fixes(self, written: FixFileWritten) -> None:
        """Send what does not fit there of the fix file."""
        self._fixes.add(self._fixes_name(written), written.path)

    def store(self, receipt: Receipt, outcome: IngestOutcome) -> Receipt:
        """Make the blobs from all that was rejected, and name them in the receipt.

        An outcome has no rejected rows where the file was refused before all of it was read, and no fix file where it is
        refused at all. Then what was spilled counts for nothing, as its counts do: its blocks are never made a blob, and
        storage forgets them.
        """
        rejected, fixes = outcome.rejected, outcome.fixes
        return replace(
            receipt,
            rejected_blob=None if rejected is None else self._rows.finish(self._rows_name(), rejected),
            fix_blob=None if fixes is None else self._fixes.finish(self._fixes_name(fixes), fixes.path),
        )

    def _rows_name(self) -> str:
        return blob_names.rejected_name(self._upload.name, self._attempt)

    def _fixes_name(self, written: FixFileWritten) -> str:
        return blob_names.fix_name(self._upload.name, self._attempt, written.ending)


class _Blob:
    """One blob, which is made at its end."""

    def __init__(self, store: BlobStore, container: str) -> None:
        self._store = store
        self._container = container
        self._upload: BlockUpload | None = None

    def add(self, name: str, path: Path) -> None:
        if self._upload is None:
            self._upload = self._store.start_block_upload(self._container, name)
        self._upload.add(path)

    def finish(self, name: str, rest: Path) -> str:
        if self._upload is None:
            write_once(self._store, self._container, name, rest)
            return name
        if rest.stat().st_size:
            self._upload.add(rest)
        with suppress(ConditionNotMet):  # by this very write, whose answer was lost
            self._upload.finish()
        return name
