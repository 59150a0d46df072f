"""Which commits of a Delta table are ours, and what another program made of the table when one is not (contract section 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from deltalake import DeltaTable

from processing.domain.publications import TableSpec

ReadCommit = Callable[[int], bytes | None]
"""The log's file of a version, None when it is not there."""
MARK: Final = "dropzone"
"""The key that each commit of ours carries in its commit info."""
_LOOKED_AT: Final = 100
"""Commits behind the last that are looked at for one of ours."""
# They change neither rows nor columns.
_HARMLESS: Final = frozenset({"VACUUM START", "VACUUM END", "OPTIMIZE", "SET TBLPROPERTIES"})
_SHOWN: Final = 8
_LONGEST: Final = 64


def changed_layout(table: DeltaTable, spec: TableSpec) -> str | None:
    """How columns or partitions differ from those that we write; None where they do not.

    A table that an older program of ours made may be partitioned by more columns.
    """
    found = {field.name: str(getattr(field.type, "type", field.type)) for field in table.schema().fields}
    others = {name: kind for name, kind in found.items() if spec.columns.get(name, kind) != kind}
    wrong = [
        *(f"it lacks the column {name}" for name in spec.columns if name not in found),
        *(f"it has a column {name[:_LONGEST]!r} of another's" for name in found if name not in spec.columns),
        *(f"its column {name} is {kind} and not {spec.columns[name]}" for name, kind in others.items()),
    ]
    partitions = tuple(table.metadata().partition_columns)
    if partitions[: len(spec.partition_by)] != spec.partition_by or not set(partitions) <= {"dataset", "pst_date"}:
        wrong.append(f"it is partitioned by {', '.join(partitions) or 'nothing'} and not by {', '.join(spec.partition_by)}")
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return (", ".join(wrong[:_SHOWN]) + more) or None


def foreign_commit(read: ReadCommit, version: int) -> str | None:
    """The last commit by which another program changed what the table shows; None where all that is shown is ours.

    `read` gives the log's file of a version, `version` is the last. What was restored is as good as the version that it was
    restored to. Of a table without any commit that says whose it is nothing is known: a program before this one made it.
    """
    found: str | None = None
    shown, is_ours = version, False
    for number in range(version, max(version - _LOOKED_AT, -1), -1):
        commit = _info(read(number))
        if commit is None:
            break  # older ones are cleaned up
        is_ours = is_ours or MARK in commit
        if number > shown or commit.get("operation") in _HARMLESS or _gives_columns(commit):
            continue
        if MARK in commit:
            break
        restored = _restored_to(commit)
        if restored is not None and found is None:
            shown = restored
        else:
            found = found or _told(commit, number)
    return found if is_ours else None


def _info(data: bytes | None) -> Mapping[str, Any] | None:
    """The commit info of a log's file; None where there is no such file."""
    if data is None:
        return None
    actions = (json.loads(line) for line in data.splitlines() if line.strip())
    return next((each["commitInfo"] for each in actions if "commitInfo" in each), {})


def _gives_columns(commit: Mapping[str, Any]) -> bool:
    """Whether it is ours and gave a table of an older program its new columns: it says nothing of what was there before."""
    return MARK in commit and commit.get("operation") == "ADD COLUMN"


def _restored_to(commit: Mapping[str, Any]) -> int | None:
    version = (commit.get("operationParameters") or {}).get("version")
    if commit.get("operation") != "RESTORE" or not str(version).isdecimal():
        return None
    return int(str(version))


def _told(commit: Mapping[str, Any], version: int) -> str:
    at = f" at {datetime.fromtimestamp(commit['timestamp'] / 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}" if "timestamp" in commit else ""
    what, engine = (str(commit.get(key, "unknown"))[:_LONGEST] for key in ("operation", "engineInfo"))
    return f"its version {version} ({what}{at}, by {engine}) is no commit of ours"
