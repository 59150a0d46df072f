"""No text of others plays with a terminal: not in status, receipts, errors, JSON or logs."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from processing.cli import main as cli
from processing.cli.receipt_page import print_receipt
from processing.cli.status_page import print_status_page
from processing.domain.datasets import Dataset
from processing.domain.errors import CustomerError
from processing.domain.printable import printable, printable_json
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import ReceiptError
from processing.jobs.uploads.check_file import CheckRequest, check_file
from processing.logs import configure_logs
from processing.views.status import status
from schemas.customer_config import CustomerConfig
from tests.support.log_settings import own_log_settings
from tests.support.memory import Memory

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2028\r\n[bold]\x7f\ufeff\u200b"


def assert_harmless(text: str, *, of_rich: bool = False) -> None:
    """Nothing but visible letters, blanks and line ends; `of_rich`, its own colours besides."""
    plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "") if of_rich else text
    left = {letter for letter in plain if unicodedata.category(letter)[0] in "CZ"} - {" ", "\n"}
    assert not left, ascii(text)


@given(st.text())
def test_what_is_printable_stays_and_everything_else_is_escaped(text: str) -> None:
    assert_harmless(printable(text))
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


@given(st.text(min_size=1), st.integers(0, 5))
def test_a_long_text_is_cut_and_says_how_long_it_was(text: str, most: int) -> None:
    shown = printable(text, most=most)
    assert shown == printable(text) if len(text) <= most else f"({len(text):,} characters, sha256 " in shown


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_json_document_keeps_its_values(document: object) -> None:
    text = printable_json(json.dumps(document, ensure_ascii=False, indent=2))
    assert_harmless(text)
    assert json.loads(text) == document


def shown(width: int = 400) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=True, width=width, color_system=None), out


def test_status_shows_names_of_customers_and_storage_escaped() -> None:
    world = Memory()
    day = date(2026, 11, 18)
    name = "metrics/" + EVIL.replace("\x1b", "").replace("\x07", "") + ".csv"  # what a listing can carry
    world.upload(f"signals/{day}.json", json.dumps({"files": [{"name": name}]}).encode())
    world.upload("metrics/a.csv", b"unit_id,id_type,date,metric_name,metric_value\nu,user_id,2026-11-18,m,1\n")
    world.settle()
    console, out = shown()
    print_status_page(console, status(world.context, ["acme"]))
    assert "evil" in out.getvalue()
    assert_harmless(out.getvalue(), of_rich=True)


@pytest.mark.parametrize("letter", ["\x1b", "\x00", "\x07", "\ud800", "\ufffe"])
def test_a_manifest_names_no_file_that_storage_cannot_list(letter: str) -> None:
    world = Memory()
    world.upload("signals/2026-11-18.json", json.dumps({"files": [{"name": f"metrics/{letter}.csv"}]}).encode())
    receipt = world.receipt("signals/2026-11-18.json")
    assert receipt["status"] == "rejected"
    assert letter not in receipt["error"]["message"]


def test_a_receipt_shows_everything_of_the_file_escaped(tmp_path: Path) -> None:
    header = "unit_id,id_type,date,metric_name,metric_value"
    path = tmp_path / f"{EVIL.replace('/', '')}.csv"
    column = EVIL.replace("\r\n", "")  # a line end in the header refuses the file
    path.write_text(f'{header},"{column}"\nu,user_id,2026-11-18,m,"{EVIL}",\nu,"{EVIL}",2026-11-18,m,1,\n', newline="")
    config = CustomerConfig(max_rejected_fraction=1.0)
    receipt = check_file(CheckRequest(path=path, dataset=Dataset.METRICS, config=config, program=""))
    assert receipt.rules
    console, out = shown()
    print_receipt(console, receipt)
    print_receipt(console, replace(receipt, error=ReceiptError(code=EVIL, message=EVIL)))
    assert out.getvalue().count("evil") >= 4
    assert_harmless(out.getvalue(), of_rich=True)


def test_an_error_is_one_line_on_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(**_: object) -> None:
        raise CustomerError(RefusalCode.UNKNOWN_FORMAT, EVIL)

    assert cli._exit_code(broken) == 1
    assert_harmless(capsys.readouterr().err)


@pytest.mark.parametrize("style", ["json", "console"])
def test_log_lines_hold_no_line_ends_of_names_and_long_names_are_cut(style: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    with own_log_settings():
        configure_logs(style, stream=stream)
        log = structlog.get_logger()
        log.info("upload_received", blob=EVIL, customer="acme", error=EVIL)
        log.info("upload_received", blob="汉" * 1_024)
        log.info("upload_received", blob="汉字.csv")
        log.error("failed", exc_info=ValueError(EVIL))
    text = stream.getvalue()
    assert_harmless(re.sub("\x1b\\[[0-9]+m", "", text))
    assert "汉字.csv" in text
    assert max(len(line.encode()) for line in text.splitlines() if "汉汉" in line) < 2_000
