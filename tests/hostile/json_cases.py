"""JSON that is not one object a line, or odd inside."""

from __future__ import annotations

import json

from tests.hostile.case import EVENTS, Case, event, metric, ndjson, refused, with_rejects

GOOD = json.dumps(metric())
LATER = json.dumps(metric(unit_id="u2"))


def member(text: str) -> str:
    """A sound row with one more member."""
    return GOOD[:-1] + "," + text + "}"


NOT_JSON = {
    "cut in half": GOOD[: len(GOOD) // 2],
    "a trailing comma behind the object": GOOD + ",",
    "a trailing comma inside the object": GOOD[:-1] + ",}",
    "NaN": member('"x":NaN'),
    "Infinity": member('"x":-Infinity'),
    "single quotes": GOOD.replace('"', "'"),
    "names without quotes": "{unit_id:1}",
    "a comment": GOOD + " // why",
    "a leading zero": member('"x":01'),
    "a plus sign": member('"x":+1'),
    "a bare point": member('"x":1.'),
    "a hexadecimal number": member('"x":0x10'),
    "True": member('"x":True'),
    "a bare tab in a text": member('"x":"a\tb"'),
    "a bare control character in a text": member('"x":"a\x01b"'),
    "an escape that is none": member('"x":"\\q"'),
    "a short escape": member('"x":"\\u12"'),
    "a number": "5",
    "a text": '"x"',
    "null": "null",
    "an array of one object": f"[{GOOD}]",
    "an unclosed text": member('"x":"a'),
    "csv": "u1,user_id,2026-11-18,m,1",
    "a sequence mark": "\x1e" + GOOD,
}  # fmt: skip

CASES = (
    *(
        Case(
            name=f"objects {how}", file="a.ndjson", format="ndjson", data=between.join([GOOD, LATER, GOOD]).encode(), accepted=3
        )
        for how, between in (("end to end", ""), ("with blanks between them", " "), ("with CR between them", "\r"))
    ),
    with_rejects(
        "a broken record among objects end to end costs its own line",
        f"{GOOD}{GOOD}\n{GOOD[:-9]}\n{GOOD}\n".encode(),
        file="a.ndjson",
        format="ndjson",
        rejected=["3@2 not_json"],
        accepted=3,
    ),
    with_rejects(
        "ids that are objects, lists and truth values, and texts that look like them",
        ndjson(*(metric(unit_id=each) for each in ({"$oid": "6"}, ["a"], True, "true", "[a", "{"))),
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 not_an_id:unit_id", "2@2 not_an_id:unit_id", "3@3 not_an_id:unit_id"],
        accepted=3,
        values={"unit_id": ["true", "[a", "{"]},
        warnings={"unlikely_ids": 1},
    ),
    Case(name="ndjson of zero bytes", file="a.ndjson", data=b"", status="ignored", error="empty_file", format=None),
    Case(name="ndjson of blank lines", file="a.ndjson", format="ndjson", data=b"\n  \n\r\n\t\n"),
    with_rejects(
        "blank lines of ndjson are counted as lines and not as records",
        ndjson("", GOOD, "  ", "\t\r", json.dumps(metric(metric_value="x")), "", "no"),
        file="a.jsonl",
        format="ndjson",
        rejected=["2@5 not_a_number:metric_value", "3@7 not_json"],
        accepted=1,
        shown=[metric(metric_value="x"), "no"],
    ),
    Case(
        name="ndjson with crlf, without a last newline, with blanks around",
        file="a.json",
        format="ndjson",
        data=f"{GOOD}\r\n  {LATER}  \r\n\t{GOOD}".encode(),
        accepted=3,
        values={"unit_id": ["u1", "u2", "u1"]},
    ),
    *(
        with_rejects(
            f"ndjson with a line of {name}",
            ndjson(GOOD, text, LATER),
            file="a.ndjson",
            format="ndjson",
            rejected=["2@2 not_json"],
            accepted=2,
            values={"unit_id": ["u1", "u2"]},
        )
        for name, text in NOT_JSON.items()
    ),
    refused("a json array", "json_not_lines", json.dumps([metric(), metric()]).encode(), file="a.json", format="ndjson"),
    refused("a json array of lines", "json_not_lines", f"[\n{GOOD},\n{LATER}\n]".encode(), file="a.json", format="ndjson"),
    refused("an empty json array", "json_not_lines", b"[]", file="a.json", format="ndjson"),
    refused("pretty-printed json", "json_not_lines", json.dumps(metric(), indent=2).encode(), file="a.json", format="ndjson"),
    with_rejects(
        "lone surrogates",
        ndjson(
            member('"x":"\\ud800"'),
            json.dumps(metric(unit_id="a")).replace('"a"', '"\\udc00x"'),
            member('"x":"\\ud83d\\ud83d\\ude00"'),
            member('"\\udfff":1'),
            member('"x":"\\ud83d\\ude00"'),
            member('"x":"\\\\ud800"'),
        ),
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 lone_surrogate", "2@2 lone_surrogate", "3@3 lone_surrogate", "4@4 lone_surrogate"],
        accepted=2,
        warnings={"extra_columns": 1},
    ),
    Case(
        name="escapes of every kind",
        file="a.ndjson",
        format="ndjson",
        data=ndjson(
            json.dumps(metric(unit_id='\0\n\r\t"\\/\b\f\x1f\u2028é😀')),
            json.dumps(metric(unit_id="?")).replace("?", "\\u0000\\/\\uD83D\\uDE00"),
        ),
        accepted=2,
        values={"unit_id": ['\0\n\r\t"\\/\b\f\x1f\u2028é😀', "\0/😀"]},
    ),
    Case(
        name="escaped names",
        file="a.ndjson",
        format="ndjson",
        data=ndjson(GOOD.replace("unit_id", "\\u0075nit_id"), LATER),
        accepted=2,
        values={"unit_id": ["u1", "u2"]},
    ),
    Case(
        name="line separators that end no line of ndjson",
        file="a.ndjson",
        format="ndjson",
        data=ndjson(*(metric(unit_id=f"a{mark}b") for mark in "\x85\u2028\u2029\x7f")),
        accepted=4,
        values={"unit_id": [f"a{mark}b" for mark in "\x85\u2028\u2029\x7f"]},
    ),
    Case(
        name="a name twice in one object",
        file="a.ndjson",
        format="ndjson",
        data=ndjson(GOOD[:-1] + ',"more":1,"more":2}', LATER),
        accepted=2,
        warnings={"extra_columns": 1},
    ),
    with_rejects(
        "a column twice in one object: the first value counts and is shown",
        ndjson(
            GOOD[:-1] + ',"metric_value":"x"}',
            GOOD.replace('"metric_value": 1', '"metric_value": "x", "metric_value": {"a":1,"a":2}, "unit_id": "u9"'),
        ),
        file="a.ndjson",
        format="ndjson",
        rejected=["2@2 not_a_number:metric_value"],
        accepted=1,
        values={"metric_value": [1.0]},
        shown=[metric(metric_value="x")],
    ),
    Case(
        name="a hundred thousand names, no record with those of another",
        file="a.ndjson",
        format="ndjson",
        data=lambda: ndjson(
            *[metric()] * 1_000,
            *(metric(**{f"{at}-{number}": at for number in range(100)}) for at in range(1_000)),
        ),
        accepted=2_000,
    ),
    Case(
        name="1,024 different names besides those of the contract that are in none of the records",
        file="a.ndjson",
        format="ndjson",
        data=ndjson({**metric(), **{f"c{number}": 1 for number in range(1_019)}}),
        accepted=1,
        warnings={"extra_columns": 1_019},
    ),
    refused(
        "1,025 different names, spread over many objects",
        "too_many_columns",
        ndjson(*(metric(**{f"c{number}": 1, f"d{number}": 1}) for number in range(1, 511))),
        file="a.ndjson",
        format="ndjson",
    ),
    refused(
        "ndjson without a column of the contract",
        "too_many_rejected_rows",
        ndjson(*[{name: value for name, value in metric().items() if name != "id_type"}] * 100),
        file="a.ndjson",
        format="ndjson",
        rejected=[f"{at}@{at} required:id_type" for at in range(1, 101)],
        says="no row has id_type",
    ),
    with_rejects(
        "numbers beyond every double",
        ndjson(member('"x":1e400'), GOOD.replace(": 1}", ": 1e400}"), GOOD.replace(": 1}", ": " + "9" * 400 + "}"), LATER),
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 beyond_json_limits", "2@2 beyond_json_limits", "3@3 beyond_json_limits"],
        accepted=1,
    ),
    with_rejects(
        "ten thousand brackets",
        ndjson(
            member('"x":' + "[" * 10_000 + "]" * 10_000),
            member('"x":' + "[" * 10_000),
            member('"x":' + '{"a":' * 10_000),
            LATER,
        ),
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 beyond_json_limits", "2@2 beyond_json_limits", "3@3 beyond_json_limits"],
        accepted=1,
    ),
    Case(
        name="objects with a name that comes late",
        file="a.ndjson",
        format="ndjson",
        data=ndjson(*[metric()] * 1_500, metric(metric_value=None, numerator=1, denominator=2)),
        accepted=1_501,
        values={"numerator": [None] * 1_500 + [1]},
    ),
    with_rejects(
        "objects without any name of the contract",
        ndjson("{}", {"a": 1}, GOOD),
        file="a.ndjson",
        format="ndjson",
        rejected=[
            f"{at}@{at} required:unit_id required:id_type required:date required:metric_name value_missing" for at in (1, 2)
        ],
        accepted=1,
        warnings={"extra_columns": 1},
    ),
    refused(
        "a line of json over 16 MiB",
        "record_too_long",
        lambda: ndjson(GOOD, member('"x":"' + "x" * 16 * 1024**2 + '"')),
        file="a.ndjson",
        format="ndjson",
    ),
    with_rejects(
        "an id that is an object, and a date that is an array",
        ndjson(metric(unit_id={"a": 1}), metric(date=["2026-11-18"])),
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 not_an_id:unit_id", "2@2 not_a_date:date"],
    ),
    with_rejects(
        "an event cut off by a crash, in the last line",
        ndjson(event(), event()) + b'{"timestamp":1795000000,"event_na',
        file="a.ndjson",
        format="ndjson",
        dataset=EVENTS,
        rejected=["3@3 not_json"],
        accepted=2,
    ),
)
