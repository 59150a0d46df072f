"""NDJSON: whatever is sound is read value by value, whatever is broken is one record, and all have number and line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processing.domain.errors import CustomerError
from processing.ingest.readers.ndjson import lines as json_lines
from processing.ingest.readers.ndjson import reader as ndjson_reader
from processing.ingest.readers.ndjson.reader import NdjsonReader
from processing.ingest.readers.raw_batches import LINE, RAW, RECORD, BrokenRecord
from tests.support.batches import batches_of
from tests.support.soak import times

texts = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", '\\"', "{", "}", '": {', "[1]", ":[", "\n", "\x00", "\x7f", "😀", "\u2028", '{"a":{"b":1}}', "null"]
)
scalars = (
    st.none() | st.booleans() | texts | st.integers(-(2**127), 2**128 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
names = st.sampled_from(["a", "b", "user", "", 'q"', "back\\", "é", "^x$", "*", "\x00"])
objects = st.dictionaries(names, values, max_size=4)
separators = st.tuples(st.sampled_from([",", ", ", " ,\t"]), st.sampled_from([":", ": ", "\t:  "]))
written = st.builds(
    lambda value, ascii_only, between, pad: pad + json.dumps(value, ensure_ascii=ascii_only, separators=between) + pad,
    objects,
    st.booleans(),
    separators,
    st.sampled_from(["", " ", "\t"]),
)
broken = st.sampled_from(
    [
        (b'{"a":1', "not_json"),
        (b'{"a":1} x', "not_json"),
        (b'{"a":1},{"a":2}', "not_json"),
        (b'{"a":[{}', "not_json"),
        (b"{}]}", "not_json"),
        (b'{"a":"x', "not_json"),
        (b'y"}', "not_json"),
        (b"[1,2]", "not_json"),
        (b"null", "not_json"),
        (b'"text"', "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":{"b":-Infinity}}', "not_json"),
        (b'{"a":{"b":[01]}}', "not_json"),
        (b'{"a":"\t"}', "not_json"),
        (b"{'a':1}", "not_json"),
        (b'\xef\xbb\xbf{"a":1}', "not_json"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"a":{"b":"\\ude00\\ud83d"}}', "lone_surrogate"),
        (b'{"a":1e400}', "beyond_json_limits"),
        (b'{"a":1%s}' % (b"0" * 40), "beyond_json_limits"),
    ]
)
blank = st.sampled_from(["", " ", "\t \r"])
line_ends = st.sampled_from(["\n", "\r\n"])
sizes = st.integers(1, 64)

# Stands first in the files below: a file that begins as an array or as indented JSON is refused as a whole.
FIRST = '{"a":"first"}'

Row = dict[str, str | None]
Found = list[tuple[int, int, Row | str]]
"""Record number, line, and the values or the broken rule."""


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[start : start + size] for start in range(0, len(data), size)])


def read_all(
    data: bytes, size: int = 1 << 20, wanted: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], Found, list[BrokenRecord]]:
    reader = NdjsonReader(chunked(data, size), wanted)
    found: Found = []
    set_aside: list[BrokenRecord] = []
    for batch in batches_of(reader):
        for row in batch.frame.iter_rows(named=True):
            cells = {name: row[str(number)] for number, name in enumerate(reader.header)}
            found.append((row[RECORD], row[LINE], cells))
        found += [(each.record, each.line or 0, each.rule) for each in batch.broken]
        set_aside += batch.broken
    return reader.header, sorted(found, key=lambda each: each[0]), set_aside


def rows(data: bytes, *wanted: str) -> list[Row | str]:
    return [row for _, _, row in read_all(data, wanted=wanted)[1]]


def same(text: str | None, value: Any) -> bool:
    """Whether `text` is how the reader should show `value`, by rules of its own."""
    if value is None or value == "":
        return text is None
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, str):
        return text == value
    if isinstance(value, int):
        return text == str(value)
    if text is None:
        return False
    if isinstance(value, float):
        return float(text) == value and "e" not in text.lower()
    return bool(json.loads(text) == value)


@settings(max_examples=times(200))
@given(st.lists(st.one_of(written, broken, blank)), line_ends, sizes, st.booleans(), st.booleans())
@example([(b'{"a":1},{"a":3}', "not_json"), (b'{"a":[{}', "not_json"), (b"{}]}", "not_json")], "\n", 5, False, False)
def test_exactly_the_broken_records_are_set_aside(
    lines: list[str | tuple[bytes, str]], end: str, size: int, bom: bool, cut_last_end: bool
) -> None:
    lines = [FIRST, *lines]
    raw = [line[0] if isinstance(line, tuple) else line.encode() for line in lines]
    data = (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end.encode() for line in raw)
    _, found, set_aside = read_all(data.removesuffix(end.encode()) if cut_last_end else data, size, ("wanted",))
    records = [(at, line) for at, line in enumerate(lines, 1) if isinstance(line, tuple) or line.strip(" \t\r")]
    assert [(record, line) for record, line, _ in found] == [(record, at) for record, (at, _) in enumerate(records, 1)]
    for (_, _, row), (_, line) in zip(found, records, strict=True):
        if isinstance(line, tuple):
            assert row == line[1]
        else:
            assert isinstance(row, dict)
            value = json.loads(line)
            assert value.keys() <= row.keys()
            assert all(same(text, value.get(name)) for name, text in row.items()), (row, value)
    uploaded = {at: line.decode("utf-8", "backslashreplace") for at, line in enumerate(raw, 1)}
    assert all(each.raw == uploaded[each.line or 0] for each in set_aside)


@settings(max_examples=times(120))
@given(st.lists(written, min_size=1, max_size=6))
def test_a_sound_record_reads_the_same_beside_a_broken_one(lines: list[str]) -> None:
    data = "\n".join([FIRST, *lines]).encode()
    _, alone, _ = read_all(data)
    _, beside, _ = read_all(data + b'\n{"cut\n\n\xff')
    assert beside[: len(alone)] == alone
    assert [rule for _, _, rule in beside[len(alone) :]] == ["not_json", "not_utf8"]


fragments = r"""{ } [ ] : , "a" "b" " \ \ud83d \ude00 \u 1 -0 01 1. e5 1e999 true nul NaN "a":1 {"a": {"b":[ ]} é /**/"""
json_like = st.lists(
    st.sampled_from(fragments.split()) | st.sampled_from([" ", "\t", "\x0b", "\x00", "\x7f", "\ufeff"]), max_size=9
).map("".join)


@settings(max_examples=times(300))
@given(json_like)
def test_python_never_turns_down_what_the_engine_takes(line: str) -> None:
    if line.strip(" \t\r") and json_lines.columns_of(line.encode(), ["a", "b"]) is not None:
        assert json_lines._verdict(line) is None


@settings(max_examples=times(120))
@given(st.lists(json_like, max_size=6))
def test_each_line_is_judged_alone(lines: list[str]) -> None:
    data = "\n".join([FIRST, *lines])
    _, together, _ = read_all(data.encode(), wanted=("a", "b"))
    # Objects end to end are several records of a line.
    alone = [row for line in lines if line.strip(" \t\r") for row in rows(f"{FIRST}\n{line}".encode(), "a", "b")[1:]]
    known = [row if isinstance(row, str) else (row["a"], row["b"]) for row in alone]
    assert [row if isinstance(row, str) else (row["a"], row["b"]) for _, _, row in together[1:]] == known


@settings(max_examples=times(120))
@example(b"\x28\xb5\x2f\xfd", 1)
@example(gzip.compress(b'{"a":1}\n'), 64)
@given(st.binary(max_size=300) | st.text('{}[]":,\\ue1- \n\r', max_size=200).map(str.encode), sizes)
def test_any_bytes_give_numbered_records_or_a_refusal_however_they_arrive(data: bytes, size: int) -> None:
    def outcome(chunk: int) -> object:
        try:
            return read_all(data, chunk, ("a",))[:2]
        except CustomerError as error:
            return error.code

    result = outcome(size)
    assert result == outcome(1 << 20)
    if isinstance(result, tuple):
        assert [record for record, _, _ in result[1]] == list(range(1, len(result[1]) + 1))


@settings(max_examples=times(60))
@given(st.lists(written, min_size=3, max_size=20), st.integers(20, 90))
def test_where_blocks_are_cut_changes_nothing(lines: list[str], size: int) -> None:
    data = "\n".join([FIRST, *lines, '{"cut', ""]).encode()
    expected = read_all(data, wanted=("a", "user"))[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson_reader, "_BLOCK", size)
        found = read_all(data, 7, ("a", "user"))[1]
    shown = [row if isinstance(row, str) else (row["a"], row["user"]) for _, _, row in found]
    assert shown == [row if isinstance(row, str) else (row["a"], row.get("user")) for _, _, row in expected]
    assert [each[:2] for each in found] == [each[:2] for each in expected]


@pytest.mark.parametrize("blanks", [" ", "\t", "  \t", "\r"])
def test_a_key_with_blanks_before_its_colon_loses_no_value_beside_keys_without(blanks: str) -> None:
    key = f'"user"{blanks}'
    lines = ('{"user":{}}', f'{{{key}:{{"b":1}}}}', f"{{{key}: 1}}", '{"user":[]}', f'{{"a":{key}}}')
    found = read_all("\n".join(lines).encode(), wanted=("a", "user"))[1]
    assert [row if isinstance(row, str) else row["user"] for _, _, row in found] == ["{}", '{"b":1}', "1", "[]", None]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("12345678901234567890", "12345678901234567890"),
        ("1.50", "1.5"),
        ("1e5", "100000"),
        ("-0.5", "-0.5"),
        ("true", "true"),
        ("null", None),
        ('""', None),
        ('" "', " "),
        ('"\\u0061\\n"', "a\n"),
        ('{"b": 1.50, "c":["\\u00e9"]}', '{"b": 1.50, "c":["\\u00e9"]}'),
        ("[ ]", "[ ]"),
        ('"{\\"b\\": {}}"', '{"b": {}}'),
    ],
)
def test_values_come_as_text(written: str, shown: str | None) -> None:
    assert rows(b'{"a":%s}' % written.encode()) == [{"a": shown}]


def test_values_are_found_behind_any_blanks() -> None:
    for blanks in (" ", " " * 63, "\t" * 64, " \t" * 500):
        assert rows(f'{{"a"{blanks}:{blanks}{{"b": "\\""}}{blanks}}}'.encode()) == [{"a": '{"b": "\\""}'}]


def test_of_a_name_that_stands_twice_the_first_value_counts() -> None:
    assert rows(b'{"a":1,"a":{}}\n{"a":{},"a":2}\n{"a":null,"a":3}') == [{"a": "1"}, {"a": "{}"}, {"a": None}]
    many = ",".join(f'"k{number}":{number}' for number in range(100))
    assert rows(b'{%s,"k7":"last"}' % many.encode())[0] == {f"k{number}": str(number) for number in range(100)}


def test_the_header_is_what_the_first_records_hold_and_what_is_wanted() -> None:
    header, found, _ = read_all(b'{"b":1,"Unit ":2}\n{"\\ud800":1}\n{"c":3,"b":4}\n', wanted=("unit", "d", "b"))
    assert header == ("b", "Unit ", "c", "d")
    assert found[2] == (3, 3, {"b": "4", "Unit ": None, "c": "3", "d": None})


def test_a_name_that_appears_late_is_read_only_when_wanted() -> None:
    data = b'{"a":1}\n' * 1_000 + b'{"a":2,"late":3,"later":4}\n'
    assert rows(data, "late")[-1] == {"a": "2", "late": "3"}


def test_more_fields_may_be_wanted_before_the_records_are_read() -> None:
    reader = NdjsonReader(iter([b'{"a":1}\n' * 1_000 + b'{"late":3}\n']), ())
    reader.want(["a", "late"])
    assert reader.header == ("a", "late")
    assert [row[1] for batch in batches_of(reader) for row in batch.frame.iter_rows()][-1] == "3"


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(CustomerError, match="1,025 different names"):
        read_all(json.dumps({f"c{number}": 1 for number in range(1_025)}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b'[{"a":1},\n{"a":2}]',
        b' \r\n\t[\n{"a":1}]',
        b'{\n  "a": 1\n}',
        b'\xef\xbb\xbf{ \r\n "a":1}\r\n',
        b"[" + b'{"a":1},' * 5_000,
    ],
)
def test_json_that_is_not_lines_is_refused_with_what_to_do(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson_reader, "LONGEST_RECORD", 10_000)
    with pytest.raises(CustomerError, match="one JSON object on each line") as refused:
        read_all(data)
    assert refused.value.code == "json_not_lines"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n \r\n"])
def test_a_file_without_records_has_the_wanted_columns(data: bytes) -> None:
    assert read_all(data, wanted=("a", "b")) == (("a", "b"), [], [])


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_record_may_be_as_long_as_the_limit_and_no_longer(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson_reader, "LONGEST_RECORD", 1_000)
    monkeypatch.setattr(ndjson_reader, "_BLOCK", 100)
    longest = b'{"a":"%s"}' % (b"x" * 992)
    assert rows(longest + b"\n" + longest) == [{"a": "x" * 992}] * 2
    with pytest.raises(CustomerError) as refused:
        read_all(b"{}\n" + longest.replace(b"x", b"xx", 1) + b"\n{}\n", size)
    assert refused.value.code == "record_too_long"


def test_deep_nesting_is_read_or_set_aside_and_never_fails_the_file() -> None:
    deep, deeper = ("[" * depth + "]" * depth for depth in (900, 100_000))
    assert rows(f'{{"a":{deep}}}\n{{"a":{deeper}}}\n{{"a":1}}'.encode()) == [{"a": deep}, "beyond_json_limits", {"a": "1"}]


def test_the_frame_holds_the_text_of_each_record_as_uploaded() -> None:
    (batch,) = batches_of(NdjsonReader(iter([b' {"a": 1.50}\r\n\r\n{"a":[]} \r\n{"a"']), ()))
    assert batch.frame.schema == {"0": pl.String, RECORD: pl.Int64, LINE: pl.Int64, RAW: pl.String}
    assert batch.frame.get_column(RAW).to_list() == [' {"a": 1.50}', '{"a":[]} ']
    assert batch.read == 3


def test_objects_end_to_end_have_the_numbers_of_the_lines_that_they_stand_on() -> None:
    data = b'{"a":1}{"a":2} {"a":3}\n\n{"a":4}\n{"a":5}{"a":{"b":"}{"}}{broken\n{"a":7}'
    expected = [(1, 1), (2, 1), (3, 1), (4, 3), (5, 4), (6, 4), (7, 4), (8, 5)]
    for size in (1, 7, 1 << 20):
        _, found, _ = read_all(data, size, ("a",))
        assert [(record, line) for record, line, _ in found] == expected


@settings(max_examples=times(60))
@given(
    st.lists(st.lists(st.sampled_from(['{"a":1}', '{"a":"x"} ', '{"a":[{}]}', "{no}"]), max_size=4), max_size=8),
    st.integers(10, 60),
)
def test_lines_of_objects_end_to_end_are_counted_wherever_blocks_are_cut(lines: list[list[str]], size: int) -> None:
    data = "\n".join(['{"a":0}{"a":0}', *("".join(each) for each in lines)]).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson_reader, "_BLOCK", size)
        _, cut, _ = read_all(data, 13, ("a",))
    _, whole, _ = read_all(data, wanted=("a",))
    assert cut == whole
    expected = [number for number, each in enumerate([["", ""], *lines], 1) for _ in each]
    assert [line for _, line, _ in whole] == expected
