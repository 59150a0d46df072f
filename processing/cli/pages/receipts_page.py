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
}
"""Every key of a receipt."""
_STATUSES: Final = {
    UploadStatus.ACCEPTED: "all rows were taken, or the marker counts",
    UploadStatus.ACCEPTED_WITH_REJECTS: "the good rows were taken, the bad ones stand in `rejected_blob`",
    UploadStatus.REJECTED: "refused as a whole, `error` says why; it replaces nothing",
    UploadStatus.IGNORED: "there was nothing to take and nothing to replace",
    UploadStatus.FAILED: "no answer yet: something of ours failed, and `retry` says when it is tried again",
}


def receipts_page() -> str:
    """The page, Markdown."""
    rules = ([f"`{code}`", reason.meaning, reason.remedy] for code, reason in RULES.items())
    return "\n".join(
        [
            _INTRODUCTION + table(["field", ""], ([f"`{name}`", text] for name, text in FIELDS.items())),
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
