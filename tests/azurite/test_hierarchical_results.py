"""Results in an account with a hierarchical namespace: directories stand in every listing, and stay when they are empty.

The emulator has no such account. A proxy before it lists the directories that one would list, to the SDK and to delta-rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import pytest

from infra.results_smoke import try_blobs
from processing import wiring
from processing.domain import blob_names
from processing.jobs.days.rebuild_tables import rebuild
from processing.publication.delta.specs import TABLES
from processing.settings import load_settings
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection
from processing.views.status import customer_status
from tests.support.door_process import service_address
from tests.support.installation import Installation, metrics_csv
from tests.support.proxy import Moment, Proxy, Reaction, Request, Rewrite

DAYS: Final = (date(2026, 11, 17), date(2026, 11, 18))
_TIME: Final = "Fri, 20 Nov 2026 12:00:00 GMT"


@dataclass(slots=True)
class Directories:
    """Adds to each listing of results the directories above what is listed, and those that are left empty."""

    known: set[str] = field(default_factory=set)
    listings: int = 0

    def __call__(self, request: Request, moment: Moment) -> bool | Reaction:
        query = parse_qs(request.query)
        is_listing = query.get("comp") == ["list"] and request.path.startswith(("/results-", "/smoke-"))
        if request.method != "GET" or moment is Moment.BEFORE or not is_listing:
            return False
        self.listings += 1
        return Rewrite(body=lambda page: self._with_directories(page, query.get("prefix", [""])[0], "delimiter" in query))

    def _with_directories(self, page: bytes, prefix: str, is_by_level: bool) -> bytes:
        listed = fromstring(page)  # noqa: S314 - the emulator's own answer
        blobs = listed.find("Blobs")
        if blobs is None:
            return page
        for blob in blobs.iter("Blob"):
            name = blob.findtext("Name") or ""
            self.known |= {name.rpartition("/")[0].rsplit("/", depth)[0] for depth in range(name.count("/"))}
            properties = blob.find("Properties")
            if properties is not None:
                SubElement(properties, "ResourceType").text = "file"
        for name in sorted(each for each in self.known if each.startswith(prefix)):
            if not is_by_level or "/" not in name.removeprefix(prefix):
                blobs.append(_directory(name))
        return bytes(tostring(listed, encoding="utf-8", xml_declaration=True))


def _directory(name: str) -> Element:
    """As the service writes one."""
    blob = Element("Blob")
    SubElement(blob, "Name").text = name
    properties = SubElement(blob, "Properties")
    told = {
        "Creation-Time": _TIME, "Last-Modified": _TIME, "Etag": "0x8DE1A2B3C4D5E6F", "ResourceType": "directory",
        "Content-Length": "0", "Content-Type": "application/octet-stream", "BlobType": "BlockBlob", "AccessTier": "Hot",
        "LeaseStatus": "unlocked", "LeaseState": "available", "ServerEncrypted": "true",
    }  # fmt: skip
    for key, value in told.items():
        SubElement(properties, key).text = value
    SubElement(SubElement(blob, "Metadata"), "hdi_isfolder").text = "true"
    return blob


@pytest.fixture
def directories() -> Directories:
    return Directories()


@pytest.fixture
def results(installation: Installation, directories: Directories, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The connection to the account of results, which is set in this process."""
    with Proxy(upstream=service_address(installation.connection_string, "Blob"), hook=directories) as proxy:
        connection = proxy.through(installation.connection_string)
        monkeypatch.setenv("RESULTS_STORAGE", connection)
        wiring.app.cache_clear()
        yield connection
    wiring.app.cache_clear()


def test_days_are_published_corrected_cleaned_up_and_made_anew_among_directories(
    installation: Installation, results: str, directories: Directories
) -> None:
    context = wiring.app()
    installation.context = context
    for day in DAYS:
        installation.deliver(installation.upload(f"metrics/{day}.csv", metrics_csv(day, {"u": 1, "v": 2})))
        installation.deliver(installation.upload(f"signals/{day}", b""))
    installation.tick()
    installation.deliver(installation.upload("metrics/late.csv", metrics_csv(DAYS[0], {"w": 3})))
    installation.deliver(installation.upload(f"signals/{DAYS[0]}", b""))
    installation.tick()
    installation.clean_up()
    assert [installation.values(str(day)) for day in DAYS] == [{"u": 1, "v": 2, "w": 3}, {"u": 1, "v": 2}]
    container = blob_names.results_container(installation.customer)
    assert {f"metric_rows/pst_date={day}" for day in DAYS} <= directories.known
    names = {info.name for info in context.results.list_blobs(container)}
    assert names
    assert not names & directories.known, "a directory is no blob"
    for info in list(context.results.list_blobs(container, "metric_rows/_delta_log/")):
        context.results.delete(container, info.name)
    assert not context.tables.has(container, "metric_rows"), "an empty directory is no table"
    assert [each.table for each in rebuild(context, installation.customer, None)] == ["metric_rows"]
    assert [installation.values(str(day)) for day in DAYS] == [{"u": 1, "v": 2, "w": 3}, {"u": 1, "v": 2}]
    spec = TABLES["metric_rows"]
    table = context.tables.find(container, spec)
    assert table is not None
    assert not directories.known & {f"{spec.name}/{name}" for name in table.unused_files(timedelta(0))}
    assert directories.listings > 10
    installation.assert_consistent()
    assert customer_status(context, installation.customer).attention == ()


def test_the_smoke_script_finds_such_an_account_sound(
    installation: Installation, results: str, directories: Directories
) -> None:
    found = list(try_blobs(Connection(connection_string=results)))
    assert len(found) > 3
    assert directories.known


def test_results_lie_in_the_lake_where_no_account_of_their_own_is_set(installation: Installation) -> None:
    context = wiring.build_app(load_settings())
    assert context.own_results is None
    assert context.results is context.lake


def test_results_have_their_own_client_where_one_is_set(installation: Installation, results: str) -> None:
    context = wiring.build_app(load_settings())
    assert isinstance(context.own_results, AzureBlobStore)
    assert context.results is context.own_results is not context.lake
