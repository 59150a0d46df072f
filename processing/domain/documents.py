"""Stored documents as JSON, and back: whatever version of the program wrote them, now, earlier or later.

Old and new instances run beside each other while an update rolls out, and either may write what the other reads. So each
kind of document has a number, `schema_version`, which rises only when older programs cannot read it any more: they say so
and leave it alone. Keys that a program does not know are kept when it writes a stream's state, or the version in force of a
receipt, again; a key that is missing has its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from processing.domain import receipt_document, state_document
from processing.domain.errors import OperatorError
from processing.domain.publications import Manifest
from processing.domain.receipts import InForce, Receipt
from processing.domain.stream_state import DayRecord, DayStatus, Published, StreamState

T = TypeVar("T")
_KEY: Final = "schema_version"
_UNKNOWN: Final = "unknown"
_VERSIONS: Final[Mapping[type, int]] = {StreamState: 3, Receipt: 2, Manifest: 1, DayStatus: 1}
_BEFORE_THERE_WERE_ANY: Final = 1

_adapters: dict[Any, TypeAdapter[Any]] = {}


def to_json(record: object) -> bytes:
    """A record as UTF-8 JSON, indented for the people who read it."""
    kind = type(record)
    tree = _adapter(kind).dump_python(record, mode="json", exclude_defaults=kind is StreamState)
    if kind in _NESTED:
        tree = _with_unknown_keys(record, tree)
    if isinstance(record, StreamState):
        tree = state_document.packed(tree)
    if isinstance(record, Receipt):
        tree = receipt_document.packed(tree)
    if kind in _VERSIONS:
        tree = {_KEY: _version(kind, tree), **tree}
    return json.dumps(tree, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")


def from_json(kind: type[T], data: bytes) -> T:
    """The inverse of `to_json`, also of what earlier versions wrote.

    OperatorError for a document that only a newer program can read; ValueError when `data` is none of this kind.
    """
    tree = json.loads(data)
    if kind not in _VERSIONS or not isinstance(tree, dict):
        plain: T = _adapter(kind).validate_python(tree)
        return plain
    version = tree.pop(_KEY, _BEFORE_THERE_WERE_ANY)
    if version > _VERSIONS[kind]:
        raise OperatorError(f"a {kind.__name__} was written by a newer version of the program: deploy that version again")
    if kind is StreamState:
        tree = state_document.unpacked(tree, version)
    elif kind is Receipt:
        tree = receipt_document.unpacked(tree)
    record = _adapter(kind).validate_python(tree)
    if isinstance(record, StreamState):
        record = state_document.sharing_lists(record)
    kept: T = _keeping_unknown_keys(record, tree)
    return kept


def _version(kind: type, tree: dict[str, Any]) -> int:
    # Older programs read every receipt but one that names its parts by their rows, and every state that has all its days.
    is_older = (kind is Receipt and not receipt_document.is_packed(tree)) or (
        kind is StreamState and not state_document.has_days_apart(tree)
    )
    return _VERSIONS[kind] - 1 if is_older else _VERSIONS[kind]


def _adapter(kind: Any) -> TypeAdapter[Any]:
    # Building one costs more than using it a thousand times.
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


# Which fields of a record hold records that keep unknown keys of their own.
_NESTED: Final[Mapping[type[Any], tuple[str, ...]]] = {
    StreamState: ("days",),
    DayRecord: ("published",),
    Published: (),
    Receipt: ("in_force",),
    InForce: (),
}
_KNOWN: Final = {kind: frozenset(each.name for each in fields(kind)) - {_UNKNOWN} for kind in _NESTED}


def _with_unknown_keys(record: Any, tree: dict[str, Any]) -> dict[str, Any]:
    """The printed record with its unknown keys beside those that the program knows."""
    if type(record) not in _NESTED:
        return tree
    tree = {**tree.pop(_UNKNOWN, {}), **tree}
    for name in _NESTED[type(record)]:
        inner = getattr(record, name)
        if isinstance(inner, Mapping):
            tree[name] = {
                key: _with_unknown_keys(inner[date.fromisoformat(key)], each) for key, each in tree.get(name, {}).items()
            }
        elif inner is not None:
            tree[name] = _with_unknown_keys(inner, tree[name])
    return tree


def _keeping_unknown_keys(record: Any, tree: Any) -> Any:
    """The record with the keys of its JSON that it has no field for."""
    if type(record) not in _NESTED:
        return record
    known = _KNOWN[type(record)]
    changed = {_UNKNOWN: unknown} if (unknown := {key: tree[key] for key in tree.keys() - known}) else {}
    for name in _NESTED[type(record)]:
        inner = getattr(record, name)
        if isinstance(inner, Mapping):
            kept = {key: _keeping_unknown_keys(each, tree[name][key.isoformat()]) for key, each in inner.items()}
            if any(kept[key] is not each for key, each in inner.items()):
                changed[name] = kept
        elif inner is not None and (kept := _keeping_unknown_keys(inner, tree[name])) is not inner:
            changed[name] = kept
    return replace(record, **changed) if changed else record
