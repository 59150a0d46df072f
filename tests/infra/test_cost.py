"""The estimate of costs adds up, grows with what it is asked for, and says how old its prices are."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from infra import cost as model
from infra.cost import PRICES, Load, by_customers, by_days, by_files, cost, fixed, read_prices, table
from processing.local.environment import PROJECT
from tests.support.bicep import INFRA, MAIN, parsed

LOADS = [Load(), Load(private=True), Load(customers=1, files_per_day=3.0, streams=3), Load(customers=0)]


def numbers(line: str) -> list[float]:
    return [float(each.replace(",", "")) for each in line[24:84].split()]


@pytest.mark.parametrize("load", LOADS, ids=repr)
def test_the_sum_is_that_of_the_parts(load: Load) -> None:
    lines = table(load, PRICES).splitlines()
    rows = [numbers(line) for line in lines[1 : 1 + len(PRICES)]]
    *columns, total = numbers(lines[1 + len(PRICES)])
    assert sum(columns) == pytest.approx(total, abs=0.02)
    for index, column in enumerate((*columns, total)):
        assert sum(row[index] for row in rows) == pytest.approx(column, abs=0.01 * len(rows))
    exact = sum(sum(cost(of(load)).values()) for of in (by_files, by_days, by_customers, fixed))
    assert total == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("load", LOADS, ids=repr)
def test_twice_the_files_cost_twice_what_depends_on_files(load: Load) -> None:
    twice = replace(load, files_per_day=2 * load.files_per_day)
    assert cost(by_files(twice)) == pytest.approx({key: 2 * amount for key, amount in cost(by_files(load)).items()})
    assert fixed(twice) == fixed(load)


def test_more_receipts_cost_more_to_list_and_never_less() -> None:
    few, many = (cost(by_customers(Load(keep_receipts_days=days))) for days in (90, 400))
    assert few["blob_lists"] < many["blob_lists"]
    assert few["flex_gb_seconds"] < many["flex_gb_seconds"]


def test_a_customer_with_500_files_a_day_stands_still_for_less_than_a_dollar_a_month() -> None:
    for customers in (1, 100):
        assert sum(cost(by_customers(Load(customers=customers))).values()) < customers


@pytest.mark.parametrize("private", [False, True])
def test_without_customers_only_the_fixed_part_is_left(private: bool) -> None:
    load = Load(customers=0, private=private)
    assert sum(cost(by_files(load)).values()) == 0
    assert sum(cost(by_days(load)).values()) == 0
    assert sum(cost(by_customers(load)).values()) == 0
    assert sum(cost(fixed(load)).values()) > 0


def test_a_private_network_costs_by_the_hour_and_a_public_one_nothing() -> None:
    network = {"private_endpoint_hours", "private_gb", "nat_hours", "nat_gb", "dns_zones"}
    for load, paid in ((Load(), set()), (Load(private=True), network)):
        whole = cost(by_files(load) + by_days(load) + by_customers(load) + fixed(load))
        assert {key for key in network if whole[key] > 0} == paid


def test_every_quantity_has_a_price_and_every_price_a_quantity_and_a_date() -> None:
    load = Load(private=True)
    assert set(by_files(load)) | set(by_days(load)) | set(by_customers(load)) | set(fixed(load)) == set(PRICES)
    for key, price in PRICES.items():
        assert isinstance(price.as_of, date), key
        assert price.as_of.isoformat() in table(load, PRICES)
        assert price.amount > 0
        assert price.unit


def test_own_prices_take_the_place_of_the_listed_with_their_own_date(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"as_of": "2026-11-01", "prices": {"log_gb": 1.25}}), encoding="utf-8")
    prices = read_prices(path)
    assert (prices["log_gb"].amount, prices["log_gb"].as_of) == (1.25, date(2026, 11, 1))
    assert {key: prices[key] for key in prices if key != "log_gb"} == {key: PRICES[key] for key in PRICES if key != "log_gb"}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"as_of": "2026-11-01", "prices": {"log_gigabyte": 1}}, "log_gigabyte"),
        ({"prices": {"log_gb": 1}}, "as_of"),
        ({"as_of": "2026-11-01", "prices": {"log_gb": "much"}}, "much"),
        ({"as_of": "lately", "prices": {}}, "lately"),
    ],
)
def test_prices_that_cannot_be_used_are_refused_in_one_sentence(told: object, says: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    command = [sys.executable, str(INFRA / "cost.py"), "--prices", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_output_says_that_prices_are_to_be_checked() -> None:
    command = [sys.executable, str(INFRA / "cost.py"), "--customers", "2", "--files-per-day", "10", "--private"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "check them against the Azure pricing page" in done.stdout
    assert model.REGION in done.stdout


def test_the_retention_and_the_timers_are_those_of_the_deployment() -> None:
    parameters, load = parsed(MAIN)["parameters"], Load()
    assert load.keep_uploads_days == parameters["keepUploadsDays"]["default"]
    assert load.keep_receipts_days == parameters["keepReceiptsDays"]["default"]
    assert load.keep_staged_days == parameters["keepStagedDays"]["default"]
    assert load.undo_days == parameters["undoDays"]["default"]
    assert parameters["sweepSchedule"]["default"] == f"0 */{load.sweep_minutes:.0f} * * * *"
    assert parameters["dayTimerSchedule"]["default"] == f"0 */{load.look_minutes:.0f} * * * *"


def test_every_question_that_is_asked_of_the_logs_is_paid_for() -> None:
    assert fixed(Load())["log_alerts"] == len(list((INFRA / "kql").glob("*.kql")))


def test_the_page_about_costs_names_every_option_that_it_uses() -> None:
    page = (PROJECT / "docs" / "operators" / "cost.md").read_text(encoding="utf-8")
    options = {f"--{name.replace('_', '-')}" for name in Load.__dataclass_fields__} | {"--prices", "--help"}
    used = {word.strip("`") for line in page.splitlines() if "infra/cost.py" in line for word in line.split() if "--" in word}
    assert used
    assert used <= options
