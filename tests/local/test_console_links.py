"""The links that `dropzone local` and the demo print sign in, and make no new key each time."""

from __future__ import annotations

from processing.domain.api_keys import Scope
from processing.local.console_links import console_lines
from processing.stored.customers import add_customer
from processing.stored.keys import create_key, list_keys, revoke_key
from tests.support.console import LOCAL, Browser
from tests.support.web import WebStory


def link_of(line: str) -> str:
    return line.partition("link=")[2]


def test_a_link_signs_in_as_the_customer_that_it_names() -> None:
    story = WebStory()
    context = story.memory.context
    create_key(context, "acme", [Scope.LOG, Scope.READ], "another")
    address, line = console_lines(context, LOCAL)
    assert address == f"Console: {LOCAL}/console/"
    assert line.startswith(f"  as acme: {LOCAL}/console/sign-in?link=")
    browser = Browser(story)
    assert browser.post("/console/sign-in", link=link_of(line)).status == 303
    assert "acme" in browser.page("/console/").one("header").text
    list(console_lines(context, LOCAL))
    assert len(list_keys(context, "acme")) == 2
    revoke_key(context, "acme", list_keys(context, "acme")[1].id)
    _, line = console_lines(context, LOCAL)
    story.memory.pass_time(seconds=5)  # a process knows of a new key after as long
    assert Browser(story).post("/console/sign-in", link=link_of(line)).status == 303
    assert len(list_keys(context, "acme")) == 3


def test_of_many_customers_the_first_have_links() -> None:
    story = WebStory()
    for number in range(6):
        add_customer(story.memory.context, f"other-{number}")
    lines = list(console_lines(story.memory.context, LOCAL))
    assert len(lines) == 7
    assert "dropzone key create" in lines[-1]
