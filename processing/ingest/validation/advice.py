"""What the examples of a broken rule look like, and which key of the config would read them (contract section 3).

A rule's own hint says what is right. This says what the values are that were found, so that whoever wrote the file knows them
again, and what the operator can set where the file is to stay as it is. It looks at the few examples of a receipt alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED, BrokenRule
from schemas.customer_config import DatasetConfig
from schemas.rule_codes import RuleCode

_NO_VALUES: Final = frozenset(
    {
        "na",
        "n/a",
        "#n/a",
        "n.a.",
        "null",
        "(null)",
        "<null>",
        "none",
        "nan",
        "nil",
        "undefined",
        "missing",
        "-",
        "--",
        "?",
        "\\n",
    }
    | {"unknown", "#value!", "#ref!", "#div/0!", "<na>", "nat", "not available", "empty"}
)
_TRUTHS: Final = frozenset({"true", "false", "yes", "no", "t", "f", "y", "n", "wahr", "falsch"})
_VALUES: Final = ("metric_value", "numerator", "denominator")
_SHOWN_SQL: Final = 200
_CURRENCY: Final = re.compile(r"[$€£¥₹₽%‰]|\b(?:USD|EUR|GBP|CHF|JPY)\b", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\d[,.'\u2019 \u00a0\u202f]\d{3}(?!\d)")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+")
_UNIX: Final = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}|\d{10}\.\d+")
_SERIAL: Final = re.compile(r"[234567]\d{4}(?:[.,]\d+)?")
_DAY_AND_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}.*")
_NAIVE: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?|\d{8}[Tt]\d{4}(?:\d{2}(?:[.,]\d+)?)?")
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXTENDED_JSON: Final = re.compile(r'\{\s*"\$(\w+)"')

_Says = Callable[["_Case", Sequence[str]], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    column: str
    dataset: Dataset
    config: DatasetConfig

    @property
    def key(self) -> str:
        return f"datasets.{self.dataset}"


def advised(rule: BrokenRule, dataset: Dataset, config: DatasetConfig) -> BrokenRule:
    """The rule with a hint that also speaks of what its examples look like."""
    if rule.rule == RuleCode.VALUE_MISSING:
        return _of_computed_values(rule, dataset, config)
    says = _SAYS.get(rule.rule)
    values = [example.value for example in rule.examples if example.value is not None and example.value != MASKED]
    # What an expression of the config computes is told by its own hint.
    if says is None or rule.column is None or not values or rule.column in config.select:
        return rule
    case = _Case(column=rule.column, dataset=dataset, config=config)
    found = list(dict.fromkeys(says(case, values)))
    return replace(rule, hint="; ".join([rule.hint, *found])) if found else rule


def _of_computed_values(rule: BrokenRule, dataset: Dataset, config: DatasetConfig) -> BrokenRule:
    """A value that is missing may have been uploaded, and be none to the expression that computes it."""
    computed = [f"{name}: {config.select[name][:_SHOWN_SQL]}" for name in _VALUES if name in config.select]
    if not computed:
        return rule
    said = f"the config computes {', '.join(computed)} (datasets.{dataset}.select), which gives none of what does not fit"
    return replace(rule, hint=f"{rule.hint}; {said}")


def _of_numbers(case: _Case, values: Sequence[str]) -> Iterator[str]:
    plain = [value.strip() for value in values]
    yield from _of_no_values(case, values)
    if any(_CURRENCY.search(value) or _THOUSANDS.search(value) for value in plain):
        yield "leave out currency signs, percent signs and thousands separators"
    if case.config.csv.decimal == ",":
        if any("." in value for value in plain):
            yield "the config sets csv.decimal to ',', so that a number has no point"
    elif any(_DECIMAL_COMMA.fullmatch(value) for value in plain):
        yield "write a point in place of the comma, or have the operator set csv.decimal to ',' in the config for CSV"
    if any(value.lower() in _TRUTHS for value in plain):
        yield "write 1 or 0 for true and false"
    yield from _of_objects(case, values)


def _of_no_values(_case: _Case, values: Sequence[str]) -> Iterator[str]:
    if any(not value.strip() for value in values):
        yield "a cell that holds only spaces is not empty: leave it empty"
    texts = [value for value in values if value.strip().lower() in _NO_VALUES]
    if not texts:
        return
    # The same in every format: the same rows have the same hints, however they were written.
    yield (
        "leave a field empty that has no value (in JSON write null), or have the operator name texts of CSV "
        f"such as {texts[0]!r} as csv.null_values in the config"
    )


def _of_days(case: _Case, values: Sequence[str]) -> Iterator[str]:
    plain = [value.strip() for value in values]
    yield from _of_no_values(case, values)
    if any(_DAY_AND_TIME.fullmatch(value) for value in plain):
        yield "leave out the time of day (only 00:00:00 may follow): the day is taken as it is written"
    if any(_UNIX.fullmatch(value) for value in plain):
        yield "this is a unix time, not a day: write the PST day as YYYY-MM-DD"
    if any(_SERIAL.fullmatch(value) for value in plain):
        yield (
            "this looks like Excel's number of a day: format the cells as YYYY-MM-DD, or have the operator set "
            f"{case.key}.select.{case.column} to DATE({case.column}, 'excel') in the config"
        )
    if not all(_UNIX.fullmatch(value) or _SERIAL.fullmatch(value) or _EXTENDED_JSON.search(value) for value in plain):
        yield (
            "other dates the operator can have read by the config, "
            f"such as {case.key}.select.{case.column}: DATE({case.column}, '%d.%m.%Y')"
        )
    yield from _of_objects(case, values)


def _of_instants(case: _Case, values: Sequence[str]) -> Iterator[str]:
    plain = [value.strip() for value in values]
    yield from _of_no_values(case, values)
    written = case.config.timestamp
    if written.format is not None:
        return
    if any(_NAIVE.fullmatch(value) for value in plain) and written.zone is None:
        yield (
            "the offset is missing: add Z for UTC, or have the operator name the zone of such times "
            f"as {case.key}.timestamp.zone in the config"
        )
    if any(_ISO_DAY.fullmatch(value) for value in plain):
        yield "the time of day is missing"
    if any(_SERIAL.fullmatch(value) for value in plain):
        yield f"this looks like Excel's number of a day: the operator can set {case.key}.timestamp.format to excel, with a zone"
    known = (_NAIVE, _ISO_DAY, _SERIAL, _EXTENDED_JSON)
    if not all(any(pattern.match(value) for pattern in known) for value in plain):
        yield f"other ways to write a time the operator can name as {case.key}.timestamp.format in the config"
    yield from _of_objects(case, values)


def _of_objects(case: _Case, values: Sequence[str]) -> Iterator[str]:
    found = next((match for value in values if (match := _EXTENDED_JSON.search(value)) is not None), None)
    if found is not None:
        yield (
            f"this is extended JSON, as MongoDB writes it: write the plain value, or have the operator set {case.key}.columns "
            f"to {{{case.column}.${found[1]}: {case.column}}} in the config"
        )
    elif any(value.lstrip().startswith("{") for value in values):
        yield (
            "this is an object: write its value alone, or have the operator name the path to it in the config, "
            f"such as {case.key}.columns: {{{case.column}.id: {case.column}}}"
        )


def _of_truths(case: _Case, values: Sequence[str]) -> Iterator[str]:
    yield from _of_no_values(case, values)
    if any(value.strip().lower() in _TRUTHS for value in values):
        yield "write the words in full and in English, or 1 and 0"


def _of_users(case: _Case, values: Sequence[str]) -> Iterator[str]:
    yield from _of_no_values(case, values)
    if any(not value.lstrip().startswith(("{", "[")) for value in values):
        yield (
            "an id alone is no object: the operator can have one made of it by the config, "
            f"""{case.key}.select.user: '{{"userID":"' || user || '"}}'"""
        )


_SAYS: Final[dict[str, _Says]] = {
    RuleCode.NOT_A_NUMBER: _of_numbers,
    RuleCode.FINITE: _of_no_values,
    RuleCode.NOT_A_DATE: _of_days,
    RuleCode.NOT_A_TIMESTAMP: _of_instants,
    RuleCode.NOT_A_BOOLEAN: _of_truths,
    RuleCode.NOT_AN_ID: _of_objects,
    RuleCode.USER_WITHOUT_ID: _of_users,
}
