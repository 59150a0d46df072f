"""The ways in which a sample row is bad, each with the one rule that it breaks; every one costs its own row and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

KIND: Final = "__kind"
"""Int8: 0 for a sound row, else one more than the position of its flaw."""
BAD_BYTE: Final = "\ue000"
"""Stands for a byte that is not UTF-8, which no text of the engine can hold."""
LINE: Final = "__line"
"""The whole record as text, without its line end."""


class Damage(StrEnum):
    """Which flaws a file has."""

    VALUES = "values"
    """Values alone: every reader can take the records apart."""
    ALL = "all"
    """Also stray quotes, ragged rows and bytes that are not UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One way to be bad."""

    rule: str
    """`rule:column` as receipts name them; `rule:` for one of the whole record."""
    column: str
    """The column that is changed, or LINE."""
    change: Callable[[pl.Expr], pl.Expr]
    """From the sound text to the bad one."""
    layouts: frozenset[str]
    """`csv`, `ndjson`, `parquet`."""


_TEXT: Final = frozenset({"csv", "ndjson"})
_CSV: Final = frozenset({"csv"})
_NDJSON: Final = frozenset({"ndjson"})
_EVERY: Final = frozenset({"csv", "ndjson", "parquet"})


def _becomes(text: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda _: pl.lit(text)


METRIC_FLAWS: Final = (
    Flaw(rule="not_a_number:metric_value", column="metric_value", change=_becomes("n/a"), layouts=_CSV),
    Flaw(rule="finite:metric_value", column="metric_value", change=_becomes("inf"), layouts=frozenset({"csv", "parquet"})),
    Flaw(rule="value_missing:", column="metric_value", change=_becomes(""), layouts=frozenset({"csv", "parquet"})),
    Flaw(rule="required:unit_id", column="unit_id", change=_becomes(""), layouts=_EVERY),
    Flaw(rule="not_a_date:date", column="date", change=_becomes("2026-02-30"), layouts=_TEXT),
    Flaw(rule="length:metric_name", column="metric_name", change=_becomes("m" * 200), layouts=_EVERY),
)
EVENT_FLAWS: Final = (
    Flaw(rule="not_a_timestamp:timestamp", column="timestamp", change=_becomes("12345"), layouts=_EVERY),
    Flaw(rule="required:event_name", column="event_name", change=_becomes(""), layouts=_EVERY),
    Flaw(rule="forbidden_character:event_name", column="event_name", change=_becomes("buy|sell"), layouts=_EVERY),
    Flaw(rule="length:event_value", column="event_value", change=_becomes("v" * 200), layouts=_EVERY),
    Flaw(rule="user_without_id:user", column="user", change=_becomes("{}"), layouts=_EVERY),
)
STRUCTURE_FLAWS: Final = (
    Flaw(rule="wrong_field_count:", column=LINE, change=lambda line: line.str.replace(r"^[^,]*,", ""), layouts=_CSV),
    Flaw(rule="wrong_field_count:", column=LINE, change=lambda line: line + ",surplus", layouts=_CSV),
    # A quote inside a field, and one that opens a field and is never closed: the next record must not be lost with it.
    Flaw(rule="broken_quoting:", column=LINE, change=lambda line: line.str.replace(r"^(...)", '${1}"'), layouts=_CSV),
    Flaw(rule="broken_quoting:", column=LINE, change=lambda line: '"' + line.str.replace_all('"', ""), layouts=_CSV),
    Flaw(rule="not_utf8:", column=LINE, change=lambda line: line.str.replace(r"^(...)", "${1}" + BAD_BYTE), layouts=_TEXT),
    Flaw(rule="not_json:", column=LINE, change=lambda line: line.str.head(40), layouts=_NDJSON),
)


def choose(flaws: Sequence[Flaw], layout: str, damage: Damage) -> list[Flaw]:
    """The flaws that a file of this layout can have."""
    every = [*flaws, *STRUCTURE_FLAWS] if damage is Damage.ALL else flaws
    return [flaw for flaw in every if layout in flaw.layouts]


def spoil(rows: pl.DataFrame, flaws: Sequence[Flaw]) -> pl.DataFrame:
    """The rows with the flaws that their KIND names, of those columns that are there."""
    for number, flaw in enumerate(flaws, start=1):
        if flaw.column in rows.columns:
            column = pl.col(flaw.column)
            rows = rows.with_columns(
                pl.when(pl.col(KIND) == number).then(flaw.change(column)).otherwise(column).alias(flaw.column)
            )
    return rows
