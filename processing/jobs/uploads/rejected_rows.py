"""The blob of rejected rows of one attempt: one write for a few rows, blocks for many (contract section 5)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.receipts import Upload
from processing.ports import BlobStore, BlockUpload
from processing.stored.write_once import write_once


class RejectedRows:
    """Takes the rejected rows as they are written; nothing is there to be read before `store`."""

    def __init__(self, store: BlobStore, upload: Upload, attempt: str) -> None:
        self._store = store
        self._container = blob_names.receipts_container(upload.customer)
        self._name = blob_names.rejected_name(upload.name, attempt)
        self._upload: BlockUpload | None = None

    def spill(self, path: Path) -> None:
        """Send what does not fit on scratch disk any longer."""
        if self._upload is None:
            self._upload = self._store.start_block_upload(self._container, self._name)
        self._upload.add(path)

    def store(self, rest: Path | None) -> str | None:
        """Make the blob from all that was rejected, and return its name; None when that is nothing.

        Without a rest the file was refused before all of it was read. Then what was spilled counts for nothing, as its counts
        do: its blocks are never made a blob, and storage forgets them.
        """
        if rest is None:
            return None
        if self._upload is not None:
            if rest.stat().st_size:
                self._upload.add(rest)
            with suppress(ConditionNotMet):  # by this very write, whose answer was lost
                self._upload.finish()
            return self._name
        write_once(self._store, self._container, self._name, rest)
        return self._name
