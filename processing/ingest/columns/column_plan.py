"""How the columns of one upload become the columns of its dataset: by the config, the header and the file's own types.

A contract column comes from the first of these that names it:

1. `select`: an SQL expression. Its value is text, whatever the file holds, and empty text is no value, as an empty field
   is, so that a computed column is judged exactly as a column of a CSV file.
2. `constants`: the same text in every row, even where the upload has such a column, which then counts as not read.
3. `folders`: the same, as the upload's name tells it.
4. `columns`: an uploaded column by the name that the config gives, even where one with the contract's name is there; or the
   text at a path in a column of JSON objects.
5. The uploaded column of the very name. 6. The one whose name is read as that, with a warning.

What comes by 4, 5 or 6 keeps the file's own type; of text, too, empty is no value. A column that nothing gives is null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar

import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import ReceiptWarning
from processing.frames.casts import as_text
from processing.frames.decimals import DecimalMark
from processing.frames.json_paths import text_at
from processing.ingest.columns.header import HeaderNames, fold, match_header, refuse_twice
from processing.ingest.expressions.compiler import (
    ExpressionRefused,
    UnknownColumn,
    Uploaded,
    compile_filter,
    compile_value,
)
from processing.ingest.expressions.values import Value
from schemas.customer_config import DatasetConfig
from schemas.dataset_schema import DatasetSchema

T = TypeVar("T")

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
    computed_by: str | None = None
    """The expression of the config that computes it."""
    source: pl.Expr | None = None
    """Of a computed one the uploaded text that it is computed from, null where there is none of it."""
    decimal: DecimalMark = DecimalMark.POINT
    """What stands before the fraction of a number in text."""
    is_uploaded: bool = False
    """Whether it is an uploaded column as it is."""


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
    folders: Mapping[str, str | None] = MappingProxyType({}),
    decimal: DecimalMark = DecimalMark.POINT,
    has_empty_text: bool = True,
) -> ColumnPlan:
    """The plan for an upload with this header; columns at `used` positions are read by something else and not extra.

    Where `known` names are given, messages repeat no other name of the header. `folders` are those of the upload's name by
    their keys, `decimal` is what stands before the fraction of a number in text. Where null stands for empty text already,
    `has_empty_text` is False.

    CustomerError `missing_column` and `duplicate_column` as in `match_header`; `config_column_missing` when an expression
    of the config reads a column that the upload lacks, `config_column_type` when it cannot read what the file holds.
    """
    config = config or _EMPTY
    key = f"datasets.{schema.name}"
    names = HeaderNames(header, known)
    shown = [name if names.may_show(name) else _HIDDEN for name in header]
    uploaded = Uploaded(names=shown, dtypes=dtypes, decimal=decimal)
    select = {name: config.select[name] for name in schema.columns if name in config.select}
    computed = {
        name: _computed(_compiled(compile_value, sql, uploaded, f"{key}.select.{name}"), dtypes, sql)
        for name, sql in select.items()
    }
    # What stands at a path, or in the config, may be a number of JSON or of YAML as well.
    loose = decimal if decimal is DecimalMark.POINT else DecimalMark.EITHER
    computed |= _at_paths(header, dtypes, config.columns, loose)
    foldered = {column: folders[folder] for folder, column in config.folders.items() if folder in folders}
    where = None
    if config.where is not None:
        where = _compiled(compile_filter, config.where, uploaded, f"{key}.where")
    read = _positions(where) if where is not None else frozenset()
    read = read.union(*(column.positions for column in computed.values()))
    refuse_twice(header, names, sorted(read))
    match = match_header(
        header,
        schema,
        aliases=config.columns,
        given={*computed, *config.constants, *foldered},
        read=read.union(used),
        names=names,
    )
    columns: dict[str, PlannedColumn] = {}
    for name in schema.columns:
        if name in computed:
            columns[name] = computed[name]
        elif name in config.constants:
            columns[name] = _constant(config.constants[name], loose)
        elif name in foldered:
            columns[name] = _constant(foldered[name], loose)
        elif name in match.positions:
            columns[name] = _uploaded(match.positions[name], dtypes, decimal, has_empty_text=has_empty_text)
        else:
            columns[name] = _constant(None)
    return ColumnPlan(columns=columns, where=where, warnings=match.warnings)


def _compiled(
    compiler: Callable[[str, Uploaded], T],
    sql: str,
    uploaded: Uploaded,
    key: str,
) -> T:
    try:
        return compiler(sql, uploaded)
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


def _computed(value: Value, dtypes: Sequence[pl.DataType], sql: str) -> PlannedColumn:
    text = value.expr
    positions = _positions(text)
    source = _source(sorted(positions), dtypes) if positions else None
    raw = pl.when(text != "").then(text)
    return PlannedColumn(raw=raw, dtype=pl.String(), positions=positions, computed_by=sql, source=source, decimal=value.decimal)


def _source(positions: Sequence[int], dtypes: Sequence[pl.DataType]) -> pl.Expr:
    """What was uploaded in some columns, as one text."""
    texts = [as_text(pl.col(str(position)), dtypes[position]) for position in positions]
    text = texts[0] if len(texts) == 1 else pl.concat_str(texts, separator=" | ", ignore_nulls=True)
    return pl.when(text != "").then(text)


def _at_paths(
    header: Sequence[str], dtypes: Sequence[pl.DataType], aliases: Mapping[str, str], decimal: DecimalMark
) -> dict[str, PlannedColumn]:
    """The columns that a path names, of which the first name is an uploaded column of text that is JSON."""
    positions = {name: position for position, name in enumerate(header)}
    found: dict[str, PlannedColumn] = {}
    for source, column in aliases.items():
        root, dot, path = source.partition(".")
        # A column that is called so with all its dots comes first.
        if not dot or source in positions or root not in positions or column in found:
            continue
        position = positions[root]
        if dtypes[position] == pl.String:
            text = pl.col(str(position)).map_batches(partial(text_at, path=tuple(path.split("."))), return_dtype=pl.String)
            found[column] = PlannedColumn(
                raw=pl.when(text != "").then(text), dtype=pl.String(), positions=frozenset([position]), decimal=decimal
            )
    return found


def _constant(text: str | None, decimal: DecimalMark = DecimalMark.POINT) -> PlannedColumn:
    return PlannedColumn(raw=pl.lit(text or None, pl.String), dtype=pl.String(), positions=frozenset(), decimal=decimal)


def _uploaded(position: int, dtypes: Sequence[pl.DataType], decimal: DecimalMark, *, has_empty_text: bool) -> PlannedColumn:
    value, dtype = pl.col(str(position)), dtypes[position]
    # Parquet tells empty text from none; the contract does not.
    raw = pl.when(value != "").then(value) if dtype == pl.String and has_empty_text else value
    return PlannedColumn(raw=raw, dtype=dtype, positions=frozenset([position]), decimal=decimal, is_uploaded=True)


def _positions(expr: pl.Expr) -> frozenset[int]:
    return frozenset(int(name) for name in expr.meta.root_names())
