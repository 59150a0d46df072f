"""Experiments over HTTP: which there are, and what the table says of one of them through a day (contract section 8)."""

from __future__ import annotations

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from processing.web.api.paging import read_cursor
from tests.support.console import Browser
from tests.support.experiments import D1, D2, exposures, mark, two_groups, two_groups_on_two_days
from tests.support.memory import metrics
from tests.support.web import Client, WebStory


@pytest.fixture(scope="module")
def told() -> WebStory:
    """Two experiments through two days; nobody changes it."""
    world = two_groups_on_two_days()
    world.config("experiments:\n  button: {winsorize: 1}\n  colour/blue: {control: off}\n")
    world.upload("exposures/b.csv", exposures(D1, {**two_groups(), "x": "off", "y": "off"}, "colour/blue"))
    world.upload("metrics/3.csv", metrics(D1, {"x": 1.0, "y": 2.0}))
    mark(world, D1, D2)
    return WebStory(world)


def test_each_experiment_is_told_with_its_groups_and_its_split(told: WebStory) -> None:
    answer = told.client().get("/v1/experiments")
    assert answer.status == 200
    button, colour = answer.json["items"]
    assert button["experiment"] == "button"
    assert button["day"] == D2.isoformat()
    assert button["groups"] == [
        {"group_id": "blue", "is_control": False, "units": 4},
        {"group_id": "control", "is_control": True, "units": 4},
    ]
    assert (button["srm"], button["srm_p"], button["mixed_units"], button["metrics"]) == (False, 1.0, 0, 1)
    assert [each["is_control"] for each in colour["groups"]] == [False, False, True]
    first = told.client().get("/v1/experiments", limit="1").json
    rest = told.client().get("/v1/experiments", cursor=first["cursor"]).json
    assert [each["experiment"] for each in (*first["items"], *rest["items"])] == ["button", "colour/blue"]


def test_one_experiment_is_told_through_any_day(told: WebStory) -> None:
    client = told.client()
    last = client.get("/v1/experiments/button").json
    assert (last["day"], last["earlier"]) == (D2.isoformat(), D1.isoformat())
    blue, control = last["items"]
    assert (blue["group_id"], blue["metric_name"], blue["kind"]) == ("blue", "m", "value")
    assert control["mean"] == pytest.approx(2.15)
    assert blue["delta"] == pytest.approx(1.4)
    assert blue["ci_low"] < blue["delta"] < blue["ci_high"]
    assert blue["lift"] == pytest.approx(1.4 / 2.15)
    assert control["delta"] is None
    assert "cuped_p_value" in blue, "all columns of the table are there"
    before = client.get("/v1/experiments/button", day=D1.isoformat()).json
    assert (before["day"], before["earlier"]) == (D1.isoformat(), None)
    assert before["items"][1]["mean"] == pytest.approx(1.15)
    assert len(client.get("/v1/experiments/colour/blue").json["items"]) == 3


def test_an_experiment_that_began_later_has_no_earlier_day() -> None:
    world = two_groups_on_two_days()
    world.config("experiments:\n  button: {winsorize: 1}\n  late: {winsorize: 1}\n")
    world.upload("exposures/late.csv", exposures(D2, two_groups(), "late"))
    mark(world, D1, D2)
    story = WebStory(world)
    late = story.client().get("/v1/experiments/late").json
    assert (late["day"], late["earlier"]) == (D2.isoformat(), None)
    assert story.client().get("/v1/experiments/button").json["earlier"] == D1.isoformat()
    browser = Browser(story)
    browser.sign_in()
    assert "The day before" not in browser.page("/console/experiment", name="late").text
    button = browser.page("/console/experiment", name="button")
    assert browser.get(button.link("The day before")).status == 200


def test_an_earlier_day_whose_results_are_gone_is_told_of_by_its_own_page_alone() -> None:
    world = two_groups_on_two_days()
    world.config("experiments:\n  button: {winsorize: 1}\n")
    mark(world, D1, D2)
    (name,) = world.manifest(D1, Dataset.EXPERIMENTS).names_in("experiment_results")
    world.results.delete(blob_names.results_container("acme"), name)
    told = WebStory(world).client().get("/v1/experiments/button")
    assert told.status == 200
    assert told.json["earlier"] == D1.isoformat()


def test_a_metric_tells_which_experiments_it_judges(told: WebStory) -> None:
    (metric,) = told.client().get("/v1/metrics").json["items"]
    assert metric["experiments"] == [
        {"experiment": "button", "groups": ["blue", "control"]},
        {"experiment": "colour/blue", "groups": ["blue", "control", "off"]},
    ]


def test_what_is_not_there_is_not_found(told: WebStory) -> None:
    client = told.client()
    assert client.get("/v1/experiments/other").status == 404
    assert client.get("/v1/experiments/button", day="2026-11-01").status == 404
    assert client.get("/v1/experiments/button", day="yesterday").status == 400
    assert WebStory().client().get("/v1/experiments").json["items"] == []


def masking(told: WebStory, masks: str) -> Client:
    world = told.memory.copied()
    world.config(f"{{mask_values: {masks}, experiments: {{button: {{winsorize: 1}}, colour/blue: {{control: off}}}}}}")
    return WebStory(world).client()


def test_masked_names_are_told_in_no_answer(told: WebStory) -> None:
    client = masking(told, "[experiment]")
    assert client.get("/v1/experiments").json["items"] == []
    assert client.get("/v1/experiments/button").status == 404
    assert client.get("/v1/metrics").json["items"][0]["experiments"] == []
    client = masking(told, "[group_id, metric_name, id_type]")
    first = client.get("/v1/experiments", limit="1").json
    rest = client.get("/v1/experiments", cursor=first["cursor"]).json
    found = [*first["items"], *rest["items"]]
    assert [each["experiment"] for each in found] == ["button", "colour/blue"]
    assert {group["group_id"] for each in found for group in each["groups"]} == {each["id_type"] for each in found} == {MASKED}
    assert "user_id" not in read_cursor(first["cursor"])
    rows = client.get("/v1/experiments/button").json["items"]
    assert {row[name] for row in rows for name in ("group_id", "metric_name", "id_type")} == {MASKED}
    assert {row["is_control"] for row in rows} == {True, False}
    (metric,) = masking(told, "[group_id]").get("/v1/metrics").json["items"]
    assert [each["groups"] for each in metric["experiments"]] == [[MASKED] * 2, [MASKED] * 3]
