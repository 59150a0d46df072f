"""Files as Excel, Windows and warehouses write them are read, some by a key of the config (contract section 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, ingest

HEADER = "unit_id,id_type,date,metric_name,metric_value"
FIVE = HEADER.split(",")
ROWS = ("u1,user_id,2026-11-18,m,1.5", "u2,user_id,2026-11-18,m,2.5")


def csv(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in (header, *lines) if line is not None).encode()


def read(data: bytes, name: str = "metrics/a.csv", dataset: Dataset = Dataset.METRICS, **part: Any) -> Ingested:
    config = CustomerConfig.model_validate({"datasets": {dataset: part}}) if part else CustomerConfig()
    return ingest(data, name, dataset, config=config)


def column(found: Ingested, name: str, dataset: Dataset = Dataset.METRICS) -> list[Any]:
    return [row[name] for rows in found.rows(dataset).values() for row in rows]


def message(found: Ingested) -> str:
    assert found.outcome.problem is not None
    return found.outcome.problem.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    text = csv("Zoë,user_id,2026-11-18,größe 🦊,1").decode()
    data = text.encode(encoding) if encoding in ("utf-16", "utf-32") else ("\ufeff" + text).encode(encoding)
    found = read(data)
    assert column(found, "unit_id") == ["Zoë"]
    assert column(found, "metric_name") == ["größe 🦊"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1252", "Renée – pro"),
        ("iso-8859-2", "Łódź"),
        ("cp1251", "Москва"),
        ("shift_jis", "東京ソ"),
        ("gb18030", "北京"),
    ],
)
def test_the_config_names_the_encoding(encoding: str, text: str) -> None:
    found = read(csv(f"{text},user_id,2026-11-18,m,1").decode().encode(encoding), csv={"encoding": encoding})
    assert column(found, "unit_id") == [text]
    marked = read(b"\xef\xbb\xbf" + csv(f"{text},user_id,2026-11-18,m,1"), csv={"encoding": encoding})
    assert column(marked, "unit_id") == [text], "a byte order mark tells more than the config"


def test_bytes_that_are_none_of_the_named_encoding_cost_their_row_alone() -> None:
    data = csv("a\x81b,user_id,2026-11-18,m,1".replace("\x81", "@@"), *ROWS).replace(b"@@", b"\x81\x8d")
    found = read(data, csv={"encoding": "windows-1252"})
    assert (found.outcome.rows.accepted, found.outcome.rows.rejected) == (2, 1)
    (rule,) = found.outcome.rules
    assert (rule.rule, rule.examples[0].line) == ("not_utf8", 2)
    assert "windows-1252" in rule.hint


def test_encoded_text_is_read_over_the_ends_of_blocks_with_its_own_line_numbers() -> None:
    lines = [f"ü{number},user_id,2026-11-18,m,{number}" for number in range(60_000)]
    lines[50_000] = "ü,user_id,2026-11-18,m,x"
    found = read(csv(*lines).decode().encode("utf-16"))
    assert (found.outcome.rows.accepted, found.outcome.rows.rejected) == (59_999, 1)
    assert (found.rejected[0]["record"], found.rejected[0]["line"]) == (50_001, 50_002)


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;;;"])
@pytest.mark.parametrize("part", [{}, {"csv": {"delimiter": ";"}}, {"csv": {"delimiter": "|"}}])
def test_a_first_line_names_the_delimiter(line: str, part: dict[str, Any]) -> None:
    data = csv(*(row.replace(",", ";") for row in (HEADER, *ROWS, "u3;user_id")), header=line, end="\r\n")
    found = read(data, **part)
    assert column(found, "unit_id") == ["u1", "u2"]
    assert found.rejected[0]["line"] == 5


def test_backslashes_inside_of_quotes_escape_and_elsewhere_stand_for_themselves() -> None:
    rows = (
        r'u1,user_id,2026-11-18,"a, \"b\" \\ \n",1',
        r"u2,user_id,2026-11-18,c:\dir\,2",
        r"u3,user_id,2026-11-18,\\server,3",
        'u4,user_id,2026-11-18,"two\\\nlines",4',
        r"u5,user_id,2026-11-18,m,\N",
        r'u6,user_id,2026-11-18,"say \"x,6',
    )
    found = read(csv(*rows), csv={"escape": "\\"})
    assert column(found, "metric_name") == ['a, "b" \\ \\n', "c:\\dir\\", "\\\\server", "two\nlines"]
    assert [(row["record"], row["line"]) for row in found.rejected] == [(5, 7), (6, 8)]
    assert found.rejected[1]["raw"] == rows[-1]


def test_without_quotes_escapes_stand_for_delimiters_newlines_and_letters() -> None:
    rows = (
        "u1\tuser_id\t2026-11-18\ta\\tb\\\\n\t1",
        'u2\tuser_id\t2026-11-18\tan "x" \\\tin\\\nit\t2',
        "u3\tuser_id\t2026-11-18\tm\tx",
        "u4\tuser_id\t2026-11-18\t\\N\t4",
    )
    found = read(csv(*rows, header=HEADER.replace(",", "\t")), "metrics/a.tsv", csv={"escape": "\\", "quote": "none"})
    assert column(found, "metric_name") == ["a\tb\\n", 'an "x" \tin\nit']
    assert [(row["record"], row["line"]) for row in found.rejected] == [(3, 5), (4, 6)]


def test_an_escape_is_one_wherever_the_bytes_are_cut() -> None:
    padding = "x" * 100
    rows = [f'u{number},user_id,2026-11-18,"{padding}\\\\\\"{number % 100}",1' for number in range(45_000)]
    found = read(csv(*rows), csv={"escape": "\\"})
    assert found.outcome.rows.accepted == 45_000
    assert column(found, "metric_name")[44_999] == f'{padding}\\"99'


@pytest.mark.parametrize("quote", ["", "none", False])
def test_where_nothing_is_quoted_a_quote_is_a_character(quote: object) -> None:
    found = read(csv('u"1,user_id,2026-11-18,"m",1'), csv={"quote": quote})
    assert (column(found, "unit_id"), column(found, "metric_name")) == (['u"1'], ['"m"'])


def test_the_config_gives_names_to_a_file_without_a_header_and_a_header_is_then_left_out() -> None:
    bare = b"".join(row.encode() + b"\n" for row in ROWS)
    assert column(read(bare, csv={"columns": FIVE}), "unit_id") == ["u1", "u2"]
    found = read(csv(*ROWS), csv={"columns": FIVE})
    assert (found.outcome.rows.accepted, found.outcome.rows.filtered) == (2, 1)


@pytest.mark.parametrize("title", ["Report of 2026", '"a, b"', "# made, by, us", ""])
def test_lines_before_the_header_are_skipped(title: str) -> None:
    found = read(csv(HEADER, *ROWS, "u3,user_id", header=title), csv={"skip_lines": 1})
    assert column(found, "unit_id") == ["u1", "u2"]
    assert found.rejected[0]["line"] == 5


def test_a_decimal_comma_is_read_where_the_config_says_so_and_a_point_is_none_then() -> None:
    rows = ("u1;user_id;2026-11-18;m;12,5", "u2;user_id;2026-11-18;m;-0,25", "u3;user_id;2026-11-18;m;1.234")
    found = read(csv(*rows, header=HEADER.replace(",", ";")), csv={"delimiter": ";", "decimal": ","})
    assert column(found, "metric_value") == [12.5, -0.25]
    (rule,) = found.outcome.rules
    assert "csv.decimal" in rule.hint
    assert "such as 12.5" not in rule.hint


def test_columns_come_from_the_folders_of_the_name() -> None:
    data = csv("u1,m,1", header="unit_id,metric_name,metric_value")
    name = "metrics/date=2026-11-18/kind=user%5Fid/part-0.csv"
    found = read(data, name, folders={"date": "date", "kind": "id_type"})
    assert (column(found, "id_type"), next(iter(found.rows(Dataset.METRICS))).isoformat()) == (["user_id"], "2026-11-18")
    absent = read(data, "metrics/a.csv", folders={"date": "date", "kind": "id_type"})
    assert absent.refused == "missing_column"
    assert "folder date=..." in message(absent)


def test_paths_reach_into_json_objects() -> None:
    record = {"p": {"id": {"$oid": "6f"}, "n": 12345678901234567890, "a.b": 1}, "flat.value": 1.5, "date": "2026-11-18"}
    data = json.dumps({**record, "metric_name": "m"}).encode()
    columns = {"p.id.$oid": "unit_id", "p.n": "id_type", "flat.value": "metric_value"}
    found = read(data, "metrics/a.ndjson", columns=columns)
    assert column(found, "unit_id") == ["6f"]
    assert column(found, "id_type") == ["12345678901234567890"]
    assert column(found, "metric_value") == [1.5]


def test_what_excel_counts_as_a_day_is_one_by_an_expression_and_by_a_format() -> None:
    found = read(csv("u1,user_id,46344,m,1", "u2,user_id,46344.75,m,1"), select={"date": "DATE(date, 'excel')"})
    assert {day.isoformat(): len(rows) for day, rows in found.rows(Dataset.METRICS).items()} == {"2026-11-18": 2}
    events = csv('46344.375,e,"{""userID"":""u1""}"', header="timestamp,event_name,user")
    read_events = read(events, "events/a.csv", Dataset.EVENTS, timestamp={"format": "excel", "zone": "Europe/Berlin"})
    assert column(read_events, "timestamp", Dataset.EVENTS)[0].isoformat() == "2026-11-18T08:00:00+00:00"


def test_a_zone_alone_reads_times_that_carry_no_offset_and_leaves_the_others() -> None:
    times = ("2026-11-18 09:00:00", "2026-11-18T09:00:00.5", "2026-11-18 09:00:00 UTC", "1795000000")
    rows = (f'{each},e,"{{""userID"":""u1""}}"' for each in times)
    found = read(
        csv(*rows, header="timestamp,event_name,user"), "events/a.csv", Dataset.EVENTS, timestamp={"zone": "Asia/Tokyo"}
    )
    assert [each.isoformat()[11:22] for each in column(found, "timestamp", Dataset.EVENTS)] == [
        "00:00:00+00",
        "00:00:00.50",
        "09:00:00+00",
        "11:06:40+00",
    ]
