"""Arbitrary bytes, sound files that were damaged above all, end in an answer that keeps every promise, and never in a crash.

Every file is ingested in a child process.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.ingest.readers.formats import Layout, Packing
from schemas.customer_config import CustomerConfig
from tests.support.damage import damaged, damaged_parquet, damaged_text
from tests.support.ingest import LENIENT, UPLOADED_AT, Row
from tests.support.ingest_process import IngestProcess, Upload
from tests.support.soak import times
from tests.support.uploads import as_csv, as_ndjson, as_parquet, packed

BLOCK: Final = 4 * 1024 * 1024
"""Bytes that the readers of text take at once."""

USER: Final = {"userID": "u1", "customIDs": {"company": "c"}, "email": "🙂@x"}
AT: Final = "2026-11-18T09:00:00.25+01:00"
ROWS: Final[Mapping[Dataset, Sequence[Row]]] = {
    Dataset.METRICS: [
        {"unit_id": "u1", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": 1.5, "is_test": True},
        {"unit_id": "ü2", "id_type": "stable-ids", "date": "2026-11-17", "metric_name": "n", "numerator": 1, "denominator": 3},
        {"unit_id": 'a "b",\nc', "id_type": "t", "date": "2027-11-18", "metric_name": "m", "metric_value": -1e300},
        {"unit_id": 7, "id_type": "t", "date": "2026-11-18", "metric_name": "🙂", "metric_value": "x"},
    ],
    Dataset.EVENTS: [
        {"timestamp": 1795000000, "event_name": "view", "user": USER, "event_value": 12, "is_test": False},
        {
            "timestamp": AT,
            "event_name": "buy now",
            "user": {"customIDs": {"company": 7}},
            "event_metadata": {"a": {"b": [1, "]"]}},
        },
        {"timestamp": "1795000000123", "event_name": "a[b]", "user": {"email": "x"}, "event_metadata": "no"},
        {"timestamp": AT, "event_name": "größe", "user": USER, "timeuuid": "2FE0D30A-1c2d-11b2-8000-0123456789ab"},
    ],
    Dataset.EXPOSURES: [
        {"timestamp": 1795000000, "experiment": "x", "group_id": "control", "unit_id": "u1"},
        {"timestamp": AT, "experiment": "größe", "group_id": 1, "unit_id": 'a "b",\nc', "id_type": "company"},
        {"timestamp": "soon", "experiment": "", "group_id": "g", "unit_id": "u", "metadata_json": {"a": {"b": [1, "]"]}}},
    ],
}
SEGMENT: Final[Sequence[Row]] = [
    {"event": "view", "userId": "u1", "anonymousId": "", "properties": {"value": "🙂"}, "originalTimestamp": AT},
    {
        "event": "statsig::experiment_exposure",
        "anonymousId": "a1",
        "properties": {"experiment": "x", "group": "g", "metadata": {"🙂": ["🙂"]}},
        "receivedAt": "2026-11-18T09:00:00Z",
    },
    {"event": "statsig::gate_exposure", "userId": "u2", "properties": "no object", "originalTimestamp": AT},
]
CONFIGS: Final = {
    "lenient": LENIENT,
    "default": CustomerConfig(),
    "filtered": CustomerConfig.model_validate(
        {
            "mask_values": True,
            "max_rejected_fraction": 1.0,
            "id_types": ["user_id", "stable_id"],
            "datasets": {
                "metrics": {"where": "metric_name <> 'n'", "select": {"metric_value": "TRY_CAST(metric_value AS DOUBLE)"}},
                "events": {"where": "event_name <> 'view'", "csv": {"quote": "'", "null_values": ["NULL"]}},
                "exposures": {"where": "experiment IS NOT NULL", "timestamp": {"zone": "Europe/Berlin"}},
            },
        }
    ),
}
_MAP: Final = pa.map_(pa.string(), pa.string())


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _texts(rows: Sequence[Row]) -> list[Row]:
    # As the same cells are written in NDJSON, whose objects are JSON text elsewhere.
    return [
        {name: json.dumps(value) if isinstance(value, dict | bool) else str(value) for name, value in row.items()}
        for row in rows
    ]


def _parquets(rows: Sequence[Row]) -> list[bytes]:
    texts, columns = _texts(rows), _columns(rows)
    dictionary = dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string()))
    typed: dict[str, Any] = {
        "timestamp": pa.timestamp("ms", "UTC"),
        "originalTimestamp": pa.timestamp("ns"),
        "date": pa.date32(),
        "metric_value": pa.float64(),
        "numerator": pa.decimal128(20, 3),
        "is_test": pa.bool_(),
        "user": pa.struct([("userID", pa.string()), ("customIDs", _MAP)]),
        "event_metadata": _MAP,
        "metadata_json": pa.struct([("a", pa.list_(pa.struct([("b", pa.int8())])))]),
        "properties": pa.struct([("value", pa.float32()), ("metadata", _MAP)]),
        "group_id": pa.int16(),
    }
    values: Row = {
        "timestamp": UPLOADED_AT,
        "originalTimestamp": UPLOADED_AT.replace(tzinfo=None),
        "date": UPLOADED_AT.date(),
        "metric_value": 0.1,
        "numerator": None,
        "is_test": True,
        "user": {"userID": "u", "customIDs": [("a", "b")]},
        "event_metadata": [("k", "v"), ("k", None)],
        "metadata_json": {"a": [{"b": 1}, None]},
        "properties": {"value": 1.5, "metadata": [("a", "b")]},
        "group_id": -1,
    }
    own = [row | {name: value for name, value in values.items() if name in columns} for row in texts]
    return [
        as_parquet([*texts] * 30, columns, compression="none", use_dictionary=False, write_statistics=False),
        as_parquet(texts, columns, dictionary, row_group_size=2, compression="zstd", data_page_version="2.0"),
        as_parquet([*own] * 20, columns, typed, compression="none", store_schema=False, use_dictionary=False),
        as_parquet(own, columns, typed, compression="gzip", use_dictionary=False, write_page_checksum=True, row_group_size=1),
        as_parquet(
            texts,
            columns,
            compression="lz4",
            use_dictionary=False,
            column_encoding=dict.fromkeys(columns, "DELTA_BYTE_ARRAY"),
            data_page_size=8,
            write_batch_size=1,
        ),
    ]


def _files(rows: Sequence[Row], layout: Layout) -> list[bytes]:
    columns = _columns(rows)
    match layout:
        case Layout.CSV:
            return [as_csv(_texts(rows), columns), as_csv(_texts(rows), columns, newline="\r\n", bom=True)]
        case Layout.TSV:
            return [as_csv(_texts(rows), columns, delimiter="\t")]
        case Layout.NDJSON:
            return [as_ndjson(rows, columns), as_ndjson(_texts(rows), columns, newline="\r\n", bom=True, ascii_only=True)]
        case Layout.PARQUET:
            return _parquets(rows)


def _name(layout: Layout, packing: Packing) -> str:
    return f"a.{layout}" + (f".{packing}" if packing else "")


OURS: Final = {(dataset, layout): _files(ROWS[dataset], layout) for dataset, layout in product(DATA_DATASETS, Layout)}
THEIRS: Final = {layout: _files(SEGMENT, layout) for layout in Layout}
FORMS: Final = [
    (dataset, layout, packing)
    for dataset, layout, packing in product(DATA_DATASETS, Layout, Packing)
    if layout is not Layout.PARQUET or packing is Packing.PLAIN
]


@st.composite
def uploads(draw: st.DrawFn, dataset: Dataset, layout: Layout, packing: Packing) -> Upload:
    """An upload of a form that may be anything but sound."""
    config = CONFIGS[draw(st.sampled_from(sorted(CONFIGS)))]
    files = OURS[dataset, layout]
    if dataset is not Dataset.METRICS:
        files = [*files, *THEIRS[layout]]
    data = draw(st.sampled_from(files))
    if layout is Layout.PARQUET:
        data = draw(damaged_parquet(data, [*files, *(OURS[each, layout][0] for each in DATA_DATASETS)]))
    else:
        others = [*files, *(OURS[each, other][0] for each in DATA_DATASETS for other in Layout)]
        data = draw(damaged_text(data, others, packing))
    return Upload(data=data, name=_name(layout, packing), dataset=dataset, config=config)


DEEP: Final = b'{"timestamp":1795000000,"event_name":"","user":{"userID":"u"},"extra":%s}\n' % (b"[" * 1_000 + b"]" * 1_000)
HALF: Final = {"event": "buy", "userId": "u", "properties": '{"value":"\\ud800"}', "originalTimestamp": AT}
FAULTY: Final = {
    "half a pair, csv": Upload(data=as_csv([HALF], list(HALF)), name="a.csv", dataset=Dataset.EVENTS, config=LENIENT),
    "half a pair, ndjson": Upload(data=as_ndjson([HALF], list(HALF)), name="a.ndjson", dataset=Dataset.EVENTS, config=LENIENT),
    "deep": Upload(data=DEEP, name="a.ndjson", dataset=Dataset.EVENTS, config=LENIENT),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_what_once_failed_gets_an_answer_that_keeps_every_promise(fault: str, process: IngestProcess) -> None:
    process.check(FAULTY[fault])


@pytest.fixture(scope="module")
def process() -> Iterator[IngestProcess]:
    process = IngestProcess()
    yield process
    process.close()


def test_a_process_that_is_ended_is_a_failure_that_shows_the_bytes(process: IngestProcess) -> None:
    """What the other tests rely on."""
    upload = FAULTY["deep"]
    process.end_with(signal.SIGABRT)
    with pytest.raises(AssertionError, match=r"ended with -6\nUpload\(base64 of zlib 'eJ"):
        process.check(upload)


@pytest.mark.parametrize(("dataset", "layout", "packing"), FORMS, ids=lambda each: str(each) or "plain")
def test_a_damaged_file_gets_an_answer_that_keeps_every_promise(
    dataset: Dataset, layout: Layout, packing: Packing, process: IngestProcess
) -> None:
    many = times(60 if layout is Layout.PARQUET else 12)

    @settings(max_examples=many)
    @given(uploads(dataset, layout, packing))
    def holds(upload: Upload) -> None:
        process.check(upload)

    holds()


@pytest.mark.parametrize(("dataset", "layout", "packing"), FORMS, ids=lambda each: str(each) or "plain")
def test_a_file_with_a_few_wrong_bits_gets_an_answer_that_keeps_every_promise(
    dataset: Dataset, layout: Layout, packing: Packing, process: IngestProcess
) -> None:
    """Every place is as likely as any other, which hypothesis does not give."""
    many = times(40 if layout is Layout.PARQUET else 3)
    for number in range(many):
        random = Random(f"{dataset}/{layout}/{packing}/{number}")
        data = bytearray(packed(random.choice(OURS[dataset, layout]), packing))
        for _ in range(random.choice((1, 1, 2, 4))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        process.check(Upload(data=bytes(data), name=_name(layout, packing), dataset=dataset, config=LENIENT))


@st.composite
def long_uploads(draw: st.DrawFn, layout: Layout) -> tuple[Upload, int]:
    """Metrics whose damaged rows lie across the end of the first block that readers take, and how many sound rows come before.

    These are few and long.
    """
    rows = ROWS[Dataset.METRICS]
    columns = [*_columns(rows), "note"]
    sound = {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", "metric_value": 1}

    def written(table: Sequence[Row]) -> bytes:
        if layout is Layout.NDJSON:
            return as_ndjson(table, columns)
        return as_csv(_texts(table), columns, delimiter="\t" if layout is Layout.TSV else ",")

    header = b"" if layout is Layout.NDJSON else written([])
    body = draw(damaged(written(rows).removeprefix(header), [header, as_csv(_texts(rows), columns)]))
    shortest = len(written([sound | {"note": "x"}])) - len(header) - 1
    left = BLOCK - draw(st.integers(0, len(body))) - len(header)
    lengths = [draw(st.sampled_from([left // 16, left // 2, left - 2 * shortest])) - shortest]
    while (left := left - lengths[-1] - shortest) > 2 * shortest + lengths[0]:
        lengths.append(lengths[0])
    table = [sound | {"note": "x" * length} for length in [*lengths, left - shortest]]
    packing = draw(st.sampled_from(Packing))
    data = packed(written(table) + body, packing)
    return Upload(data=data, name=_name(layout, packing), dataset=Dataset.METRICS, config=LENIENT), len(table)


@pytest.mark.parametrize("layout", [Layout.CSV, Layout.TSV, Layout.NDJSON])
def test_damage_where_one_block_ends_and_the_next_begins_costs_no_row_before_it(layout: Layout, process: IngestProcess) -> None:
    @settings(max_examples=times(4))
    @given(long_uploads(layout))
    def holds(long: tuple[Upload, int]) -> None:
        upload, sound = long
        problem, rows = process.check(upload)
        assert problem is None
        assert rows.accepted >= sound

    holds()


@settings(max_examples=times(30))
@given(
    st.binary(max_size=400),
    st.sampled_from(["", "PAR1", "\x1f\x8b\x08"]),
    st.sampled_from(["csv", "tsv.gz", "json", "ndjson.zst", "parquet", "txt", ""]),
    st.sampled_from(DATA_DATASETS),
)
def test_any_bytes_get_an_answer_that_keeps_every_promise(
    process: IngestProcess, data: bytes, head: str, ending: str, dataset: Dataset
) -> None:
    process.check(Upload(data=head.encode("latin-1") + data, name=f"a.{ending}", dataset=dataset, config=LENIENT))
