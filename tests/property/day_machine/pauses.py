"""Where a run is stopped: the calls before which something that happens elsewhere decides most."""

from __future__ import annotations

from dataclasses import dataclass

from processing.domain import blob_names
from tests.property.day_machine.world import DROP, RECEIPTS
from tests.support.stepping import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A call before which a run stands still."""

    method: str | None = None
    """None for the first call of all."""
    container: str | None = None
    """None for any."""
    start: str = ""
    """Of the name."""
    times: int = 1
    """How many of them come before it, itself included."""

    def is_at(self, call: Call) -> bool:
        if self.method is None:
            return True
        return call.method == self.method and self.container in (None, call.container) and call.name.startswith(self.start)


_STATE = blob_names.STATE_CONTAINER
AT_ONCE = Pause()
WRITES_STATE = Pause(method="put", container=_STATE, start="streams/")
LISTS_UPLOADS = Pause(method="list", container=DROP)
LISTS_RECEIPTS = Pause(method="list", container=RECEIPTS)
LISTS_PARTS = Pause(method="list", container=blob_names.STAGED_CONTAINER)
WRITES_MANIFEST = Pause(method="put", container=_STATE, start="manifests/")
COMMITS_TABLE = Pause(method="replace")
LOOKS_AT_UPLOAD = Pause(method="head", container=DROP, times=2)
WRITES_RECEIPT = Pause(method="put", container=RECEIPTS)
OF_DAYS = (
    AT_ONCE,
    WRITES_STATE,
    Pause(method="put", container=_STATE, start="streams/", times=2),
    Pause(method="put", container=_STATE, start="streams/", times=3),
    Pause(method="put", container=_STATE, start="streams/", times=4),
    LISTS_UPLOADS,
    Pause(method="list", container=DROP, times=2),
    LISTS_RECEIPTS,
    LISTS_PARTS,
    Pause(method="list", container=blob_names.STAGED_CONTAINER, times=2),
    WRITES_MANIFEST,
    Pause(method="open"),
    COMMITS_TABLE,
    Pause(method="replace", times=2),
    Pause(method="replace", times=3),
)
OF_INGEST = (AT_ONCE, LOOKS_AT_UPLOAD, WRITES_RECEIPT)
