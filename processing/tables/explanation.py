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

from processing.domain.records import BrokenRule, Example
from processing.tables.batches import HINT, LINE, RAW, RECORD, RULE, BrokenRecords
from processing.tables.casts import as_text
from processing.tables.header import fold
from processing.tables.rules import Rule, typed_rows

MASKED: Final = "(masked)"
"""What is shown in place of a value that the config masks."""
TEXT: Final = "text"
"""Column of explained rows: the line of NDJSON."""
MOST_EXAMPLES: Final = 20
_SHOWN: Final = 64
_LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A group of rejected rows, explained."""

    lines: pl.DataFrame
    """RECORD (Int64) and TEXT (String), in the order of the group."""
    rules: tuple[BrokenRule, ...]
    """Rows that broke each rule, with the first examples in the order of the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape of an upload as its reader found it, and what the config masks in it."""

    header: Sequence[str]
    dtypes: Sequence[pl.DataType]
    masked: frozenset[str] = frozenset()
    """Columns whose values are shown nowhere: names of the contract, or of the header."""
    stray: Rule | None = None
    """What turns down records that are of no kind that the file may hold; they are not told what else they lack."""
    made_of: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Positions of columns that the reader computed, each with the uploaded positions that it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Explains the rows that one validator rejects."""

    rules: Sequence[Rule]
    typed: Sequence[Sequence[pl.Expr]]
    """Raw columns, then the typed ones made of them, as the rules read them."""
    texts: Mapping[str, pl.Expr]
    """Contract column to its uploaded text."""
    shape: Shape
    masked_columns: frozenset[str]
    """Contract columns whose values are not shown."""
    masked_names: frozenset[str]
    """Folded names of the file whose values are not shown."""

    def explain(self, rejected: pl.DataFrame) -> Explained:
        """Every reason of each row, and each row as it was uploaded."""
        given = self._given(rejected)
        active = [(rule, given.get_column(name)) for rule, name in zip(self.rules, given.columns, strict=True)]
        active = [(rule, is_given) for rule, is_given in active if is_given.any()]
        if not given.select(pl.any_horizontal(pl.all()).all()).item():
            raise AssertionError("a rejected row has no reason")
        shown = [self._value(rule).alias(str(index)) for index, (rule, _) in enumerate(active)]
        # Selected alone, values that are all constant would be one row.
        values = rejected.with_columns(shown).select(str(index) for index in range(len(shown)))
        reasons = [_reasons(rule, is_given, values.get_column(str(index))) for index, (rule, is_given) in enumerate(active)]
        line = pl.concat_str(
            _place(),
            pl.concat_str(reasons, separator=", ", ignore_nulls=True),
            pl.lit("], "),
            self._rows(rejected),
            pl.lit("}"),
        )
        broken = (
            _tally(rule, rejected.filter(is_given), values.get_column(str(index)).filter(is_given))
            for index, (rule, is_given) in enumerate(active)
        )
        return Explained(lines=rejected.select(pl.col(RECORD), line.alias(TEXT)), rules=tuple(broken))

    def explain_broken(self, broken: BrokenRecords) -> Explained:
        """Records that could not be taken apart: each has one reason, and is shown as its text."""
        frame = broken.frame.with_columns(pl.lit(MASKED).alias(RAW)) if self.shape.masked else broken.frame
        line = pl.concat_str(
            _place(),
            _object(rule=pl.col(RULE), column=pl.lit(None, pl.String), value=pl.lit(None, pl.String), message=pl.col(HINT)),
            pl.lit("], "),
            # An object of one member without its opening brace, which closes the line.
            _object(raw=pl.col(RAW)).str.slice(1),
        )
        rules = (
            BrokenRule(
                rule=str(rule),
                column=None,
                count=records.height,
                hint=records.item(0, HINT),
                examples=_examples(records, records.get_column(RAW)),
            )
            for (rule,), records in frame.partition_by(RULE, maintain_order=True, as_dict=True).items()
        )
        return Explained(lines=frame.select(pl.col(RECORD), line.alias(TEXT)), rules=tuple(rules))

    def shown(self, raw: str) -> str:
        """A record that could not be taken apart, as it may be shown: not at all where some of its values may not."""
        return MASKED if self.shape.masked else raw

    def _given(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """For each rule whether it is a reason, by its number."""
        typed = typed_rows(rejected.lazy(), self.typed)
        failed = typed.select(rule.fails.alias(str(index)) for index, rule in enumerate(self.rules))
        given: list[pl.Expr] = []
        for index, rule in enumerate(self.rules):
            is_given = pl.col(str(index))
            # A value that does not fit its type must not also be blamed for what follows from its absence.
            blamed = [other for other, earlier in zip(given, self.rules, strict=False) if {*earlier.reads} & {*rule.reads}]
            if rule.column is None and blamed:
                is_given &= ~reduce(or_, blamed)
            if self.shape.stray is not None and given:
                is_given &= ~given[0]
            given.append(is_given)
        return failed.select(is_given.alias(str(index)) for index, is_given in enumerate(given)).collect()

    def _value(self, rule: Rule) -> pl.Expr:
        """The text that a reason shows."""
        if rule.column is None:
            return pl.repeat(None, pl.len(), dtype=pl.String)
        text = self.texts[rule.column]
        return pl.when(text.is_not_null()).then(pl.lit(MASKED)) if rule.column in self.masked_columns else text

    def _rows(self, rejected: pl.DataFrame) -> pl.Series:
        """Each row as the last entry of its line."""
        if RAW in rejected.columns:
            return pl.Series([self._record(text) for text in rejected.get_column(RAW)], dtype=pl.String)
        names = _shown_names(self.shape.header)
        shown = []
        for position, dtype in enumerate(self.shape.dtypes):
            if str(position) not in rejected.columns or position not in self.shape.made_of.get(position, {position}):
                continue
            value = as_text(pl.col(str(position)), dtype)
            if fold(self.shape.header[position]) in self.masked_names:
                value = pl.when(value.is_not_null()).then(pl.lit(MASKED))
            shown.append(value.alias(names[position]))
        row = pl.struct(shown).struct.json_encode()
        return rejected.select(pl.concat_str(pl.lit('"row": '), row)).to_series()

    def _record(self, text: str) -> str:
        try:
            row = _object_of(text)
        except RecursionError:
            # How deep Python follows depends on who calls it; such a record is shown as its text.
            return f'"raw": {_json(self.shown(text))}'
        shown = {name: value if value is None or fold(name) not in self.masked_names else MASKED for name, value in row.items()}
        return f'"row": {_json(shown)}'


def merged(explained: Sequence[Explained]) -> tuple[str, tuple[BrokenRule, ...]]:
    """The lines of several groups in the order of their records, as one text, and their rules together."""
    lines = pl.concat([each.lines for each in explained]).sort(RECORD, maintain_order=True)
    tallies: dict[tuple[str, str | None], BrokenRule] = {}
    for rule in (rule for each in explained for rule in each.rules):
        key = (rule.rule, rule.column)
        tallies[key] = joined(tallies[key], rule) if key in tallies else rule
    # Joined here, no line becomes an object of Python.
    return lines.get_column(TEXT).str.join("\n").item(), tuple(tallies.values())


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
    reason = _object(rule=pl.lit(rule.name), column=column, value=value, message=pl.lit(rule.hint))
    written = values.filter(is_given).to_frame().select(reason.alias(rule.name)).to_series()
    places = pl.select(pl.when(is_given).then(is_given.cum_sum().cast(pl.Int64) - 1)).to_series()
    return written.gather(places)


def _object(**members: pl.Expr) -> pl.Expr:
    return pl.struct(value.alias(name) for name, value in members.items()).struct.json_encode()


def _tally(rule: Rule, rows: pl.DataFrame, values: pl.Series) -> BrokenRule:
    examples = _examples(rows, values)
    return BrokenRule(rule=rule.name, column=rule.column, count=rows.height, hint=rule.hint, examples=examples)


def _examples(rows: pl.DataFrame, values: pl.Series) -> tuple[Example, ...]:
    places = rows.head(MOST_EXAMPLES).select(RECORD, LINE).iter_rows()
    shown = (None if value is None else value[:_SHOWN] for value in values.head(MOST_EXAMPLES))
    return tuple(Example(record=record, line=line, value=value) for (record, line), value in zip(places, shown, strict=True))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object_of(text: str) -> dict[str, Any]:
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


def _shown_names(header: Sequence[str]) -> list[str]:
    """The header as it stands beside the values of each rejected row, so that a long name is not written a million times."""
    return [
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}... (column {position})"
        for position, name in enumerate(header, 1)
    ]
