"""Archives that are cut, glued or bombs, and names that say something else than the bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from tests.hostile.case import EVENTS, Case, event, gz, metric, ndjson, refused, table, with_rejects, zst

PLAIN = table("u1,user_id,2026-11-18,m,1", "u2,user_id,2026-11-18,m,2")
LONG = table(*(f"u{row},user_id,2026-11-18,m{row * 7919 % 1009},{row}" for row in range(20_000)))
UNIT = {"unit_id": ["u1", "u2"]}


def changed(data: bytes, at: int) -> bytes:
    """The bytes with one of them changed."""
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.csv"), PLAIN)
    return file.getvalue()


def bomb(pack: Callable[[bytes], bytes], piece: bytes) -> bytes:
    """A header and 1.2 GiB behind it, as archives of one MiB each, end to end."""
    return pack(table(header="unit_id,id_type,date,metric_name,metric_value,pad")) + pack(piece) * 1_229


ROWS = b"u1,user_id,2026-11-18,m,1," + b"x" * (1024**2 - 27) + b"\n"
"""One sound row of one MiB, most of which is not read."""


SKIPPED = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"

CASES = (
    Case(name="gzip", file="a.csv.gz", format="csv.gz", data=gz(PLAIN), accepted=2, values=UNIT),
    Case(name="zstd", file="a.csv.zst", format="csv.zst", data=zst(PLAIN), accepted=2, values=UNIT),
    Case(name="gzip of ndjson", file="a.ndjson.gz", format="ndjson.gz", data=gz(ndjson(metric())), accepted=1),
    Case(name="zstd of events", file="a.json.zst", format="ndjson.zst", dataset=EVENTS, data=zst(ndjson(event())), accepted=1),
    Case(
        name="gzip in two members",
        file="a.csv.gz",
        format="csv.gz",
        data=gz(PLAIN[:70]) + gz(PLAIN[70:]),
        accepted=2,
        values=UNIT,
    ),
    Case(
        name="gzip with empty members",
        file="a.csv.gz",
        format="csv.gz",
        data=gz(b"") + gz(PLAIN) + gz(b""),
        accepted=2,
        values=UNIT,
    ),
    Case(
        name="gzip with zeros behind it", file="a.csv.gz", format="csv.gz", data=gz(PLAIN) + bytes(512), accepted=2, values=UNIT
    ),
    Case(
        name="zstd in two frames",
        file="a.csv.zst",
        format="csv.zst",
        data=zst(PLAIN[:70]) + zst(PLAIN[70:]),
        accepted=2,
        values=UNIT,
    ),
    Case(
        name="zstd with frames to be skipped",
        file="a.csv.zst",
        format="csv.zst",
        data=SKIPPED + zst(PLAIN) + SKIPPED,
        accepted=2,
        values=UNIT,
    ),
    Case(
        name="a byte order mark inside gzip",
        file="a.csv.gz",
        format="csv.gz",
        data=gz(b"\xef\xbb\xbf" + PLAIN),
        accepted=2,
        values=UNIT,
    ),
    *(
        refused(f"gzip that is {how}", "damaged_archive", data, file="a.csv.gz", format="csv.gz")
        for how, data in {
            "cut to its mark": gz(PLAIN)[:2],
            "cut in its head": gz(PLAIN)[:9],
            "cut in its rows": gz(LONG)[:20_000],
            "cut in its checksum": gz(LONG)[:-5],
            "followed by junk": gz(PLAIN) + b"junk",
            "followed by a cut member": gz(PLAIN) + gz(PLAIN)[:15],
            "wrong in its checksum": changed(gz(PLAIN), len(gz(PLAIN)) - 6),
            "wrong in its rows": changed(gz(LONG), 10_000),
        }.items()
    ),
    *(
        refused(f"zstd that is {how}", "damaged_archive", data, file="a.csv.zst", format="csv.zst")
        for how, data in {
            "cut to its mark": zst(PLAIN)[:4],
            "cut in its rows": zst(LONG)[: len(zst(LONG)) // 2],
            "cut by one byte": zst(LONG)[:-1],
            "followed by junk": zst(PLAIN) + b"junk",
            "followed by a cut frame": zst(PLAIN) + zst(PLAIN)[:10],
        }.items()
    ),
    Case(name="gzip of nothing", data=gz(b""), file="a.csv.gz", format="csv.gz", status="ignored", error="empty_file"),
    refused("gzip of gzip", "unreadable_header", gz(gz(PLAIN)), file="a.csv.gz", format="csv.gz"),
    refused("zip called csv", "unreadable_header", zipped(), file="a.csv", format="csv"),
    Case(name="plain bytes called gz", file="a.csv.gz", format="csv", data=PLAIN, accepted=2, values=UNIT),
    Case(name="plain bytes called zst", file="a.csv.zst", format="csv", data=PLAIN, accepted=2, values=UNIT),
    Case(name="gzip called csv", file="a.csv", format="csv.gz", data=gz(PLAIN), accepted=2, values=UNIT),
    Case(name="gzip called zst", file="a.csv.zst", format="csv.gz", data=gz(PLAIN), accepted=2, values=UNIT),
    Case(name="zstd called gz", file="a.csv.gz", format="csv.zst", data=zst(PLAIN), accepted=2, values=UNIT),
    refused("json called csv", "unreadable_header", ndjson(metric(unit_id="a b")), file="a.csv", format="csv"),
    with_rejects(
        "csv called ndjson",
        PLAIN,
        file="a.ndjson",
        format="ndjson",
        rejected=["1@1 not_json", "2@2 not_json", "3@3 not_json"],
    ),
    refused("parquet packed again", "damaged_parquet", gz(b"PAR1"), file="a.parquet.gz", format=None),
    *(
        Case(name=f"a name of no known format: {file}", data=PLAIN, file=file, accepted=2, values=UNIT)
        for file in ("a.txt", "a.xlsx", "a", "a.csv.bz2", "csv", "a.csv.gz.zst", "a.csv.", "a.csv_", "a.csv.zip", "a.gz")
    ),
    *(
        Case(name=f"a name of a known format: {file}", data=data, file=file, format=form, accepted=2, values=UNIT)
        for file, form, data in (
            ("data_0_1_2.csv.gz", "csv.gz", gz(PLAIN)),
            ("export-000000000000.csv", "csv", PLAIN),
            ("part-00000-tid-123-5b1f2a6e-9d8c-c000.csv", "csv", PLAIN),
            ("0000_part_00.CSV.GZ", "csv.gz", gz(PLAIN)),
            ("a b;c&d=e%2e#f.csv", "csv", PLAIN),
            ("größe 日本 🦊.csv", "csv", PLAIN),
            ("a.parquet.csv", "csv", PLAIN),
            (".csv", "csv", PLAIN),
            ("a..csv", "csv", PLAIN),
        )
    ),
    refused(
        "a gzip bomb without a line", "record_too_long", lambda: bomb(gz, bytes(1024**2)), file="a.csv.gz", format="csv.gz"
    ),
    refused(
        "a zstd bomb without a line", "record_too_long", lambda: bomb(zst, bytes(1024**2)), file="a.csv.zst", format="csv.zst"
    ),
    refused(
        "a zstd bomb called ndjson",
        "record_too_long",
        lambda: bomb(zst, bytes(1024**2)),
        file="a.json.zst",
        format="ndjson.zst",
    ),
)
