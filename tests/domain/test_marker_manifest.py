"""What a JSON marker names, up to the bounds that the contract gives (section 4, signals)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from processing.domain.readiness.marker_manifest import LARGEST, ManifestRefusedError, of_stream, parse_manifest
from processing.domain.stream_state import ExpectedFile

NAME = "signals/2026-11-18.json"
HEX = "0123456789abcdefABCDEF0123456789"


def parsed(*files: Any) -> tuple[ExpectedFile, ...]:
    """What a manifest of these files names."""
    return parse_manifest(NAME, json.dumps({"files": files}).encode())


@pytest.mark.parametrize(("count", "is_taken"), [(10_000, True), (10_001, False)])
def test_a_manifest_names_ten_thousand_files_at_most(count: int, is_taken: bool) -> None:
    files = [{"name": f"metrics/{number}.csv"} for number in range(count)]
    if is_taken:
        assert len(parsed(*files)) == count
    else:
        with pytest.raises(ManifestRefusedError, match="names 10,001 files, more than 10,000"):
            parsed(*files)


def test_a_manifest_has_sixteen_mebibytes_at_most() -> None:
    assert LARGEST == 16 * 1024 * 1024


@pytest.mark.parametrize("rows", [None, 0, 1, 10**12])
def test_rows_are_a_whole_number_or_not_given(rows: int | None) -> None:
    assert parsed({"name": "metrics/a.csv", "rows": rows}) == (ExpectedFile(name="metrics/a.csv", rows=rows),)


@pytest.mark.parametrize("rows", [-1, 1.0, "1", True, False, []])
def test_other_rows_are_refused(rows: object) -> None:
    with pytest.raises(ManifestRefusedError, match="must be a whole number"):
        parsed({"name": "metrics/a.csv", "rows": rows})


@pytest.mark.parametrize(
    ("md5", "kept"),
    [
        (None, None),
        (HEX, HEX.lower()),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "0" * 32),
        ("/////////////////////w==", "f" * 32),
    ],
)
def test_an_md5_is_hexadecimal_or_base64(md5: str | None, kept: str | None) -> None:
    assert parsed({"name": "metrics/a.csv", "md5": md5})[0].md5 == kept


BAD_BASE64 = ("AAAA", "AAAA\nAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("md5", ["", HEX[1:], HEX + "0", *BAD_BASE64, "g" * 32, 7, [HEX]])
def test_another_md5_is_refused(md5: object) -> None:
    with pytest.raises(ManifestRefusedError, match='"md5" of'):
        parsed({"name": "metrics/a.csv", "md5": md5})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (NAME, b""),
        (NAME, b" \n"),
        (NAME, b"[]"),
        (NAME, b"7"),
        (NAME, b'{"file": []}'),
        ("signals/2026-11-18", b"done"),
        ("signals/2026-11-18", b"[" * 100_000),
        (NAME, b'{"files": []}'),
    ],
)
def test_a_marker_that_names_no_files_is_a_plain_one(name: str, data: bytes) -> None:
    assert parse_manifest(name, data) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"done", "not readable JSON"),
        (b'{"files": {}}', '"files" must be a list'),
        (b'{"files": ["a"]}', 'with the "name"'),
        (b'{"files": [{"name": 7}]}', 'with the "name"'),
        (b'{"files": [{"name": "signals/2026-11-18"}]}', "no name of a data file"),
        (b'{"files": [{"name": "a.csv"}]}', "no name of a data file"),
        (b'{"files": [{"name": "metrics/../a.csv"}]}', "no name that an upload can have"),
        (b'{"files": [{"name": "metrics/\\u0001.csv"}]}', "no name that an upload can have"),
        (b'{"files": [{"name": "metrics/a.csv"}, {"name": "metrics/a.csv"}]}', "names a file twice"),
    ],
)
def test_a_marker_that_means_to_be_a_manifest_and_is_none_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ManifestRefusedError, match=why):
        parse_manifest(NAME, data)


def test_sixty_four_characters_of_a_name_are_shown() -> None:
    with pytest.raises(ManifestRefusedError) as refused:
        parsed({"name": "x" * 70})
    assert str(refused.value).startswith(f"'{'x' * 64}' is no name")


def test_a_stream_waits_for_the_files_of_its_folders_and_exposures_for_those_of_events_too() -> None:
    files = parsed(*({"name": f"{folder}/a.csv"} for folder in ("metrics", "events", "exposures")))
    names = {dataset: [each.name for each in of_stream(files, dataset)] for dataset in Dataset}
    assert names[Dataset.METRICS] == ["metrics/a.csv"]
    assert names[Dataset.EVENTS] == ["events/a.csv"]
    assert names[Dataset.EXPOSURES] == ["events/a.csv", "exposures/a.csv"]
