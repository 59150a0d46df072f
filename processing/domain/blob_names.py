"""Every name of a container or blob is parsed and printed here (contract section 2).

The customer's text stays inside the customer's own containers. A name in any other container is made of our ids, of
days and of the customer's checked name alone, so nothing that an upload is called can reach another customer or day.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Final

from processing.domain.datasets import FOLDERS, Dataset
from processing.domain.days import parse_day
from processing.domain.marker_names import data_dataset, is_missed, looks_done, looks_like_day, marked_day, right_name
from processing.domain.streams import Stream

STAGED_CONTAINER: Final = "staged"
STATE_CONTAINER: Final = "state"
CONFIG_CONTAINER: Final = "config"
LAKE_CONTAINERS: Final = (STAGED_CONTAINER, STATE_CONTAINER, CONFIG_CONTAINER)
"""What an installation has in the lake's account from its first day."""
DROP_PREFIX: Final = "drop-"
JOURNAL_PREFIX: Final = "journal-"

RECEIPT_SUFFIX: Final = ".receipt.json"
LONGEST_RECEIPT_NAME: Final = 1_000
"""Characters; a longer receipt path is replaced by a hash of the upload's name."""
_LONGEST_NAME: Final = 1_024
_ATTEMPT_SHOWN: Final = 16

_CUSTOMER = re.compile(r"(?=.{3,50}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_REJECTED = re.compile(r"\.[0-9a-f]{32}\.rejected\.(?:ndjson|(?:csv|tsv|jsonl)(?:\.gz|\.zst)?|parquet)\Z")
_PART = re.compile(
    r"(?P<dataset>metrics|events|exposures)/customer=(?P<customer>[a-z0-9-]{3,50})/pst_date=(?P<day>\d{4}-\d{2}-\d{2})/"
    r"(?P<attempt>[0-9a-f]{32})-(?P<number>\d{5,})\.parquet",
    re.ASCII,
)
_DAY_DOCUMENT = re.compile(
    r"days/(?:metrics|events|exposures)/(?P<day>\d{4}-\d{2}-\d{2})(?P<difference>/\d{8,}-\d{8,}[^/]*\.changes)?\.json", re.ASCII
)
_DOTS = re.compile(r"(?:\A|[/\\])\.{1,2}(?:[/\\]|\Z)")
# What XML 1.0 cannot carry: one such name in a container makes every listing of it fail.
_UNLISTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_customer_name(text: str) -> bool:
    """Whether `text` may name a customer: 3 to 50 of a-z, 0-9 and single `-`."""
    return _CUSTOMER.fullmatch(text) is not None


def drop_container(customer: str) -> str:
    """Where the customer uploads."""
    return DROP_PREFIX + customer


def receipts_container(customer: str) -> str:
    """Where the customer reads receipts, rejected rows and the status of days."""
    return f"receipts-{customer}"


def results_container(customer: str) -> str:
    """Where the customer's Delta tables are."""
    return f"results-{customer}"


def journal_container(customer: str) -> str:
    """Where rows that came over HTTP lie until they are uploads; the customer has no access to it."""
    return JOURNAL_PREFIX + customer


def customer_of_drop_container(container: str) -> str | None:
    """The customer whose drop container this is, or None for any other container."""
    customer = container.removeprefix(DROP_PREFIX)
    return customer if container.startswith(DROP_PREFIX) and is_customer_name(customer) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """An upload that should hold rows of one dataset."""

    dataset: Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """An upload whose name alone says that one day is complete."""

    dataset: Dataset | None
    """The one stream that it marks, or None for every stream of the customer."""
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFile:
    """Another file under `signals/`: its content may name finished days."""

    dataset: Dataset | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotData:
    """Never data and never an error: a name that tools use for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedMarker:
    """Meant as a marker and called otherwise: it marks nothing."""

    right_name: str
    """What would have marked; `YYYY-MM-DD` stands for a day that the name does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """Outside the four folders."""

    hint: str
    """Where the upload was probably meant to go, ending in `/`."""
    marker: str | None = None
    """What would have marked, where the name looks like that of a marker."""


UploadKind = DataFile | Marker | SignalFile | MissedMarker | NotData | Misplaced


def kind_of_upload(name: str) -> UploadKind:
    """What a blob in a drop container is, by its name alone."""
    folder, _, rest = name.partition("/")
    is_signal = folder == Dataset.SIGNALS and rest != ""
    if is_signal and (marked := marked_day(rest)) is not None:
        return Marker(dataset=marked[0], day=marked[1])
    parts = name.split("/")
    last = parts[-1]
    # As Spark, Hive and Arrow skip them; what a job writes below `_temporary/` may go again.
    if any(map(_is_hidden, parts[:-1])) or last.rstrip().endswith(".crc") or (_is_hidden(last) and not looks_done(last)):
        return NotData()
    if is_missed(name):
        return MissedMarker(right_name=right_name(name))
    if _is_hidden(last):
        return NotData()
    if is_signal:
        first, _, below = rest.partition("/")
        return SignalFile(dataset=data_dataset(first) if below else None)
    dataset = data_dataset(folder)
    if dataset is None or not rest:
        marker = right_name(name) if dataset is None and looks_like_day(last or parts[-2]) else None
        return Misplaced(hint=_nearest_folder(name) + "/", marker=marker)
    return DataFile(dataset=dataset)


def _is_hidden(part: str) -> bool:
    return part.startswith(("_", ".")) and part not in (".", "..")


def _nearest_folder(name: str) -> str:
    known = [dataset.value for dataset in FOLDERS]
    for candidate in (name.partition("/")[0], re.split(r"[^a-z]", name.rpartition("/")[2].lower(), maxsplit=1)[0]):
        close = get_close_matches(candidate.lower(), known, n=1)
        if close:
            return str(close[0])
    return Dataset.METRICS.value


def is_addressable(name: str) -> bool:
    """Whether a request can carry the name: HTTP resolves segments `.` and `..` on the way."""
    return not _DOTS.search(name)


def is_listable(name: str) -> bool:
    """Whether the XML of a listing can carry the name; one that it cannot spoils the whole listing."""
    return _UNLISTABLE.search(name) is None


def receipt_name(upload: str) -> str:
    """The receipt of an upload: `<same path>.receipt.json`.

    Where that would be too long, could not be listed, or would lie among the hashed names, it is named by the SHA-256 of
    the upload's name instead: `<dataset>/_long/<hash>.receipt.json`.
    """
    plain = upload + RECEIPT_SUFFIX
    if len(plain) <= LONGEST_RECEIPT_NAME and is_listable(upload) and not _is_hashed(plain):
        return plain
    return _hashed_stem(upload) + RECEIPT_SUFFIX


def rejected_name(upload: str, attempt: str) -> str:
    """The rejected rows of one attempt, beside the receipt."""
    return fix_name(upload, attempt, "ndjson")


def fix_name(upload: str, attempt: str, ending: str) -> str:
    """The fix file of one attempt, beside the receipt; `ending` is that of its format, such as `csv.gz`, and never `ndjson`."""
    stem = receipt_name(upload).removesuffix(RECEIPT_SUFFIX)
    ending = f".{attempt}.rejected.{ending}"
    return (stem if len(stem) + len(ending) <= _LONGEST_NAME else _hashed_stem(upload)) + ending


def upload_of_receipt(name: str) -> str | None:
    """The upload that a receipt answers; None for a hashed name (its receipt says it) and for what is no receipt."""
    if not name.endswith(RECEIPT_SUFFIX) or _is_hashed(name):
        return None
    return name.removesuffix(RECEIPT_SUFFIX)


def is_receipt(name: str) -> bool:
    """Whether a blob of a receipts container is a receipt."""
    return name.endswith(RECEIPT_SUFFIX)


def is_rejected_rows(name: str) -> bool:
    """Whether a blob of a receipts container holds rejected rows, as NDJSON or in a fix file."""
    return _REJECTED.search(name) is not None


def _is_hashed(name: str) -> bool:
    return name.startswith("_long/") or name.partition("/")[2].startswith("_long/")


def _hashed_stem(upload: str) -> str:
    folder = upload.partition("/")[0]
    return f"{folder}/_long/{_digest(upload)}" if folder in FOLDERS else f"_long/{_digest(upload)}"


def _digest(upload: str) -> str:
    # Upload names are text that storage gave us; surrogatepass keeps even a broken one hashable.
    return hashlib.sha256(upload.encode("utf-8", "surrogatepass")).hexdigest()


def new_attempt() -> str:
    """A random id for one run of ingest over one upload."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartName:
    """The name of one Parquet part of accepted rows in `staged`."""

    dataset: Dataset
    customer: str
    day: date
    attempt: str
    """32 hexadecimal digits."""
    number: int
    """From 0, in the order of the records within the attempt and day."""

    def __str__(self) -> str:
        return f"{parts_prefix(Stream(self.customer, self.dataset), self.day)}{self.attempt}-{self.number:05d}.parquet"

    @classmethod
    def parse(cls, name: str) -> PartName | None:
        """The inverse of `str`; None for any other blob."""
        match = _PART.fullmatch(name)
        day = parse_day(match["day"]) if match else None
        if match is None or day is None:
            return None
        part = cls(
            dataset=Dataset(match["dataset"]),
            customer=match["customer"],
            day=day,
            attempt=match["attempt"],
            number=int(match["number"]),
        )
        return part if str(part) == name else None


def parts_prefix(stream: Stream, day: date | None = None) -> str:
    """The folder of a stream's staged parts, or of one of its days."""
    folder = f"{stream.dataset}/customer={stream.customer}/"
    return folder if day is None else f"{folder}pst_date={day.isoformat()}/"


def state_name(stream: Stream) -> str:
    """The state blob of a stream, in `state`."""
    return f"streams/{stream.customer}/{stream.dataset}.json"


def states_prefix(customer: str) -> str:
    """The folder of the states of a customer's streams, in `state`."""
    return f"streams/{customer}/"


def lease_name(stream: Stream) -> str:
    """The blob whose lease a worker of the stream holds, in `state`."""
    return f"leases/{stream.customer}/{stream.dataset}"


def manifest_name(stream: Stream, day: date, *, seq: int, epoch: int, attempt: str) -> str:
    """The manifest of one publication, in `state`.

    After a restore the same numbers come again; the id of the attempt keeps what is there apart from what is written then.
    """
    return f"{manifests_prefix(stream)}{day.isoformat()}/{seq:08d}-{epoch:08d}-{attempt[:_ATTEMPT_SHOWN]}.json"


def manifests_prefix(stream: Stream) -> str:
    """The folder of a stream's manifests, in `state`."""
    return f"manifests/{stream.customer}/{stream.dataset}/"


def closed_name(stream: Stream, first: date, last: date, attempt: str) -> str:
    """The document of closed days in a row, in `state`; the id keeps it apart from one that a restored state knows."""
    return f"{closed_prefix(stream)}{first.isoformat()}-{last.isoformat()}-{attempt[:_ATTEMPT_SHOWN]}.json"


def known_keys_name(stream: Stream, first: date, last: date, attempt: str) -> str:
    """The file of the keys of all first exposures of closed days in a row, in `state`."""
    return closed_name(stream, first, last, attempt).removesuffix("json") + "parquet"


def closed_prefix(stream: Stream) -> str:
    """The folder of the documents of a stream's closed days, in `state`."""
    return f"closed/{stream.customer}/{stream.dataset}/"


def catalogue_name(stream: Stream) -> str:
    """The file of what past months had of each metric of a stream, in `state`."""
    return f"catalogue/{stream.customer}/{stream.dataset}.parquet"


def metric_month_name(stream: Stream, month: date) -> str:
    """The file of what the days of a month say of each metric of a stream, in `state`."""
    return f"{metric_months_prefix(stream)}{month:%Y-%m}.parquet"


def metric_months_prefix(stream: Stream) -> str:
    """The folder of such files of a stream, in `state`."""
    return f"catalogue/{stream.customer}/{stream.dataset}/"


def expected_name(stream: Stream, day: date, digest: str) -> str:
    """A long list of files that manifests of a day name, in `state`."""
    return f"{expected_prefix(stream)}{day.isoformat()}/{digest}.json"


def expected_prefix(stream: Stream) -> str:
    """The folder of a stream's long lists of expected files, in `state`."""
    return f"expected/{stream.customer}/{stream.dataset}/"


def note_name(customer: str, upload: str) -> str:
    """The note of work on an upload, in `state`."""
    return f"{notes_prefix(customer)}{_digest(upload)}.json"


def notes_prefix(customer: str) -> str:
    """The folder of the notes of work on a customer's uploads, in `state`."""
    return f"attempts/{customer}/"


def change_name(stream: Stream, attempt: str) -> str:
    """A note that the rows in force of some days are about to change, in `state`."""
    return f"{changes_prefix(stream)}{attempt}.json"


def changes_prefix(stream: Stream) -> str:
    """The folder of such notes of a stream, in `state`."""
    return f"changes/{stream.customer}/{stream.dataset}/"


def answered_name(customer: str) -> str:
    """Which versions of a customer's uploads were seen to have an answer, in `state`."""
    return f"answered/{customer}.json.gz"


def newest_files_name(customer: str) -> str:
    """The newest of a customer's uploads with what each was answered, and what segments hold the others, in `state`."""
    return f"files/{customer}/newest.parquet"


def file_segment_name(customer: str, attempt: str) -> str:
    """A segment of the older ones, in `state`."""
    return f"{file_segments_prefix(customer)}{attempt[:_ATTEMPT_SHOWN]}.parquet"


def file_segments_prefix(customer: str) -> str:
    """The folder of such segments, in `state`."""
    return f"files/{customer}/segments/"


def superseded_name(stream: Stream) -> str:
    """Which staged parts of a stream housekeeping has found superseded, and when, in `state`."""
    return f"housekeeping/{stream.customer}/{stream.dataset}.json"


def bytes_name(customer: str) -> str:
    """Which uploads of a customer hold which bytes, in `state`."""
    return f"bytes/{customer}.json.gz"


def expiry_name(customer: str) -> str:
    """From which time on retention has deleted no upload of a customer, in `state`."""
    return f"housekeeping/{customer}/expiry.json"


def not_deleted_name(customer: str) -> str:
    """Which uploads of a customer housekeeping could not delete, in `state`."""
    return f"housekeeping/{customer}/not-deleted.json"


def called_mark_name(stream: Stream) -> str:
    """Up to when the days of a stream were marked by calls, in `state`."""
    return f"marks/{stream.customer}/{stream.dataset}.json"


def keys_name(customer: str) -> str:
    """The keys of the HTTP doors of a customer, as hashes, in `state`."""
    return f"keys/{customer}.json"


def signing_keys_name() -> str:
    """What sessions of the console are signed with, in `state`."""
    return "console/signing-keys.json"


def config_name(customer: str) -> str:
    """What the operator has settled with a customer, in `config`."""
    return f"customers/{customer}.yaml"


def last_good_config_name(customer: str) -> str:
    """The copy of the customer's last config that could be used, in `state`."""
    return f"configs/{customer}/last-good.yaml"


def days_prefix(dataset: Dataset) -> str:
    """The folder of the documents of a stream's days, in the customer's receipts container."""
    return f"days/{dataset}/"


def day_status_name(dataset: Dataset, day: date) -> str:
    """The status document of a day, in the customer's receipts container."""
    return f"{days_prefix(dataset)}{day.isoformat()}.json"


def difference_name(dataset: Dataset, day: date, *, seq: int, epoch: int, attempt: str) -> str:
    """What a publication changes of the one that it replaces, beside the day's status document."""
    return f"{days_prefix(dataset)}{day.isoformat()}/{seq:08d}-{epoch:08d}-{attempt[:_ATTEMPT_SHOWN]}.changes.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDocument:
    """What a blob among the documents of a stream's days is."""

    day: date
    is_difference: bool
    """Whether it tells what a publication changed; otherwise it is the day's status document."""

    @classmethod
    def parse(cls, name: str) -> DayDocument | None:
        """The document of this name; None for any other blob, such as the receipt of an upload under `days/`."""
        match = _DAY_DOCUMENT.fullmatch(name)
        day = parse_day(match["day"]) if match else None
        return None if match is None or day is None else cls(day=day, is_difference=match["difference"] is not None)


def installation_name() -> str:
    """What the installation was first used with, in `state`."""
    return "installation.json"
