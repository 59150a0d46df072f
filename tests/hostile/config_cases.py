"""What the config of a customer does to files."""

from __future__ import annotations

from typing import Any

from tests.hostile.case import EVENTS, HEADER, Case, metric, ndjson, refused, table, with_rejects

GOOD = "u1,user_id,2026-11-18,m,1"


def metrics_config(**keys: Any) -> dict[str, Any]:
    return {"datasets": {"metrics": keys}}


CASES = (
    with_rejects(
        "id types that the config lists, and near misses of them",
        table(*(f"u,{kind},2026-11-18,m,1" for kind in ("user_id", "stable_id", "User_ID", "userID", "user_id ", "email"))),
        config={"id_types": ["user_id", "stable_id"]},
        rejected=[f"{index}@{index + 1} not_listed:id_type" for index in range(3, 7)],
        accepted=2,
    ),
    Case(
        name="rows that a condition drops are filtered, whatever is wrong with them",
        data=table(
            "u1,user_id,2026-11-18,m,1,de",
            "u2,,no date,m,x,test",
            "u3,user_id,2026-11-18,m,3,",
            "u4,user_id,2026-11-18,m,x,de",
            "u5,user_id,2026-11-18,m,x,de,",
            header=HEADER + ",country",
        ),
        config=metrics_config(where="country <> 'test'"),
        status="accepted_with_rejects",
        rejected=["4@5 not_a_number:metric_value", "5@6 wrong_field_count"],
        # A condition that is neither true nor false drops the row too.
        filtered=2,
        accepted=1,
    ),
    Case(
        name="a condition that drops every row",
        data=table(*[GOOD] * 150),
        config=metrics_config(where="metric_name = 'other'"),
        status="rejected",
        error="nothing_accepted",
        says="dropped by the config",
        filtered=150,
    ),
    refused(
        "a condition over a column that is not there",
        "config_column_missing",
        table(GOOD),
        config=metrics_config(where="country = 'de'"),
        says="country",
    ),
    with_rejects(
        "computed columns are judged as uploaded ones are",
        table("u1,12345,m", "u2,x,m", "u3,,m", ",1,m", header="customer,cents,metric_name"),
        config=metrics_config(
            columns={"customer": "unit_id"},
            constants={"id_type": "user_id", "date": "2026-11-18"},
            select={"metric_value": "CAST(cents AS DOUBLE) / 100"},
        ),
        rejected=["2@3 value_missing", "3@4 value_missing", "4@5 required:unit_id"],
        accepted=1,
        values={"unit_id": ["u1"], "id_type": ["user_id"], "metric_value": [123.45], "date": ["2026-11-18"]},
    ),
    with_rejects(
        "a computed number that is not finite",
        table("u1,1,0,m", "u2,1,2,m", header="unit_id,a,b,metric_name"),
        config=metrics_config(
            constants={"id_type": "t", "date": "2026-11-18"}, select={"metric_value": "CAST(a AS DOUBLE) * 1e308 * 10"}
        ),
        rejected=["1@2 finite:metric_value", "2@3 finite:metric_value"],
        warnings={"extra_columns": 1},
    ),
    Case(
        name="a constant stands before the upload's own column",
        data=table("u1,other,2026-11-18,m,1"),
        config=metrics_config(constants={"id_type": "user_id"}),
        accepted=1,
        warnings={"extra_columns": 1},
        values={"id_type": ["user_id"]},
    ),
    with_rejects(
        "an empty constant is no value",
        table(GOOD),
        config=metrics_config(constants={"id_type": ""}),
        rejected=["1@2 required:id_type"],
        warnings={"extra_columns": 1},
    ),
    Case(
        name="a renamed column stands before one with the contract's name",
        data=table("no,user_id,2026-11-18,m,1,yes", header=HEADER + ",customer"),
        config=metrics_config(columns={"customer": "unit_id"}),
        accepted=1,
        warnings={"extra_columns": 1},
        values={"unit_id": ["yes"]},
    ),
    with_rejects(
        "no bad row allowed in a large file, any in a small one",
        table(*[GOOD] * 98, "bad"),
        config={"max_rejected_fraction": 0},
        rejected=["99@100 wrong_field_count"],
        accepted=98,
    ),
    Case(
        name="no bad row allowed and one of 100 is bad",
        data=table(*[GOOD] * 99, "bad"),
        config={"max_rejected_fraction": 0},
        status="rejected",
        error="too_many_rejected_rows",
        rejected=["100@101 wrong_field_count"],
        refused_with=99,
    ),
    with_rejects(
        "times in a format and a zone of the customer",
        table(
            '"18.11.2026 10:00:00",e,"{""userID"":""u""}"',
            '"2026-11-18T09:00:00Z",e,"{""userID"":""u""}"',
            '1795000000,e,"{""userID"":""u""}"',
            '"29.03.2026 02:30:00",e,"{""userID"":""u""}"',
            '"25.10.2026 02:30:00",e,"{""userID"":""u""}"',
            header="timestamp,event_name,user",
        ),
        dataset=EVENTS,
        config={"datasets": {"events": {"timestamp": {"format": "%d.%m.%Y %H:%M:%S", "zone": "Europe/Berlin"}}}},
        rejected=["2@3 not_a_timestamp:timestamp", "3@4 not_a_timestamp:timestamp", "4@5 not_a_timestamp:timestamp"],
        accepted=2,
        days={"2026-10-24": 1, "2026-11-18": 1},
        values={"timestamp": ["2026-11-18T09:00:00+00:00", "2026-10-25T00:30:00+00:00"]},
    ),
    Case(
        name="a name in ndjson that only the config knows",
        data=ndjson({**metric(), "unit_id": None}, {**metric(), "Kunde": "u2"}),
        file="a.ndjson",
        format="ndjson",
        config=metrics_config(select={"unit_id": "COALESCE(Kunde, 'nobody')"}),
        accepted=2,
        warnings={"extra_columns": 1},
        values={"unit_id": ["nobody", "u2"]},
    ),
)
