"""CSV: whatever is sound is read cell by cell, whatever is broken is one record, and every record has its number and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.errors import CustomerError
from processing.ingest.readers.csv import reader as csv_reader
from processing.ingest.readers.csv.reader import CsvReader
from processing.ingest.readers.csv.record_scanner import fields_of
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.raw_batches import LINE, RECORD, BrokenRecord
from schemas.customer_config import CustomerConfig
from tests.support.batches import batches_of
from tests.support.ingest import ingest
from tests.support.soak import times

cells = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8) | st.sampled_from(
    ['"', '""', 'a"b', "a,b", "l1\nl2", "\n", "'", " x ", ",", "é", "\x1f"]
)
# A record whose only cells are empty may look like a blank line; the first cell keeps it apart.
sound_rows = st.tuples(st.text("abc1", min_size=1, max_size=3), cells, cells)
broken_lines = st.sampled_from([b'"open,1,2', b'x"y,1,2', b'"a"b,1,2', b"1,2", b"1,2,3,4", b"\xff\xfe,1,2", b'1,2,"'])
line_ends = st.sampled_from([b"\n", b"\r\n"])
sizes = st.integers(1, 64)

Expected = list[tuple[int, int, tuple[str, ...] | None]]
"""Record number, line, and the cells or None for a broken record."""


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[start : start + size] for start in range(0, len(data), size)])


def written(cells: tuple[str, ...], end: bytes) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().removesuffix("\n").encode() + end


def read_all(data: bytes, size: int = 1 << 20) -> tuple[tuple[str, ...], Expected, list[BrokenRecord]]:
    reader = CsvReader(chunked(data, size))
    found: Expected = []
    broken: list[BrokenRecord] = []
    for batch in batches_of(reader):
        names = [name for name in batch.frame.columns if name not in (RECORD, LINE)]
        for row in batch.frame.iter_rows(named=True):
            found.append((row[RECORD], row[LINE], tuple(row[name] or "" for name in names)))
        found += [(each.record, each.line or 0, None) for each in batch.broken]
        broken += batch.broken
    return reader.header, sorted(found, key=lambda each: each[0]), broken


@settings(max_examples=times(300))
@given(st.lists(st.one_of(sound_rows, broken_lines, st.just(b""))), line_ends, sizes, st.booleans(), st.booleans())
@example([b'"open,1,2', ("a", "l1\nl2", "z"), ("b", "", "")], b"\n", 3, False, False)
@example([b'"open,1,2', ("a", '"', "")], b"\r\n", 64, True, True)
def test_exactly_the_broken_records_are_set_aside(
    rows: list[tuple[str, str, str] | bytes], end: bytes, size: int, bom: bool, cut_last_end: bool
) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"a,b,c" + end
    expected: Expected = []
    line = 2
    for row in rows:
        text = row + end if isinstance(row, bytes) else written(row, end)
        if text != end:
            expected.append((len(expected) + 1, line, None if isinstance(row, bytes) else row))
        data += text
        line += text.count(b"\n")
    if cut_last_end:
        data = data.removesuffix(end)
    assume(not data.rstrip(b"\r\n").endswith(b"\x1a"))  # what DOS leaves at the end of a file is none of its bytes
    # A stray quote may by chance open a field that a later quote closes properly; then the records really are other ones.
    stray = any(isinstance(row, bytes) and row.count(b'"') % 2 for row in rows)
    header, found, _ = read_all(data, size)
    assert header == ("a", "b", "c")
    if not (stray and any(b'"' in (row if isinstance(row, bytes) else written(row, b"")) for row in rows[1:])):
        assert found == expected
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))


@settings(max_examples=times(200))
@given(st.binary(max_size=300) | st.text('ab,"\n\r', max_size=200).map(str.encode), sizes)
def test_any_bytes_give_numbered_records_or_a_refusal(data: bytes, size: int) -> None:
    try:
        _, found, broken = read_all(b"a,b\n" + data, size)
    except CustomerError:
        return
    numbers = [number for number, _, _ in found]
    # A line that is the header once more is a record as well, and left out.
    assert numbers == (sorted(set(numbers)) if b"a,b" in data else list(range(1, len(found) + 1)))
    lines = [line for _, line, _ in found]
    assert lines == sorted(set(lines))
    assert all(each.raw or each.rule for each in broken)


@settings(max_examples=times(200))
@given(st.text('ab,"\n\r', max_size=300).map(str.encode), sizes)
def test_how_the_bytes_arrive_changes_nothing(data: bytes, size: int) -> None:
    def outcome(chunk: int) -> object:
        try:
            return read_all(b"a,b\n" + data, chunk)[:2]
        except CustomerError as error:
            return error.code

    assert outcome(size) == outcome(1 << 20)


def test_good_quoted_newlines_survive_a_stray_quote_before_them() -> None:
    _, found, broken = read_all(b'a,b\n"stray,1\nc,2\n"l1\nl2",3\nd,4\n')
    assert found == [(1, 2, None), (2, 3, ("c", "2")), (3, 4, ("l1\nl2", "3")), (4, 6, ("d", "4"))]
    assert broken[0].raw == '"stray,1'


def test_an_open_record_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "LONGEST_RECORD", 1_000)
    rows = b"".join(b"x%d,1\n" % number for number in range(1_000))
    _, found, broken = read_all(b'a,b\n"open,1\n' + rows, 100)
    assert [each.record for each in broken] == [1]
    assert len(found) == 1_001


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_file"), (b"\n\n", "empty_file"), (b'"a,b\n1,2\n', "unreadable_header"), (b"\xff,b\n", "unreadable_header")],
)
def test_a_file_without_a_header_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(CustomerError) as refused:
        read_all(data)
    assert refused.value.code == code


def test_a_header_may_hold_quoted_newlines() -> None:
    header, found, _ = read_all(b'"a\nb",c\n1,2\n')
    assert header == ("a\nb", "c")
    assert found == [(1, 3, ("1", "2"))]


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(CustomerError, match="1,025 columns"):
        read_all(",".join(f"c{number}" for number in range(1_025)).encode() + b"\n")


def test_a_control_character_is_part_of_its_value() -> None:
    _, found, broken = read_all(b"a,b\n1,\x1f\n2,3\n\x1f0\x1f,4\n")
    assert found == [(1, 2, ("1", "\x1f")), (2, 3, ("2", "3")), (3, 4, ("\x1f0\x1f", "4"))]
    assert broken == []


def test_a_line_of_garbage_costs_no_other_line() -> None:
    garbage = bytes(range(1, 10)) + bytes(range(11, 32)) + b"\xff"
    _, found, broken = read_all(b"a,b\n1,2\n" + garbage + b"\n3,4\n")
    assert [(number, cells) for number, _, cells in found] == [(1, ("1", "2")), (2, None), (3, ("3", "4"))]
    assert broken[0].rule == "not_utf8"


@pytest.mark.parametrize("data", [b"a,b\r1,2\r", b'"a\rb",c\n1,2\n'])
def test_a_header_that_is_no_csv_refuses_the_file(data: bytes) -> None:
    with pytest.raises(CustomerError) as refused:
        read_all(data)
    assert refused.value.code == "unreadable_header"


@pytest.mark.parametrize("record", [b"x" * 2_000 + b",1\n", b'"' + b"x\n" * 1_000 + b'",1\n'])
def test_a_record_beyond_the_limit_refuses_the_file(record: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "LONGEST_RECORD", 1_000)
    monkeypatch.setattr(csv_reader, "_BLOCK", 100)
    monkeypatch.setattr(csv_reader, "_HEADER_BLOCK", 100)
    if record.startswith(b'"'):
        # An open record is given up line by line at the limit: a stray quote must not cost the file.
        _, _, broken = read_all(b"a,b\n1,2\n" + record + b"3,4\n")
        assert broken
        return
    with pytest.raises(CustomerError) as refused:
        read_all(b"a,b\n1,2\n" + record + b"3,4\n")
    assert refused.value.code == "record_too_long"


def test_the_columns_are_text() -> None:
    (batch,) = batches_of(CsvReader(iter([b"a,b\n01,1.50\n"])))
    assert batch.frame.schema == {"0": pl.String, "1": pl.String, RECORD: pl.Int64, LINE: pl.Int64}


@settings(max_examples=times(200))
@given(st.lists(st.tuples(*[st.text('a\r\x1f0\x1e"', max_size=4)] * 2), min_size=1, max_size=5), line_ends)
def test_a_bare_cr_is_part_of_its_value(rows: list[tuple[str, str]], end: bytes) -> None:
    # Unquoted where that can be: a quote needs quoting, and at the end of a line a CR is the line's.
    def field(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if '"' in cell else cell

    lines = [f"{field(first)},{field(second)},z".encode() + end for first, second in rows]
    _, found, broken = read_all(b"a,b,c" + end + b"".join(lines))
    assert broken == []
    assert [cells for _, _, cells in found] == [(first, second, "z") for first, second in rows]


@given(st.lists(st.text('a,"\n ', max_size=4), min_size=1, max_size=5).filter(lambda names: names != [""]))
def test_a_header_is_read_as_it_was_written(names: list[str]) -> None:
    assert fields_of(written(tuple(names), b"").decode(), Dialect()) == names


def test_a_name_of_the_header_may_be_longer_than_the_csv_module_reads() -> None:
    header, found, _ = read_all(b"a," + b"x" * 200_000 + b"\n1,2\n")
    assert header == ("a", "x" * 200_000)
    assert found == [(1, 2, ("1", "2"))]


def test_a_quoted_delimiter_does_not_stand_in_for_one_that_is_missing() -> None:
    _, found, broken = read_all(b'a,b,c\n1,"",","\n1,2\n')
    assert found == [(1, 2, ("1", "", ",")), (2, 3, None)]
    assert [each.record for each in broken] == [2]


def test_what_stands_in_for_a_bare_cr_is_not_looked_for_among_what_the_file_holds() -> None:
    """A file of all marks that could be tried in turn would be read once for each of them."""
    looks = 0

    class Block(bytes):
        def __contains__(self, mark: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(mark)  # type: ignore[operator]

    data = Block(b"".join(b"\x1f%d\x1e" % number for number in range(20_000)))
    mark = csv_reader._stand_in(data)
    assert mark not in bytes(data)
    assert mark != csv_reader._stand_in(data)
    assert looks == 2
    # None of a run of them is one that begins inside another.
    assert (mark * 3).count(mark) == 3
    assert (mark * 3).find(mark, 1) == len(mark)


def test_line_ends_inside_quotes_stay_as_they_are_beside_a_bare_carriage_return() -> None:
    lines = b'unit_id,id_type,date,metric_name,metric_value\n"a\r\nb",user_id,2026-11-18,m,1\n"c\rd",user_id,2026-11-18,m,2\n'
    found = ingest(lines, "a.csv", Dataset.METRICS)
    assert [row["unit_id"] for row in found.rows(Dataset.METRICS)[date(2026, 11, 18)]] == ["a\r\nb", "c\rd"]


METRICS_HEADER = b"unit_id,id_type,date,metric_name,metric_value\n"
SOUND_ROW = b"u%d,t,2026-11-18,m,1\n"


@pytest.mark.parametrize("elsewhere", [b"", b'"q",t,2026-11-18,m,1\n'], ids=["plain", "a quote elsewhere"])
def test_files_that_each_begin_with_a_byte_order_mark_may_be_joined(elsewhere: bytes) -> None:
    each = b"\xef\xbb\xbf" + METRICS_HEADER
    found = ingest(each + SOUND_ROW % 1 + elsewhere + each + SOUND_ROW % 2, "a.csv", Dataset.METRICS).outcome
    assert (found.rows.rejected, found.rows.filtered) == (0, 1)
    assert "repeated_header" in [warning.code for warning in found.warnings]


@pytest.mark.parametrize("elsewhere", [b"", b'"q",t,2026-11-18,m,1\n'], ids=["plain", "a quote elsewhere"])
@pytest.mark.parametrize("blank", [b", , , ,", b",\t,,,", b" ,,,,", b",,,,"])
def test_a_line_of_delimiters_and_blanks_is_no_record_wherever_its_blanks_are(elsewhere: bytes, blank: bytes) -> None:
    found = ingest(METRICS_HEADER + SOUND_ROW % 1 + elsewhere + 3 * (blank + b"\n"), "a.csv", Dataset.METRICS).outcome
    assert (found.rows.read, found.rows.rejected) == (1 + bool(elsewhere), 0)


def test_an_escaped_quote_outside_of_quotes_costs_no_other_row() -> None:
    config = CustomerConfig.model_validate({"datasets": {"metrics": {"csv": {"escape": "\\"}}}})
    odd = b'C:\\",t,2026-11-18,m,1\n"a\\"b",t,2026-11-18,m,1\n'
    found = ingest(METRICS_HEADER + b"".join(SOUND_ROW % n for n in range(9)) + odd, "a.csv", Dataset.METRICS, config=config)
    assert (found.outcome.rows.accepted, found.rejected) == (11, [])
    assert {'C:\\"', 'a"b'} < {row["unit_id"] for rows in found.rows(Dataset.METRICS).values() for row in rows}


@pytest.mark.parametrize("end", [b"\x1a", b"\x1a\r\n", b"\x1a\n\n", b"\n\x1a"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_the_end_mark_of_dos_is_no_record_wherever_chunks_end(end: bytes, size: int) -> None:
    data = METRICS_HEADER + SOUND_ROW % 1 + SOUND_ROW % 2 + end
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    (batch,) = batches_of(CsvReader(iter(chunks)))
    assert (batch.frame.height, len(batch.broken)) == (2, 0)
