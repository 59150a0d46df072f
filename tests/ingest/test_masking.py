"""What the config masks is shown nowhere, whatever else is wrong with a file and however it is written (contract section 5)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, Row, ingest
from tests.support.soak import times
from tests.support.uploads import as_csv, as_ndjson, as_parquet

HUSHED: Final = "geheim"
MASKED: Final = "(masked)"
FORMATS: Final[Mapping[str, Callable[[Sequence[Row], Sequence[str]], bytes]]] = {
    "csv": as_csv,
    "tsv": lambda rows, columns: as_csv(rows, columns, delimiter="\t", newline="\r\n", bom=True),
    "ndjson": as_ndjson,
    "parquet": as_parquet,
}
COLUMNS: Final = {
    Dataset.METRICS: ["unit_id", "id_type", "date", "metric_name", "metric_value", "numerator", "is_test", "note"],
    Dataset.EVENTS: ["timestamp", "event_name", "event_value", "event_metadata", "user", "timeuuid", "is_test", "note"],
    Dataset.EXPOSURES: ["timestamp", "experiment", "group_id", "unit_id", "id_type", "metadata_json", "note"],
}
SOUND: Final[Mapping[Dataset, Row]] = {
    Dataset.METRICS: {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"},
    Dataset.EVENTS: {"timestamp": "1795000000", "event_name": "e", "user": '{"userID":"u"}'},
    Dataset.EXPOSURES: {"timestamp": "1795000000", "experiment": "e", "group_id": "g", "unit_id": "u"},
}
"""Without such a row a file is refused, and has no fix file."""
SEGMENT: Final = ["event", "userId", "anonymousId", "properties", "originalTimestamp", "messageId"]
# Sound for some column and wrong for others, or wrong for all.
OPEN: Final = st.sampled_from(
    [
        "",
        "u",
        "userID",
        "2026-11-18",
        "2026-11-18T09:00:00Z",
        "1795000000123",
        "1",
        "x",
        '{"userID":"u"}',
        "[]",
        "a[b]",
        "x" * 600,
    ]
)
HIDDEN: Final = st.builds(
    lambda form, number: form % f"{HUSHED}{number}",
    st.sampled_from(
        ["%s", '{"userID":"%s"}', '{"%s":1}', '{"customIDs":{"%s":""}}', '{"a":"%s', '"%s"', "%s\n,\t%%s", "[%s]", "{%s}"]
        # Beyond the longest name, the longest id, and the longest metadata.
        + [f"{'é' * 20}%s{'x' * length}" for length in (130, 520)]
        + ['{"a":"%s' + "x" * 16_400 + '"}']
    ),
    st.integers(0, 9),
)


def spelt(name: str) -> st.SearchStrategy[str]:
    """A column's name as a header or a config may write it."""
    return st.sampled_from([name, name, name.upper(), f" {name} ", name.title()])


@st.composite
def tables(draw: st.DrawFn, dataset: Dataset) -> tuple[list[Row], list[str], dict[str, Any]]:
    """Rows with secrets in some columns alone, the header, and a config that masks these."""
    names = draw(st.permutations(COLUMNS[dataset]))
    hidden = draw(st.sets(st.sampled_from(names), min_size=1, max_size=3))
    header = {name: draw(spelt(name)) for name in names}
    aliases = {}
    for name in hidden - {"note"}:
        if draw(st.booleans()):
            header[name] = f"their {name}"
            aliases[header[name]] = name
    rows = [
        {header[name]: draw(HIDDEN | OPEN) if name in hidden else draw(OPEN) for name in names}
        for _ in range(draw(st.integers(1, 5)))
    ] + [{header[name]: SOUND[dataset].get(name, "") for name in names}]
    config: dict[str, Any] = {
        # A renamed column is masked by its own name, or by the contract's as that is written there.
        "mask_values": [
            draw(st.sampled_from([name, header[name]]) if header[name] in aliases else spelt(name)) for name in sorted(hidden)
        ],
        "max_rejected_fraction": draw(st.sampled_from([0.1, 1.0])),
    }
    if aliases:
        config["datasets"] = {dataset.value: {"columns": aliases}}
    return rows, list(header.values()), config


def shown(found: Ingested) -> str:
    """All that anybody is told of an upload."""
    outcome = found.outcome
    told = json.dumps(found.rejected, ensure_ascii=False) + repr((outcome.rules, outcome.warnings, outcome.problem))
    return told + fixes_of(found)


def fixes_of(found: Ingested) -> str:
    """The text of the fix file, of which Parquet's would not be seen in its bytes."""
    data = found.fixes or b""
    if found.fixes_name.endswith(".parquet") and data:
        return repr(pq.read_table(io.BytesIO(data)).to_pylist())
    return data.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dataset", COLUMNS)
@settings(max_examples=times(25))
@given(st.data())
def test_masked_values_are_shown_nowhere(dataset: Dataset, form: str, data: st.DataObject) -> None:
    rows, header, config = data.draw(tables(dataset))
    found = ingest(FORMATS[form](rows, header), f"a.{form}", dataset, config=CustomerConfig.model_validate(config))
    assert HUSHED not in shown(found)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=times(25))
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(SEGMENT[1:4], OPEN | HIDDEN) | {"event": OPEN, "messageId": OPEN}), max_size=5)
)
def test_what_segment_calls_users_and_metadata_is_shown_nowhere_either(form: str, rows: list[Row]) -> None:
    sound = dict.fromkeys(SEGMENT, "") | {"event": "e", "userId": "u", "originalTimestamp": "2026-11-18T08:00:00Z"}
    rows = [*rows, dict.fromkeys(SEGMENT, "x"), sound]
    config = CustomerConfig.model_validate({"mask_values": True, "max_rejected_fraction": 1.0})
    found = ingest(FORMATS[form](rows, SEGMENT), f"a.{form}", Dataset.EVENTS, config=config)
    assert found.rejected
    assert found.fixes is not None
    assert HUSHED not in shown(found)


@settings(max_examples=times(60))
@given(st.binary(max_size=3), st.integers(0, 400), st.sampled_from(["csv", "ndjson"]))
def test_bytes_that_break_records_show_no_masked_value(stuffed: bytes, at: int, form: str) -> None:
    """Behind the header, as one that names a column otherwise masks nothing."""
    names = COLUMNS[Dataset.METRICS]
    rows = [dict.fromkeys(names, "") | SOUND[Dataset.METRICS], *[dict.fromkeys(names, HUSHED)] * 3]
    data = FORMATS[form](rows, names)
    first = data.index(b"\n") + 1 if form == "csv" else 0
    at = first + at % (len(data) - first)
    data = data[:at] + stuffed + data[at:]
    config = CustomerConfig(mask_values=tuple(names), max_rejected_fraction=1.0)
    found = ingest(data, f"a.{form}", Dataset.METRICS, config=config)
    assert found.rejected or found.outcome.problem
    rows_shown = [line["row"] for line in found.rejected if "row" in line]
    assert all(value in (None, MASKED) for row in rows_shown for name, value in row.items() if name in names)
    # A name that was stuffed is another name, in JSON; under a name that is masked nothing is shown.
    if form == "csv":
        assert HUSHED not in shown(found)


def test_a_renamed_column_is_masked_by_the_contracts_name_in_any_case() -> None:
    row = dict.fromkeys(("customer", "id_type", "date", "metric_name", "metric_value"), HUSHED)
    mask = ["UNIT_ID", *(name for name in row if name != "customer")]
    config = {"mask_values": mask, "datasets": {"metrics": {"columns": {"customer": "unit_id"}}}}
    found = ingest(as_csv([row], list(row)), "a.csv", Dataset.METRICS, config=CustomerConfig.model_validate(config))
    assert HUSHED not in shown(found)


@pytest.mark.parametrize("form", FORMATS)
def test_without_a_mask_the_same_values_are_shown(form: str) -> None:
    """What the other tests look for would be there."""
    row = dict.fromkeys(COLUMNS[Dataset.EVENTS], HUSHED)
    sound = dict.fromkeys(row, "") | SOUND[Dataset.EVENTS]
    found = ingest(FORMATS[form]([row, sound], list(row)), f"a.{form}", Dataset.EVENTS)
    assert shown(found).count(HUSHED) > len(row)
    assert fixes_of(found).count(HUSHED) >= len(row) - 1


EVERY_FIELD: Final = {
    "unit_id",
    "id_type",
    "date",
    "metric_name",
    "metric_value",
    "timestamp",
    "event_name",
    "event_value",
    "event_metadata",
    "user",
    "experiment",
    "group_id",
    "metadata_json",
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dataset", COLUMNS)
@pytest.mark.parametrize(
    "spell", [str, str.upper, lambda name: "".join(map(str.title, name.split("_"))), lambda name: f"\ufeff{name}\u200b"]
)
def test_a_secret_in_every_field_is_shown_nowhere(dataset: Dataset, form: str, spell: Callable[[str], str]) -> None:
    """However the file and the config spell names, as a mask follows what is read as a name."""
    names = [spell(name) for name in COLUMNS[dataset]]
    sound = {"timestamp": "1795000000", "date": "2026-11-18"}
    rows: list[Row] = [
        {
            own: sound.get(name, HUSHED) if other else f"{HUSHED}{'x' * 20_000}"
            for name, own in zip(COLUMNS[dataset], names, strict=True)
        }
        for other in range(2)
    ]
    mask = sorted({*EVERY_FIELD, "note", "timeuuid", "numerator", "is_test"})
    config = CustomerConfig.model_validate({"mask_values": mask, "max_rejected_fraction": 1.0})
    found = ingest(FORMATS[form](rows, names), f"a.{form}", dataset, config=config)
    assert found.rejected
    assert HUSHED not in shown(found)


@pytest.mark.parametrize("mask", [True, ["unit_id"], ["user"]])
def test_what_is_not_read_of_a_record_of_segments_is_masked_with_its_user(mask: object) -> None:
    record = {
        "event": "x" * 200,
        "userId": HUSHED if mask is True else "u",
        "anonymousId": HUSHED if mask is True else "a",
        "timestamp": "no time",
        "context": {"traits": {"email": HUSHED}, "ip": HUSHED},
        "traits": {"email": HUSHED},
        "properties": {"email": HUSHED, "metadata": {"k": "v"}},
        "messageId": HUSHED,
        "integrations": [HUSHED],
    }
    config = CustomerConfig.model_validate({"mask_values": mask, "max_rejected_fraction": 1.0})
    found = ingest(as_ndjson([record], list(record)), "a.ndjson", Dataset.EVENTS, config=config)
    assert found.rejected[0]["row"]["event"] == "x" * 200
    assert HUSHED not in shown(found)


@pytest.mark.parametrize(
    ("lines", "config"),
    [
        ([f"{HUSHED},{HUSHED},2026-11-18,m,1"], {}),
        ([f"{HUSHED},user_id,2026-11-18,m,1"], {}),
        ([f"unit_id,id_type,date,metric_name,metric_value,{HUSHED}", ",user_id,2026-11-18,m,1,x"], {}),
        ([f"{HUSHED}_a,user_id,2026-11-18,m,1"], {"select": {"unit_id": f"LOWER({HUSHED[:-1]}_a)"}}),
        ([f"{HUSHED}_a,user_id,2026-11-18,m,1"], {"where": f"{HUSHED[:-1]}_a = '1'"}),
    ],
)
def test_the_first_row_of_a_file_without_a_header_is_not_repeated_where_values_are_masked(
    lines: list[str], config: dict[str, Any]
) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    masked = CustomerConfig.model_validate({"mask_values": ["unit_id"], "datasets": {"metrics": config}})
    assert HUSHED not in shown(ingest(data, "a.csv", Dataset.METRICS, config=masked))


def test_a_column_by_a_name_that_somebody_expects_is_called_by_it() -> None:
    header = "Unit ID,id_type,date,metric_name,metric_value,e-mail,userId,other"
    config = CustomerConfig.model_validate({"mask_values": ["unit_id", "email"], "max_rejected_fraction": 1.0})
    found = ingest(f"{header}\nu,t,x,m,1,a,b,c\n".encode(), "a.csv", Dataset.METRICS, config=config)
    assert list(found.rejected[0]["row"]) == [*header.split(",")[:7], "column 8"]
    told = {warning.code: warning.message for warning in found.outcome.warnings}
    assert told == {
        "column_name_differs": "taken: 'Unit ID' as unit_id",
        "extra_columns": "not read: 'e-mail', 'userId', column 8",
    }
