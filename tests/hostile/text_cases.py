"""Bytes that are no UTF-8, or that begin in odd ways."""

from __future__ import annotations

from tests.hostile.case import EVENTS, HEADER, Case, metric, ndjson, refused, table, with_rejects

GOOD = "u1,user_id,2026-11-18,m,1"
BOM = b"\xef\xbb\xbf"
TEXT = table("Zoë,user_id,2026-11-18,größe,1", GOOD)

CASES = (
    Case(name="a byte order mark and crlf", data=BOM + table(GOOD, end="\r\n"), accepted=1, values={"unit_id": ["u1"]}),
    Case(name="a byte order mark before a quoted name", data=BOM + table(GOOD, header='"unit_id"' + HEADER[7:]), accepted=1),
    Case(name="a byte order mark and a header only", data=BOM + table()),
    Case(name="a byte order mark before ndjson", file="a.ndjson", format="ndjson", data=BOM + ndjson(metric()), accepted=1),
    Case(name="a byte order mark alone", data=BOM, status="ignored", error="empty_file"),
    Case(name="two byte order marks", data=BOM + BOM + table(GOOD), accepted=1),
    refused("half a byte order mark", "unreadable_header", BOM[:2] + table(GOOD)),
    Case(name="utf-16 with a byte order mark", data=TEXT.decode().encode("utf-16"), accepted=2),
    refused(
        "utf-16 little-endian without one",
        "unreadable_header",
        table(GOOD).decode().encode("utf-16-le"),
        says="csv.encoding to utf-16-le",
    ),
    Case(name="utf-32 with a byte order mark", data=TEXT.decode().encode("utf-32"), accepted=2),
    with_rejects(
        "utf-16 that is cut in the middle of a character",
        table(GOOD, GOOD).decode().encode("utf-16")[:-3],
        rejected=["2@3 not_utf8"],
        accepted=1,
    ),
    with_rejects(
        "a latin-1 file loses the rows that are not ascii",
        TEXT.decode().encode("latin-1"),
        rejected=["1@2 not_utf8"],
        accepted=1,
        shown=["Zo\\xeb,user_id,2026-11-18,gr\\xf6\\xdfe,1"],
    ),
    refused("a latin-1 header", "unreadable_header", table(GOOD + ",1", header=HEADER + ",größe").decode().encode("latin-1")),
    with_rejects(
        "one bad byte inside a quoted field of several lines",
        table(GOOD, '"a\nb?c\nd",t,2026-11-18,m,1', "u3,t,2026-11-18,m,1").replace(b"?", b"\xff"),
        rejected=["2@3 not_utf8"],
        accepted=2,
        values={"unit_id": ["u1", "u3"]},
        shown=['"a\nb\\xffc\nd",t,2026-11-18,m,1'],
    ),
    with_rejects(
        "utf-8 that no one may write: overlong, surrogate, beyond unicode, cut",
        table(GOOD, "1?,t,2026-11-18,m,1", "2?,t,2026-11-18,m,1", "3?,t,2026-11-18,m,1", "4?,t,2026-11-18,m,1")
        .replace(b"1?", b"1\xc0\x80")
        .replace(b"2?", b"2\xed\xa0\x80")
        .replace(b"3?", b"3\xf4\x90\x80\x80")
        .replace(b"4?", b"4\xe2\x82"),
        rejected=["2@3 not_utf8", "3@4 not_utf8", "4@5 not_utf8", "5@6 not_utf8"],
        accepted=1,
    ),
    with_rejects(
        "one bad byte in a line of ndjson",
        ndjson(metric(), metric(unit_id="a?b"), metric(unit_id="u3")).replace(b"?", b"\xff"),
        file="a.ndjson",
        format="ndjson",
        rejected=["2@2 not_utf8"],
        accepted=2,
        values={"unit_id": ["u1", "u3"]},
    ),
    Case(
        name="NUL characters inside values are kept",
        data=table("a\0b,user_id,2026-11-18,m,1", "\0,user_id,2026-11-18,m,2"),
        accepted=2,
        values={"unit_id": ["a\0b", "\0"]},
    ),
    with_rejects("NUL characters inside a number", table("u1,t,2026-11-18,m,1\0"), rejected=["1@2 not_a_number:metric_value"]),
    refused("a file of NUL bytes", "unreadable_header", bytes(4096), says="zero bytes"),
    refused("NUL bytes called ndjson", "unknown_format", bytes(4096), file="a.ndjson", format="ndjson", says="zero bytes"),
    with_rejects(
        "a tail of NUL bytes, as a crash leaves it",
        table(GOOD) + bytes(512),
        rejected=["2@3 wrong_field_count"],
        accepted=1,
    ),
    Case(
        name="line separators that are no line ends",
        data=table(*(f"a{mark}b,t,2026-11-18,m,1" for mark in "\x0b\x0c\x85\u2028\u2029")),
        accepted=5,
        values={"unit_id": [f"a{mark}b" for mark in "\x0b\x0c\x85\u2028\u2029"]},
    ),
    Case(
        name="emoji, combining marks, right-to-left and noncharacters",
        data=table(
            "👩‍👩‍👧,t,2026-11-18,m,1", "é,t,2026-11-18,m,1", "\u202eabc,t,2026-11-18,m,1", "\uffff\U0010ffff,t,2026-11-18,m,1"
        ),
        accepted=4,
        values={"unit_id": ["👩‍👩‍👧", "é", "\u202eabc", "\uffff\U0010ffff"]},
    ),
    Case(
        name="no-break spaces stay in ids, and byte order marks do not",
        data=table("\ufeffu\xa0,t,2026-11-18,m,1"),
        accepted=1,
        values={"unit_id": ["u\xa0"]},
    ),
    with_rejects(
        "digits of other scripts are no numbers",
        table("u,t,2026-11-18,m,１２", "u,t,２０２６-11-18,m,1", "u,t,2026-11-18,m,٣", "u,t,2026-11-18,m,−1"),
        rejected=[
            "1@2 not_a_number:metric_value",
            "2@3 not_a_date:date",
            "3@4 not_a_number:metric_value",
            "4@5 not_a_number:metric_value",
        ],
    ),
    with_rejects(
        "digits of other scripts are no times",
        table(
            '１７９５００００００,e,"{""userID"":""u""}"',
            '٢٠٢٦-11-18T00:00:00Z,e,"{""userID"":""u""}"',
            header="timestamp,event_name,user",
        ),
        dataset=EVENTS,
        rejected=["1@2 not_a_timestamp:timestamp", "2@3 not_a_timestamp:timestamp"],
    ),
)
