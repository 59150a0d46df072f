"""What a dataset's rows are: columns, and rules on them (contract section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from schemas.rule import Rule


class Meaning(StrEnum):
    """What a column's text means, where its type alone does not tell."""

    TIMESTAMP = "timestamp"
    JSON_OBJECT = "json_object"
    USER = "user"
    UUID = "uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of typed rows."""

    dtype: pl.DataType
    description: str
    meaning: Meaning | None = None
    nullable: bool = False
    is_id: bool = False
    """Whether it says who a row is about."""
    may_be_number: bool = False
    """Whether text that writes a number counts as one, too."""
    required: bool = True
    """Whether every upload must have it."""
    default: str | bool | None = None
    """What a row has that has no value."""

    @property
    def needs_value(self) -> bool:
        """Whether a row without a value in it breaks a rule."""
        return not self.nullable and self.default is None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSchema:
    """The columns of a dataset, and the rules besides those that follow from a column's type and presence."""

    name: str
    columns: Mapping[str, Column]
    rules: tuple[Rule, ...]

    def rules_of(self, column: str | None) -> tuple[Rule, ...]:
        """The rules about one column; with None, those about the row."""
        return tuple(rule for rule in self.rules if rule.column == column)
