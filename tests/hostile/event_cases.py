"""Events: times, days, names, users and metadata at their edges, and Segment's shape."""

from __future__ import annotations

from typing import Any

from tests.hostile.case import EVENTS, EVENTS_HEADER, EXPOSURES, Case, event, ndjson, table, with_rejects

NOBODIES: tuple[object, ...] = (
    {},
    {"userID": ""},
    {"userID": None},
    {"customIDs": {}},
    {"customIDs": {"a": ""}},
    {"customIDs": ["a"]},
    {"userid": "u"},
    {"email": "a@b.c"},
    {"userID": {"a": 1}},
    {"userID": True},
    "u1",
    "[]",
    "null",
    5,
    ["u1"],
)
USER = '"{""userID"":""u""}"'
MARKS = "\\[]{}<>#=;&$%|"
CONTROLS = "".join(map(chr, (0, 1, 7, 9, 10, 13, 27, 31, 127)))
MIDNIGHT = 1795075200  # 2026-11-19T08:00:00Z, where the day of the upload ends


def times(*texts: str) -> bytes:
    return table(*(f"{text},e,{USER}" for text in texts), header=EVENTS_HEADER)


def bad(count: int, rule: str, first: int = 1) -> list[str]:
    return [f"{index}@{index + 1} {rule}:timestamp" for index in range(first, first + count)]


def json_events(*rows: dict[str, Any] | str) -> dict[str, Any]:
    return {"data": ndjson(*rows), "file": "a.ndjson", "format": "ndjson", "dataset": EVENTS}


def segment(**changed: object) -> dict[str, Any]:
    row = {
        "type": "track",
        "event": "bought",
        "userId": "u1",
        "anonymousId": "anon",
        "properties": {"value": 12.5, "metadata": {"plan": "pro"}},
        "originalTimestamp": "2026-11-18T09:00:00Z",
        "receivedAt": "2026-11-18T10:00:00Z",
        **changed,
    }
    return {key: value for key, value in row.items() if value is not ...}


def user(length: int) -> str:
    return '{"userID":"' + "x" * (length - 13) + '"}'


def custom_ids(count: int) -> dict[str, Any]:
    return {"customIDs": {f"k{number}": "1" for number in range(count)}}


def metadata(length: int) -> str:
    return '{"k":"' + "x" * (length - 8) + '"}'


NO_TIMES = (
    "179500000", "17950000000", "179500000000", "17950000000000", "-1795000000", "+1795000000", "1795000000.5", "1795000000.0",
    "1.795e9", "0x6AFD8000", "now", "2026-11-18", "2026-11-18T09:00:00", "2026-11-18 09:00", "2026-11-18T24:00:00Z",
    "2026-11-18T25:00:00Z", "2026-11-18T09:60:00Z", "2026-02-29T09:00:00Z", "2026-11-18T09Z", "2026-W47-3T09:00:00Z",
    "2026-322T09:00:00Z", "20261118T0900", "2026-11-18T09:00:00 Europe/Berlin", "2026-11-18T09:00:00EST",
    "2026-11-18T09:00:00+1", "2026-11-18T09:00:00.Z", "2026-11-18T09:00:00+01:60", "2026-11-18T09:00:00+25:00", " 1795000000",
    "1795000000 ", "2026-11-18T09:00:00−08:00", "11/18/2026 09:00:00Z", "Wed, 18 Nov 2026 09:00:00 GMT",
)  # fmt: skip
ISO = {
    "2026-11-18T09:00:00Z": "2026-11-18T09:00:00+00:00",
    "2026-11-18T09:00:00z": "2026-11-18T09:00:00+00:00",
    "2026-11-18t09:00:00Z": "2026-11-18T09:00:00+00:00",
    "2026-11-18 09:00:00Z": "2026-11-18T09:00:00+00:00",
    "2026-11-18T09:00Z": "2026-11-18T09:00:00+00:00",
    "2026-11-18T09:00:00.1Z": "2026-11-18T09:00:00.100000+00:00",
    "2026-11-18T09:00:00.123456789Z": "2026-11-18T09:00:00.123456+00:00",
    "2026-11-18T09:00:00+00:00": "2026-11-18T09:00:00+00:00",
    "2026-11-18T09:00:00-00:00": "2026-11-18T09:00:00+00:00",
    "2026-11-18T09:00:00+05:30": "2026-11-18T03:30:00+00:00",
    "2026-11-18T09:00:00+0530": "2026-11-18T03:30:00+00:00",
    "2026-11-18T09:00:00-08": "2026-11-18T17:00:00+00:00",
    "2026-11-18 09:00+14:00": "2026-11-17T19:00:00+00:00",
    "2026-11-18T09:00:00.999999-12:00": "2026-11-18T21:00:00.999999+00:00",
    "2026-11-18T00:00:00-08:00": "2026-11-18T08:00:00+00:00",
}

CASES = (
    Case(
        name="both ends of a PST day",
        dataset=EVENTS,
        data=times(
            "2026-11-18T07:59:59.999999Z",
            "2026-11-18T08:00:00Z",
            "2026-11-19T07:59:59.999999Z",
            "2026-11-19T08:00:00Z",
            str(MIDNIGHT - 1),
            str(MIDNIGHT),
        ),
        accepted=6,
        days={"2026-11-17": 1, "2026-11-18": 3, "2026-11-19": 2},
    ),
    Case(
        name="PST has no daylight saving",
        dataset=EVENTS,
        data=times(
            "2026-07-01T07:30:00Z",
            "2026-07-01T08:00:00Z",
            "2026-03-08T07:59:59Z",
            "2026-03-09T07:30:00Z",
            "2026-11-01T08:00:00Z",
            "2026-11-02T07:59:59Z",
        ),
        accepted=6,
        days={"2026-03-07": 1, "2026-03-08": 1, "2026-06-30": 1, "2026-07-01": 1, "2026-11-01": 2},
    ),
    Case(
        name="numbers of 10, 13, 16 and 19 digits",
        dataset=EVENTS,
        data=times("1795000000", "1795000000123", "1795000000123456", "1795000000123456789"),
        accepted=4,
        warnings={"timestamp_not_seconds": 3},
        values={
            "timestamp": [
                "2026-11-18T11:06:40+00:00",
                "2026-11-18T11:06:40.123000+00:00",
                "2026-11-18T11:06:40.123456+00:00",
                "2026-11-18T11:06:40.123456+00:00",
            ]
        },
    ),
    with_rejects(
        "texts that are no times",
        times(*(f'"{text}"' for text in NO_TIMES)),
        dataset=EVENTS,
        rejected=bad(len(NO_TIMES), "not_a_timestamp"),
    ),
    Case(
        name="every form of an offset",
        dataset=EVENTS,
        data=times(*ISO),
        accepted=len(ISO),
        days={"2026-11-17": 3, "2026-11-18": len(ISO) - 3},
        values={"timestamp": list(ISO.values())},
    ),
    with_rejects(
        "before and from the year 2000",
        times(
            "1999-12-31T23:59:59.999999Z",
            "2000-01-01T00:00:00Z",
            "0946684799",
            "0946684800",
            "0000000000",
            "0001-01-01T00:00:00Z",
            "2000-01-01T00:00:00+00:01",
        ),
        dataset=EVENTS,
        rejected=[
            "1@2 before_2000:timestamp",
            "3@4 before_2000:timestamp",
            "5@6 before_2000:timestamp",
            "6@7 before_2000:timestamp",
            "7@8 before_2000:timestamp",
        ],
        accepted=2,
        days={"1999-12-31": 2},
    ),
    with_rejects(
        "one day after the upload, and a moment more",
        times(
            "2026-11-19T20:00:00Z",
            "2026-11-19T20:00:00.000001Z",
            "2026-11-19T20:00:01Z",
            "1795118400",
            "1795118401",
            "9999999999",
            "9999-12-31T23:59:59Z",
        ),
        dataset=EVENTS,
        rejected=[
            "2@3 timestamp_in_future:timestamp",
            "3@4 timestamp_in_future:timestamp",
            "5@6 timestamp_in_future:timestamp",
            "6@7 timestamp_in_future:timestamp",
            "7@8 timestamp_in_future:timestamp",
        ],
        accepted=2,
        days={"2026-11-19": 2},
    ),
    with_rejects(
        "numbers of 16 and 19 digits that are far away",
        times("9999999999999999", "9999999999999999999", "0000000000000000001", "9223372036854775807"),
        dataset=EVENTS,
        rejected=[
            "1@2 timestamp_in_future:timestamp",
            "2@3 timestamp_in_future:timestamp",
            "3@4 before_2000:timestamp",
            "4@5 timestamp_in_future:timestamp",
        ],
        warnings={"timestamp_not_seconds": 4},
    ),
    Case(
        name="a leap second is the second after it, as in unix time",
        dataset=EVENTS,
        data=times("2016-12-31T23:59:60Z", "2016-12-31T15:59:60.5-08:00"),
        accepted=2,
        days={"2016-12-31": 2},
        values={"timestamp": ["2017-01-01T00:00:00+00:00", "2017-01-01T00:00:00.500000+00:00"]},
    ),
    with_rejects(
        "event names with each mark that they may not hold",
        ndjson(*(event(event_name=f"a{mark}b") for mark in MARKS), event(event_name="a.b-c_d:e/f(g)*h+i!j?k'l\"m^n~o@p`q,r")),
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        rejected=[f"{index}@{index} forbidden_character:event_name" for index in range(1, len(MARKS) + 1)],
        accepted=1,
    ),
    with_rejects(
        "event names with control characters",
        ndjson(*(event(event_name=f"a{mark}b") for mark in CONTROLS)),
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        rejected=[f"{index}@{index} forbidden_character:event_name" for index in range(1, len(CONTROLS) + 1)],
    ),
    with_rejects(
        "event names with control characters beyond ascii",
        ndjson(event(event_name="a\x80b"), event(event_name="a\x85b"), event(event_name="a\x9fb"), event(event_name="a\xa0b")),
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        rejected=[f"{index}@{index} forbidden_character:event_name" for index in range(1, 4)],
        accepted=1,
    ),
    with_rejects(
        "event names and values of 127 and of 128 characters",
        **json_events(
            event(event_name="🦊" * 127, event_value="v" * 127),
            event(event_name="🦊" * 128),
            event(event_name=""),
            event(event_value="🦊" * 128),
            event(event_value=1.5),
            event(event_value=""),
        ),
        rejected=["2@2 length:event_name", "3@3 required:event_name", "4@4 length:event_value"],
        accepted=3,
        values={"event_value": ["v" * 127, "1.5", None]},
    ),
    with_rejects(
        "metadata of 16,384 and of 16,385 characters",
        **json_events(event(event_metadata=metadata(16_384)), event(event_metadata=metadata(16_385)), event(event_metadata={})),
        rejected=["2@2 length:event_metadata"],
        accepted=2,
        values={"event_metadata": [metadata(16_384), "{}"]},
    ),
    with_rejects(
        "users of 16,384 and of 16,385 characters",
        **json_events(event(user=user(16_384)), event(user=user(16_385)), event(user="x" * 16_385)),
        rejected=["2@2 length:user", "3@3 user_without_id:user"],
        accepted=1,
        values={"user": [user(16_384)]},
    ),
    with_rejects(
        "users with 100 custom ids and with 101",
        **json_events(
            event(user=custom_ids(100)),
            event(user=custom_ids(101)),
            event(user={"userID": "u", "traits": {f"k{number}": 1 for number in range(200)}}),
            event(user=custom_ids(5_000)),
        ),
        rejected=["2@2 too_many_ids:user", "4@4 length:user too_many_ids:user"],
        accepted=2,
    ),
    Case(
        name="nested metadata of 16,384 characters, most of them quotes",
        **json_events(
            event(event_metadata='{"k":{' + ",".join(f'"k{number:04}":""' for number in range(1_488)) + "}}" + " " * 9)
        ),
        accepted=1,
    ),
    with_rejects(
        "metadata that is no object",
        **json_events(
            *(
                event(event_metadata=value)
                for value in ("x", "[1]", "5", "null", '"{}"', "{", "{'a':1}", '{"a":1,}', '{"a":NaN}', [1], 5, True)
            ),
            event(event_metadata=None),
        ),
        rejected=[f"{index}@{index} not_an_object:event_metadata" for index in range(1, 13)],
        accepted=1,
        values={"event_metadata": [None]},
    ),
    Case(
        name="metadata is one level deep, deeper values are text",
        **json_events(
            event(
                event_metadata={"a": {"b": [1, {"c": "é\n"}]}, "d": [1.50, None], "e": None, "f": True, "g": "x", "h": 10**20}
            ),
            event(event_metadata=' { "a" : { } } '),
        ),
        accepted=2,
        values={
            "event_metadata": [
                '{"a":"{\\"b\\":[1,{\\"c\\":\\"é\\\\n\\"}]}","d":"[1.5,null]","e":null,"f":true,"g":"x","h":100000000000000000000}',
                '{"a":"{}"}',
            ]
        },
    ),
    with_rejects(
        "users without ids, with empty ones, and with something else",
        **json_events(
            *(event(user=nobody) for nobody in NOBODIES),
            event(user=None),
            event(user=""),
        ),
        rejected=[
            *(f"{index}@{index} user_without_id:user" for index in range(1, 16)),
            "16@16 required:user",
            "17@17 required:user",
        ],
    ),
    Case(
        name="users by custom id alone, by number, and with more than ids",
        **json_events(
            event(user={"customIDs": {"stable_id": "s"}}),
            event(user={"userID": "", "customIDs": {"a": "", "b": 7}}),
            event(user='{"userID":12345678901234567890}'),
            event(user={"userID": 0}),
            event(user={"userID": "日本", "custom": {"deep": [1]}}),
        ),
        accepted=5,
        values={
            "user": [
                '{"customIDs":{"stable_id":"s"}}',
                '{"userID":"","customIDs":{"a":"","b":7}}',
                '{"userID":12345678901234567890}',
                '{"userID":0}',
                '{"userID":"日本","custom":{"deep":[1]}}',
            ]
        },
    ),
    with_rejects(
        "uuids and things like them",
        **json_events(
            event(timeuuid="0A4D55A8-D778-5022-A0A6-0123456789AB"),
            event(timeuuid=""),
            event(timeuuid="0a4d55a8d7785022a0a60123456789ab"),
            event(timeuuid="{0a4d55a8-d778-5022-a0a6-0123456789ab}"),
            event(timeuuid="0a4d55a8-d778-5022-a0a6-0123456789ag"),
            event(timeuuid="0a4d55a8-d778-5022-a0a6-0123456789ab\n"),
            event(timeuuid=1),
        ),
        rejected=[f"{index}@{index} not_a_uuid:timeuuid" for index in range(3, 8)],
        accepted=2,
        values={"timeuuid": ["0a4d55a8-d778-5022-a0a6-0123456789ab", None]},
    ),
    with_rejects(
        "users in csv with quotes gone wrong",
        table(
            '1795000000,e,{"userID":"u"}',
            "1795000000,e,{userID:u}",
            '1795000000,e,"{""userID"":""a,b""}"',
            '1795000000,e,"{""userID"":""a\nb""}"',
            '1795000000,e,"{""userID"":""u"""',
            header=EVENTS_HEADER,
        ),
        dataset=EVENTS,
        # JSON holds no bare newline inside a text.
        rejected=["1@2 broken_quoting", "2@3 user_without_id:user", "4@5 user_without_id:user", "5@7 user_without_id:user"],
        accepted=1,
        values={"user": ['{"userID":"a,b"}']},
    ),
    Case(
        name="segment's track",
        **json_events(segment()),
        accepted=1,
        values={
            "timestamp": ["2026-11-18T09:00:00+00:00"],
            "event_name": ["bought"],
            "event_value": ["12.5"],
            "event_metadata": ['{"plan":"pro"}'],
            "user": ['{"userID":"u1","customIDs":{"stable_id":"anon"}}'],
        },
    ),
    with_rejects(
        "segment's track with things missing",
        **json_events(
            segment(properties=...),
            segment(properties=None, userId=...),
            segment(originalTimestamp=..., userId=None, anonymousId="a2"),
            segment(userId=..., anonymousId=...),
            segment(originalTimestamp=..., receivedAt=...),
            segment(event=..., type="identify"),
            segment(properties="x"),
            segment(properties={"metadata": "x"}),
        ),
        rejected=["4@4 required:user", "5@5 required:timestamp", "8@8 not_an_object:event_metadata"],
        accepted=4,
        filtered=1,
        warnings={"other_calls": 1},
        values={
            "timestamp": [
                "2026-11-18T09:00:00+00:00",
                "2026-11-18T09:00:00+00:00",
                "2026-11-18T10:00:00+00:00",
                "2026-11-18T09:00:00+00:00",
            ],
            "event_value": [None, None, "12.5", None],
            "user": [
                '{"userID":"u1","customIDs":{"stable_id":"anon"}}',
                '{"customIDs":{"stable_id":"anon"}}',
                '{"customIDs":{"stable_id":"a2"}}',
                '{"userID":"u1","customIDs":{"stable_id":"anon"}}',
            ],
        },
    ),
    with_rejects(
        "segment's three kinds of exposures among its events",
        **json_events(
            segment(),
            segment(event="statsig::experiment_exposure", properties={"experiment": "x1", "group": "g1"}),
            segment(event="statsig::gate_exposure", properties={"gate": "x2", "group": "g2"}, userId=...),
            segment(event="statsig::config_exposure", properties={"config": "x3", "group": "g3"}),
            segment(event="statsig::experiment_exposure", properties=...),
            segment(event="statsig::experiment_exposure", properties={"experiment": "x"}, userId=..., anonymousId=...),
            segment(event="statsig::other"),
        ),
        rejected=["5@5 required:experiment required:group_id", "6@6 required:group_id required:unit_id"],
        accepted=5,
        values={"event_name": ["bought", "statsig::other"]},
        exposures={
            "experiment": ["x1", "x2", "x3"],
            "group_id": ["g1", "g2", "g3"],
            "unit_id": ["u1", "anon", "u1"],
            "id_type": ["user_id", "stable_id", "user_id"],
        },
    ),
    with_rejects(
        "a rejected row of segment's shape in csv is shown as it was uploaded",
        table("bought,u1,,no time", header="event,userId,properties,originalTimestamp"),
        dataset=EVENTS,
        rejected=["1@2 not_a_timestamp:timestamp"],
        shown=[{"event": "bought", "userId": "u1", "originalTimestamp": "no time"}],
    ),
    Case(
        name="segment's exposures below exposures",
        data=ndjson(segment(event="statsig::gate_exposure", properties={"gate": "x", "group": "g"})),
        file="a.ndjson",
        format="ndjson",
        dataset=EXPOSURES,
        accepted=1,
        exposures={"experiment": ["x"], "group_id": ["g"], "unit_id": ["u1"]},
    ),
    Case(
        name="segment's shape as csv",
        dataset=EVENTS,
        data=table(
            'bought,u1,"{""value"":""3"",""metadata"":{""a"":1}}",2026-11-18T09:00:00Z',
            'statsig::gate_exposure,u1,"{""gate"":""x"",""group"":""g""}",2026-11-18T09:00:00Z',
            header="event,userId,properties,originalTimestamp",
        ),
        accepted=2,
        values={"event_value": ["3"], "event_metadata": ['{"a":1}'], "user": ['{"userID":"u1"}']},
        exposures={"experiment": ["x"], "group_id": ["g"], "unit_id": ["u1"]},
    ),
)
