"""The blob of rejected rows of one attempt: one write for a few rows, pieces for many (contract section 5)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.receipts import Upload
from processing.ports import BlobPieces, BlobStore
from processing.stored.write_once import put_own


class RejectedRows:
    """Takes the rejected rows as they are written; nothing is there to be read before `store`."""

    def __init__(self, store: BlobStore, upload: Upload, attempt: str) -> None:
        self._store = store
        self._container = blob_names.receipts_container(upload.customer)
        self._name = blob_names.rejected_name(upload.name, attempt)
        self._pieces: BlobPieces | None = None

    def spill(self, path: Path) -> None:
        """Send what does not fit on scratch disk any longer."""
        if self._pieces is None:
            self._pieces = self._store.in_pieces(self._container, self._name)
        self._pieces.add(path)

    def store(self, rest: Path | None) -> str | None:
        """Make the blob from all that was rejected, and return its name; None when that is nothing.

        Without a rest the file was refused before all of it was read. Then what was spilled counts for nothing, as its counts
        do: its pieces are never made a blob, and storage forgets them.
        """
        if rest is None:
            return None
        if self._pieces is not None:
            if rest.stat().st_size:
                self._pieces.add(rest)
            with suppress(ConditionNotMet):  # by this very write, whose answer was lost
                self._pieces.finish()
            return self._name
        put_own(self._store, self._container, self._name, rest)
        return self._name
