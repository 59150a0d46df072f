"""Headers that fit nearly, twice or not at all."""

from __future__ import annotations

from tests.hostile.case import (
    EVENTS,
    EVENTS_HEADER,
    EXPOSURES,
    HEADER,
    METRICS,
    Case,
    event,
    exposure,
    metric,
    ndjson,
    refused,
    table,
    with_rejects,
)

GOOD = "u1,user_id,2026-11-18,m,1"

CASES = (
    refused("a duplicate column", "duplicate_column", table(GOOD + ",u2", header=HEADER + ",unit_id"), says="unit_id"),
    Case(
        name="a duplicate column that is not read",
        data=table(GOOD + ",1,2", header=HEADER + ",note,note"),
        accepted=1,
        warnings={"extra_columns": 2},
    ),
    refused(
        "a duplicate column after folding",
        "duplicate_column",
        table("u1,u2,user_id,2026-11-18,m,1", header="Unit_ID, unit_id ,id_type,date,metric_name,metric_value"),
        says="unit_id",
    ),
    with_rejects(
        "two columns without a name",
        table(GOOD + ",a,b", "u2,user_id,2026-11-18,m,x,c,d", header=HEADER + ",,"),
        rejected=["2@3 not_a_number:metric_value"],
        accepted=1,
        warnings={"extra_columns": 2},
    ),
    refused(
        "a missing column",
        "missing_column",
        table("u1,user_id,m,1", header="unit_id,id_type,metric_name,metric_value"),
        says="date",
    ),
    refused(
        "several missing columns",
        "missing_column",
        table("u1,1", header="unit_id,metric_value"),
        says="id_type, date, metric_name",
    ),
    refused("rows without a header", "missing_column", table(GOOD, header=GOOD)),
    refused(
        "events below metrics",
        "missing_column",
        table('1795000000,e,"{""userID"":""u""}"', header=EVENTS_HEADER),
        says="these are columns of events/",
    ),
    refused("metrics below events", "missing_column", table(GOOD), dataset=EVENTS, says="these are columns of metrics/"),
    refused("metrics below exposures", "missing_column", table(GOOD), dataset=EXPOSURES, says="these are columns of metrics/"),
    refused(
        "exposures below metrics",
        "missing_column",
        table("1795000000,x,g,u", header="timestamp,experiment,group_id,unit_id"),
        dataset=METRICS,
        says="these are columns of exposures/",
    ),
    Case(
        name="columns in any order, and more of them",
        data=table("1,x,m,2026-11-18,y,user_id,u1", header="metric_value,more,metric_name,date,even more,id_type,unit_id"),
        accepted=1,
        warnings={"extra_columns": 2},
        values={"unit_id": ["u1"], "metric_value": [1]},
    ),
    Case(
        name="spaces and capitals around names",
        data=table(GOOD, header=" Unit_ID ,ID_TYPE,\tdate,metric_name , metric_value"),
        accepted=1,
        warnings={"column_name_differs": 5},
        values={"unit_id": ["u1"], "metric_value": [1]},
    ),
    Case(
        name="an exact name beside one that differs in case",
        data=table("u1,no,user_id,2026-11-18,m,1", header="unit_id,UNIT_ID,id_type,date,metric_name,metric_value"),
        accepted=1,
        warnings={"extra_columns": 1},
        values={"unit_id": ["u1"]},
    ),
    Case(
        name="a quoted header with a newline and a comma in a name that is not read",
        data=table(GOOD + ",x", header='"unit_id","id_type",date,"metric_name",metric_value,"a\n""b"",c"'),
        accepted=1,
        warnings={"extra_columns": 1},
    ),
    with_rejects(
        "line numbers behind a header of three lines",
        table("u1,user_id,2026-11-18,m,x,y", header=HEADER + ',"a\nb\nc"'),
        rejected=["1@4 not_a_number:metric_value"],
        warnings={"extra_columns": 1},
    ),
    refused("an unclosed quote in the header", "unreadable_header", table(GOOD, header='"' + HEADER)),
    Case(
        name="1,024 columns",
        data=table(GOOD + "," * 1019, header=HEADER + "".join(f",c{number}" for number in range(1019))),
        accepted=1,
        warnings={"extra_columns": 1019},
    ),
    refused(
        "1,025 columns",
        "too_many_columns",
        table(GOOD + "," * 1020, header=HEADER + "".join(f",c{number}" for number in range(1020))),
    ),
    refused("a header over 16 MiB", "record_too_long", lambda: table(GOOD, header=HEADER + "," + "x" * 16 * 1024**2)),
    Case(
        name="a name of 200,000 characters that is not read",
        data=table(GOOD + ",x", header=HEADER + "," + "n" * 200_000),
        accepted=1,
        warnings={"extra_columns": 1},
    ),
    with_rejects(
        "a name of 200,000 characters is cut where it stands beside rejected values",
        table("u1,,2026-11-18,m,1,x,y", header=f"{HEADER},{'n' * 200_000},{'n' * 200_001}"),
        rejected=["1@2 required:id_type"],
        warnings={"extra_columns": 2},
        shown=[
            {
                "unit_id": "u1",
                "date": "2026-11-18",
                "metric_name": "m",
                "metric_value": "1",
                "n" * 128 + "... (column 6)": "x",
                "n" * 128 + "... (column 7)": "y",
            }
        ],
    ),
    Case(
        name="names that the program uses inside",
        data=table(
            GOOD + ",a,b,c,d,e,f",
            header=HEADER + ",__record,__line,__text,__bad,__raw_unit_id,0",
        ),
        accepted=1,
        warnings={"extra_columns": 1},  # what begins with _ is meant for others
        values={"unit_id": ["u1"]},
    ),
    with_rejects(
        "a value column that is absent counts as null",
        table(
            "u1,user_id,2026-11-18,m,1,2",
            "u2,user_id,2026-11-18,m,1,",
            header="unit_id,id_type,date,metric_name,numerator,denominator",
        ),
        rejected=["2@3 value_missing"],
        accepted=1,
        values={"metric_value": [None], "numerator": [1], "denominator": [2]},
    ),
    with_rejects(
        "no value column at all",
        table("u1,user_id,2026-11-18,m", header="unit_id,id_type,date,metric_name"),
        rejected=["1@2 value_missing"],
    ),
    Case(
        name="ndjson whose names differ in case",
        file="a.ndjson",
        format="ndjson",
        data=ndjson({"Unit_ID": "u1", "id_type": "t", "DATE": "2026-11-18", "metric_name": "m", "metric_value": 1}),
        accepted=1,
        warnings={"column_name_differs": 2},
        values={"unit_id": ["u1"]},
    ),
    refused(
        "1,025 names in ndjson",
        "too_many_columns",
        ndjson(metric(**{f"c{number}": 1 for number in range(1020)})),
        file="a.ndjson",
        format="ndjson",
    ),
    Case(name="an events file of a header only", data=table(header=EVENTS_HEADER), dataset=EVENTS),
    Case(
        name="an event with columns that are not read",
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        data=ndjson(event(extra=1), event(other=[1, {"a": 2}])),
        accepted=2,
        warnings={"extra_columns": 2},
    ),
    Case(
        name="an exposure without id type is of a user",
        file="a.ndjson",
        format="ndjson",
        dataset=EXPOSURES,
        data=ndjson(exposure(), exposure(id_type="stable_id"), exposure(id_type=None)),
        accepted=3,
        values={"id_type": ["user_id", "stable_id", "user_id"]},
    ),
)
