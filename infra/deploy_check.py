"""Says in one line each what works after a deployment: `.venv/bin/python -m infra.deploy_check --url "https://$APP_HOST"`.

A test customer uploads a row, waits for its receipt, marks yesterday, waits for the day and reads the row in the results; the
HTTP door is asked, and the workspace whether the log lines of all this came in, and every alert's question. It may be run
again: each run has a row of its own. Needs the addresses of docs/operators/README.md, as somebody who is among `operators`;
for the logs also Log Analytics Reader on the workspace.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from processing import wiring
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import DropzoneError
from processing.logs import no_logs
from processing.settings import Settings, load_settings
from processing.stored.context import JobContext
from processing.stored.customers import add_customer, list_customers

KQL: Final = Path(__file__).parent / "kql"
QUESTIONS: Final = "https://api.loganalytics.azure.com"
EVENTS: Final = ("sweeps_sent", "days_advanced", "upload_received", "stream_worked")
"""Log lines that a sound installation has written by the time that the rest of this is done."""
ARRIVED: Final = KQL.parent / "smoke" / "events_arrived.kql"
_PAUSE: Final = 2.0
_SECONDS: Final = 30
_Found = TypeVar("_Found")


class CheckError(Exception):
    """Something does not work; its message says what, and what to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One run."""

    context: JobContext
    settings: Settings
    customer: str
    patience: float
    """Seconds that each thing may take."""
    url: str | None = None
    """Of the app; None leaves its door out."""
    workspace: str | None = None
    """Id of the workspace; None leaves logs and alerts out."""
    questions: str = QUESTIONS
    """Where the workspace is asked."""
    token: Callable[[], str] = lambda: ""
    """For the workspace."""

    def lines(self) -> Iterator[str]:
        """What works, sentence by sentence; CheckError or DropzoneError at the first thing that does not."""
        day = self.context.zone.day_of(self.context.drop.service_time()) - timedelta(days=1)
        yield self._customer(day)
        unit = f"check-{secrets.token_hex(8)}"
        yield self._receipt(unit, day)
        yield self._day(unit, day)
        if self.url is not None:
            yield self._door(self.url)
        if self.workspace is not None:
            yield self._logs()
            for path in sorted(KQL.glob("*.kql")):
                yield self._alert(path)

    def _customer(self, day: date) -> str:
        if self.customer in list_customers(self.context):
            return f"the test customer {self.customer} is there"
        add_customer(self.context, self.customer)
        # Without it the first day of a stream is fixed an hour after its markers.
        config = f"first_day: {day}\ngap_policy: infer\n".encode()
        self.context.lake.put(blob_names.CONFIG_CONTAINER, blob_names.config_name(self.customer), config)
        return f"the test customer {self.customer} was made: all its containers can be written"

    def _receipt(self, unit: str, day: date) -> str:
        name, drop = f"metrics/{unit}.csv", blob_names.drop_container(self.customer)
        row = f"unit_id,id_type,date,metric_name,metric_value\n{unit},user_id,{day},deploy_check,1\n"
        self.context.drop.put(drop, name, row.encode())
        receipt = self._until(
            lambda: self._document(blob_names.receipt_name(name)),
            f"no receipt for {name}: look at the queues drop-events and customer-work, and at the app's log stream",
        )
        if receipt["status"] != "accepted":
            raise CheckError(f"the receipt of {name} says {receipt['status']}: {receipt.get('error')}")
        return "an upload is announced and answered"

    def _day(self, unit: str, day: date) -> str:
        self.context.drop.put(blob_names.drop_container(self.customer), f"{Dataset.SIGNALS}/metrics/{day}", b"")
        results = blob_names.results_container(self.customer)

        def shown() -> bool | None:
            document = self._document(blob_names.day_status_name(Dataset.METRICS, day))
            if document is None or document["state"] != "processed":
                return None
            rows = wiring.read_table(self.settings, results, "metric_rows")
            return unit in set(rows["unit_id"]) or None

        self._until(shown, f"{day} was not published with the row: `dropzone status {self.customer}` says what it waits for")
        return f"{day} was marked and published, and its results can be read"

    def _document(self, name: str) -> dict[str, Any] | None:
        found = self.context.drop.get(blob_names.receipts_container(self.customer), name)
        document: dict[str, Any] | None = None if found is None else json.loads(found[0])
        return document

    def _door(self, url: str) -> str:
        document = _answer(Request(f"{url.rstrip('/')}/v1/openapi.json"))  # noqa: S310 - the address that is given
        if not str(document.get("openapi", "")).startswith("3.1"):
            raise CheckError(f"{url} answers, but not as the app does")
        return "the HTTP door answers"

    def _logs(self) -> str:
        question = ARRIVED.read_text(encoding="utf-8")

        def arrived() -> bool | None:
            return set(EVENTS) <= {str(row["event"]) for row in self._asked(question)} or None

        self._until(arrived, "not all log lines came in: the app's role Monitoring Metrics Publisher, or the daily cap")
        return f"log lines come in, with their events: {', '.join(EVENTS)}"

    def _alert(self, path: Path) -> str:
        count = len(list(self._asked(path.read_text(encoding="utf-8").replace("{limit_seconds}", "3600"))))
        name = path.stem.replace("_", "-")
        return f"the question of the alert {name} is answered" + (f", and finds {count} now" if count else "")

    def _asked(self, question: str) -> Iterator[dict[str, Any]]:
        body = json.dumps({"query": question, "timespan": "PT1H"}).encode()
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        url = f"{self.questions}/v1/workspaces/{self.workspace}/query"
        table = _answer(Request(url, data=body, headers=headers))["tables"][0]  # noqa: S310 - https, or a test's own
        names = [column["name"] for column in table["columns"]]
        return (dict(zip(names, row, strict=True)) for row in table["rows"])

    def _until(self, look: Callable[[], _Found | None], otherwise: str) -> _Found:
        end = time.monotonic() + self.patience
        while (found := look()) is None:
            if time.monotonic() >= end:
                raise CheckError(otherwise)
            time.sleep(_PAUSE)
        return found


def _answer(request: Request) -> Any:
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - made above
            return json.load(answer)
    except HTTPError as error:
        raise CheckError(f"{request.host} answers {error.code}") from None
    except (URLError, ValueError, TimeoutError) as error:
        raise CheckError(f"{request.host} cannot be asked: {error}") from None


def _workspace_token() -> str:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - for those who ask a workspace

    return DefaultAzureCredential().get_token("https://api.loganalytics.io/.default").token


def main(arguments: list[str] | None = None) -> int:
    """0 when all of it works; else 1 with what does not on standard error."""
    parser = argparse.ArgumentParser(prog="deploy_check", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--customer", default="dropzone-check", help="the test customer; made where it is not there")
    parser.add_argument("--url", default=None, help="address of the app; without it the HTTP door is left out")
    parser.add_argument("--workspace", default=os.environ.get("WORKSPACE_ID"), help="id of the workspace that has the logs")
    parser.add_argument("--questions", default=QUESTIONS, help="where workspaces are asked; another one in other clouds")
    parser.add_argument("--minutes", type=float, default=20.0, help="that each thing may take")
    given = parser.parse_args(arguments)
    try:
        with no_logs():
            settings = load_settings()
            check = Check(
                context=wiring.build_app(settings),
                settings=settings,
                customer=given.customer,
                patience=given.minutes * 60,
                url=given.url,
                workspace=given.workspace or None,
                questions=given.questions,
                token=_workspace_token,
            )
            for line in check.lines():
                print(f"ok  {line}", flush=True)  # noqa: T201
            for name, value in (("the HTTP door (--url)", given.url), ("logs and alerts (--workspace)", given.workspace)):
                if not value:
                    print(f"--  left out: {name}", flush=True)  # noqa: T201
    except (CheckError, DropzoneError) as error:
        sys.stderr.write(f"not ok  {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
