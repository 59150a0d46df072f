"""The console in a Chromium: both themes, a phone, scripts off; no error, no rule of accessibility broken, nothing runs.

Every text of the customer carries markup and script: names of blobs, metrics, events, experiments, groups and units.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from processing.domain.api_keys import Scope
from processing.stored.keys import create_key
from tests.browser.visits import CAN_RUN, visit
from tests.support.console import HOSTILE
from tests.support.experiments import D1, D2, exposures, mark
from tests.support.memory import HEADER, Memory
from tests.support.served import served
from tests.support.web import WebStory

pytestmark = pytest.mark.skipif(not CAN_RUN, reason="the Chromium of package-lock.json is for Linux on x86_64")
METRIC: Final = f"revenue {HOSTILE}"
EXPERIMENT: Final = f"button {HOSTILE}"
FILE: Final = f"metrics/{HOSTILE.replace('/', '')}.csv"
UNITS: Final = [f"u{number} {HOSTILE}" for number in range(8)]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def hostile_world() -> Memory:
    """Two published days with an experiment, a third that waits, rejected rows and a refused file."""
    world = Memory()
    control, blue = f"control {HOSTILE}", f"blue {HOSTILE}"
    world.config(json.dumps({"experiments": {EXPERIMENT: {"control": control, "sequential": "true"}}}))
    groups = {quoted(unit): quoted(control if place % 2 else blue) for place, unit in enumerate(UNITS)}
    world.upload("exposures/a.csv", exposures(D1, groups, quoted(EXPERIMENT)))
    for day in (D1, D2):
        rows = "".join(f"{quoted(unit)},user_id,{day},{quoted(METRIC)},{place},,\n" for place, unit in enumerate(UNITS))
        bad = f'{quoted(UNITS[0])},user_id,{quoted(HOSTILE)},{quoted(METRIC)},"1",,\n'
        world.upload(f"metrics/{day}.csv", (HEADER + rows).encode())
        world.upload(FILE if day == D1 else f"metrics/bad-{day}.csv", (HEADER + rows.replace(",0,,", ",9,,") + bad).encode())
        event = {"timestamp": f"{day}T18:00:00Z", "event_name": "click", "user": {"userID": UNITS[0]}}
        world.upload(f"events/{day}.ndjson", json.dumps(event).encode())
    world.upload("metrics/refused.csv", f"{HOSTILE}\n1\n".encode())
    mark(world, D1, D2)
    return world


def pages(world: Memory) -> dict[str, str]:
    """By name, the addresses of every kind of page."""

    def at(path: str, **parameters: object) -> str:
        return f"/console/{path}?{urlencode(parameters)}" if parameters else f"/console/{path}"

    return {
        "days": at(""),
        "day": at("day", dataset="metrics", day=D1),
        "day-of-results": at("day", dataset="experiments", day=D2),
        "files": at("files"),
        "files-searched": at("files", status="rejected"),
        "file": at("file", name=FILE),
        "file-refused": at("file", name="metrics/refused.csv"),
        "log-stream": at("log-stream"),
        "metrics": at("metrics"),
        "metric": at("metric", name=METRIC),
        "experiments": at("experiments"),
        "experiment": at("experiment", name=EXPERIMENT),
        "missing": at("missing", dataset="metrics", name=METRIC, unit_id=UNITS[0], day=D1),
        "nothing": at("file", name="metrics/none.csv"),
    }


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All pages in all views; the pictures are kept beside pytest's other files."""
    world = hostile_world()
    story = WebStory(world)
    key, _ = create_key(world.context, world.customer, (Scope.READ,))
    pictures: Path = tmp_path_factory.mktemp("console")
    with served(story.app) as base:
        return visit(base, key, pages(world), pictures)


def test_every_page_is_there_in_every_view(visits: list[dict[str, Any]]) -> None:
    assert {each["view"] for each in visits} == {"light", "dark", "phone", "no-scripts"}
    assert len(visits) == 4 * (1 + len(pages(Memory())))
    wrong = [
        (each["view"], each["name"], each["status"])
        for each in visits
        if (each["status"] == 404) != (each["name"] == "nothing")
    ]
    assert not wrong
    assert all(each["heading"].strip() for each in visits)


def test_nothing_of_a_customer_runs_and_no_policy_is_broken(visits: list[dict[str, Any]]) -> None:
    # A page that is not there is an error to the browser, too.
    errors = {(each["view"], each["name"]): each["errors"] for each in visits if each["name"] != "nothing"}
    assert {place: found for place, found in errors.items() if found} == {}


def test_no_rule_of_accessibility_is_broken(visits: list[dict[str, Any]]) -> None:
    assert {(each["view"], each["name"]): each["rules"] for each in visits if each["rules"]} == {}


def test_nothing_is_wider_than_its_screen(visits: list[dict[str, Any]]) -> None:
    assert {(each["view"], each["name"]): each["wide"] for each in visits if each["wide"] > 0} == {}
