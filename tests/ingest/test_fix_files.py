"""Rejected records in the upload's own form: fixed, they and the upload are the clean file (contract section 5)."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.ingest import ingest_file
from processing.ingest.bounds import MOST_COLUMNS
from processing.ingest.readers.csv import reader as csv_reader
from processing.ingest.readers.formats import Packing
from processing.ingest.readers.ndjson import reader as ndjson_reader
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, Row, ingest
from tests.support.parquet_files import parquet
from tests.support.soak import times
from tests.support.uploads import BOM, as_csv, as_ndjson, as_parquet, packed

COLUMNS: Final = ("unit_id", "id_type", "date", "metric_name", "metric_value", "note")
SOUND: Final = {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", "metric_value": "1", "note": "n"}
HEADER: Final = b"unit_id,id_type,date,metric_name,metric_value,note\n"
BAD: Final = b'u1,t,2026-11-18,m,"zz",n\n'
GOOD: Final = b"u0,t,2026-11-18,m,1,n\n"


def staged(*found: Ingested) -> list[Row]:
    """All accepted rows, in an order of their own."""
    return sorted(
        (part for each in found for rows in each.rows(Dataset.METRICS).values() for part in rows),
        key=lambda row: row["unit_id"],
    )


_TEXTS: Final = st.sampled_from(["a", "größe", 'say ""hi', "x,y", "two\nlines", "semi;colon", "back\\slash", "tab\tt"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWay:
    """A way to write text, and the config that reads it."""

    ending: str = "csv"
    csv: Mapping[str, Any] = field(default_factory=dict)
    head: bytes = ",".join(COLUMNS).encode() + b"\n"
    line: Callable[[Sequence[str]], bytes]
    broken: tuple[bytes, ...] = ()
    """Records that nobody can take apart."""
    encoding: str = "utf-8"
    mark: bytes = b""
    texts: st.SearchStrategy[str] = _TEXTS

    @property
    def config(self) -> CustomerConfig:
        return CustomerConfig.model_validate(
            {"max_rejected_fraction": 1.0, "datasets": {"metrics": {"csv": dict(self.csv)}} if self.csv else {}}
        )

    def bytes_of(self, head: bytes, lines: Sequence[bytes]) -> bytes:
        return self.mark + b"".join(self.encoded(each) for each in (head, *lines))

    def behind_errors(self, line: bytes) -> bytes:
        """What stands in a fix file behind the errors of a record, of JSON behind the key and its comma."""
        return line.lstrip(b" ").removeprefix(b"{") if self.ending in ("ndjson", "jsonl") else line

    def encoded(self, data: bytes) -> bytes:
        return data if self.encoding == "utf-8" else data.decode().encode(self.encoding)


WRITERS: Final[Mapping[str, Callable[..., bytes]]] = {"a.csv": as_csv, "a.ndjson": as_ndjson, "a.parquet": as_parquet}


def quoting(delimiter: str = ",", quote: str = '"', end: str = "\n", escape: str = "") -> Callable[[Sequence[str]], bytes]:
    def line(cells: Sequence[str]) -> bytes:
        double = escape + quote if escape else 2 * quote
        texts = [text.replace(escape, 2 * escape) if escape else text for text in cells]
        return (delimiter.join(quote + text.replace(quote, double) + quote for text in texts) + end).encode()

    return line


def bare(delimiter: str, escape: str = "", after: str = "") -> Callable[[Sequence[str]], bytes]:
    def line(cells: Sequence[str]) -> bytes:
        texts = list(cells)
        for mark in (escape, delimiter) if escape else ():
            texts = [text.replace(mark, escape + mark) for text in texts]
        return (delimiter.join(texts) + after + "\n").encode()

    return line


def as_json(cells: Sequence[str]) -> bytes:
    return json.dumps(dict(zip(COLUMNS, cells, strict=True)), ensure_ascii=False).encode()


def head(delimiter: bytes, end: bytes = b"\n") -> bytes:
    return HEADER.rstrip(b"\n").replace(b",", delimiter) + end


_PLAIN = st.sampled_from(["a", "größe", "x y"])
BROKEN: Final = (b'u"x,t,2026-11-18,m,1,n\n', b"u,t,2026-11-18,m,1\n", b"u,t,2026-11-18,m,1,n,o,p\n")
NO_TEXT: Final = b"\xe9t\xe9,t,2026-11-18,m,1,n\n"
WAYS: Final = {
    "csv": TextWay(line=quoting(), broken=(*BROKEN, NO_TEXT)),
    "bare": TextWay(line=bare(","), broken=(*BROKEN, NO_TEXT), texts=_PLAIN),
    "crlf": TextWay(line=quoting(end="\r\n"), head=head(b",", b"\r\n"), broken=tuple(each[:-1] + b"\r\n" for each in BROKEN)),
    "bom": TextWay(line=quoting(), mark=BOM, broken=BROKEN),
    "tsv": TextWay(
        ending="tsv", line=quoting("\t"), head=head(b"\t"), broken=tuple(each.replace(b",", b"\t") for each in BROKEN)
    ),
    "semicolon": TextWay(csv={"delimiter": ";"}, line=quoting(";"), head=head(b";")),
    "sep line": TextWay(line=quoting(";"), head=b"sep=;\n" + head(b";")),
    "single quotes": TextWay(csv={"quote": "'"}, line=quoting(quote="'")),
    "escapes": TextWay(csv={"escape": "\\"}, line=quoting(escape="\\"), broken=BROKEN[1:]),
    "escapes without quotes": TextWay(
        csv={"escape": "\\", "quote": ""}, line=bare(",", "\\"), broken=(BROKEN[1],), texts=_PLAIN
    ),
    "nothing quoted": TextWay(csv={"quote": ""}, line=bare(","), broken=BROKEN[1:], texts=_PLAIN),
    "lines before": TextWay(csv={"skip_lines": 2}, line=quoting(), head=b"Report, of us\n\n" + HEADER),
    "no header": TextWay(csv={"columns": list(COLUMNS)}, line=quoting(), head=b"", broken=BROKEN),
    "lines and no header": TextWay(csv={"columns": list(COLUMNS), "skip_lines": 1}, line=quoting(), head=b"x\n"),
    "a delimiter more": TextWay(line=bare(",", after=","), texts=_PLAIN),
    "a delimiter more above": TextWay(line=bare(","), head=head(b",", b",\n"), texts=_PLAIN),
    "windows-1252": TextWay(csv={"encoding": "windows-1252"}, line=quoting(), encoding="cp1252", broken=BROKEN),
    "utf-16": TextWay(line=quoting(), encoding="utf-16-le", mark=b"\xff\xfe", broken=BROKEN),
    "utf-16, big": TextWay(line=quoting(end="\r\n"), encoding="utf-16-be", mark=b"\xfe\xff", head=head(b",", b"\r\n")),
    "ndjson": TextWay(
        ending="ndjson", head=b"", line=lambda cells: as_json(cells) + b"\n", broken=(b'{"unit_id":\n', b"no json\n")
    ),
    "ndjson, crlf": TextWay(ending="jsonl", head=b"\r\n", line=lambda cells: b" " + as_json(cells) + b"\r\n", mark=BOM),
}
DAMAGE: Final = ({"metric_value": "zz"}, {"date": "18.11.2026"}, {"unit_id": ""}, {"unit_id": "", "metric_value": "1;5"})


def unpacked(data: bytes, packing: Packing) -> bytes:
    if packing is Packing.GZIP:
        return gzip.decompress(data)
    return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read() if packing is Packing.ZSTD else data


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=times(3))
@given(st.data())
def test_an_upload_and_its_fixed_rows_are_the_clean_file(name: str, data: st.DataObject) -> None:
    way = WAYS[name]
    rows = [
        SOUND | {"unit_id": f"u{number}", "note": data.draw(way.texts), "metric_value": str(number)}
        for number in range(data.draw(st.integers(2, 12)))
    ]
    clean = [way.line(list(row.values())) for row in rows]
    damaged = list(clean)
    for index in data.draw(st.sets(st.integers(1, len(rows) - 1), min_size=1)):
        changed = data.draw(st.sampled_from(DAMAGE))
        damaged[index] = data.draw(st.sampled_from((way.line(list((rows[index] | changed).values())), *way.broken)))
    packing = data.draw(st.sampled_from(Packing))
    upload = f"a.{way.ending}" + (f".{packing}" if packing else "")
    with pytest.MonkeyPatch.context() as patched:
        for reader in (csv_reader, ndjson_reader):
            patched.setattr(reader, "_BLOCK", data.draw(st.sampled_from([200, 4 << 20])))
        found = ingest(packed(way.bytes_of(way.head, damaged), packing), upload, Dataset.METRICS, config=way.config)
        assert found.fixes is not None
        fixes = unpacked(found.fixes, packing)
        for before, after in zip(damaged, clean, strict=True):
            if before != after:
                own, fixed_own = way.behind_errors(before), way.behind_errors(after)
                if own == before.lstrip(b" "):
                    fixed_own = after
                assert way.encoded(own) in fixes, "the bytes are those of the upload"
                fixes = fixes.replace(way.encoded(own), way.encoded(fixed_own), 1)
        fixed = ingest(packed(fixes, packing), found.fixes_name, Dataset.METRICS, config=way.config)
    assert fixed.rejected == []
    assert not any("_errors" in each.message for each in fixed.outcome.warnings)
    assert [(row["unit_id"], row["metric_value"]) for row in staged(found, fixed)] == sorted(
        (row["unit_id"], float(row["metric_value"])) for row in rows
    )
    assert found.outcome.fixes is not None
    assert found.outcome.fixes.left_out == 0


def test_rows_of_parquet_keep_their_types() -> None:
    schema = pa.schema(
        [
            ("unit_id", pa.int64()),
            ("id_type", pa.dictionary(pa.int32(), pa.string())),
            ("date", pa.string()),
            ("metric_name", pa.string()),
            ("metric_value", pa.decimal128(10, 2)),
        ]
    )
    days = ["2026-11-18", "18.11.2026", "2026-11-17", "", None]
    rows = [
        {"unit_id": number, "id_type": "t", "date": day, "metric_name": "m", "metric_value": number}
        for number, day in enumerate(days)
    ]
    data = as_parquet(
        rows, schema.names, dict(zip(schema.names, schema.types, strict=True)), compression="zstd", row_group_size=2
    )
    found = ingest(data, "a.parquet", Dataset.METRICS)
    assert found.fixes is not None
    file = pq.ParquetFile(io.BytesIO(found.fixes))
    assert file.schema_arrow == schema.insert(0, pa.field("_errors", pa.string()))
    assert file.metadata.row_group(0).column(1).compression == "ZSTD"
    table = file.read()
    assert table["unit_id"].to_pylist() == [1, 3, 4]
    assert [words.partition(":")[0] for words in table["_errors"].to_pylist()] == [
        "not_a_date (date)",
        *2 * ["required (date)"],
    ]
    fixed = table.set_column(3, "date", pa.array(3 * ["2026-11-16"]))
    again = ingest(parquet(fixed), found.fixes_name, Dataset.METRICS)
    assert (again.rejected, again.outcome.warnings) == ([], ())
    assert [row["unit_id"] for row in staged(found, again)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_text_of_every_kind_of_parquet_is_taken(kind: Any) -> None:
    rows = [SOUND | {"unit_id": f"u{number}", "metric_value": "z" if number % 3 else "1"} for number in range(9)]
    found = ingest(as_parquet(rows, COLUMNS, dict.fromkeys(COLUMNS, kind), row_group_size=4), "a.parquet", Dataset.METRICS)
    assert found.fixes is not None
    table = pq.read_table(io.BytesIO(found.fixes))
    wide = pa.dictionary(pa.int32(), pa.string())
    assert table.schema.field("unit_id").type == (wide if pa.types.is_dictionary(kind) else kind)
    assert table["unit_id"].to_pylist() == [f"u{number}" for number in (1, 2, 4, 5, 7, 8)]


@pytest.mark.parametrize("day", ["2026-11-18", "18.11.2026"], ids=["sound", "bad"])
def test_dictionaries_of_row_groups_may_be_too_many_together_for_their_own_keys(day: str) -> None:
    data, writer = io.BytesIO(), None
    for group in range(3):
        ids = pa.array([f"u{group}-{number}" for number in range(100)]).dictionary_encode()
        table = pa.table({name: [SOUND[name]] * 100 for name in COLUMNS} | {"date": [day] * 100})
        table = table.set_column(0, "unit_id", ids.cast(pa.dictionary(pa.int8(), pa.string())))
        writer = writer or pq.ParquetWriter(data, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    found = ingest(data.getvalue(), "a.parquet", Dataset.METRICS)
    assert (found.outcome.rows.read, found.outcome.problem is None) == (300, day == "2026-11-18")


def test_names_that_the_files_encoding_does_not_know_leave_no_fix_file_and_cost_nothing() -> None:
    names = ["unit_id", "id_type", "date", "metric_name", "metric_value", "größe"]
    config = CustomerConfig.model_validate(
        {
            "max_rejected_fraction": 1.0,
            "datasets": {"metrics": {"csv": {"encoding": "windows-1251", "columns": names}}},
        }
    )
    found = ingest(b"u,t,2026-11-18,m,1,n\nu,t,2026-11-18,m,zz,n\n", "a.csv", Dataset.METRICS, config=config)
    assert (found.outcome.rows.accepted, found.outcome.rows.rejected, found.fixes) == (1, 1, None)


@pytest.mark.parametrize("earlier", ['{ "_errors": "x" , ', '{"_errors":"x",', '{\t"_errors" :\t"x",'])
def test_earlier_errors_of_ndjson_go_however_they_are_spaced(earlier: str) -> None:
    record = earlier + '"unit_id":"u","id_type":"t","date":"2026-11-18","metric_name":"m","metric_value":"zz"}\n'
    found = ingest((json.dumps(SOUND) + "\n" + record).encode(), "a.ndjson", Dataset.METRICS)
    assert found.fixes is not None
    assert [name for name, _ in json.loads(found.fixes, object_pairs_hook=list)].count("_errors") == 1


def test_a_masked_value_of_marks_alone_is_masked() -> None:
    config = CustomerConfig(mask_values=("unit_id",), max_rejected_fraction=1.0)
    found = ingest(HEADER + GOOD + b'""",""",t,x,m,1,n\n', "a.csv", Dataset.METRICS, config=config)
    assert found.fixes is not None
    assert b"(masked),t,x" in found.fixes


def test_parquet_that_is_no_text_stays_as_it_is() -> None:
    table = pa.table({name: [SOUND[name]] * 2 for name in COLUMNS if name != "unit_id"})
    ids = pa.Array.from_buffers(pa.string(), 2, pa.array([b"u", b"\xff"], pa.binary()).buffers())
    found = ingest(parquet(table.append_column("unit_id", ids)), "a.parquet", Dataset.METRICS)
    assert found.fixes is not None
    read = pq.read_table(io.BytesIO(found.fixes))
    assert read["unit_id"].cast(pa.binary()).to_pylist() == [b"\xff"]


def test_objects_end_to_end_have_lines_of_their_own() -> None:
    data = b"".join(json.dumps(SOUND | {"metric_value": value}).encode() for value in ("1", "x", "2", "y")) + b"{}"
    found = ingest(data, "a.json", Dataset.METRICS)
    assert found.fixes is not None
    lines = [json.loads(line) for line in found.fixes.splitlines()]
    assert [line.get("metric_value") for line in lines] == ["x", "y", None]
    assert [next(iter(line)) for line in lines] == ["_errors"] * 3


def test_errors_are_the_words_of_every_reason() -> None:
    found = ingest(HEADER + GOOD + b",t,18.11.2026,m,1,n\n", "a.csv", Dataset.METRICS)
    assert found.fixes is not None
    (line,) = csv.DictReader(io.StringIO(found.fixes.decode()))
    hints = {reason["rule"]: reason["message"] for reason in found.rejected[0]["reasons"]}
    assert line["_errors"] == f"required (unit_id): {hints['required']}; not_a_date (date): {hints['not_a_date']}"


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.parquet"])
def test_what_is_not_fixed_has_its_new_errors_alone(name: str) -> None:
    rows = [SOUND, SOUND | {"metric_value": "zz"}]
    found = ingest(WRITERS[name](rows, COLUMNS), name, Dataset.METRICS)
    assert found.fixes is not None
    # With one row that is sound, so that the file is not refused.
    more = {
        "a.csv": found.fixes + b",u,t,2026-11-18,m,1,n\n",
        "a.ndjson": found.fixes + as_ndjson([SOUND], COLUMNS),
        "a.parquet": found.fixes,
    }[name]
    if name == "a.parquet":
        table = pq.read_table(io.BytesIO(found.fixes))
        sound = table.set_column(table.schema.get_field_index("metric_value"), "metric_value", pa.array(["1"]))
        more = parquet(pa.concat_tables([sound, table]))
    again = ingest(more, found.fixes_name, Dataset.METRICS)
    if name == "a.parquet":
        assert again.fixes is not None
        assert pq.read_table(io.BytesIO(again.fixes)).equals(pq.read_table(io.BytesIO(found.fixes)))
    else:
        assert again.fixes == found.fixes


@pytest.mark.parametrize(
    "data",
    [HEADER + GOOD, HEADER + BAD, HEADER + 100 * GOOD + 50 * BAD, b"unit_id\nx\n", b""],
    ids=["nothing rejected", "nothing accepted", "too many rejected", "header refused", "empty"],
)
def test_without_rejected_rows_of_an_accepted_file_there_is_none(data: bytes) -> None:
    assert ingest(data, "a.csv", Dataset.METRICS, config=CustomerConfig()).fixes is None


def test_masked_values_are_masked_and_what_cannot_be_masked_is_left_out() -> None:
    config = CustomerConfig(max_rejected_fraction=1.0, mask_values=("unit_id",))
    secret = b'"se""cr,et",t,2026-11-18,m,zz,n\n'
    found = ingest(
        HEADER + GOOD + secret + b"secret,t,2026-11-18\n" + b",t,2026-11-18,m,zz,n\n", "a.csv", Dataset.METRICS, config=config
    )
    assert found.fixes is not None
    lines = found.fixes.splitlines()
    assert [line.partition(b'",')[2] for line in lines[1:]] == [b"(masked),t,2026-11-18,m,zz,n", b",t,2026-11-18,m,zz,n"]
    assert found.outcome.fixes is not None
    assert (found.outcome.fixes.left_out, len(found.rejected)) == (1, 3)
    objects = [SOUND, SOUND | {"unit_id": "secret", "metric_value": "zz"}]
    for data, name in ((as_ndjson(objects, COLUMNS), "a.ndjson"), (as_parquet(objects, COLUMNS), "a.parquet")):
        other = ingest(data, name, Dataset.METRICS, config=config)
        assert other.fixes is not None
        assert b"secret" not in other.fixes
        assert b"(masked)" in other.fixes


def test_what_is_no_text_of_its_encoding_is_left_out() -> None:
    config = CustomerConfig.model_validate(
        {"max_rejected_fraction": 1.0, "datasets": {"metrics": {"csv": {"encoding": "shift_jis"}}}}
    )
    found = ingest(HEADER + GOOD + BAD + b"u\xff,t,2026-11-18,m,1,n\n", "a.csv", Dataset.METRICS, config=config)
    assert found.outcome.fixes is not None
    assert found.outcome.fixes.left_out == 1
    assert found.fixes is not None
    assert found.fixes.count(b"\n") == 2


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.parquet"])
def test_it_is_bounded_and_says_where_it_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of rejected rows are cut, those of a fix file are not, and cost no row its reasons."""
    monkeypatch.setattr(ingest_file, "_LEAST_REJECTED", 20_000)
    monkeypatch.setattr(ingest_file, "_MOST_REJECTED", 0)
    rows = [SOUND, *(SOUND | {"metric_value": "z", "unit_id": f"{number}" + 2_000 * "x"} for number in range(1, 21))]
    found = ingest(WRITERS[name](rows, COLUMNS), name, Dataset.METRICS)
    assert found.fixes is not None
    assert found.outcome.fixes is not None
    end = found.outcome.fixes.unwritten_from
    assert end is not None
    assert end <= (found.outcome.rejected_from or 22)
    assert len(found.rejected) == (found.outcome.rejected_from or 22) - 2
    is_parquet = name == "a.parquet"
    count = pq.read_table(io.BytesIO(found.fixes)).num_rows if is_parquet else found.fixes.count(b"\n") - (name == "a.csv")
    assert count == end - 2 > 0
    # Bytes are counted before they are packed, and without what stands above the records.
    assert is_parquet or len(found.fixes) <= 20_000 + 100
    assert found.outcome.rows.rejected == 20


def test_names_that_begin_with_an_underscore_are_no_extra_columns() -> None:
    found = ingest(b"_line,_x," + HEADER.replace(b",note", b"") + b"1,2,u,t,2026-11-18,m,1\n", "a.csv", Dataset.METRICS)
    assert found.outcome.warnings == ()


def test_records_of_segment_stand_there_as_they_came() -> None:
    sound = {"event": "view", "userId": "u", "originalTimestamp": "2026-11-18T08:00:00Z", "properties": {"a": [1, 2]}}
    bad = {"event": "statsig::experiment_exposure", "userId": "u", "originalTimestamp": "never", "properties": {"ex": "é"}}
    other = {"event": "a[b]", "userId": "u", "originalTimestamp": "2026-11-18T08:00:00Z"}
    found = ingest(as_ndjson([sound, bad, other], list(sound)), "a.json", Dataset.EVENTS)
    assert found.fixes is not None
    lines = found.fixes.decode().splitlines()
    assert [line.partition('", ')[2] for line in lines] == [json.dumps(each, ensure_ascii=False)[1:] for each in (bad, other)]


def test_a_computed_column_leaves_the_record_as_it_was_uploaded() -> None:
    config = CustomerConfig.model_validate(
        {"max_rejected_fraction": 1.0, "datasets": {"metrics": {"select": {"date": "DATE(day, '%d.%m.%Y')"}}}}
    )
    data = HEADER.replace(b"date", b"day") + b"u,t,18.11.2026,m,1,n\nu,t,2026-11-18,m,1,n\n"
    found = ingest(data, "a.csv", Dataset.METRICS, config=config)
    assert found.fixes is not None
    assert found.fixes.endswith(b'",u,t,2026-11-18,m,1,n\n')
    again = ingest(found.fixes.replace(b"2026-11-18", b"17.11.2026"), found.fixes_name, Dataset.METRICS, config=config)
    assert again.outcome.rows.accepted == 1


def test_the_column_of_errors_is_none_of_the_most_that_a_file_may_have() -> None:
    more = [f"c{number}" for number in range(MOST_COLUMNS - len(COLUMNS))]
    rows = [SOUND | dict.fromkeys(more, "x") | {"metric_value": value} for value in ("1", "z")]
    for name, write in WRITERS.items():
        found = ingest(write(rows, [*COLUMNS, *more]), name, Dataset.METRICS)
        assert found.fixes is not None, name
        again = ingest(found.fixes, found.fixes_name, Dataset.METRICS)
        assert again.refused is None, name
        assert again.outcome.rows.rejected == 1, name


def test_a_masked_id_that_was_not_written_again_is_warned_of() -> None:
    found = ingest(HEADER + b"(masked),t,2026-11-18,m,1,n\n", "a.csv", Dataset.METRICS)
    assert "unlikely_ids" in {each.code for each in found.outcome.warnings}


@pytest.mark.parametrize("header", [HEADER[:-1] + b",\n", HEADER], ids=["above", "in every row"])
def test_a_delimiter_more_than_rows_have_is_not_guessed_again_from_few_rows(header: bytes) -> None:
    """The records of a fix file may be those alone that are otherwise."""
    end = b"\n" if header != HEADER else b",\n"
    rows = b"".join(b"u%d,t,2026-11-18,m,1,n%s" % (number, end) for number in range(5))
    found = ingest(header + rows + b"u,t,2026-11-18,m,1\n", "a.csv", Dataset.METRICS)
    assert found.fixes is not None
    names, row = found.fixes.splitlines()
    assert names.count(b",") == 1 + rows.split(b"\n")[0].count(b",")
    assert row.endswith(b'",u,t,2026-11-18,m,1')
