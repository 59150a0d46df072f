"""Ids that look like none, counted: texts that stand for nobody, and numbers that lost digits (contract section 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from processing.domain.reasons import WarningCode
from processing.domain.receipts import ReceiptWarning
from processing.frames.text_heads import Kinds, TextHeads

_SHOWN: Final = 64
_MOST_SHOWN: Final = 20
_MOST_KEPT: Final = 1_000
_EXACT: Final = 2.0**53
"""From here on a floating-point number no longer tells every whole number from the next."""
_NOBODY_IN_WORDS: Final = (
    *(
        "null",
        "undefined",
        "nan",
        "none",
        "nil",
        "n/a",
        "#n/a",
        "na",
        "unknown",
        "anonymous",
        "(null)",
        "<null>",
        "true",
        "false",
    ),
    *("(masked)", "(not set)", "not set", "not_set", "not-set", "\\n", "[object object]", "{}", "[]"),
    *("00000000-0000-0000-0000-000000000000", "0" * 32, "ffffffff-ffff-ffff-ffff-ffffffffffff"),
)
_NOBODY: Final = "|".join(map(pl.escape_regex, _NOBODY_IN_WORDS))
_WORDS: Final = sorted(
    {form for word in _NOBODY_IN_WORDS for form in (word, word.upper(), word.capitalize(), word.title())}
    | {"NaN", "[object Object]", "<NA>", "<na>", "N/a", "(Not Set)"}
)
_ROUNDED: Final = r"[+-]?\d(?:[.,]\d+)?e\+\d{1,3}|[+-]?\d[.,]\d+e\d{1,3}"
_MAY_BE_NOBODY: Final = Kinds.of(_WORDS)
_MAY_BE_ROUNDED: Final = Kinds.beginning(*b"+-0123456789")
_MAY_BE_ANY: Final = _MAY_BE_NOBODY | _MAY_BE_ROUNDED
_UNLIKELY: Final = rf"(?i)^(?:{_NOBODY}|{_ROUNDED})$"
_IS_ROUNDED: Final = rf"(?i)^(?:{_ROUNDED})$"
_QUOTED: Final = rf'":"(?i:{_NOBODY}|{_ROUNDED})"'
_AS_NUMBER: Final = rf'(?i)^\{{"userID":(?:{_ROUNDED})[,}}]'
_IN_USER: Final = rf'(?i)^\{{"userID":(?:"({_NOBODY}|{_ROUNDED})"|({_ROUNDED}))[,}}]'
_IN_CUSTOM: Final = rf'(?i)"customIDs":\{{(?:"[^"]*":(?:"[^"]*"|[^",}}]*),)*?"[^"]*":"({_NOBODY}|{_ROUNDED})"'


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlikelyIds:
    """What was seen among accepted ids."""

    nobody: Mapping[str, int] = field(default_factory=dict)
    """Ids that stand for nobody, with their rows; the most frequent of them where there are very many."""
    rounded: Mapping[str, int] = field(default_factory=dict)
    """Ids in scientific notation, likewise."""
    inexact: int = 0
    """Ids from floating-point numbers that are too large to be exact."""


def unlikely_ids(ids: pl.Series) -> UnlikelyIds:
    """Look at the ids of a batch."""
    heads = TextHeads(ids)
    if not heads.any(_MAY_BE_ANY):
        return UnlikelyIds()
    nobody = ids.gather(heads.places(_MAY_BE_NOBODY))
    nobody = nobody.filter(nobody.is_in(_WORDS))
    rounded = ids.gather(heads.places(_MAY_BE_ROUNDED))
    # Most of what begins as a number does is a whole one, and to see that costs a third of what the pattern does.
    rounded = rounded.filter(rounded.cast(pl.Int64, strict=False).is_null())
    rounded = rounded.filter(rounded.str.contains(_IS_ROUNDED))
    if not len(nobody) and not len(rounded):
        return UnlikelyIds()
    return UnlikelyIds(nobody=_counts(nobody), rounded=_counts(rounded))


def unlikely_users(users: pl.Series) -> UnlikelyIds:
    """Look at users, given as the compact JSON text that ingest stages."""
    # Which of its ids is one is asked of the few users in which there may be any.
    users = users.filter(users.str.contains(_QUOTED) | users.str.contains(_AS_NUMBER))
    if not len(users):
        return UnlikelyIds()
    user = pl.col("user")
    own = pl.coalesce(user.str.extract(_IN_USER, 1), user.str.extract(_IN_USER, 2))
    is_own = users.str.contains(_IN_USER).fill_null(value=False)
    is_custom = users.str.contains(_IN_CUSTOM).fill_null(value=False) & ~is_own
    if not (is_own.any() or is_custom.any()):
        return UnlikelyIds()
    frame = users.alias("user").to_frame()
    texts = frame.filter(is_own).select(own.alias("id")).to_series()
    custom = frame.filter(is_custom).select(user.str.extract(_IN_CUSTOM, 1).alias("id")).to_series()
    return _counted(pl.concat([texts, custom]))


def inexact(raw: pl.Expr) -> pl.Expr:
    """How many values of floating-point numbers are too large to be exact."""
    return (raw.is_finite() & (raw.abs() >= _EXACT)).sum()


def _counted(found: pl.Series) -> UnlikelyIds:
    is_rounded = found.str.contains(_IS_ROUNDED)
    return UnlikelyIds(nobody=_counts(found.filter(~is_rounded)), rounded=_counts(found.filter(is_rounded)))


def _counts(texts: pl.Series) -> dict[str, int]:
    return dict(texts.value_counts(sort=True).head(_MOST_KEPT).iter_rows())


@dataclass(slots=True)
class UnlikelyTally:
    """Counts them while the batches of an upload go by."""

    _nobody: Counter[str] = field(default_factory=Counter)
    _rounded: Counter[str] = field(default_factory=Counter)
    _inexact: int = 0
    is_masked: bool = False

    def add(self, found: UnlikelyIds, *, is_masked: bool) -> None:
        """Count those of a batch."""
        self.is_masked |= is_masked
        self._nobody.update(found.nobody)
        self._rounded.update(found.rounded)
        self._inexact += found.inexact

    def warnings(self, id_types: Mapping[str, int], *, types_are_masked: bool) -> Iterable[ReceiptWarning]:
        """The warnings, given the accepted rows of each id type."""
        if self._nobody:
            yield _warning(
                f"unit ids stand for nobody ({self._shown(self._nobody)}): leave such rows out, or write the id that is meant",
                self._nobody.total(),
            )
        if self._rounded:
            yield _warning(
                f"unit ids are in scientific notation ({self._shown(self._rounded)}) and have lost digits, so that different "
                "units are one: in Excel format the column as text before the numbers are entered, and write ids in full",
                self._rounded.total(),
            )
        if self._inexact:
            yield _warning(
                "unit ids were floating-point numbers beyond 2^53, where digits are lost: write ids as text or whole numbers",
                self._inexact,
            )
        types = Counter({each: count for each, count in id_types.items() if _is_nobody(each)})
        if types:
            shown = "(masked)" if types_are_masked else _listed(types)
            yield _warning(f"id_type is a text that stands for nothing ({shown}), and counts as an id type", types.total())

    def _shown(self, counts: Counter[str]) -> str:
        return "(masked)" if self.is_masked else _listed(counts)


def _is_nobody(text: str) -> bool:
    return bool(pl.Series([text]).str.contains(_UNLIKELY)[0])


def _listed(counts: Counter[str]) -> str:
    shown = sorted(counts, key=lambda text: (-counts[text], text))[:_MOST_SHOWN]
    more = f" and {len(counts) - len(shown):,} more" if len(counts) > len(shown) else ""
    return (
        ", ".join(
            f"{text[:_SHOWN]!r} {counts[text]:,} times" if counts[text] > 1 else f"{text[:_SHOWN]!r} once" for text in shown
        )
        + more
    )


def _warning(message: str, count: int) -> ReceiptWarning:
    return ReceiptWarning(code=WarningCode.UNLIKELY_IDS, message=message, count=count)
