"""A customer's first days as the console shows them, on the emulator: upload, receipt, marker, day, metric, experiment."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest

from processing.domain.api_keys import Scope
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from processing.jobs.journal.journal import Journal
from processing.stored.keys import Keys, create_key
from processing.web.app import create_app
from tests.browser.visits import CAN_RUN
from tests.browser.walks import walk
from tests.support.doors import open_door
from tests.support.experiments import exposures, two_groups
from tests.support.installation import Installation, metrics_csv
from tests.support.served import served

pytestmark = pytest.mark.skipif(not CAN_RUN, reason="the Chromium of package-lock.json is for Linux on x86_64")
D1: Final = date(2026, 11, 17)
D2: Final = D1 + timedelta(days=1)
BAD_ROW: Final = f"c0,user_id,{D1},revenue,much,,\n"


def test_what_a_customer_sees_of_the_first_days(installation: Installation, tmp_path: Path) -> None:
    context, units = installation.context, two_groups()
    context.lake.put("config", f"customers/{installation.customer}.yaml", b"experiments:\n  button:\n")
    key, _ = create_key(context, installation.customer, (Scope.READ,))
    app = create_app(context, Journal(context), Keys(context))
    with served(app) as base, walk(base, key) as (console, start):
        assert start.heading == "Days"
        assert "No rows yet" in start.text

        values: dict[str, float | str] = {unit: place + 9.0 * unit.startswith("b") for place, unit in enumerate(units)}
        first = metrics_csv(D1, values) + BAD_ROW.encode()
        installation.deliver(installation.upload("metrics/first.csv", first))
        page = console.click("Files", "metrics/first.csv")
        assert page.heading == "metrics/first.csv"
        assert "not_a_number" in page.text
        assert "much" in page.text
        console.keep(tmp_path / "receipt.png")

        page = console.click("Days", f"{D1.day} ")
        assert "8 staged, not published yet" in page.text
        assert "marker" in page.text.lower()

        others = [
            installation.upload("metrics/second.csv", metrics_csv(D2, values)),
            installation.upload("exposures/a.csv", exposures(D1, units)),
        ]
        installation.deliver(*others)
        installation.deliver(*(installation.upload(f"signals/{day}", b"") for day in (D1, D2)))
        installation.tick()
        for dataset in (Dataset.EXPOSURES, Dataset.EXPERIMENTS):
            open_door("dayworker", stream_work(Stream(installation.customer, dataset)))
        page = console.step()
        assert "processed" in page.text.lower()
        console.keep(tmp_path / "day.png")

        page = console.click("Metrics", "revenue")
        assert page.heading == "revenue"
        assert D2.isoformat() in page.text
        console.keep(tmp_path / "metric.png")

        page = console.click("Experiments", "button")
        assert page.heading == "button"
        assert "blue" in page.text
        assert "revenue" in page.text
        console.keep(tmp_path / "experiment.png")
