"""One rule of a dataset: what the engine evaluates, and what pandera's checks are made from."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.rule_codes import RuleCode


# Expressions have no equality of their own.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """What a row must not be."""

    code: RuleCode
    hint: str
    """What the customer does about it."""
    columns: tuple[str, ...]
    """The columns that it reads. A rule on one is about that column; a rule on several or on none is about the row."""
    fails: pl.Expr
    """Boolean, row by row, over typed columns and uploaded values; null, as comparing nothing gives, is no failure."""
    is_of_uploaded_text: bool = False
    """Whether it judges its column's text as it was uploaded, and not what that is rewritten to."""

    @property
    def column(self) -> str | None:
        """The column that it is about, None for the row."""
        return self.columns[0] if len(self.columns) == 1 else None


def raw_column(name: str) -> str:
    """Where the uploaded value of a typed column stands."""
    return f"__raw_{name}"
