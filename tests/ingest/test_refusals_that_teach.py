"""A refusal says what was found, and what to change where (contract section 3)."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, ingest

HEADER = "unit_id,id_type,date,metric_name,metric_value"
ROW = "u1,user_id,2026-11-18,m,1"


def refused(data: str | bytes, name: str = "metrics/a.csv", dataset: Dataset = Dataset.METRICS, **part: Any) -> str:
    masked = part.pop("mask_values", ())
    config = CustomerConfig.model_validate({"datasets": {dataset: part} if part else {}, "mask_values": masked})
    found = ingest(data.encode() if isinstance(data, str) else data, name, dataset, config=config)
    assert found.outcome.rows.accepted == 0
    assert found.outcome.problem is not None
    return found.outcome.problem.message


def hints(rows: str, header: str = HEADER, name: str = "metrics/a.csv", **part: Any) -> dict[str, str]:
    config = CustomerConfig.model_validate({"datasets": {"metrics": part}} if part else {})
    found: Ingested = ingest(f"{header}\n{rows}\n".encode(), name, Dataset.METRICS, config=config)
    return {rule.rule: rule.hint for rule in found.outcome.rules}


@pytest.mark.parametrize(
    ("delimiter", "called"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), ("\x01", "Hive"), ("~", "tildes")]
)
def test_another_delimiter_is_named_with_the_key_that_reads_it(delimiter: str, called: str) -> None:
    message = refused(f"{HEADER}\n{ROW}".replace(",", delimiter))
    assert called in message
    assert f"csv.delimiter to {delimiter!r}" in message
    assert repr(HEADER.replace(",", delimiter)) in message


def test_a_delimiter_of_the_config_that_the_file_does_not_have_is_told_with_both() -> None:
    message = refused(f"{HEADER}\n{ROW}\n", csv={"delimiter": ";"})
    assert "The config expects semicolons (';')" in message
    assert "commas (',')" in message


@pytest.mark.parametrize("before", [1, 2, 5])
def test_a_header_behind_a_title_is_named_by_its_line(before: int) -> None:
    message = refused("\n".join([*(f"title {line}" for line in range(before)), HEADER, ROW]))
    assert f"Line {before + 1} looks like the header" in message
    assert f"csv.skip_lines to {before}" in message


def test_a_file_without_a_header_is_told_so() -> None:
    message = refused(f"{ROW}\n{ROW}\n")
    assert "looks like data, there is no header" in message
    assert "csv.columns" in message
    assert repr(ROW) in message


def test_what_is_masked_is_not_in_the_first_line_that_is_shown() -> None:
    message = refused("secret-1,user_id,2026-11-18,m,1\n", mask_values=True)
    assert "(masked)" in message
    assert "secret" not in message


def test_the_first_line_is_cut() -> None:
    assert len(refused("x" * 100_000 + "\n")) < 1_000


def test_near_names_and_those_of_other_programs_are_given_with_the_key_that_maps_them() -> None:
    message = refused("uid,id_type,ds,metric,value\nu1,user_id,2026-11-18,m,1\n")
    assert "{uid: unit_id, ds: date, metric: metric_name, value: metric_value}" in message
    records = json.dumps({"uid": "u1", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": 1})
    assert "{uid: unit_id}" in refused(records, "metrics/a.ndjson")


def test_lines_that_are_quoted_as_a_whole_are_told_so() -> None:
    assert "one field, in quotes as a whole" in refused(f'"{HEADER}"\n"{ROW}"\n')


def test_a_wide_table_is_told_to_write_a_row_for_each_metric() -> None:
    message = refused("user_id,date,revenue,clicks\nu1,2026-11-18,5,2\n")
    assert "'revenue', 'clicks' look like metrics of a wide table" in message


def test_a_column_that_stands_in_a_folder_is_told_with_the_key_that_takes_it() -> None:
    message = refused("unit_id,id_type,metric_name,metric_value\nu1,user_id,m,1\n", "metrics/ds=2026-11-18/a.csv")
    assert "datasets.metrics.folders to {ds: date}" in message


def test_a_tar_archive_and_what_is_packed_twice_are_called_by_their_names() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"), io.BytesIO())
    assert "a tar archive" in refused(gzip.compress(packed.getvalue()), "metrics/a.csv.gz")
    assert "compressed more than once" in refused(gzip.compress(gzip.compress(b"a,b\n")), "metrics/a.csv.gz")
    assert "a Parquet file that is compressed once more" in refused(gzip.compress(b"PAR1abc"), "metrics/a.csv.gz")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"unit_id":{"0":"u1","1":"u2"},"date":{"0":"x","1":"y"}}', "orient='records', lines=True"),
        ('{"columns":["unit_id"],"data":[["u1"]]}', "to_json(orient='records', lines=True)"),
        ('{"results":[{"unit_id":"u1"}]}', "holds all rows in 'results'"),
        ('{"unit_id":["u1","u2"],"date":["x","y"]}', "a list for each column"),
    ],
)
def test_json_that_holds_all_rows_in_one_object_is_told_so(text: str, said: str) -> None:
    assert said in refused(text, "metrics/a.json")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"1,234.50"', "thousands separators"),
        ("1'234.50", "thousands separators"),
        ("$5", "currency signs"),
        ("5 %", "percent signs"),
        ('"12,5"', "csv.decimal to ','"),
        ("NA", "csv.null_values"),
        ("#N/A", "csv.null_values"),
        ("true", "write 1 or 0"),
        ("  ", "only spaces"),
    ],
)
def test_what_is_no_number_is_told_by_its_looks(value: str, said: str) -> None:
    assert said in hints(f"u1,user_id,2026-11-18,m,{value}")["not_a_number"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("18.11.2026", "DATE(date, '%d.%m.%Y')"),
        ("46344", "DATE(date, 'excel')"),
        ("1794960000000", "unix time"),
        ("2026-11-18 09:00:00", "leave out the time of day"),
    ],
)
def test_what_is_no_day_is_told_by_its_looks(value: str, said: str) -> None:
    assert said in hints(f"u1,user_id,{value},m,1")["not_a_date"]


def test_a_value_behind_an_expression_is_shown_as_it_was_uploaded_with_the_expression() -> None:
    config = CustomerConfig.model_validate({"datasets": {"metrics": {"select": {"date": "DATE(date, '%d.%m.%Y')"}}}})
    data = f"{HEADER}\nu1,user_id,11/18/2026,m,1\nu2,user_id,18.11.2026,m,1\nu3,user_id,,m,1\n".encode()
    found = ingest(data, "metrics/a.csv", Dataset.METRICS, config=config)
    assert found.outcome.rows.accepted == 1
    rules = {rule.rule: rule for rule in found.outcome.rules}
    assert rules["not_a_date"].examples[0].value == "11/18/2026"
    assert "DATE(date, '%d.%m.%Y')" in rules["not_a_date"].hint
    assert "write the day as" not in rules["not_a_date"].hint
    assert rules["required"].count == 1


def test_hints_speak_of_the_timestamp_format_in_force() -> None:
    config = CustomerConfig.model_validate({"datasets": {"events": {"timestamp": {"format": "%d.%m.%Y %H:%M", "zone": "UTC"}}}})
    data = b'timestamp,event_name,user\n2026-11-18T09:00:00Z,e,"{""userID"":""u1""}"\n'
    found = ingest(data, "events/a.csv", Dataset.EVENTS, config=config)
    assert [rule.hint for rule in found.outcome.rules] == [
        "write the time as %d.%m.%Y %H:%M in UTC, as timestamp.format of the config says"
    ]


@pytest.mark.parametrize(
    ("row", "rule", "said"),
    [
        (r'"u \"x\"",user_id,2026-11-18,m,1', "broken_quoting", "csv.escape"),
        ('"u1", "user_id",2026-11-18,m,1', "broken_quoting", "a space stands before the quote"),
        ('u "1",user_id,2026-11-18,m,1', "broken_quoting", "csv.quote to none"),
    ],
)
def test_broken_quoting_is_told_by_its_looks(row: str, rule: str, said: str) -> None:
    assert said in hints(row)[rule]


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("cp1252", "Renée Müller", "Windows-1252"),
        ("shift_jis", "東京都千代田区", "Shift_JIS"),
        ("cp1252", "café – bar", "Windows-1252"),
    ],
)
def test_text_that_is_no_utf8_is_told_what_it_looks_like(encoding: str, text: str, named: str) -> None:
    data = f"{HEADER}\n{text},user_id,2026-11-18,m,1\n".encode(encoding)
    message = refused(data)
    assert "save the file as UTF-8" in message
    assert f"looks like {named}: set csv.encoding to {named.lower()}" in message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"unit_id": NaN}', "write null"),
        ("{'unit_id': 'u1'}", "json.dumps"),
        ('{"unit_id": "u1"},', "the comma at the end"),
        ("u1,user_id", "name it .csv"),
    ],
)
def test_lines_that_are_no_json_are_told_by_their_looks(line: str, said: str) -> None:
    assert said in refused(line + "\n", "metrics/a.ndjson")


RAGGED = f"{HEADER}\n" + "u1;user_id;2026-11-18;m;1\n" * 3


@pytest.mark.parametrize(
    ("data", "name", "shown"),
    [
        (RAGGED, "metrics/a.csv", HEADER),
        (gzip.compress(RAGGED.encode(), mtime=0), "metrics/a.csv.gz", HEADER),
        (f"{HEADER}\n" + "u1,user_id,x,m,1\n" * 300, "metrics/a.csv", HEADER),
        (f"{HEADER},date\n{ROW},2026-11-18\n", "metrics/a.csv", f"{HEADER},date"),
        (HEADER.encode() + b",gr\xf6\xdfe\n", "metrics/a.csv", HEADER + ",gr\\\\xf6\\\\xdfe"),
        (f"\ufeff\n{HEADER}\rx\n", "metrics/a.csv", HEADER),
        (b"PK\x03\x04 a workbook", "metrics/a.csv", "PK\\x03\\x04 a workbook"),
        (b"plain words\n", "metrics/a", "plain words"),
        ('[{"unit_id": "u1"}]', "metrics/a.ndjson", '[{"unit_id": "u1"}]'),
        ('\n{"unit_id": "u1"}\n', "metrics/a.ndjson", '{"unit_id": "u1"}'),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "metrics/a.ndjson", HEADER),
    ],
)
def test_a_text_file_that_may_have_been_misread_is_refused_with_its_first_line(
    data: str | bytes, name: str, shown: str
) -> None:
    message = refused(data, name)
    assert message.count("The first line was read as") == 1
    assert shown in message
    hidden = refused(data, name, mask_values=True)
    # A header of names that are expected tells no values.
    is_header = shown in (HEADER, f"{HEADER},date") and name.startswith("metrics/a.csv") and "\r" not in str(data)
    assert ("was read as (masked)" in hidden) != is_header
    assert len(message) < 1_500


def test_lines_with_another_delimiter_than_the_header_are_told_so() -> None:
    assert "the line behind it is separated by semicolons" in refused(RAGGED)
    assert "separated by semicolons" not in refused(f"{HEADER}\nu1,user_id;x,2026-11-18\n")


def test_a_first_line_that_is_data_is_not_told_where_values_are_masked() -> None:
    columns = HEADER.split(",")
    assert "u1" in refused("u1,user_id,x,m,1\n", csv={"columns": columns})
    assert "u1" not in refused("u1,user_id,x,m,1\n", csv={"columns": columns}, mask_values=True)
    assert "secret" not in refused('{"unit_id": "secret"}\n', "metrics/a.ndjson", mask_values=True)


def test_the_first_line_is_that_of_the_encoding_and_of_the_lines_that_are_skipped() -> None:
    text = f"report\n{HEADER},größe\n{ROW}\n".encode("windows-1252")
    message = refused(text, csv={"encoding": "windows-1252", "skip_lines": 1})
    assert f"was read as '{HEADER},größe'" in message


@pytest.mark.parametrize(
    ("data", "name"), [(b"", "metrics/a.csv"), (b"PAR1abc", "metrics/a.parquet"), (b"\x1f\x8bxx", "metrics/a.csv.gz")]
)
def test_other_refusals_show_no_line(data: bytes, name: str) -> None:
    found = ingest(data, name, Dataset.METRICS).outcome.problem
    assert found is None or "The first line" not in found.message
