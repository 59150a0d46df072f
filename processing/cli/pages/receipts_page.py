"""What a receipt says, printed from the reasons that it can give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from processing.cli.pages.markdown import table
from processing.domain.reasons import RULES, DelayCode, ReasonCode, RefusalCode, WarningCode
from processing.domain.receipts import UploadStatus

_INTRODUCTION: Final = """# What a receipt says

Printed from the code by `make docs`; a change belongs there. Every upload is answered by one receipt: JSON in
`receipts-<customer>`, under the path of the upload and `.receipt.json`. Rejected rows stand beside it, with all their
reasons ([files.md](files.md)). Programs may compare `status` and every code on this page; they are never renamed. Messages
and hints are for people, and may change. Keys that are not on this page are to be passed over: newer versions add some.

"""
FIELDS: Final = {
    "schema_version": "form of this document; it rises only when older readers could not read it",
    "blob": "name of the upload, from the root of the container",
    "customer": "whose it is",
    "dataset": "its folder; empty outside the four folders",
    "etag": "the version of the upload that is answered",
    "size": "bytes as uploaded",
    "format": "what it was read as, such as `csv.gz`; null when it was not looked at",
    "status": "below",
    "received_at": "when the version was written, by the clock of storage",
    "finished_at": "when it was answered",
    "in_force": "the accepted version whose rows count now: this one, or an earlier one where this one was refused; or null. "
    "More than 500 `parts` stand as `part_rows`, the rows of each part of a stream and day in order",
    "rows": "`read`, `accepted`, `rejected`, `filtered`; the first is always the sum of the others",
    "days": "accepted rows of each PST day",
    "rejected_blob": "where the rejected rows stand",
    "rejected_from": "the first rejected record that is counted and not written, where they are too many",
    "fix_blob": "where the fix file stands: below",
    "fix_from": "the first rejected record that is not in the fix file, where they are too large for it together",
    "fix_left_out": "rejected records before that one that cannot be written into the fix file",
    "rules": "each broken rule: `rule`, `column`, `count`, `hint`, and the first 20 rows in `examples`",
    "warnings": "each warning: `code`, `message`, `count`",
    "error": "why the upload was refused, or not answered yet: `code` and `message`",
    "marks": "of a marker, what it marked: `<dataset>/<day>`, or `*/<day>` for streams that begin later",
    "takes_effect": "of a marker, when the last of its days is taken for complete",
    "retry": "while it failed: `since`, `attempts`, `next_try`",
    "program": "version of the program that answered",
    "config": "version of your config that was in force",
    "md5": "of the bytes as uploaded, where all were read",
    "trace": "identity for those who look for it in logs",
    "deleted_at": "when the upload was found to be gone; its rows stay in force, unless your config says `on_delete: withdraw`",
    "earlier_answers": "what was answered to this name before, the newest first: `etag`, `status`, `finished_at`, `rows`, and "
    "the code of the `error`; together with the present answer the last 20",
}
"""Every key of a receipt."""
_STATUSES: Final = {
    UploadStatus.ACCEPTED: "all rows were taken, or the marker counts",
    UploadStatus.ACCEPTED_WITH_REJECTS: "the good rows were taken, the bad ones stand in `rejected_blob` and in `fix_blob`",
    UploadStatus.REJECTED: "refused as a whole, `error` says why; it replaces nothing",
    UploadStatus.IGNORED: "there was nothing to take and nothing to replace",
    UploadStatus.FAILED: "no answer yet: something of ours failed, and `retry` says when it is tried again",
}


_FIXING: Final = """## Fixing rejected rows

Where good rows were taken and bad ones were not, `fix_blob` names the fix file: the rejected records alone, in the format,
dialect, encoding and compression of the upload, each byte for byte as it came, and before them `_errors`, which tells in words
what is wrong. Fix it, and upload it **under another name**: its rows join those that are in force already, and both together
are the file as it was meant. Under the old name it would take the place of the good rows. Of this `metrics/day.csv`

```csv
unit_id,id_type,date,metric_name,metric_value
u1,user_id,2026-11-18,revenue,12.5
u2,user_id,18.11.2026,revenue,3
u3,user_id,2026-11-18,revenue,7
```

the fix file is

```csv
_errors,unit_id,id_type,date,metric_name,metric_value
"not_a_date (date): write the day as YYYY-MM-DD",u2,user_id,18.11.2026,revenue,3
```

and this, as `metrics/day-fixed.csv`, completes it. `_errors` may stay or go: names that begin with `_` are never read, and no
warning tells of them.

```csv
_errors,unit_id,id_type,date,metric_name,metric_value
"not_a_date (date): write the day as YYYY-MM-DD",u2,user_id,2026-11-18,revenue,3
```

- In NDJSON `_errors` is the first key, and the file ends in `.jsonl`; a line that does not begin as an object does stands
  without it. In Parquet it is the first column, a string; columns that are not read are left out.
- A file without a header (`csv.columns`) has a fix file with one, which names `_errors` and your columns, and is read all the
  same. Lines before the header (`csv.skip_lines`) are there, and empty.
- A file that is refused has none: nothing of it was taken, so fix the file itself.
- It is bounded and kept as `rejected_blob` is: `fix_from` says from which record on there was no room. What cannot be written
  in this form, `fix_left_out` counts, and `rejected_blob` shows: bytes that are no text in another encoding than UTF-8, records
  so long that they would be refused with `_errors`, and under `mask_values` records that cannot be taken apart.
- What `mask_values` names stands as `(masked)` here too: write the values again before you upload it.

"""


def receipts_page() -> str:
    """The page, Markdown."""
    rules = ([f"`{code}`", reason.meaning, reason.remedy] for code, reason in RULES.items())
    return "\n".join(
        [
            _INTRODUCTION + table(["field", ""], ([f"`{name}`", text] for name, text in FIELDS.items())),
            _FIXING.rstrip() + "\n",
            "## Statuses\n",
            table(["status", ""], ([f"`{status}`", text] for status, text in _STATUSES.items())),
            "## Refusals\n\n`error.code` of an upload that was refused or ignored.\n",
            _codes(RefusalCode),
            "## Not answered yet\n\n`error.code` while the status is `failed`.\n",
            _codes(DelayCode),
            "## Rules\n\n`rule` of rejected rows; the bounds of each column stand in [files.md](files.md).\n",
            table(["rule", "meaning", "what to do"], rules),
            "## Warnings\n\n`code` of what was accepted and may not be meant.\n",
            _codes(WarningCode),
        ]
    )


def _codes(codes: Iterable[ReasonCode]) -> str:
    return table(["code", "meaning", "what to do"], ([f"`{code}`", code.meaning, code.remedy] for code in codes))
