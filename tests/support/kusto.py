"""Answers questions in the query language of Log Analytics over lines of a log, as far as the project's own questions go."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

Row = dict[str, Any]
_COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
}
_AGO: Final = {"h": "hours", "d": "days", "m": "minutes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it stands in the table AppTraces."""

    message: str
    written: datetime

    @classmethod
    def read(cls, text: str) -> Line:
        """Of a line that the program wrote."""
        return cls(message=text, written=datetime.fromisoformat(json.loads(text)["timestamp"]))


def answer(query: str, lines: Sequence[Line], now: datetime) -> list[Row]:
    """The rows that a question finds; AssertionError for one that says more than this knows of."""
    return _Question(lines=lines, now=now).rows(re.sub(r"^//.*\n", "", query, flags=re.MULTILINE).strip())


@dataclass(slots=True, kw_only=True)
class _Question:
    lines: Sequence[Line]
    now: datetime

    def rows(self, query: str) -> list[Row]:
        if named := re.match(r"let lines = (.*?);\n(.*)", query, re.DOTALL):
            query = re.sub(r"^lines$", named[1], named[2], flags=re.MULTILINE)
            query = query.replace("(lines |", f"({named[1]}\n|")
        if joined := re.fullmatch(r"(.*)\| join kind=leftanti \((.*)\) on (\w+)", query, re.DOTALL):
            others = {row[joined[3]] for row in self.rows(joined[2].strip())}
            return [row for row in self.rows(joined[1].strip()) if row[joined[3]] not in others]
        source, *steps = re.split(r"\n?\s*\| ", query)
        rows = self._source(source.strip())
        for step in steps:
            word, _, rest = step.strip().partition(" ")
            rows = self._step(rows, word, rest)
        return rows

    def _source(self, source: str) -> list[Row]:
        if made := re.fullmatch(r"datatable\((\w+): string\) \[(.*)\]", source):
            return [{made[1]: each} for each in re.findall(r'"(\w+)"', made[2])]
        assert source == "AppTraces", f"no table {source}"
        return [{"Message": each.message, "TimeGenerated": each.written} for each in self.lines]

    def _step(self, rows: list[Row], word: str, rest: str) -> list[Row]:
        match word:
            case "where":
                return [row for row in rows if self._holds(row, rest)]
            case "extend":
                return [{**row, **_computed(row, rest)} for row in rows]
            case "project":
                return [_computed(row, rest) for row in rows]
            case "distinct":
                return [{rest: each} for each in dict.fromkeys(row[rest] for row in rows)]
            case "summarize":
                return _summarized(rows, rest)
            case "order":
                return rows
        raise AssertionError(f"{word} is not known")

    def _holds(self, row: Row, condition: str) -> bool:
        for word, over in ((" or ", any), (" and ", all)):
            parts = _split(condition, word)
            if len(parts) > 1:
                return over(self._holds(row, each) for each in parts)
        if condition.startswith("("):
            return self._holds(row, condition[1:-1])
        if said := re.fullmatch(r'(\w+) has "(.+)"', condition):
            return said[2].lower() in str(row[said[1]]).lower()
        if named := re.fullmatch(r"isnotempty\((.+)\)", condition):
            return bool(_value(row, named[1]))
        if chosen := re.fullmatch(r"(\w+) in \((.+)\)", condition):
            return row[chosen[1]] in re.findall(r'"(\w+)"', chosen[2])
        compared = re.fullmatch(r"(\w+) (==|>=|>|<) (.+)", condition)
        assert compared is not None, condition
        value, other = row[compared[1]], self._constant(compared[3])
        return value is not None and bool(_COMPARED[compared[2]](value, other))

    def _constant(self, text: str) -> Any:
        if ago := re.fullmatch(r"ago\((\d+)([hdm])\)", text):
            return self.now - timedelta(**{_AGO[ago[2]]: int(ago[1])})
        return text.strip('"') if text.startswith('"') else float(text)


def _computed(row: Row, columns: str) -> Row:
    made: Row = {}
    for column in _split(columns):
        name, _, expression = column.partition(" = ")
        made[name] = _value({**row, **made}, expression or name)
    return made


def _value(row: Row, expression: str) -> Any:
    if expression.startswith("parse_json("):
        return json.loads(row["Message"])
    convert, _, inner = expression.partition("(") if "(" in expression else ("", "", expression)
    table, _, key = inner.removesuffix(")").rpartition(".")
    value = row[table].get(key) if table else row[key]
    match convert:
        case "tostring":
            return "" if value is None else str(value)
        case "todouble" | "tolong" | "toint":
            return None if value is None else float(value)
    return value


def _summarized(rows: list[Row], rest: str) -> list[Row]:
    columns, _, keys = rest.partition(" by ")
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(_computed(row, keys).items()), []).append(row)
    return [{**dict(key), **_aggregated(group, columns)} for key, group in groups.items()]


def _aggregated(group: list[Row], columns: str) -> Row:
    made: Row = {}
    for column in _split(columns):
        if newest := re.fullmatch(r"arg_max\(TimeGenerated, (.+)\)", column):
            row = max(group, key=lambda each: each["TimeGenerated"])
            made |= {"TimeGenerated": row["TimeGenerated"], **_computed(row, newest[1])}
            continue
        named = re.fullmatch(r"(\w+) = (\w+)\((.*)\)", column)
        assert named is not None, column
        made[named[1]] = _AGGREGATES[named[2]](group, named[3])
    return made


_AGGREGATES: Final[Mapping[str, Callable[[list[Row], str], Any]]] = {
    "count": lambda group, _: len(group),
    "max": lambda group, column: max(_value(row, column) for row in group),
    "take_any": lambda group, expression: _value(group[-1], expression),
}


def _split(text: str, mark: str = ", ") -> list[str]:
    """At the marks that are in no parentheses."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(mark, place):
            parts.append(text[begin:place])
            begin = place + len(mark)
    return [*parts, text[begin:]]
