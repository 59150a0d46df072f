"""How the columns of one upload become the columns of its dataset: by the config, the header and the file's own types.

A contract column comes from the first of these that names it:

1. `select`: an SQL expression. Its value is text, whatever the file holds, and empty text is no value, as an empty field
   is, so that a computed column is judged exactly as a column of a CSV file.
2. `constants`: the same text in every row, even where the upload has such a column, which then counts as not read.
3. `columns`: an uploaded column by the name that the config gives, even where one with the contract's name is there.
4. The uploaded column of the very name. 5. The one whose name is read as that, with a warning.

What comes by 3, 4 or 5 keeps the file's own type; of text, too, empty is no value. A column that nothing gives is null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import ReceiptWarning
from processing.ingest.columns.header import HeaderNames, fold, match_header
from processing.ingest.expressions.compiler import ExpressionRefused, UnknownColumn, compile_condition, compile_expression
from schemas.customer_config import DatasetConfig
from schemas.dataset_schema import DatasetSchema

_EMPTY: Final = DatasetConfig()
_HIDDEN: Final = "\0"
"""Stands for a name that may not be told; no expression can name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """Where the raw values of one contract column come from."""

    raw: pl.Expr
    """Over columns `0`, `1`, ... of a batch."""
    dtype: pl.DataType
    """What `raw` holds."""
    positions: frozenset[int]
    """The uploaded columns that it reads, from 0; none for a constant and for a column that nothing gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """All columns of one upload."""

    columns: Mapping[str, PlannedColumn]
    """By contract column, in the order of the schema."""
    where: pl.Expr | None
    """Boolean, never null: the rows that are kept; the others are filtered. None keeps all."""
    warnings: tuple[ReceiptWarning, ...]

    def masked(self, header: Sequence[str], names: Collection[str]) -> frozenset[int]:
        """The uploaded columns that tell the value of one of `names`: those called so, and those that it is made of."""
        folded = {fold(name) for name in names}
        called = {position for position, name in enumerate(header) if fold(name) in folded}
        derived_from = (column.positions for name, column in self.columns.items() if fold(name) in folded)
        return frozenset(called).union(*derived_from)


def plan_columns(
    header: Sequence[str],
    dtypes: Sequence[pl.DataType],
    schema: DatasetSchema,
    config: DatasetConfig | None = None,
    *,
    used: Collection[int] = (),
    known: Collection[str] | None = None,
) -> ColumnPlan:
    """The plan for an upload with this header; columns at `used` positions are read by something else and not extra.

    Where `known` names are given, messages repeat no other name of the header.

    CustomerError `missing_column` and `duplicate_column` as in `match_header`; `config_column_missing` when an expression
    of the config reads a column that the upload lacks, `config_column_type` when it cannot read what the file holds.
    """
    config = config or _EMPTY
    key = f"datasets.{schema.name}"
    names = HeaderNames(header, known)
    shown = [name if names.may_show(name) else _HIDDEN for name in header]
    select = {name: config.select[name] for name in schema.columns if name in config.select}
    computed = {
        name: _computed(_compiled(compile_expression, sql, shown, dtypes, f"{key}.select.{name}"))
        for name, sql in select.items()
    }
    where = None
    if config.where is not None:
        where = _compiled(compile_condition, config.where, shown, dtypes, f"{key}.where")
    read = _positions(where) if where is not None else frozenset()
    match = match_header(
        header,
        schema,
        aliases=config.columns,
        given={*config.select, *config.constants},
        read=read.union(used, *(column.positions for column in computed.values())),
        names=names,
    )
    columns: dict[str, PlannedColumn] = {}
    for name in schema.columns:
        if name in computed:
            columns[name] = computed[name]
        elif name in config.constants:
            columns[name] = _constant(config.constants[name])
        elif name in match.positions:
            columns[name] = _uploaded(match.positions[name], dtypes)
        else:
            columns[name] = _constant(None)
    return ColumnPlan(columns=columns, where=where, warnings=match.warnings)


def _compiled(
    compiler: Callable[[str, Sequence[str], Sequence[pl.DataType]], pl.Expr],
    sql: str,
    header: Sequence[str],
    dtypes: Sequence[pl.DataType],
    key: str,
) -> pl.Expr:
    try:
        return compiler(sql, header, dtypes)
    except UnknownColumn as error:
        raise CustomerError(
            RefusalCode.CONFIG_COLUMN_MISSING,
            f"{key} of the config: {error}; upload the file with that column, or have the operator change the config",
        ) from error
    except ExpressionRefused as error:
        raise CustomerError(
            RefusalCode.CONFIG_COLUMN_TYPE,
            f"{key} of the config: {error}; upload the column with another type, or have the operator change the config",
        ) from error


def _computed(text: pl.Expr) -> PlannedColumn:
    return PlannedColumn(raw=pl.when(text != "").then(text), dtype=pl.String(), positions=_positions(text))


def _constant(text: str | None) -> PlannedColumn:
    return PlannedColumn(raw=pl.lit(text or None, pl.String), dtype=pl.String(), positions=frozenset())


def _uploaded(position: int, dtypes: Sequence[pl.DataType]) -> PlannedColumn:
    value, dtype = pl.col(str(position)), dtypes[position]
    # JSON, Parquet and quoted fields of CSV tell empty text from none; the contract does not.
    raw = pl.when(value != "").then(value) if dtype == pl.String else value
    return PlannedColumn(raw=raw, dtype=dtype, positions=frozenset([position]))


def _positions(expr: pl.Expr) -> frozenset[int]:
    return frozenset(int(name) for name in expr.meta.root_names())
