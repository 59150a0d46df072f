"""The page about telemetry lists the spans and metrics that there are."""

from __future__ import annotations

import re

from processing.domain.telemetry_names import METRICS, SpanName
from processing.local.environment import PROJECT

PAGE = (PROJECT / "docs" / "operators" / "telemetry.md").read_text(encoding="utf-8")


def test_every_metric_stands_there_as_it_is_told() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `dropzone.")]
    assert rows == [
        f"| `{each.name}` | {each.kind} | {each.unit} | {', '.join(each.attributes)} | {each.meaning} |" for each in METRICS
    ]


def test_every_span_stands_there() -> None:
    assert re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE) == [each.value for each in SpanName]
