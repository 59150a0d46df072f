"""Lines of JSON objects become columns of text, and lines that are none are found without costing the sound ones.

The engine alone gives values, and it has the last word on what is JSON. Python's own parser only shortens the search
for the lines that the engine turned down, so that a sound record reads the same whatever lies beside it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import polars as pl

from processing.frames.text_heads import Kinds, TextHeads
from processing.ingest.readers.ndjson.nesting import may_nest, put_nested, take_nested
from processing.ingest.readers.ndjson.slices import sliced_columns
from schemas.rule_codes import RuleCode

_TRUTHS: Final = ("true", "false")
_MAY_BE_NO_ID: Final = Kinds.beginning(*b"[{") | Kinds.of(_TRUTHS)
_PARTS: Final = 16
_ABSENT: Final = ""
_SMALLEST_INTEGER: Final = -(2**127)
_LARGEST_INTEGER: Final = 2**128 - 1
_SHORT_INTEGER: Final = 38

# An escaped backslash is taken first, so that what follows it is not read as an escape.
_PAIRS: Final = r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_SURROGATE: Final = r"\\u[dD][89a-fA-F]"
# What every number has that is beyond the limits, and some text; numbers are looked at by Python only where it stands.
_LARGE: Final = r"[0-9]{39}|[0-9][eE]\+?[0-9]{3}"


class Flaw(StrEnum):
    """Why a line cannot be taken apart."""

    NOT_JSON = RuleCode.NOT_JSON
    ENCODING = RuleCode.NOT_UTF8
    SURROGATE = RuleCode.LONE_SURROGATE
    LIMITS = RuleCode.BEYOND_JSON_LIMITS


def lines_of(data: bytes) -> pl.Series | None:
    """All lines of `data` as text without their ends, blank ones too; None when it is not UTF-8."""
    try:
        # The engine unpacks what begins like an archive; a line of our own before it leaves the bytes what they are.
        return pl.scan_lines(b"\n" + data, name="line").collect().to_series().slice(1)
    except pl.exceptions.ComputeError:
        return None


def columns_of(data: bytes, names: Sequence[str]) -> pl.DataFrame | None:
    """The values of `names` as text columns `0`, `1`, ..., one row for each line that is not blank.

    Null and the empty string become null, as they are one in CSV. Of a name that stands twice in an object the first
    value counts. Objects and arrays are their text as written. None when any line is not a JSON object.
    """
    try:
        found = _quickly(data, names) if may_nest(data) else _parsed(data, names)
        frame = _exactly(data, names) if found is None else found
    except pl.exceptions.ComputeError:
        return None
    frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return frame if names else frame.drop("0")


def _quickly(data: bytes, names: Sequence[str]) -> pl.DataFrame | None:
    """The columns, where the engine need not be asked for any object or array; else None."""
    sliced = sliced_columns(data, names)
    frame = _parsed(data, [name for name in names if name not in sliced])
    if any(len(column) != frame.height for column in sliced.values()):
        return None
    if frame.select(pl.any_horizontal(pl.all().str.contains(r"^[{\[]").any())).item():
        return None
    others = iter(frame.get_columns())
    columns = [sliced[name] if name in sliced else next(others) for name in names]
    return pl.DataFrame([column.alias(str(number)) for number, column in enumerate(columns)]) if names else frame


def _exactly(data: bytes, names: Sequence[str]) -> pl.DataFrame:
    # What is taken out of the records is looked at while it still is in them.
    _parse(data, [_ABSENT])
    data, taken = take_nested(data)
    return put_nested(_parsed(data, names), taken)


def _parsed(data: bytes, names: Sequence[str]) -> pl.DataFrame:
    frame = _parse(data, names or [_ABSENT])
    frame.columns = [str(number) for number in range(frame.width)]
    return frame


def joined(lines: pl.Series) -> bytes:
    """The lines as one text."""
    text: str | None = lines.str.join("\n").item()
    return (text or "").encode()


def lone_surrogates(lines: pl.Series) -> pl.Series:
    """Positions of the lines with an escaped half of a surrogate pair; the engine would read it as a NUL character."""
    suspects = lines.str.contains(_SURROGATE).arg_true()
    alone = lines.gather(suspects).str.replace_all(_PAIRS, " ").str.contains(_SURROGATE)
    return suspects.filter(alone)


def flaws_of(lines: pl.Series) -> dict[int, Flaw]:
    """Positions of the lines that are not JSON objects, but for those that the engine alone turns down; none may be blank."""
    # A call of the engine has a fixed cost, so that Python looks at every line of a part in which one is broken.
    suspects = [index for part in _parts(range(len(lines))) if not _sound(lines, part) for index in part]
    texts = lines.gather(suspects)
    verdicts = zip(suspects, map(_verdict, texts, texts.str.contains(_LARGE)), strict=True)
    return {index: flaw for index, flaw in verdicts if flaw is not None}


def turned_down(lines: pl.Series) -> list[int]:
    """Positions of the lines without a flaw that the engine turns down all the same."""
    return _unsound(lines, range(len(lines)))


def keys_of(line: bytes) -> tuple[str, ...]:
    """The names in a JSON object, nothing when the line is none."""
    try:
        value = _DECODER.decode(line.decode())
        names = tuple(value) if isinstance(value, dict) else ()
        # Half of a surrogate pair cannot be a column's name; its record is broken anyway.
        "".join(names).encode()
    except (ValueError, RecursionError):
        return ()
    return names


def are_no_ids(values: pl.Series, name: str) -> pl.Series:
    """For each struct of a `text` and the `record` that names it, whether it is an object, a list or a truth value."""
    texts, records = values.struct.field("text"), values.struct.field("record")
    heads = TextHeads(texts)
    none = pl.repeat(value=False, n=len(texts), dtype=pl.Boolean, eager=True)
    if not heads.any(_MAY_BE_NO_ID):
        return none
    places = heads.places(_MAY_BE_NO_ID)
    found = texts.gather(places)
    is_nested = found.str.starts_with("{") | found.str.starts_with("[")
    places = places.filter(is_nested | found.is_in(_TRUTHS))
    if not len(places):
        return none
    bad = [_is_no_id(record, name) for record in records.gather(places)]
    return none.scatter(places, pl.Series(bad, dtype=pl.Boolean))


def _is_no_id(record: str, name: str) -> bool:
    found: list[tuple[str, object]] = []

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # The record itself comes last, after all objects in it.
        nonlocal found
        found = pairs
        return dict(pairs)

    try:
        json.loads(record, object_pairs_hook=keep)
    except (ValueError, RecursionError):
        return False
    value = next((value for key, value in found if key == name), None)
    return isinstance(value, dict | list | bool)


def _parse(data: bytes, names: Sequence[str]) -> pl.DataFrame:
    # `str.json_decode` is not used: it joins the lines with commas, so that `{"a":[{}` and `{}]}` become one record.
    # The blank keeps the engine from unpacking what begins like an archive.
    return pl.read_ndjson(b" " + data, schema=dict.fromkeys(names, pl.String))


def _parts(places: Sequence[int]) -> list[Sequence[int]]:
    size = -(-len(places) // _PARTS)
    return [places[start : start + size] for start in range(0, len(places), size)] if places else []


def _sound(lines: pl.Series, places: Sequence[int]) -> bool:
    try:
        return _parse(joined(lines.gather(list(places))), [_ABSENT]).height == len(places)
    except pl.exceptions.ComputeError:
        return False


def _unsound(lines: pl.Series, places: Sequence[int]) -> list[int]:
    """Those of `places` whose lines the engine alone turns down."""
    if _sound(lines, places):
        return []
    if len(places) == 1:
        return list(places)
    return [index for part in _parts(places) for index in _unsound(lines, part)]


class _OutOfRangeError(ValueError):
    pass


def _verdict(line: str, has_large: bool = True) -> Flaw | None:
    try:
        value = (_DECODER if has_large else _QUICK_DECODER).decode(line)
    except _OutOfRangeError:
        return Flaw.LIMITS
    except RecursionError:
        # How deep Python follows depends on who calls it; the engine's limit is the one that counts.
        return None
    except ValueError:
        return Flaw.NOT_JSON
    return None if isinstance(value, dict) else Flaw.NOT_JSON


def _check_integer(text: str) -> None:
    digits = len(text)
    if digits > _SHORT_INTEGER and (digits > _SHORT_INTEGER + 2 or not _SMALLEST_INTEGER <= int(text) <= _LARGEST_INTEGER):
        raise _OutOfRangeError(text)


def _check_float(text: str) -> None:
    if math.isinf(float(text)):
        raise _OutOfRangeError(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_QUICK_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_DECODER: Final = json.JSONDecoder(parse_int=_check_integer, parse_float=_check_float, parse_constant=_refuse_constant)
