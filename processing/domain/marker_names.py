"""Which names under `signals/` mark a day, and the name that would have marked where one misses by a little.

Contract section 4, signals: the name of a marker is exact. What only looks like one marks nothing, and its receipt says how
it is to be called; so here a day is also read where it is written otherwise.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.days import parse_day

_DONE: Final = "_SUCCESS"
"""What Hadoop's jobs leave in a folder that is complete."""
_ANY_DAY: Final = "YYYY-MM-DD"
_HIVE_DAY: Final = re.compile(
    r"y(?:ear)?=([0-9]{4})/m(?:onth)?=([0-9]{1,2})/d(?:ay)?=([0-9]{1,2})(?![0-9])", re.ASCII | re.IGNORECASE
)
_CALLED: Final = re.compile(r"signals/(?:metrics|events|exposures)/api/\d{4}-\d{2}-\d{2}-\d+\.ndjson", re.ASCII)
_SPLIT_DAY: Final = re.compile(r"(?<![0-9])([0-9]{4})([-_./ ])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])", re.ASCII)
_SOLID_DAY: Final = re.compile(r"(?<![0-9])([0-9]{4})([0-9]{2})([0-9]{2})(?![0-9])", re.ASCII)
_DATA_ENDINGS: Final = frozenset({"csv", "tsv", "ndjson", "jsonl", "json", "parquet", "gz", "zst"})


def marked_day(below: str) -> tuple[Dataset | None, date] | None:
    """The day that a name marks, and the one stream or all (None); `below` is what follows `signals/`."""
    first, slash, rest = below.partition("/")
    dataset = data_dataset(first) if slash else None
    stem = rest if dataset is not None else below
    day_text, _, tail = stem.partition("/")
    if tail:
        day = parse_day(day_text) if tail == _DONE else None
    else:
        day = parse_day(stem.partition(".")[0]) if stem[10:11] in ("", ".") and stem[10:] != "." else None
    return None if day is None else (dataset, day)


def called_mark_name(dataset: Dataset, day: date, second: int) -> str:
    """The file of finished dates that a call leaves, by the last of its days and the unix time that it named."""
    return f"{Dataset.SIGNALS}/{dataset}/api/{day.isoformat()}-{second}.ndjson"


def is_called_mark(name: str) -> bool:
    """Whether a call left a file of this name."""
    return _CALLED.fullmatch(name) is not None


def data_dataset(folder: str) -> Dataset | None:
    """The dataset whose rows lie in a folder of exactly this name."""
    return Dataset(folder) if folder in DATA_DATASETS else None


def looks_done(part: str) -> bool:
    """Whether the last part of a name is that of a file which says that its folder is complete, in any writing."""
    return part.strip().partition(".")[0].upper() == _DONE and not part.strip().lower().endswith(".crc")


def is_missed(name: str) -> bool:
    """Whether a name that marks nothing can only have been meant as a marker, whatever the blob holds."""
    folder, _, below = name.partition("/")
    parts = name.split("/")
    if looks_done(parts[-1]):
        return folder not in DATA_DATASETS or day_in(name) is not None
    if folder == Dataset.SIGNALS:
        return below.endswith("/") and day_in(below) is not None
    # Rows may lie in a folder of this name, too, in a file that says what it is.
    is_below_signals = any(part.strip().lower() == Dataset.SIGNALS for part in parts[1:-1])
    return folder in DATA_DATASETS and is_below_signals and is_bare_day(name)


def is_bare_day(name: str) -> bool:
    """Whether the last part of a name is a day alone, without the ending of a file of rows."""
    last = name.rpartition("/")[2]
    return looks_like_day(last) and not _has_data_ending(last)


def looks_like_day(part: str) -> bool:
    """Whether a part of a name is a day in some writing, maybe with an ending."""
    text = part.strip().rpartition("=")[2]
    found = next((match for each in (_SPLIT_DAY, _SOLID_DAY) if (match := each.match(text)) is not None), None)
    return found is not None and text[found.end() : found.end() + 1] in ("", ".") and day_in(text) is not None


def right_name(name: str) -> str:
    """The name under `signals/` that would have marked what a name seems to mean."""
    parts = [part.strip().lower() for part in name.split("/")]
    dataset = next((part for part in parts[:-1] if part in DATA_DATASETS), None)
    day = day_in(name)
    folder = f"{Dataset.SIGNALS}/" if dataset is None else f"{Dataset.SIGNALS}/{dataset}/"
    return folder + (_ANY_DAY if day is None else day.isoformat())


def day_in(name: str) -> date | None:
    """The last day that a name tells in any of the usual writings, year first."""
    found = [(match.end(), match.group(1), *match.groups()[-2:]) for each in _WRITINGS for match in each.finditer(name)]
    for _, year, month, day in sorted(found, reverse=True):
        known = parse_day(f"{year}-{int(month):02}-{int(day):02}")
        if known is not None:
            return known
    return None


_WRITINGS: Final = (_HIVE_DAY, _SPLIT_DAY, _SOLID_DAY)


def _has_data_ending(part: str) -> bool:
    return not _DATA_ENDINGS.isdisjoint(ending.strip().lower() for ending in part.split(".")[1:])
