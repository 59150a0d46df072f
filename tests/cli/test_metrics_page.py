"""What `dropzone metrics` prints (contract section 8)."""

from __future__ import annotations

import io
import json
from datetime import date

from rich.console import Console

from processing.cli.metrics_page import as_document, print_metric_page, print_metrics_page, trend
from processing.local.terminal import Terminal
from processing.views.catalogue import catalogue, days_of_metric
from tests.support.memory import Memory, metrics

DAY = date(2026, 11, 18)


def printed(world: Memory) -> tuple[str, str]:
    """The list, and the page of its first metric."""
    pages = io.StringIO(), io.StringIO()
    first, second = (Terminal(Console(file=page, width=120)) for page in pages)
    found = catalogue(world.context, world.customer)
    print_metrics_page(first, found)
    if found:
        print_metric_page(second, found[0], days_of_metric(world.context, "acme", found[0], before=None, limit=28).rows)
    return pages[0].getvalue(), pages[1].getvalue()


def test_a_metric_is_a_line_and_its_days_are_a_page() -> None:
    world = Memory()
    assert "no day with rows is published yet" in printed(world)[0]
    world.upload("metrics/a.csv", metrics(DAY, {"u": 1.5, "v": 2.5}))
    world.upload(f"signals/{DAY}")
    world.settle()
    listed, page = printed(world)
    (line,) = (each.split() for each in listed.splitlines() if each.split()[:1] == ["m"])
    assert line == ["m", "value", "user_id", str(DAY), str(DAY), "2", "2", "#"]
    assert f"metrics m: value, from {DAY} to {DAY}" in page
    (row,) = (each.split() for each in page.splitlines() if each.split()[:1] == [str(DAY)])
    assert row == [str(DAY), "user_id", "2", "4", "2", "0.7071", "1.5", "2", "2.4", "2.49", "2.5"]
    (document,) = json.loads(as_document({"metrics": catalogue(world.context, "acme")}))["metrics"]
    assert (document["name"], document["last_day"], document["id_types"][0]["value"]) == ("m", str(DAY), 2.0)


def test_a_trend_runs_from_the_least_to_the_largest_value_whatever_they_are() -> None:
    assert trend([None, 1, 2, 3]) == " .=#"
    assert trend([5.0, None, 5.0]) == "# #"
    assert trend([-1.7e308, 1.7e308]) == ".#"
    assert trend([]) == ""
