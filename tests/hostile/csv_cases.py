"""CSV whose records are hard to tell apart."""

from __future__ import annotations

from tests.hostile.case import HEADER, Case, refused, table, with_rejects

GOOD = "u1,user_id,2026-11-18,m,1"
SECOND = "u2,user_id,2026-11-18,m,2"
THIRD = "u3,user_id,2026-11-18,m,3"

CASES = (
    Case(name="header only", data=table()),
    Case(name="header only without newline", data=table(end="")),
    Case(name="zero bytes", data=b"", status="ignored", error="empty_file", format=None),
    Case(name="nothing but blank lines", data=b"\n\r\n\n", status="ignored", error="empty_file"),
    Case(name="last line without newline", data=table(GOOD, SECOND)[:-1], accepted=2, values={"metric_value": [1, 2]}),
    Case(name="crlf", data=table(GOOD, SECOND, end="\r\n"), accepted=2, values={"metric_value": [1, 2]}),
    Case(
        name="lf and crlf mixed",
        data=table().replace(b"\n", b"\r\n") + f"{GOOD}\n{SECOND}\r\n{THIRD}".encode(),
        accepted=3,
        values={"unit_id": ["u1", "u2", "u3"], "metric_value": [1, 2, 3]},
    ),
    refused("old Mac line ends", "unreadable_header", table(GOOD, SECOND, end="\r")),
    with_rejects(
        "one bare CR between two rows",
        table(f"{GOOD}\r{SECOND}", THIRD),
        rejected=["1@2 wrong_field_count"],
        accepted=1,
        shown=[f"{GOOD}\r{SECOND}"],
    ),
    with_rejects(
        "two CRs before the newline of one row",
        table(GOOD, SECOND + "\r\r", THIRD),
        rejected=["2@3 not_a_number:metric_value"],
        accepted=2,
        values={"unit_id": ["u1", "u3"]},
    ),
    Case(
        name="blank lines everywhere",
        data=b"\n\r\n" + table("", GOOD, "", "\r", SECOND, "", ""),
        accepted=2,
        values={"unit_id": ["u1", "u2"]},
    ),
    with_rejects(
        "blank lines are counted as lines and not as records",
        b"\n" + table("", GOOD, "", "u2,user_id,2026-11-18,m,two", "", "u3,,2026-11-18,m,3"),
        rejected=["2@6 not_a_number:metric_value", "3@8 required:id_type"],
        accepted=1,
    ),
    with_rejects(
        "lines of blanks and of commas alone are blank lines",
        table("  ", ",,,,", "u3,,2026-11-18,m,3", " , ,\t,,", '"",,"",,', GOOD, ",,,,"),
        rejected=["1@4 required:id_type"],
        accepted=1,
    ),
    with_rejects(
        "ragged rows, short and long",
        table("u1,user_id,2026-11-18,m", GOOD, GOOD + ",", GOOD + ",more,and more", "u1", SECOND),
        rejected=["1@2 wrong_field_count", "3@4 wrong_field_count", "4@5 wrong_field_count", "5@6 wrong_field_count"],
        accepted=2,
        values={"unit_id": ["u1", "u2"]},
        shown=["u1,user_id,2026-11-18,m", GOOD + ",", GOOD + ",more,and more", "u1"],
    ),
    Case(
        name="a delimiter at the end of every line, the header too",
        data=table(GOOD, SECOND, end=",\n"),
        accepted=2,
        warnings={"extra_columns": 1},
    ),
    Case(
        name="a delimiter at the end of every row and not of the header",
        data=table(GOOD + ",", SECOND + ","),
        accepted=2,
        warnings={"extra_columns": 1},
    ),
    with_rejects(
        "a delimiter at the end of one row alone",
        table(GOOD + ",", SECOND, SECOND),
        rejected=["1@2 wrong_field_count"],
        accepted=2,
    ),
    Case(
        name="a delimiter at the end of the header and of no row",
        data=table(GOOD, SECOND, header=HEADER + ","),
        accepted=2,
    ),
    Case(
        name="the header once more, as where files were joined",
        data=table(GOOD, HEADER, SECOND, "\ufeff" + HEADER, SECOND),
        accepted=3,
        filtered=2,
        warnings={"repeated_header": 2},
    ),
    Case(name="a 0x1A at the end", data=table(GOOD) + b"\x1a", accepted=1),
    Case(name="a line that names the delimiter", data=b"sep=;\r\n" + table(GOOD, end="\r\n").replace(b",", b";"), accepted=1),
    with_rejects(
        "an unquoted decimal comma makes a field too many, a quoted one is no number",
        table("u1,user_id,2026-11-18,m,1,5", 'u2,user_id,2026-11-18,m,"1,5"'),
        rejected=["1@2 wrong_field_count", "2@3 not_a_number:metric_value"],
    ),
    Case(
        name="quoted newlines, crlf, delimiters and doubled quotes are kept exactly",
        data=table('"a\nb",user_id,2026-11-18,"x\r\ny",1', '"a,""b""",user_id,2026-11-18,"""",2', '"\n\n",t,2026-11-18,",",3'),
        accepted=3,
        values={"unit_id": ["a\nb", 'a,"b"', "\n\n"], "metric_name": ["x\r\ny", '"', ","], "metric_value": [1, 2, 3]},
    ),
    Case(
        name="quoted newlines in a file of crlf",
        data=table('"a\nb",user_id,2026-11-18,"x\r\ny",1', SECOND, end="\r\n"),
        accepted=2,
        values={"unit_id": ["a\nb", "u2"], "metric_name": ["x\r\ny", "m"]},
    ),
    with_rejects(
        "line numbers behind quoted newlines",
        table('"a\n\n\nb",user_id,2026-11-18,m,1', "u2,user_id,2026-11-18,m,x", "u3,user_id,2026-11-18,m,3,"),
        rejected=["2@6 not_a_number:metric_value", "3@7 wrong_field_count"],
        accepted=1,
    ),
    with_rejects(
        "an unclosed quote with good quoted newlines after it",
        table('"u1,user_id,2026-11-18,m,1', SECOND, '"u3\nx",user_id,2026-11-18,m,3', '"u4",user_id,2026-11-18,"m",4'),
        rejected=["1@2 broken_quoting"],
        accepted=3,
        values={"unit_id": ["u2", "u3\nx", "u4"]},
        shown=['"u1,user_id,2026-11-18,m,1'],
    ),
    with_rejects(
        "an unclosed quote in the last line, which has no newline",
        table(GOOD, 'u2,user_id,2026-11-18,"m,2')[:-1],
        rejected=["2@3 broken_quoting"],
        accepted=1,
    ),
    with_rejects(
        "quotes where none may stand",
        table(
            'u"1,user_id,2026-11-18,m,1',
            '"u1"x,user_id,2026-11-18,m,1',
            '"a\\"b",t,2026-11-18,m,1',
            'u1 "x",t,2026-11-18,m,1',
            GOOD,
        ),
        rejected=["1@2 broken_quoting", "2@3 broken_quoting", "3@4 broken_quoting", "4@5 broken_quoting"],
        accepted=1,
    ),
    with_rejects(
        "a quoted empty text is no value",
        table('"",user_id,2026-11-18,m,1', 'u2,user_id,2026-11-18,m,""'),
        rejected=["1@2 required:unit_id", "2@3 value_missing"],
    ),
    Case(
        name="control characters inside values are kept",
        data=table(*(f"a{chr(code)}b,user_id,2026-11-18,m,{code}" for code in (*range(1, 10), 11, 12, *range(14, 32), 127))),
        accepted=30,
        values={"unit_id": [f"a{chr(code)}b" for code in (*range(1, 10), 11, 12, *range(14, 32), 127)]},
    ),
    with_rejects(
        "short rows that end in control characters",
        table("u1,user_id,2026-11-18,m,\x1f", "u1,user_id,2026-11-18,m\x1f", "u1,user_id,2026-11-18,m,1,\x1e", GOOD),
        rejected=["1@2 not_a_number:metric_value", "2@3 wrong_field_count", "3@4 wrong_field_count"],
        accepted=1,
    ),
    Case(
        name="a bare CR inside values is kept",
        data=table("a\rb,user_id,2026-11-18,m\r,1", '"c\r",user_id,2026-11-18,m,2'),
        accepted=2,
        values={"unit_id": ["a\rb", "c\r"], "metric_name": ["m\r", "m"]},
    ),
    Case(
        name="a hash, a formula and the end of a table are values",
        data=table("#u1,user_id,2026-11-18,m,1", "=1+1,user_id,2026-11-18,m,2", "\\.,user_id,2026-11-18,m,3"),
        accepted=3,
        values={"unit_id": ["#u1", "=1+1", "\\."]},
    ),
    Case(
        name="spaces around values are part of them",
        data=table(" u1 ,user_id,2026-11-18, ,1"),
        accepted=1,
        values={"unit_id": [" u1 "], "metric_name": [" "]},
    ),
    Case(
        name="ids that look like numbers keep their text",
        data=table(
            "007,user_id,2026-11-18,m,1", "1.0,t,2026-11-18,m,2", "1e5,t,2026-11-18,m,3", f"{10**19 + 1},t,2026-11-18,m,4"
        ),
        accepted=4,
        values={"unit_id": ["007", "1", "1e5", "10000000000000000001"]},
    ),
    Case(
        name="tsv with commas and quotes in it",
        file="a.tsv",
        format="tsv",
        data=b'unit_id\tid_type\tdate\tmetric_name\tmetric_value\na,b\tuser_id\t2026-11-18\t"x\ty"\t1\n',
        accepted=1,
        values={"unit_id": ["a,b"], "metric_name": ["x\ty"]},
    ),
    Case(
        name="semicolons by config",
        data=table("a,b;user_id;2026-11-18;m;1,5".replace("1,5", "1.5"), header=table()[:-1].decode().replace(",", ";")),
        config={"datasets": {"metrics": {"csv": {"delimiter": ";"}}}},
        accepted=1,
        values={"unit_id": ["a,b"], "metric_value": [1.5]},
    ),
    refused("semicolons without config", "missing_column", table(header=table()[:-1].decode().replace(",", ";"))),
    Case(
        name="apostrophes as quotes by config",
        data=table("'a,''b\"',user_id,2026-11-18,'x\ny',1"),
        config={"datasets": {"metrics": {"csv": {"quote": "'"}}}},
        accepted=1,
        values={"unit_id": ["a,'b\""], "metric_name": ["x\ny"]},
    ),
    with_rejects(
        "texts for no value by config",
        table(
            "u1,user_id,2026-11-18,m,\\N",
            "\\N,user_id,2026-11-18,m,1",
            "u3,user_id,2026-11-18,n\\N,NULL",
            "u4,t,2026-11-18,null,4",
        ),
        config={"datasets": {"metrics": {"csv": {"null_values": ["\\N", "NULL"]}}}},
        rejected=["1@2 value_missing", "2@3 required:unit_id", "3@4 value_missing"],
        accepted=1,
        values={"metric_name": ["null"]},
    ),
    refused("a record over 16 MiB", "record_too_long", lambda: table(GOOD, "x" * (16 * 1024**2 + 1), SECOND)),
    refused(
        "a quoted record over 16 MiB",
        "record_too_long",
        lambda: table('"' + "x\n" * (8 * 1024**2 + 1) + '",t,2026-11-18,m,1', SECOND),
    ),
    Case(
        name="a record just below 16 MiB",
        data=lambda: table(GOOD + "," + "x" * (16 * 1024**2 - 100), SECOND + ",", header=table()[:-1].decode() + ",pad"),
        accepted=2,
        values={"unit_id": ["u1", "u2"]},
        warnings={"extra_columns": 1},
    ),
    Case(
        name="eight million blank lines between two rows",
        data=lambda: table(GOOD) + b"\n" * 8_000_000 + SECOND.encode(),
        accepted=2,
        values={"unit_id": ["u1", "u2"]},
    ),
)
