"""A rejected row as it is shown: without the columns that hold no value, and with long values cut (contract section 5).

A few bytes of Parquet or of an archive may name a long text in each of a million rows, and a header of long names stand
above a million rows of delimiters. What is shown of a row is therefore bounded by what it holds, and what is held of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

LONGEST_VALUE: Final = 1_024
"""Characters of a value that are shown; what is longer is cut, with its length and SHA-256."""
LONGEST_RAW: Final = 16 * LONGEST_VALUE
"""Characters of a record that could not be taken apart, which holds many values."""
LONGEST_NAME: Final = 128
"""Characters of a column's name."""
_NOTE: Final = 128
"""Bytes that tell of a cut, besides the name."""
_PLACE: Final = 1_024
"""Bytes of a line besides its row: number, line and reasons, of which few have more."""
_NUMBER: Final = 32
"""Bytes of a value that is no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """A column of the upload as rejected rows show it."""

    position: str
    """The column of the frame."""
    name: str
    """What it is called there; no two are called the same."""
    text: pl.Expr
    """Its text, masked where it must be."""


def rows_as_json(rows: pl.DataFrame, columns: Sequence[ShownColumn]) -> pl.Series:
    """For each row its last members in a line of NDJSON: `row`, and `cut` where a value was."""
    texts = rows.select(column.text.alias(str(index)) for index, column in enumerate(columns))
    # One call for all columns: there may be a thousand, and a call has a fixed cost.
    most = texts.select(pl.all().str.len_bytes().max()).row(0) if columns else ()
    notes: dict[int, list[dict[str, Any]]] = {}
    shown: list[pl.Series] = []
    for column, text, longest in zip(columns, texts, most, strict=True):
        if (longest or 0) > LONGEST_VALUE:
            long = _longer(text, LONGEST_VALUE)
            for place, value in zip(long, text.gather(long), strict=True):
                notes.setdefault(place, []).append(cut_note(column.name, value))
            text = text.str.head(LONGEST_VALUE)  # noqa: PLW2901 - the text, as it is shown
        shown.append(text.alias(column.name))
    members = pl.DataFrame(_members(pl.DataFrame(shown), rows.height))
    row = pl.concat_str(pl.lit('"row": {'), pl.concat_str(pl.all(), separator=",", ignore_nulls=True), pl.lit("}"))
    found = members.select(row).to_series()
    return _with_notes(found, {place: cut_member(own) for place, own in notes.items()})


def raws_as_json(raws: pl.Series) -> pl.Series:
    """For each record that could not be taken apart the last members of its line: `raw`, and `cut` where it was."""
    long = _longer(raws, LONGEST_RAW)
    notes = {place: cut_member([cut_note(None, raw)]) for place, raw in zip(long, raws.gather(long), strict=True)}
    shown = raws.str.head(LONGEST_RAW) if len(long) else raws
    return _with_notes(_as_members(shown.to_frame("raw")), notes)


def raw_as_json(raw: str) -> str:
    """The same for one record."""
    note = cut_member([cut_note(None, raw)]) if len(raw) > LONGEST_RAW else ""
    return f'"raw": {as_json(raw[:LONGEST_RAW])}{note}'


def object_as_json(row: dict[str, Any], length: int) -> str:
    """The last members of the line of a row that is an object of JSON, `length` characters long, without nulls.

    Its objects and arrays are values as well, and are cut as their text.
    """
    if length <= LONGEST_VALUE:
        return f'"row": {as_json({name: value for name, value in row.items() if value is not None})}'
    shown: dict[str, Any] = {}
    notes = []
    for place, (name, value) in enumerate(row.items(), 1):
        own = shown_name(name, place)
        text = value if isinstance(value, str) else as_json(value) if isinstance(value, dict | list) else ""
        if len(text) > LONGEST_VALUE:
            notes.append(cut_note(own, text))
            shown[own] = text[:LONGEST_VALUE]
        elif value is not None:
            shown[own] = value
    return f'"row": {as_json(shown)}' + (cut_member(notes) if notes else "")


def cut_note(column: str | None, text: str) -> dict[str, Any]:
    """What is told of a text that is cut."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"column": column, "length": len(text), "sha256": digest}


def cut_member(notes: Sequence[dict[str, Any]]) -> str:
    """The member of a line that tells what was cut in it, behind another one."""
    return f', "cut": {as_json(notes)}'


def shown_name(name: str, place: int) -> str:
    """A column's name beside its values, so that a long one is not written a million times; `place` counts from 1."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}... (column {place})"


def as_json(value: object) -> str:
    """JSON with text as it is."""
    return json.dumps(value, ensure_ascii=False)


def sizes(rows: pl.DataFrame, columns: Sequence[ShownColumn]) -> pl.Series:
    """About how many bytes the line of each row takes; where text is escaped it may be three times as many."""
    schema = rows.schema
    parts = [pl.lit(_PLACE, pl.Int64), pl.repeat(0, pl.len(), dtype=pl.Int64)]
    for column in columns:
        beside = len(as_json(column.name).encode()) + len('"",')
        value = pl.col(column.position)
        is_text = schema[column.position] == pl.String
        size = 2 * value.str.len_bytes().clip(upper_bound=LONGEST_VALUE + _NOTE).cast(pl.Int64) if is_text else _NUMBER
        parts.append(pl.when(value.is_not_null()).then(size + beside))
    return rows.select(pl.sum_horizontal(parts).alias("size")).to_series()


def raw_sizes(raws: pl.Series) -> pl.Series:
    """The same for records that are shown as their text."""
    return raws.str.len_bytes().cast(pl.Int64).clip(upper_bound=2 * LONGEST_RAW) * 2 + _PLACE


def _members(texts: pl.DataFrame, height: int) -> list[pl.Series]:
    """What is concatenated to rows: text for each row, null where it adds nothing."""
    found: list[pl.Series] = []
    full: list[pl.Series] = []

    def finish() -> None:
        if full:
            found.append(_as_members(pl.DataFrame(full)).alias(str(len(found))))
            full.clear()

    for text, missing in zip(texts, texts.null_count().row(0) if texts.width else (), strict=True):
        if not missing:
            # Neighbours without a gap are written at once.
            full.append(text)
        elif missing < height:
            finish()
            is_given = text.is_not_null()
            places = pl.select(pl.when(is_given).then(is_given.cum_sum().cast(pl.Int64) - 1)).to_series()
            given = _as_members(text.filter(is_given).to_frame())
            found.append(given.gather(places).alias(str(len(found))))
    finish()
    return found or [pl.repeat(None, height, dtype=pl.String, eager=True)]


def _as_members(texts: pl.DataFrame) -> pl.Series:
    """The members of an object for each row, without its braces."""
    objects = texts.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    return objects.str.strip_prefix("{").str.strip_suffix("}")


def _longer(texts: pl.Series, most: int) -> pl.Series:
    # Bytes are known without a look at the text.
    suspects = (texts.str.len_bytes() > most).arg_true()
    return suspects.filter(texts.gather(suspects).str.len_chars() > most) if len(suspects) else suspects


def _with_notes(texts: pl.Series, notes: dict[int, str]) -> pl.Series:
    if not notes:
        return texts
    places = list(notes)
    noted = texts.gather(places) + pl.Series(list(notes.values()), dtype=pl.String)
    return texts.clone().scatter(places, noted)
