"""Values that the config masks are shown nowhere: in no example, reason, row, record or warning."""

from __future__ import annotations

import json

import pyarrow as pa

from tests.hostile.case import EVENTS, Case, event, metric, ndjson, table, with_rejects
from tests.hostile.event_cases import segment
from tests.hostile.parquet_cases import metrics, written

M = "(masked)"
HIDDEN = "secretive"

LONG = "n" * 300

CASES = (
    with_rejects(
        "masked: a column whose name is cut where it is shown",
        table(f"u1,,2026-11-18,m,1,{HIDDEN}", header=f"unit_id,id_type,date,metric_name,metric_value,{LONG}"),
        config={"mask_values": [LONG]},
        rejected=["1@2 required:id_type"],
        warnings={"extra_columns": 1},
        shown=[
            {
                "unit_id": "u1",
                "date": "2026-11-18",
                "metric_name": "m",
                "metric_value": "1",
                "n" * 128 + "... (column 6)": M,
            }
        ],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: rows that break rules in every column",
        table(
            f"{HIDDEN * 57},user_id,2026-11-18,m,1",
            f"{HIDDEN},user_id,2026-11-18,m,x",
            f'"{HIDDEN}\n{HIDDEN}",,2026-11-18,m,1',
            f"{HIDDEN},user_id,2026-11-18,m",
            f'"{HIDDEN},user_id,2026-11-18,m,1',
            ",user_id,2026-11-18,m,1",
        ),
        config={"mask_values": True},
        rejected=[
            "1@2 length:unit_id",
            "2@3 not_a_number:metric_value",
            "3@4 required:id_type",
            "4@6 wrong_field_count",
            "5@7 broken_quoting",
            "6@8 required:unit_id",
        ],
        shown=[
            {"unit_id": M, "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"},
            {"unit_id": M, "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": "x"},
            {"unit_id": M, "date": "2026-11-18", "metric_name": "m", "metric_value": "1"},
            M,
            M,
            {"id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"},
        ],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: bytes that are not utf-8",
        table(f"{HIDDEN}?,user_id,2026-11-18,m,1").replace(b"?", b"\xff"),
        config={"mask_values": ["unit_id"]},
        rejected=["1@2 not_utf8"],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: users and metadata that are wrong",
        ndjson(
            event(user={"email": HIDDEN}),
            event(user=HIDDEN),
            event(event_metadata=HIDDEN, user={"userID": HIDDEN}),
            event(event_metadata={"k": HIDDEN}, event_name=""),
            f'{{"user":"{HIDDEN}"',
            f'{{"user":"{HIDDEN}\\ud800"}}',
        ),
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        config={"mask_values": True},
        rejected=[
            "1@1 user_without_id:user",
            "2@2 user_without_id:user",
            "3@3 not_an_object:event_metadata",
            "4@4 required:event_name",
            "5@5 not_json",
            "6@6 lone_surrogate",
        ],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: a column by another name, by the name in the header and by the contract's",
        table(f"{HIDDEN},t,2026-11-18,m,x,{HIDDEN}", header="Unit_ID,id_type,date,metric_name,metric_value,Email"),
        config={"mask_values": ["unit_id", "email"]},
        rejected=["1@2 not_a_number:metric_value"],
        warnings={"column_name_differs": 1, "extra_columns": 1},
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: columns that a masked one is computed from",
        table(f"{HIDDEN},{HIDDEN},t,2026-11-18,m,x", header="first,last,id_type,date,metric_name,metric_value"),
        config={"mask_values": True, "datasets": {"metrics": {"select": {"unit_id": "CONCAT(first, last)"}}}},
        rejected=["1@2 not_a_number:metric_value"],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: another column that is computed from the same one",
        table(f"{HIDDEN},t,2026-11-18,m", header="unit_id,id_type,date,metric_name"),
        config={"mask_values": True, "datasets": {"metrics": {"select": {"metric_value": "unit_id"}}}},
        rejected=["1@2 not_a_number:metric_value"],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: a renamed column",
        table(f"{HIDDEN},t,2026-11-18,m,x", header="customer,id_type,date,metric_name,metric_value"),
        config={"mask_values": True, "datasets": {"metrics": {"columns": {"customer": "unit_id"}}}},
        rejected=["1@2 not_a_number:metric_value"],
        secrets=[HIDDEN],
    ),
    *(
        with_rejects(
            f"masked: a value that breaks the rule of its own column, called {name}",
            table(f"{HIDDEN * 57},t,2026-11-18,m,1", header=f"{header},id_type,date,metric_name,metric_value"),
            config={"mask_values": [name], "datasets": {"metrics": {"columns": {"customer": "unit_id"}}}},
            rejected=["1@2 length:unit_id"],
            warnings=warnings,
            secrets=[HIDDEN],
        )
        for name, header, warnings in (
            ("Unit_ID", "unit_id", {}),
            ("UNIT_ID", "Unit_ID", {"column_name_differs": 1}),
            ("customer", "customer", {}),
            ("unit_id", "customer", {}),
        )
    ),
    Case(
        name="masked: an id type that is nearly a known one",
        data=table("u1,STABLE-ids,2026-11-18,m,1"),
        config={"mask_values": ["id_type"]},
        accepted=1,
        warnings={"id_type_near_miss": 1},
        secrets=["STABLE-ids"],
    ),
    with_rejects(
        "masked: ids and metadata of segment's events",
        ndjson(
            segment(userId=f"{HIDDEN}1", anonymousId=f"{HIDDEN}2", event=""),
            segment(properties={"metadata": {"k": f"{HIDDEN}3"}}, event=""),
            segment(properties={"metadata": f"{HIDDEN}4"}),
            segment(event="statsig::gate_exposure", userId=f"{HIDDEN}5", properties={}),
        ),
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        config={"mask_values": True},
        rejected=[
            "1@1 required:event_name",
            "2@2 required:event_name",
            "3@3 not_an_object:event_metadata",
            "4@4 required:experiment required:group_id",
        ],
        secrets=[f"{HIDDEN}{number}" for number in range(1, 6)],
    ),
    with_rejects(
        "masked: a name of ndjson that comes late and in another case",
        ndjson(*[metric()] * 1_500, {**metric(), "UNIT_ID": HIDDEN, "metric_value": "x"}),
        file="a.ndjson",
        format="ndjson",
        config={"mask_values": True},
        rejected=["1501@1501 not_a_number:metric_value"],
        accepted=1_500,
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: ids of segment's events in csv",
        table(
            f'bought,{HIDDEN}1,{HIDDEN}2,"{{""metadata"":""{HIDDEN}3""}}",2026-11-18T09:00:00Z',
            f'statsig::gate_exposure,{HIDDEN}1,{HIDDEN}2,"{{""metadata"":""{HIDDEN}3""}}",2026-11-18T09:00:00Z',
            header="event,userId,anonymousId,properties,originalTimestamp",
        ),
        dataset=EVENTS,
        config={"mask_values": True},
        rejected=["1@2 not_an_object:event_metadata", "2@3 required:experiment required:group_id"],
        secrets=[f"{HIDDEN}{number}" for number in range(1, 4)],
    ),
    with_rejects(
        "masked: a name of ndjson that comes late and that the config alone knows",
        ndjson(*[metric()] * 1_500, {**metric(metric_value="x"), "email": HIDDEN}),
        file="a.ndjson",
        format="ndjson",
        config={"mask_values": ["email"]},
        rejected=["1501@1501 not_a_number:metric_value"],
        accepted=1_500,
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: a name twice in one object",
        ndjson(json.dumps(metric(metric_value="x", unit_id=HIDDEN))[:-1] + f',"unit_id":"{HIDDEN}"}}'),
        file="a.ndjson",
        format="ndjson",
        config={"mask_values": True},
        rejected=["1@1 not_a_number:metric_value"],
        secrets=[HIDDEN],
    ),
    with_rejects(
        "masked: parquet, and bytes in it that are no text",
        written(
            metrics(
                3,
                unit_id=pa.array([HIDDEN, HIDDEN, HIDDEN * 57]),
                metric_name=pa.Array.from_buffers(pa.string(), 3, pa.array([b"m", b"\xff", b"m"]).buffers()),
                metric_value=["x", "1", "1"],
            )
        ),
        file="a.parquet",
        format="parquet",
        config={"mask_values": True},
        rejected=["1@- not_a_number:metric_value", "2@- not_utf8", "3@- length:unit_id"],
        secrets=[HIDDEN],
    ),
)
