"""The checks of a pandera schema as expressions, so that all of them are evaluated in one pass.

pandera stays the only declaration of the rules: each check is asked for its expression by handing it a frame that
remembers what is selected from it. The masks agree with pandera's own verdict, null for null (a property test holds them
together).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandera.backends.polars.builtin_checks  # noqa: F401 - registers the checks for Polars
import pandera.polars as pa
import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData

from processing.ingest.columns.conversion import misfit_of
from schemas.rules import OF_UPLOADED_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a dataset."""

    name: str
    column: str | None
    """The column it is about, None for a rule on the row."""
    hint: str
    fails: pl.Expr
    """Boolean, never null, over typed columns and their raw text."""
    reads: tuple[str, ...]
    """Columns that the rule reads; a row rule is not blamed when one of them is broken itself."""


def raw_column(name: str) -> str:
    """Where the uploaded text of a typed column stands."""
    return f"__raw_{name}"


def is_of_uploaded_text(check: Check) -> bool:
    """Whether a column's check reads the uploaded text, which then must stand in the raw column as text."""
    return bool(check.title == OF_UPLOADED_TEXT)


def typed_rows(rows: pl.LazyFrame, typed: Sequence[Sequence[pl.Expr]]) -> pl.LazyFrame:
    """Rows with the columns that rules read: raw ones, then the typed ones made of them."""
    for stage in typed:
        rows = rows.with_columns(stage)
    return rows


def compile_rules(schema: pa.DataFrameSchema) -> tuple[Rule, ...]:
    """The rules of a schema of typed columns, each column accompanied by its raw text."""
    rules: list[Rule] = []
    for name, column in schema.columns.items():
        rules.extend(_column_rules(name, column))
    for check in schema.checks:
        reads = tuple((check.title or "").split())
        rules.append(
            Rule(name=str(check.name), column=None, hint=str(check.description), fails=_fails(check, "*"), reads=reads)
        )
    return tuple(rules)


def _column_rules(name: str, column: pa.Column) -> Iterator[Rule]:
    typed, raw = pl.col(name), pl.col(raw_column(name))
    if not column.nullable and column.default is None:
        yield Rule(name="required", column=name, hint="write a value", fails=raw.is_null(), reads=(name,))
    misfit = misfit_of(column)
    if misfit is not None:
        rule, hint = misfit
        yield Rule(name=rule, column=name, hint=hint, fails=raw.is_not_null() & typed.is_null(), reads=(name,))
    for check in column.checks:
        fails = _fails(check, name)
        if is_of_uploaded_text(check):
            fails = typed.is_not_null() & _fails(check, raw_column(name))
        yield Rule(name=str(check.name), column=name, hint=str(check.description), fails=fails, reads=(name,))


def _fails(check: Check, key: str) -> pl.Expr:
    selected = _Selected()
    # pandera has no public way to the function behind a check; the property test notices when this one closes.
    check._check_fn(PolarsData(selected, key), **check._check_kwargs)  # type: ignore[arg-type]  # noqa: SLF001
    # A check that ignores nulls passes on them, as in pandera.
    return ~selected.expression.fill_null(check.ignore_na)


class _Selected:
    """Stands in for a lazy frame and remembers the expression that is selected from it."""

    expression: pl.Expr

    def select(self, expression: pl.Expr) -> _Selected:
        self.expression = expression
        return self
