"""One customer: what it did with its uploads, in order, and what it was answered."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.blob_names import Marker, SignalFile, kind_of_upload
from processing.domain.documents import from_json
from processing.domain.receipts import Receipt
from processing.ports import BlobInfo
from processing.stored.customers import add_customer
from tests.days.machine.contents import STUB, WITHOUT_U2, Feed, Read
from tests.days.machine.world import World
from tests.support.in_memory import _Blob

PLAIN, INFER, WAIT_FOR_REFUSED, HOLD, FIRST_DAY, BROKEN = (
    "plain",
    "infer",
    "wait for refused",
    "hold late",
    "first day",
    "broken",
)
ANCHOR = "elsewhere/kept.csv"
"""An upload that nobody deletes: without anything that is known to be there, no deletion is believed."""
CONFIGS = (PLAIN, INFER, WAIT_FOR_REFUSED, HOLD, FIRST_DAY, WITHOUT_U2)
"""Those that can be in force; a broken one leaves the one before in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an upload, as the customer wrote it."""

    etag: str
    content: str
    """For a file of finished dates, these."""
    data: bytes
    last_modified: datetime
    number: int
    """Its place among everything that happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a manifest names."""

    name: str
    rows: int | None = None
    md5: str | None = None


@dataclass(slots=True, kw_only=True)
class Customer:
    """A customer of the world, and the memory of what it did."""

    name: str
    world: World
    streams: Sequence[Feed]
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """Every version of each upload, markers among them, oldest first."""
    configs: dict[str | None, str] = field(default_factory=lambda: {None: PLAIN})
    """Version of the config to what it says."""
    answered: dict[tuple[str, str], int] = field(default_factory=dict)
    """Name and ETag of a version to when it was first answered."""
    known_receipts: dict[str, Receipt] = field(default_factory=dict)
    """Name to its last receipt."""
    lost: dict[str, Receipt] = field(default_factory=dict)
    """Those that are gone though nobody gave them up, and in whose place no other one has something in force."""
    logged: dict[str, int] = field(default_factory=dict)
    """The uploads that rows over HTTP are to become, and when they were answered."""
    expired: set[tuple[str, str]] = field(default_factory=set)
    """The versions that retention deleted."""
    _gone: dict[tuple[str, int], int] = field(default_factory=dict)
    _parsed: dict[str, Receipt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        add_customer(self.world.context(), self.name)

    @property
    def drop(self) -> str:
        return blob_names.drop_container(self.name)

    @property
    def receipts(self) -> str:
        return blob_names.receipts_container(self.name)

    @property
    def results(self) -> str:
        return blob_names.results_container(self.name)

    # What is done

    def upload(self, name: str, content: str) -> Version:
        """A version of a data file."""
        return self._write(name, self.stream_of(name).file(content), content)

    def leave_anchor(self) -> Version:
        """What stays there."""
        return self._write(ANCHOR, b"x", "")

    def stub(self, name: str) -> None:
        """What some tools leave for a folder."""
        self._write(name, b"", STUB, metadata={"hdi_isfolder": "true"})

    def begin_copy(self, name: str, content: str) -> None:
        """A version whose bytes the service is still copying."""
        version = self._write(name, self.stream_of(name).file(content), content)
        blobs = self.world.drop._containers[self.drop]
        held = blobs[name]
        blobs[name] = _Blob(held.data, replace(held.info, copy_pending=True))
        assert blobs[name].info.etag == version.etag

    def end_copies(self) -> list[Version]:
        """Everything that was being copied is there, each with another ETag."""
        pending = [info.name for info in self.world.drop.list_blobs(self.drop) if info.copy_pending]
        return [self._write(name, self.versions[name][-1].data, self.versions[name][-1].content) for name in pending]

    def mark(self, name: str, manifest: Sequence[Named] = ()) -> Version:
        """A version of a marker, with what its manifest names."""
        files = [
            {key: value for key, value in (("name", each.name), ("rows", each.rows), ("md5", each.md5)) if value is not None}
            for each in manifest
        ]
        return self._write(name, json.dumps({"files": files}).encode() if files else b"", "")

    def mark_finished(self, name: str, days: Sequence[date]) -> Version:
        """A version of a file with finished dates."""
        return self._write(name, "\n".join(["finished_date", *map(str, days)]).encode(), ",".join(map(str, days)))

    def adopt(self, name: str) -> None:
        """A marker that somebody else wrote for the customer."""
        found = self.world.drop.get(self.drop, name)
        assert found is not None
        data, info = found
        number, now = self.world.happens(), info.last_modified
        version = Version(etag=info.etag, content="", data=data, last_modified=now, number=number)
        self.versions.setdefault(name, []).append(version)

    def adopt_logged(self, name: str) -> bool:
        """Rows that came over HTTP became an upload: one that is there since they were answered, if they were before."""
        found = self.world.drop.get(self.drop, name)
        if found is None or name in self.versions:
            return False
        data, info = found
        content = self.stream_of(name).logged()[data]
        number, now = self.logged.get(name, self.world.number), info.last_modified
        self.versions[name] = [Version(etag=info.etag, content=content, data=data, last_modified=now, number=number)]
        return True

    def touch(self, name: str) -> None:
        """The same bytes get another ETag and Last-Modified."""
        present = self.present(name)
        if present is not None and present.content != STUB:
            self._write(name, present.data, present.content)

    def delete(self, name: str) -> None:
        info = self.world.drop.head(self.drop, name)
        if info is not None:
            self.world.drop.delete(self.drop, name)
            self.went(name, info.etag)

    def went(self, name: str, etag: str) -> None:
        """A version is not there any more."""
        self._gone[name, self.age(name, etag)] = self.world.happens()

    def configure(self, config: str) -> None:
        etag = self.world.lake.put(
            blob_names.CONFIG_CONTAINER, blob_names.config_name(self.name), self.config_file(config).encode()
        )
        self.world.happens()
        self.configs[etag] = config

    def config_file(self, config: str) -> str:
        """What stands in the operator's file."""
        return (
            self.world.said
            + ("on_delete: withdraw\n" if self.world.withdraws else "")
            + {
                PLAIN: "on_refused: publish\n",
                INFER: "gap_policy: infer\n",
                WAIT_FOR_REFUSED: "on_refused: wait\n",
                HOLD: "late_policy: hold\n",
                FIRST_DAY: f"first_day: {self.world.calendar.day(1)}\n",
                WITHOUT_U2: "".join(
                    ["datasets:\n", *(f"  {each}:\n    where: unit_id <> 'u2'\n" for each in ("metrics", "exposures"))]
                ),
                BROKEN: "no_such_key: 1\n",
            }[config]
        )

    def named_first_day(self, day: date | None) -> bool:
        """Whether a config that the customer had at any time names this first day."""
        return FIRST_DAY in self.configs.values() and day == self.world.calendar.day(1)

    def heard(self, name: str, receipt: Receipt) -> None:
        """A receipt was written."""
        if name in self.lost and (receipt.in_force is not None or self.lost[name].in_force is None):
            del self.lost[name]
        self.known_receipts[name] = receipt
        if receipt.status.is_answer:
            self.answered.setdefault((name, receipt.etag), self.world.number)

    def _write(self, name: str, data: bytes, content: str, metadata: Mapping[str, str] | None = None) -> Version:
        number = self.world.happens()
        etag = self.world.drop.put(self.drop, name, data, metadata=metadata)
        now = self.world.drop.service_time()
        version = Version(etag=etag, content=content, data=data, last_modified=now, number=number)
        self.versions.setdefault(name, []).append(version)
        return version

    # What is there

    def stream_of(self, name: str) -> Feed:
        """The stream in whose folder a data file lies."""
        return next(each for each in self.streams if each.has(name))

    def rows_read(self, name: str, content: str, uploaded: datetime, config: str) -> Read:
        """What the program should make of an upload; rows that came over HTTP are not what the config says of files."""
        return self.stream_of(name).rows_read(content, uploaded, PLAIN if "/api/" in name else config)

    def stream(self, dataset: str) -> Feed:
        return next(each for each in self.streams if each.dataset == dataset)

    def present(self, name: str) -> Version | None:
        info = self.world.drop.head(self.drop, name)
        return None if info is None or name not in self.versions else self.version(name, info.etag)

    def version(self, name: str, etag: str) -> Version:
        return self.versions[name][self.age(name, etag)]

    def age(self, name: str, etag: str) -> int:
        """The place of a version among those of its name; fails when it is not one of them."""
        return [version.etag for version in self.versions[name]].index(etag)

    def was_gone_since(self, name: str, begun: int) -> bool:
        """Whether there was a moment since then at which no version of an upload was there."""
        return self.present(name) is None or self.versions[name][-1].number > begun

    def ended_at(self, name: str, etag: str) -> float:
        """When a version was replaced or deleted, as a number; infinity while it is there."""
        age = self.age(name, etag)
        later = self.versions[name][age + 1 :]
        return min(self._gone.get((name, age), math.inf), later[0].number if later else math.inf)

    def names(self) -> list[str]:
        """Every upload that is there, markers among them."""
        return sorted(name for name in self.versions if self.present(name) is not None)

    def uploads(self, folder: str) -> dict[str, str]:
        """Name to ETag of what lies in a folder."""
        return {info.name: info.etag for info in self.world.drop.list_blobs(self.drop, folder)}

    def receipts_in(self, folder: str) -> dict[str, Receipt]:
        """Upload to its receipt."""
        return self.parsed(tuple(self.world.drop.list_blobs(self.receipts, folder)))

    def parsed(self, infos: Sequence[BlobInfo]) -> dict[str, Receipt]:
        """Upload to its receipt, of those among some blobs that are there."""
        found = {}
        for info in infos:
            upload = blob_names.upload_of_receipt(info.name)
            if upload is not None:
                found[upload] = self._receipt(info.name, info.etag)
        return found

    def receipt(self, name: str) -> tuple[Receipt, str] | None:
        """The receipt of an upload, and the ETag of the receipt itself."""
        blob = blob_names.receipt_name(name)
        info = self.world.drop.head(self.receipts, blob)
        return None if info is None else (self._receipt(blob, info.etag), info.etag)

    def days_marked_by(self, name: str, version: Version) -> list[date]:
        """The days that a version of an upload marks, for one stream or for all."""
        kind = kind_of_upload(name)
        if version.content == STUB:
            return []
        if isinstance(kind, Marker):
            return [kind.day]
        return [date.fromisoformat(each) for each in version.content.split(",")] if isinstance(kind, SignalFile) else []

    def marking(self, stream: Feed) -> set[str | None]:
        """Whose markers mark a stream; None for those of all streams."""
        own = any(name.startswith(f"signals/{stream.dataset}") for name in self.versions)
        by_events = stream.dataset == "exposures" and not own
        return {None, stream.dataset.value, *(["events"] if by_events else [])}

    def _receipt(self, blob: str, etag: str) -> Receipt:
        if etag not in self._parsed:
            found = self.world.drop.get(self.receipts, blob)
            assert found is not None
            self._parsed[etag] = from_json(Receipt, found[0])
        return self._parsed[etag]


def md5_of(data: bytes) -> str:
    """As a manifest writes it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
