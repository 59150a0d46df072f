"""Where a run is stopped: the calls before which something that happens elsewhere decides most."""

from __future__ import annotations

from dataclasses import dataclass

from processing.domain import blob_names
from tests.support.stepping import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A call before which a run stands still."""

    method: str | None = None
    """None for the first call of all."""
    container: str = ""
    """How its name starts."""
    start: str = ""
    """How the blob's name starts."""
    times: int = 1
    """How many of them come before it, itself included."""

    def is_at(self, call: Call) -> bool:
        if self.method is None:
            return True
        return call.method == self.method and call.container.startswith(self.container) and call.name.startswith(self.start)


_STATE, _DROP, _RECEIPTS, _RESULTS = blob_names.STATE_CONTAINER, blob_names.DROP_PREFIX, "receipts-", "results-"
AT_ONCE = Pause()
CLAIMS = Pause(method="put", container=_STATE, start="streams/")
WRITES_STATE = CLAIMS
SECOND_WRITE = Pause(method="put", container=_STATE, start="streams/", times=2)
THIRD_WRITE = Pause(method="put", container=_STATE, start="streams/", times=3)
FOURTH_WRITE = Pause(method="put", container=_STATE, start="streams/", times=4)
LISTS_MARKERS = Pause(method="list", container=_DROP, start="signals/")
LISTS_RECEIPTS = Pause(method="list", container=_RECEIPTS)
LISTS_RECEIPTS_AGAIN = Pause(method="list", container=_RECEIPTS, times=2)
ASKS_FOR_RECEIPT = Pause(method="head", container=_RECEIPTS)
READS_ANSWERED = Pause(method="get", container=_STATE, start="answered/")
WRITES_ANSWERED = Pause(method="put", container=_STATE, start="answered/")
NOTES_CHANGE = Pause(method="put", container=_STATE, start="changes/")
LISTS_CHANGES = Pause(method="list", container=_STATE, start="changes/")
DELETES_CHANGE = Pause(method="delete", container=_STATE, start="changes/")
LISTS_PARTS = Pause(method="list", container=blob_names.STAGED_CONTAINER)
READS_PART = Pause(method="get", container=blob_names.STAGED_CONTAINER)
WRITES_FILE = Pause(method="put", container=_RESULTS)
WRITES_MANIFEST = Pause(method="put", container=_STATE, start="manifests/")
OPENS_TABLE = Pause(method="open")
ASKS_TABLE = Pause(method="seq_of")
COMMITS_TABLE = Pause(method="replace")
PRINTS = Pause(method="put", container=_RECEIPTS, start="days/")
LOOKS_AT_UPLOAD = Pause(method="head", container=_DROP, times=2)
READS_UPLOAD = Pause(method="get_range", container=_DROP)
WRITES_PART = Pause(method="put", container=blob_names.STAGED_CONTAINER)
WRITES_RECEIPT = Pause(method="put", container=_RECEIPTS)
DELETES = Pause(method="delete")
DELETES_UPLOAD = Pause(method="delete", container=_DROP)
DELETES_PART = Pause(method="delete", container=blob_names.STAGED_CONTAINER)

OF_LOOKS = (
    AT_ONCE,
    LISTS_MARKERS,
    Pause(method="list", container=_DROP, start="signals/", times=2),
    Pause(method="list", container=_DROP, times=2),
    Pause(method="list", container=_DROP, times=5),
    LISTS_RECEIPTS,
    LISTS_RECEIPTS_AGAIN,
    READS_ANSWERED,
    ASKS_FOR_RECEIPT,
    LISTS_CHANGES,
    DELETES_CHANGE,
    LISTS_PARTS,
    WRITES_STATE,
    PRINTS,
)
OF_COMMITS = (SECOND_WRITE, THIRD_WRITE, FOURTH_WRITE, WRITES_FILE, WRITES_MANIFEST, READS_PART)
"""Between the decision that a day is due and its publication."""
OF_TABLES = (
    OPENS_TABLE,
    ASKS_TABLE,
    COMMITS_TABLE,
    Pause(method="open", times=2),
    Pause(method="replace", times=2),
    Pause(method="replace", times=3),
)
OF_WORK = (*OF_LOOKS, *OF_COMMITS, *OF_COMMITS, *OF_TABLES)
OF_DELETIONS = (NOTES_CHANGE, WRITES_RECEIPT)
"""Before a sweep withdraws rows, and before it says that an upload is gone."""
OF_SWEEPS = (AT_ONCE, LISTS_RECEIPTS, READS_ANSWERED, ASKS_FOR_RECEIPT, WRITES_ANSWERED, *OF_DELETIONS, None)
OF_JOURNAL = (
    AT_ONCE,
    Pause(method="append"),
    Pause(method="seal"),
    Pause(method="seal", times=2),
    Pause(method="get", container=blob_names.JOURNAL_PREFIX),
    Pause(method="delete", container=blob_names.JOURNAL_PREFIX),
    None,
)
OF_INGEST = (AT_ONCE, LOOKS_AT_UPLOAD, READS_UPLOAD, WRITES_PART, NOTES_CHANGE, WRITES_RECEIPT, WRITES_RECEIPT)
OF_HOUSEKEEPING = (DELETES, DELETES_UPLOAD, DELETES_PART, WRITES_STATE, LISTS_RECEIPTS_AGAIN, Pause(method="delete", times=2))
