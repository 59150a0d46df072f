"""Every reason that a receipt gives, by its code: what it means for the customer, and what the customer does.

The codes are stable: programs of customers compare them. No other file writes one as text, and the page for customers is
printed from here. Rules have their codes in `schemas`, which lies below this room, and their meanings here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from schemas.rule_codes import RuleCode


class ReasonCode(StrEnum):
    """A code that knows its meaning and its remedy; it is written as its value."""

    meaning: str
    """What was found, one sentence."""
    remedy: str
    """What the customer does about it, one sentence."""

    def __new__(cls, code: str, meaning: str, remedy: str) -> Self:
        """A member is declared as code, meaning and remedy."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.remedy = remedy
        return member


class RefusalCode(ReasonCode):
    """Why an upload is refused as a whole, or ignored: `error.code` of a receipt that is an answer."""

    # Where it lies and what kind of blob it is.
    MISPLACED = (
        "misplaced",
        "The blob lies outside the four folders.",
        "Upload it below `metrics/`, `events/`, `exposures/` or `signals/`; the message names the nearest.",
    )
    BLOB_TYPE = ("blob_type", "It is an append or a page blob.", "Upload it as a block blob.")
    UNREADABLE_BLOB = (
        "unreadable_blob",
        "Storage does not let us read it: it is archived, or encrypted with a key of yours.",
        "Move it to the Hot tier, and it is read by itself; or upload it under another name, without a key.",
    )

    # What its bytes are.
    EMPTY_FILE = (
        "empty_file",
        "The file is empty and there are no rows that it could withdraw.",
        "Nothing, where that is meant; else write the file again.",
    )
    UNKNOWN_FORMAT = (
        "unknown_format",
        "Neither the name nor the bytes are of a format that is read.",
        "Write CSV, NDJSON or Parquet, plain or as .gz or .zst.",
    )
    DAMAGED_ARCHIVE = (
        "damaged_archive",
        "The compressed file is cut off or damaged.",
        "Compress it again, and upload it anew.",
    )
    DAMAGED_PARQUET = (
        "damaged_parquet",
        "The Parquet file is cut off, damaged, or holds bytes that nothing owns.",
        "Write it again, one file each, and upload it anew.",
    )
    UNSUPPORTED_PARQUET = (
        "unsupported_parquet",
        "The Parquet file uses a type, a compression, a nesting or an encryption that is not read.",
        "Write plain columns with snappy, gzip or zstd; the message names the column.",
    )
    JSON_NOT_LINES = (
        "json_not_lines",
        "The file is one JSON array, or JSON over several lines.",
        "Write one JSON object on each line.",
    )
    UNREADABLE_HERE = (
        "unreadable_here",
        "Every attempt to read the file ended the program that read it; the operators know.",
        "Upload the rows in another form: several smaller files, or as CSV.",
    )

    # Its header.
    UNREADABLE_HEADER = (
        "unreadable_header",
        "The first line is no CSV header.",
        "Write the column names into the first line, quoted correctly and in UTF-8.",
    )
    MISSING_COLUMN = (
        "missing_column",
        "A required column is not in the header.",
        "Add the column, or have the operator map yours in the config.",
    )
    DUPLICATE_COLUMN = (
        "duplicate_column",
        "Two columns of the header could be the same column of the contract.",
        "Keep one of them.",
    )
    TOO_MANY_COLUMNS = ("too_many_columns", "The file has more columns than are read.", "Leave out what we do not need.")
    CONFIG_COLUMN_MISSING = (
        "config_column_missing",
        "An expression of your config reads a column that the file lacks.",
        "Upload the file with that column, or have the operator change the config.",
    )
    CONFIG_COLUMN_TYPE = (
        "config_column_type",
        "An expression of your config cannot read what a column of the file holds.",
        "Upload the column with another type, or have the operator change the config.",
    )

    # Its size.
    FILE_TOO_LARGE = ("file_too_large", "The file is larger than 10 GB.", "Upload several smaller files.")
    UNPACKS_TOO_LARGE = (
        "unpacks_too_large",
        "The file unpacks to more than 100 GB, or to more than 1,000 times its size.",
        "Upload several smaller files.",
    )
    RECORD_TOO_LONG = (
        "record_too_long",
        "A record is longer than 16 MiB.",
        "Write shorter values; in text, see that each record ends its line and that no quote stays open.",
    )
    TOO_MANY_ROWS = ("too_many_rows", "The file has more than 100 million rows.", "Upload several files.")
    TOO_MANY_DAYS = (
        "too_many_days",
        "The file has rows of more than 1,100 days.",
        "Upload several files, each of fewer days.",
    )
    TOO_MANY_PARTS = (
        "too_many_parts",
        "The rows of the file mix very many days.",
        "Sort the file by day, or upload several files.",
    )
    TOO_MANY_METRIC_NAMES = (
        "too_many_metric_names",
        "The file names more than 10,000 metrics.",
        "See that `metric_name` holds names of metrics; otherwise upload several files.",
    )
    TOO_MANY_ID_TYPES = (
        "too_many_id_types",
        "The file names more than 1,000 id types.",
        "Write the kind of id into `id_type` or as the name in customIDs, and the id itself beside it.",
    )
    TAKES_TOO_LONG = (
        "takes_too_long",
        "The file takes longer than one attempt may.",
        "Upload several smaller files.",
    )

    # Its rows.
    TOO_MANY_REJECTED_ROWS = (
        "too_many_rejected_rows",
        "A larger share of the rows breaks rules than your config allows.",
        "Fix what `rules` tells, and upload the file again.",
    )
    NOTHING_ACCEPTED = (
        "nothing_accepted",
        "The file has rows, and none of them was accepted; it replaces nothing.",
        "Fix it and upload it again; to withdraw what it held before, upload it empty.",
    )

    # Below signals/.
    NOT_A_MARKER = (
        "not_a_marker",
        "The blob looks like a marker and marks no day.",
        "Name it `signals/YYYY-MM-DD`, as the message says, or give the file a column `finished_date`.",
    )
    MARKER_TOO_EARLY = ("marker_too_early", "The marker's day lies more than a day ahead.", "Mark the day once it has ended.")
    MANIFEST_UNREADABLE = (
        "manifest_unreadable",
        "The marker holds a manifest that cannot be read.",
        'Write `{"files": [{"name": "metrics/a.csv"}]}` with names from the root of the container, or leave it empty.',
    )


class DelayCode(ReasonCode):
    """Why an upload could not be answered yet: `error.code` while the status is `failed`."""

    NOT_ANSWERED_YET = (
        "not_answered_yet",
        "Something of ours failed; it is tried again by itself.",
        "Nothing; `retry.next_try` says when.",
    )
    ENGINE_PANICKED = (
        "engine_panicked",
        "The engine that reads files gave up; it is tried again by itself, and the third time refused as `unreadable_here`.",
        "Nothing yet.",
    )


class WarningCode(ReasonCode):
    """What was accepted and may not be meant: `code` of a warning."""

    COLUMN_NAME_DIFFERS = (
        "column_name_differs",
        "A column was taken although its name is written otherwise.",
        "Nothing, where the right column was taken; else rename it.",
    )
    EXTRA_COLUMNS = ("extra_columns", "These columns are not read.", "Nothing, where none of them was meant to be.")
    REPEATED_HEADER = (
        "repeated_header",
        "Lines are the header once more, as where files were joined end to end; they are filtered.",
        "Nothing.",
    )
    OTHER_CALLS = (
        "other_calls",
        "Calls of Segment's other than `track` are no events, and are filtered.",
        "Nothing, where only tracked events are meant to count.",
    )
    UNLIKELY_IDS = (
        "unlikely_ids",
        "Ids were accepted that look like none: a text such as `null`, or a number that has lost its digits.",
        "See what wrote them; write ids as text, and leave out rows of nobody.",
    )
    ID_TYPE_NEAR_MISS = (
        "id_type_near_miss",
        "An id type is nearly one that is known, and counts as one of its own.",
        "Write the known one, where that was meant.",
    )
    TIMESTAMP_NOT_SECONDS = (
        "timestamp_not_seconds",
        "Times were read as milli-, micro- or nanoseconds by their number of digits.",
        "Nothing, where that is meant.",
    )
    DAY_DIFFERS_FROM_FOLDER = (
        "day_differs_from_folder",
        "Rows are of another day than the folder says; each counts for its own day.",
        "Nothing, where that is meant.",
    )
    BEFORE_FIRST_DAY = (
        "before_first_day",
        "Rows, or marked days, lie before the first day that is processed.",
        "Ask the operator to move the first day while the rows are kept.",
    )
    SAME_BYTES_AS = (
        "same_bytes_as",
        "Another upload holds the same bytes, and its rows are in force, too; two that come within minutes may not be noticed.",
        "Nothing, where that is meant; else upload one of the two names empty, which withdraws its rows.",
    )
    WITHDRAWN = (
        "withdrawn",
        "The upload was deleted, and by your config a deleted upload withdraws its rows.",
        "Nothing, where that was meant; else upload the file again.",
    )
    SAME_KEY_IN_FILE = (
        "same_key_in_file",
        "Rows of the file are superseded by a later one of the same key; only the first 10 million of metrics are looked at.",
        "Write one row each, or have the operator set `aggregate` for the metric, where all of them are to count.",
    )
    KIND_CHANGED = (
        "kind_changed",
        "A metric is shown as a ratio that was a value, or the other way round, so that rows lose their value.",
        "Upload the rows as they were before, or have the operator pin the metric's `kind`.",
    )
    VOLUME = (
        "volume",
        "Rows of a day are more than three times as many as whole days had last, or less than a third of files that were days.",
        "Nothing, where that is meant; else look for rows that came twice or are missing, and upload the file again.",
    )
    LATE_FOR_DAY = (
        "late_for_day",
        "Rows are of days that are published already; the message says what happens to them.",
        "Nothing, where the day is processed again by itself; else ask the operator to reprocess it.",
    )
    CONFIG_NOT_IN_FORCE = (
        "config_not_in_force",
        "The config is broken, and the last good one was used.",
        "Tell the operator.",
    )
    NO_STREAM_YET = (
        "no_stream_yet",
        "No upload has come yet; the marker counts for the streams that begin later.",
        "Nothing, where the files are to follow.",
    )
    WAITS_FOR_FILES = (
        "manifest",
        "The day also waits until the files of the marker's manifest are in.",
        "Upload each of them under the name that the manifest gives.",
    )
    MARKER_TOO_OLD = (
        "marker_too_old",
        "The marked days lie before those among which the first day is looked for.",
        "Ask the operator to set `first_day`, where these days are to be processed.",
    )
    DAY_CLOSED = (
        "day_closed",
        "The staged rows of the marked days are given up; the days are not processed again.",
        "Ask the operator, where they must change.",
    )
    DAY_NOT_ENDED = (
        "day_not_ended",
        "A marked day has not ended yet.",
        "Nothing; the marker takes effect by itself, at the time in `takes_effect`.",
    )
    DATE_DIFFERS_FROM_NAME = (
        "date_differs_from_name",
        "The file names other days in `finished_date` than its own name does; those in the file count.",
        "Nothing, where that is meant.",
    )
    MARKED_AGAIN = (
        "marked_again",
        "The marked days are published already.",
        "Nothing; what has changed since is processed.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a code means, and what the customer does about it."""

    meaning: str
    remedy: str


RULES: Final[Mapping[RuleCode, Reason]] = MappingProxyType(
    {
        RuleCode.REQUIRED: Reason(meaning="A required value is not there.", remedy="Write a value."),
        RuleCode.NOT_A_NUMBER: Reason(meaning="The value is no number.", remedy="Write a number with a point, such as 12.5."),
        RuleCode.NOT_A_DATE: Reason(meaning="The value is no day.", remedy="Write the day as YYYY-MM-DD."),
        RuleCode.NOT_A_BOOLEAN: Reason(meaning="The value is neither true nor false.", remedy="Write true or false."),
        RuleCode.NOT_A_TIMESTAMP: Reason(
            meaning="The value is no instant.",
            remedy="Write unix time in seconds, or ISO 8601 with an offset such as 2026-11-18T09:00:00Z.",
        ),
        RuleCode.NOT_AN_OBJECT: Reason(meaning="The value is no JSON object.", remedy='Write one, such as {"plan": "pro"}.'),
        RuleCode.NOT_A_UUID: Reason(meaning="The value is no UUID.", remedy="Write 8-4-4-4-12 hexadecimal digits."),
        RuleCode.NOT_AN_ID: Reason(
            meaning="The value is an object, a list or true or false, and no id.", remedy="Write the id as text or as a number."
        ),
        RuleCode.USER_WITHOUT_ID: Reason(
            meaning="The user has no id, or is no JSON object.",
            remedy='Write a JSON object with userID, or with an entry in customIDs: {"userID": "u1"}.',
        ),
        RuleCode.LENGTH: Reason(
            meaning="The text is too short or too long.", remedy="Write as many characters as the column takes."
        ),
        RuleCode.FINITE: Reason(meaning="The number is NaN or infinite.", remedy="Write a finite number, or nothing."),
        RuleCode.DATE_IN_FUTURE: Reason(
            meaning="The day lies more than a day after the upload.", remedy="Write the day that the row is of."
        ),
        RuleCode.TIMESTAMP_IN_FUTURE: Reason(
            meaning="The time lies more than a day after the upload.",
            remedy="Write the time of the event; see that the unit of the number is right.",
        ),
        RuleCode.BEFORE_2000: Reason(
            meaning="The time lies before the year 2000.", remedy="See that the unit of the number is right."
        ),
        RuleCode.DAY_CLOSED: Reason(
            meaning="The day of the row was published long ago and is closed.", remedy="Leave the row out."
        ),
        RuleCode.FORBIDDEN_CHARACTER: Reason(
            meaning="The name holds a character that separates things elsewhere, or a control character.",
            remedy=r"Leave out \ [ ] { } < > # = ; & $ % | and control characters.",
        ),
        RuleCode.NOT_LISTED: Reason(
            meaning="The id type is none of those that your config lists.",
            remedy="Write one of them, or have the operator add yours.",
        ),
        RuleCode.TOO_MANY_IDS: Reason(
            meaning="The user has too many custom ids.", remedy="Write at most 100 entries into customIDs."
        ),
        RuleCode.CUSTOM_ID_LENGTH: Reason(
            meaning="The name of a custom id is too long.", remedy="Write names of at most 127 characters into customIDs."
        ),
        RuleCode.VALUE_MISSING: Reason(
            meaning="The row has neither a value nor both parts of a ratio.",
            remedy="Fill metric_value, or both numerator and denominator.",
        ),
        RuleCode.WRONG_KIND: Reason(
            meaning="Your config says that the metric is a value, or a ratio, and the row carries the other.",
            remedy="Fill what the hint names, or have the operator change the metric's kind.",
        ),
        RuleCode.BROKEN_QUOTING: Reason(
            meaning="A quote stands where none may.", remedy="Quote the whole field, and write a quote inside it twice."
        ),
        RuleCode.WRONG_FIELD_COUNT: Reason(
            meaning="The record has more or fewer fields than the header.",
            remedy="Write as many, and quote fields that hold a delimiter.",
        ),
        RuleCode.NOT_UTF8: Reason(meaning="The record is not UTF-8.", remedy="Save the file as UTF-8."),
        RuleCode.NOT_JSON: Reason(
            meaning="The line is no JSON object.", remedy="Write one whole JSON object on each line, and nothing else."
        ),
        RuleCode.LONE_SURROGATE: Reason(
            meaning=r"An escape from \ud800 to \udfff lacks its other half.", remedy="Write the character itself."
        ),
        RuleCode.BEYOND_JSON_LIMITS: Reason(
            meaning="A number is too large, or values are nested too deeply.",
            remedy="Quote numbers of more than 38 digits or beyond 1e308, and nest values less deeply.",
        ),
        RuleCode.SEGMENT_RECORD: Reason(
            meaning="A record of Segment's stands among others.", remedy="Upload Segment's records in a file of their own."
        ),
        RuleCode.NOT_AN_EXPOSURE: Reason(
            meaning="A record of Segment's under `exposures/` is no exposure.",
            remedy="Upload it under `events/`, where both are taken.",
        ),
    }
)
"""The meaning of each rule; the hint in a receipt also tells the bounds of the very column."""
