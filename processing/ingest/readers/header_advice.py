"""What a first line looks like in which columns are missing, and what to change where (contract section 3).

Written for somebody who saved a file and does not program: what was read, what it looks like, the nearest names, and the key
of the config that would read it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from processing.domain.datasets import Dataset
from processing.ingest.columns.header import HeaderNames, fold
from processing.ingest.columns.hive_folders import hive_folders
from processing.ingest.readers.raw_batches import TextHead
from schemas.customer_config import DatasetConfig

_SHOWN_LINE: Final = 200
_LONGEST_SHOWN: Final = 300
"""Characters, where many are shown as escapes."""
_SHOWN_NAMES: Final = 5
_NEAR: Final = 0.75
_ENOUGH: Final = 2
DELIMITERS: Final[Mapping[str, str]] = {
    ",": "commas (',')",
    ";": "semicolons (';')",
    "\t": "tabs ('\\t')",
    "|": "vertical bars ('|')",
    ":": "colons (':')",
    "^": "carets ('^')",
    "~": "tildes ('~')",
    "\x01": "the character \\x01, as Hive writes (Ctrl-A)",
}
"""What may stand between fields, as messages call it."""
_DATA: Final = re.compile(r"[+-]?\d+([.,]\d+)?|\d{4}-\d{2}-\d{2}.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|[0-9a-fA-F-]{32,36}")
# What other programs call our columns.
_CALLED: Final[Mapping[str, tuple[str, ...]]] = {
    "unit_id": ("user_id", "uid", "id", "customer_id", "account_id", "device_id", "stable_id", "anonymous_id", "distinct_id"),
    "id_type": ("unit_type", "idtype", "id_kind", "type"),
    "date": ("day", "ds", "dt", "pst_date", "metric_date", "event_date", "as_of", "reporting_date"),
    "metric_name": ("metric", "name", "kpi", "measure", "metric_id"),
    "metric_value": ("value", "amount", "metric_val", "val"),
    "timestamp": ("time", "ts", "event_time", "event_timestamp", "created_at", "occurred_at", "datetime", "client_event_time"),
    "event_name": ("event", "name", "event_type", "eventname"),
    "user": ("user_id", "user_json", "distinct_id"),
    "experiment": ("experiment_id", "experiment_name", "test", "test_name"),
    "group_id": ("group", "group_name", "variant", "variation", "variant_id", "bucket"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingIn:
    """An upload whose header lacks columns, and what is known of it."""

    missing: Sequence[str]
    """Contract columns."""
    header: Sequence[str]
    head: TextHead | None
    """The first lines, of a file that has a header of text."""
    dataset: Dataset
    columns: Sequence[str]
    """All contract columns of the dataset."""
    config: DatasetConfig
    name: str
    """The upload's name."""
    names: HeaderNames
    """What may be told of the header."""
    numeric: Sequence[str] = ()
    """Names of columns that hold numbers, where the file tells types."""

    def advice(self) -> str:
        """Sentences that follow the one that names what is missing; empty where there is nothing to tell."""
        return "".join(f". {sentence}" for sentence in self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.head is not None and self.config.csv.columns:
            yield (
                f"The config names the columns of the file itself (csv.columns: {_listed(self.config.csv.columns)}): "
                "have the operator complete it"
            )
            return
        first = self._first_line()
        if first is not None:
            yield f"The first line was read as {first}"
        elif self.head is None and self.header and all(map(self.names.may_show, self.header)):
            yield f"The file has the columns {_listed(self.header)}"
        look = self._look()
        if look is not None:
            yield look
        yield from self._folders()
        if look is None or look.startswith("The columns"):
            yield from self._nearest()

    def _first_line(self) -> str | None:
        if self.head is None or not self.head.lines:
            return None
        at = header_at(self.head, self.config)
        line = self.head.lines[at] if at < len(self.head.lines) else ""
        if not all(map(self.names.may_show, self.header)):
            return "(masked)"
        return shown_line(line)

    def _look(self) -> str | None:
        head = self.head
        if head is not None:
            at = header_at(head, self.config)
            line = head.lines[at] if at < len(head.lines) else ""
            own = self._score(self.header)
            if line.lstrip().startswith(("{", "[")):
                return "It looks like JSON: name the file .ndjson, with one object on each line"
            quoted = self._quoted_line(line)
            if quoted is not None:
                return quoted
            delimiter, score = self._best(line)
            if not self._names_ours(line) and self._is_data(line, delimiter if line.count(delimiter) else head.delimiter):
                later, text, best = self._later_header(head, at)
                if not self._names_ours(text):
                    return (
                        "It looks like data, there is no header: write the names of the columns into a first line, "
                        "or have the operator name them in their order as csv.columns in the config"
                    )
            later, text, best = self._later_header(head, at)
            if best > max(score, own) and best >= _ENOUGH:
                return self._at_line(later, text, head)
            if delimiter != head.delimiter and score > own:
                return self._other_delimiter(delimiter, head)
        return self._wide()

    def _quoted_line(self, line: str) -> str | None:
        quote = self.head.quote if self.head is not None else ""
        if not quote or len(self.header) != 1 or not line.startswith(quote):
            return None
        delimiter, score = self._best(self.header[0])
        if not score or delimiter not in self.header[0]:
            return None
        return (
            f"Each line is one field, in quotes as a whole ({quote}...{quote}): write quotes around single fields alone, "
            f"or none; the fields in it are separated by {DELIMITERS[delimiter]}"
        )

    def _at_line(self, at: int, text: str, head: TextHead) -> str:
        said = (
            f"Line {at + 1} looks like the header: leave out the lines before it, "
            f"or have the operator set csv.skip_lines to {at} in the config"
        )
        delimiter, _ = self._best(text)
        if delimiter != head.delimiter and self._score(fields_of_line(text, delimiter)) > self._score(
            fields_of_line(text, head.delimiter)
        ):
            said += f"; its fields are separated by {DELIMITERS[delimiter]}, which csv.delimiter can name"
        return said

    def _other_delimiter(self, delimiter: str, head: TextHead) -> str:
        found = DELIMITERS[delimiter]
        if self.config.csv.delimiter is not None:
            expected = DELIMITERS.get(head.delimiter, repr(head.delimiter))
            return (
                f"The config expects {expected} between fields (csv.delimiter), and this line is separated by {found}: "
                "write the file as the config says, or have the operator change it"
            )
        tab = ", or name the file .tsv" if delimiter == "\t" else ""
        usual = "tabs, as the name .tsv says" if head.delimiter == "\t" else "commas"
        return (
            f"Its fields look separated by {found}: write {usual}{tab}, "
            f"or have the operator set csv.delimiter to {delimiter!r} in the config (datasets.{self.dataset}.csv.delimiter)"
        )

    def _names_ours(self, line: str) -> bool:
        expected = {fold(name) for name in (*self.columns, *self.config.columns)}
        return any(expected & set(map(fold, fields_of_line(line, each))) for each in DELIMITERS)

    def _is_data(self, line: str, delimiter: str) -> bool:
        return any(_DATA.fullmatch(field) for field in fields_of_line(line, delimiter))

    def _wide(self) -> str | None:
        """Whether the columns that are not ours are metrics of a wide table."""
        if self.dataset is not Dataset.METRICS or "metric_name" not in self.missing:
            return None
        ours = {fold(name) for name in (*self.columns, *(each for names in _CALLED.values() for each in names))}
        numeric = list(self.numeric)
        if self.head is not None:
            at = header_at(self.head, self.config) + 1
            line = self.head.lines[at] if at < len(self.head.lines) else ""
            values = fields_of_line(line, self.head.delimiter)
            numeric = [
                name for name, value in zip(self.header, values, strict=False) if re.fullmatch(r"-?\d+([.,]\d+)?", value)
            ]
        found = [name for name in numeric if fold(name) not in ours and self.names.may_show(name)]
        if not found:
            return None
        return (
            f"The columns {_listed(found)} look like metrics of a wide table: write one row for each metric, "
            "with its name in metric_name and its value in metric_value"
        )

    def _folders(self) -> Iterator[str]:
        for key in hive_folders(self.name):
            column = next((each for each in self.missing if fold(key) in _spellings(each)), None)
            if column is not None and key not in self.config.folders:
                said = f"[{key}]" if key == column else f"{{{key}: {column}}}"
                yield (
                    f"The folder {key}=... in the name of the upload tells {column}: have the operator set "
                    f"datasets.{self.dataset}.folders to {said} in the config, or write it into the file"
                )
        for key, column in self.config.folders.items():
            if column in self.missing:
                yield f"The config takes {column} from a folder {key}=... and the upload's name has none"

    def _nearest(self) -> Iterator[str]:
        # No single one of these is required, and without all of them no row has a value.
        values = ["metric_value"] if "metric_value" in self.columns else []
        if {fold(name) for name in self.header} & {fold(each) for each in ("metric_value", "numerator", "denominator")}:
            values = []
        pairs = nearest_names([*self.missing, *values], self.header, self.names)
        if pairs:
            renamed = ", ".join(f"{source!r} for {column}" for column, source in pairs.items())
            mapped = ", ".join(f"{source}: {column}" for column, source in pairs.items())
            yield (
                f"Near come {renamed}: rename them, or have the operator set datasets.{self.dataset}.columns "
                f"to {{{mapped}}} in the config"
            )
        left = [name for name in self.missing if name not in pairs and name in ("id_type", "metric_name")]
        if left and len(left) < len(self.missing) + 1 and len(self.missing) < len(self.columns):
            yield (
                f"What is the same in every row ({', '.join(left)}) the operator can set under "
                f"datasets.{self.dataset}.constants in the config"
            )

    def _later_header(self, head: TextHead, at: int) -> tuple[int, str, int]:
        """The later line that names the most columns, and how many."""
        found = [(self._best(line)[1], -index, line) for index, line in enumerate(head.lines) if index > at]
        score, index, line = max(found, default=(0, 0, ""))
        return -index, line, score

    def _best(self, line: str) -> tuple[str, int]:
        """The delimiter by which a line names the most columns, and how many."""
        own = self.head.delimiter if self.head is not None else ","
        scores = {
            each: self._score(fields_of_line(line, each)) for each in dict.fromkeys([own, *DELIMITERS]) if each in DELIMITERS
        }
        best = max(scores, key=lambda each: (scores[each], line.count(each)))
        return best, scores[best]

    def _score(self, fields: Sequence[str]) -> int:
        expected = {fold(name) for name in (*self.columns, *self.config.columns)}
        named = {fold(name) for names in _CALLED.values() for name in names}
        folded = {fold(field) for field in fields}
        # A name of somebody else's is less of a sign than one of ours.
        return 2 * len(folded & expected) + (len(folded & named) if len(fields) > 1 else 0)


def nearest_names(missing: Sequence[str], header: Sequence[str], names: HeaderNames | None = None) -> dict[str, str]:
    """For each missing column the name of the header that comes nearest, where one does; no name twice."""
    free = {fold(name): name for name in reversed(header) if fold(name) and (names is None or names.may_show(name))}
    found: dict[str, str] = {}
    for column in missing:
        known = [each for each in map(fold, _CALLED.get(column, ())) if each in free]
        near = known or get_close_matches(fold(column), list(free)[:1_024], n=1, cutoff=_NEAR)
        if near:
            found[column] = free.pop(near[0])
    return found


def _spellings(column: str) -> set[str]:
    return {fold(column), *map(fold, _CALLED.get(column, ()))}


def shown_line(line: str) -> str:
    """A line for a message: in quotes, and cut."""
    shown = repr(line[:_SHOWN_LINE])
    return shown[:_LONGEST_SHOWN] + (" and more" if len(line) > _SHOWN_LINE or len(shown) > _LONGEST_SHOWN else "")


def header_at(head: TextHead, config: DatasetConfig) -> int:
    """Where the header was looked for: behind what is skipped, and behind blank lines."""
    at = max(config.csv.skip_lines, 1 if head.has_separator else 0)
    while at + 1 < len(head.lines) and not head.lines[at].strip(head.delimiter + " \t"):
        at += 1
    return at


def fields_of_line(line: str, delimiter: str) -> list[str]:
    """The fields of a line as far as they can be told without a look at quotes."""
    return [field.strip().strip("\"'").removeprefix("\ufeff") for field in line.split(delimiter)]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(repr(name[:64]) for name in names[:_SHOWN_NAMES]) + more
