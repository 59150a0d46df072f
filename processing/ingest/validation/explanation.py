"""Why rows were rejected: a line of NDJSON for each of them, and the counts and first examples of each broken rule.

Rows are explained by the engine, a group at a time; Python sees each of them only where the record was text of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final

import polars as pl

from processing.domain.receipts import MASKED, BrokenRule, Example
from processing.frames.casts import as_text
from processing.ingest.columns.header import HeaderNames, fold
from processing.ingest.columns.rules import typed_rows
from processing.ingest.fixes.fix_file import WORDS
from processing.ingest.readers.raw_batches import HINT, LINE, RAW, RECORD, RULE, BrokenRecords
from processing.ingest.shown_rows import ShownColumn, object_as_json, raw_as_json, raw_sizes, raws_as_json, rows_as_json, sizes
from schemas.rule import Rule

TEXT: Final = "text"
"""Column of explained rows: the line of NDJSON."""
MOST_EXAMPLES: Final = 20
_SHOWN: Final = 64
_MOST_WORDS: Final = 4_096
"""Characters of the reasons of a record in words."""
_Active = Sequence[tuple[Rule, pl.Series]]
"""Rules that are given as a reason, each with the rows for which it is one (Boolean)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A group of rejected rows, explained."""

    lines: pl.DataFrame
    """RECORD (Int64), TEXT and WORDS (String: the reasons of the record, for a person), in the order of the group."""
    rules: tuple[BrokenRule, ...]
    """Rows that broke each rule, with the first examples in the order of the group."""


NOTHING: Final = Explained(lines=pl.DataFrame(schema={RECORD: pl.Int64, TEXT: pl.String, WORDS: pl.String}), rules=())
"""No rows, explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadShape:
    """The shape of an upload as its reader found it, and what the config masks in it."""

    header: Sequence[str]
    dtypes: Sequence[pl.DataType]
    masked: frozenset[str] = frozenset()
    """Columns whose values are shown nowhere: names of the contract, or of the header."""
    wrong_kind: Rule | None = None
    """What turns down records that are of no kind that the file may hold; they are not told what else they lack."""
    no_ids: Mapping[str, pl.Expr] = field(default_factory=dict)
    """For columns of ids which records hold in them what the format knows to be none."""
    derived_from: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Positions of columns that the reader computed, each with the uploaded positions that it comes from."""
    known: frozenset[str] | None = None
    """The names that may be told; None for all of the header."""
    shown: frozenset[str] | None = None
    """Folded names of the columns of which rows show the values, unless they are masked; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Explains the rows that one validator rejects."""

    rules: Sequence[Rule]
    typed: Sequence[Sequence[pl.Expr]]
    """Raw columns, then the typed ones made of them, as the rules read them."""
    texts: Mapping[str, pl.Expr]
    """Contract column to its uploaded text."""
    shape: UploadShape
    masked_columns: frozenset[str]
    """Contract columns whose values are not shown."""
    masked_names: frozenset[str]
    """Folded names of the file whose values are not shown."""

    def explain(self, rejected: pl.DataFrame) -> Explained:
        """Every reason of each row, and each row as it was uploaded, but for what is cut of long values."""
        active, values = self._reasons(rejected)
        reasons = [_reasons(rule, is_given, values.get_column(str(index))) for index, (rule, is_given) in enumerate(active)]
        line = pl.concat_str(
            _place(),
            pl.concat_str(reasons, separator=", ", ignore_nulls=True),
            pl.lit("], "),
            self._rows(rejected),
            pl.lit("}"),
        )
        words = [pl.when(is_given).then(pl.lit(_in_words(rule))) for rule, is_given in active]
        said = pl.concat_str(words, separator="; ", ignore_nulls=True).str.head(_MOST_WORDS)
        lines = rejected.select(pl.col(RECORD), line.alias(TEXT), said.alias(WORDS))
        return Explained(lines=lines, rules=_tallies(rejected, active, values))

    def count(self, rejected: pl.DataFrame) -> Explained:
        """The same without the lines, for rows that are counted and not written."""
        return Explained(lines=NOTHING.lines, rules=_tallies(rejected, *self._reasons(rejected)))

    def explain_broken(self, broken: BrokenRecords) -> Explained:
        """Records that could not be taken apart: each has one reason, and is shown as its text."""
        frame = self._shown(broken)
        line = pl.concat_str(
            _place(),
            _object(rule=pl.col(RULE), column=pl.lit(None, pl.String), value=pl.lit(None, pl.String), message=pl.col(HINT)),
            pl.lit("], "),
            raws_as_json(frame.get_column(RAW)),
            pl.lit("}"),
        )
        said = pl.concat_str(pl.col(RULE), pl.lit(": "), pl.col(HINT)).str.head(_MOST_WORDS)
        lines = frame.select(pl.col(RECORD), line.alias(TEXT), said.alias(WORDS))
        return Explained(lines=lines, rules=self.count_broken(broken).rules)

    def count_broken(self, broken: BrokenRecords) -> Explained:
        """The same without the lines."""
        rules = (
            BrokenRule(
                rule=str(rule),
                column=None,
                count=records.height,
                hint=records.item(0, HINT),
                examples=_examples(records, records.get_column(RAW)),
            )
            for (rule,), records in self._shown(broken).partition_by(RULE, maintain_order=True, as_dict=True).items()
        )
        return Explained(lines=NOTHING.lines, rules=tuple(rules))

    def sizes(self, rejected: pl.DataFrame) -> pl.Series:
        """About how many bytes the line of each row takes."""
        if RAW in rejected.columns:
            return raw_sizes(rejected.get_column(RAW))
        return sizes(rejected, self._columns(rejected))

    def _reasons(self, rejected: pl.DataFrame) -> tuple[_Active, pl.DataFrame]:
        """The rules that are given as a reason, each with the rows that it is one for, and the values that they show."""
        given = self._given(rejected)
        active = [(rule, given.get_column(name)) for rule, name in zip(self.rules, given.columns, strict=True)]
        active = [(rule, is_given) for rule, is_given in active if is_given.any()]
        if not given.select(pl.any_horizontal(pl.all()).all()).item():
            raise AssertionError("a rejected row has no reason")
        shown = [self._value(rule).alias(str(index)) for index, (rule, _) in enumerate(active)]
        # Selected alone, values that are all constant would be one row.
        return active, rejected.with_columns(shown).select(str(index) for index in range(len(shown)))

    def _shown(self, broken: BrokenRecords) -> pl.DataFrame:
        """Broken records as they may be shown: not at all where some of their values may not."""
        return broken.frame.with_columns(pl.lit(MASKED).alias(RAW)) if self.shape.masked else broken.frame

    def _given(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """For each rule whether it is a reason, by its number."""
        typed = typed_rows(rejected.lazy(), self.typed)
        failed = typed.select(rule.fails.fill_null(value=False).alias(str(index)) for index, rule in enumerate(self.rules))
        given: list[pl.Expr] = []
        for index, rule in enumerate(self.rules):
            is_given = pl.col(str(index))
            # A value that does not fit its type must not also be blamed for what follows from its absence.
            blamed = [other for other, earlier in zip(given, self.rules, strict=False) if {*earlier.columns} & {*rule.columns}]
            if rule.column is None and blamed:
                is_given &= ~reduce(or_, blamed)
            if self.shape.wrong_kind is not None and given:
                is_given &= ~given[0]
            given.append(is_given)
        return failed.select(is_given.alias(str(index)) for index, is_given in enumerate(given)).collect()

    def _value(self, rule: Rule) -> pl.Expr:
        """The text that a reason shows, cut as an example is: the row beside it shows more."""
        if rule.column is None:
            return pl.repeat(None, pl.len(), dtype=pl.String)
        text = self.texts[rule.column]
        is_masked = rule.column in self.masked_columns
        return pl.when(text.is_not_null()).then(pl.lit(MASKED)) if is_masked else text.str.head(_SHOWN)

    def _rows(self, rejected: pl.DataFrame) -> pl.Series:
        """Each row as the last members of its line."""
        if RAW in rejected.columns:
            return pl.Series([self._record(text) for text in rejected.get_column(RAW)], dtype=pl.String)
        return rows_as_json(rejected, self._columns(rejected))

    def _columns(self, rejected: pl.DataFrame) -> list[ShownColumn]:
        """What is shown of rows that are columns."""
        found = []
        read = set(rejected.columns)
        names = HeaderNames(self.shape.header, self.shape.known)
        for position, (header, dtype) in enumerate(zip(self.shape.header, self.shape.dtypes, strict=True)):
            if str(position) not in read or position not in self.shape.derived_from.get(position, {position}):
                continue
            text = as_text(pl.col(str(position)), dtype)
            if self.hides(header):
                text = pl.when(text.is_not_null()).then(pl.lit(MASKED))
            found.append(ShownColumn(position=str(position), name=names.shown(position), text=text))
        return found

    def _record(self, text: str) -> str:
        try:
            row = object_of(text)
            if self.shape.masked:
                row = self.masked_row(row)
            return object_as_json(row, len(text))
        except RecursionError:
            # How deep Python follows depends on who calls it; such a record is shown as its text.
            return raw_as_json(MASKED if self.shape.masked else text)

    def masked_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A record that is JSON, without the values that may not be shown."""
        return {name: MASKED if self.hides(name) and value is not None else self._seen(value) for name, value in row.items()}

    def _seen(self, value: Any) -> Any:
        """A value of a record without what stands under masked names in it."""
        if isinstance(value, list):
            return [self._seen(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: MASKED if fold(name) in self.masked_names else self._seen(each) for name, each in value.items()}

    def hides(self, name: str) -> bool:
        """Whether rows show no value of the column that is called so."""
        folded = fold(name)
        return folded in self.masked_names or (self.shape.shown is not None and folded not in self.shape.shown)


def _in_words(rule: Rule) -> str:
    """The reason, for a person."""
    column = "" if rule.column is None else f" ({rule.column})"
    return f"{rule.code.value}{column}: {rule.hint}"


def merged(explained: Sequence[Explained]) -> tuple[pl.DataFrame, tuple[BrokenRule, ...]]:
    """The lines of several groups in the order of their records, and their rules together."""
    tallies: dict[tuple[str, str | None], BrokenRule] = {}
    for rule in (rule for each in explained for rule in each.rules):
        key = (rule.rule, rule.column)
        tallies[key] = joined(tallies[key], rule) if key in tallies else rule
    return pl.concat([each.lines for each in explained]).sort(RECORD, maintain_order=True), tuple(tallies.values())


def joined(one: BrokenRule, other: BrokenRule) -> BrokenRule:
    """The same rule as two groups broke it."""
    examples = sorted((*one.examples, *other.examples), key=lambda example: example.record)[:MOST_EXAMPLES]
    return BrokenRule(rule=one.rule, column=one.column, count=one.count + other.count, hint=one.hint, examples=tuple(examples))


def _place() -> pl.Expr:
    """The beginning of a line, up to its first reason."""
    line = pl.col(LINE).cast(pl.String).fill_null("null")
    return pl.concat_str(pl.lit('{"record": '), pl.col(RECORD), pl.lit(', "line": '), line, pl.lit(', "reasons": ['))


def _reasons(rule: Rule, is_given: pl.Series, values: pl.Series) -> pl.Series:
    """The reason where it is given, else null; JSON is written only where it is, as most rows break one rule of many."""
    column, value = pl.lit(rule.column, pl.String), pl.col(values.name)
    reason = _object(rule=pl.lit(rule.code.value), column=column, value=value, message=pl.lit(rule.hint))
    written = values.filter(is_given).to_frame().select(reason.alias(rule.code.value)).to_series()
    places = pl.select(pl.when(is_given).then(is_given.cum_sum().cast(pl.Int64) - 1)).to_series()
    return written.gather(places)


def _object(**members: pl.Expr) -> pl.Expr:
    return pl.struct(value.alias(name) for name, value in members.items()).struct.json_encode()


def _tallies(rejected: pl.DataFrame, active: _Active, values: pl.DataFrame) -> tuple[BrokenRule, ...]:
    return tuple(
        _tally(rule, rejected.filter(is_given), values.get_column(str(index)).filter(is_given))
        for index, (rule, is_given) in enumerate(active)
    )


def _tally(rule: Rule, rows: pl.DataFrame, values: pl.Series) -> BrokenRule:
    examples = _examples(rows, values)
    return BrokenRule(rule=rule.code.value, column=rule.column, count=rows.height, hint=rule.hint, examples=examples)


def _examples(rows: pl.DataFrame, values: pl.Series) -> tuple[Example, ...]:
    places = rows.head(MOST_EXAMPLES).select(RECORD, LINE).iter_rows()
    shown = (None if value is None else value[:_SHOWN] for value in values.head(MOST_EXAMPLES))
    return tuple(Example(record=record, line=line, value=value) for (record, line), value in zip(places, shown, strict=True))


def object_of(text: str) -> dict[str, Any]:
    """A JSON object as it was read: of a name that stands twice in it the first value counts."""
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> dict[str, Any]:
        # The record itself comes last, after all objects in it.
        nonlocal pairs
        pairs = found
        return dict(found)

    json.loads(text, object_pairs_hook=keep)
    row: dict[str, Any] = {}
    for name, value in pairs:
        row.setdefault(name, value)
    return row
