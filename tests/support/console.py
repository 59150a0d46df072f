"""A browser without scripts, and what every page of the console must be whatever it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import azure.functions as func

from functions.http import answered
from processing.domain.api_keys import Scope
from processing.local.host.coroutines import CoroutineLoop
from processing.stored.keys import create_key
from tests.support.web import Answer, WebStory

LOCAL: Final = "http://127.0.0.1:7071"
_LOOP: Final = CoroutineLoop("console-tests")
_VOID: Final = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
_FIELDS: Final = ("input", "select", "textarea")
HOSTILE: Final = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
"""Stands in every text of a customer."""


@dataclass(slots=True)
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    texts: list[str] = field(default_factory=list)
    """Its own and those below it, in order."""

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts)).strip()

    def inside(self, tag: str) -> bool:
        at: Element | None = self.parent
        while at is not None:
            if at.tag == tag:
                return True
            at = at.parent
        return False


class Page(HTMLParser):
    """The elements of a page, and an error where they do not close as they open."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {[each.tag for each in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} stands twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"{tag} closes and nothing is open"
        assert self._open[-1].tag == tag, f"{tag} closes and {self._open[-1].tag} is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.texts.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [each for each in self.elements if each.tag in tags]

    def one(self, tag: str) -> Element:
        (found,) = self.all(tag)
        return found

    @property
    def text(self) -> str:
        return self.one("body").text

    @property
    def links(self) -> list[str]:
        return [each.attributes["href"] for each in self.all("a")]

    def link(self, text: str) -> str:
        """Where the first link leads that is called so."""
        return next(each.attributes["href"] for each in self.all("a") if text in each.text)


def expect_accessible(page: Page) -> None:
    """What holds of the structure of every page."""
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("title").text
    assert page.one("h1").inside("main")
    assert [each.tag for each in page.all("header", "main", "footer")].count("main") == 1
    assert all(each.attributes.get("aria-label") for each in page.all("nav"))
    ids = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids)), "an id stands twice"
    labels = {each.attributes.get("for") for each in page.all("label")}
    for each in page.all(*_FIELDS):
        if each.attributes.get("type") != "hidden":
            assert each.attributes.get("id") in labels, f"{each.attributes} has no label"
    for name in ("aria-describedby", "aria-labelledby"):
        for each in page.elements:
            assert set(each.attributes.get(name, "").split()) <= set(ids)
    for each in page.all("th"):
        assert each.attributes.get("scope") in ("col", "row"), f"the header {each.text} says not of what"
    tables, captions = page.all("table"), page.all("caption")
    assert len(tables) == len(captions), "a table has no caption"
    for each in page.all("svg"):
        is_named = each.attributes.get("role") == "img" and each.attributes.get("aria-label")
        assert is_named or each.attributes.get("aria-hidden") == "true"
    for each in page.all("a", "button"):
        assert each.text or each.attributes.get("aria-label"), f"{each.attributes} says not where it leads"
    levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels


def expect_harmless(page: Page) -> None:
    """No page runs, loads or sends anything that is not ours, whatever texts it shows."""
    for each in page.elements:
        assert not [name for name in each.attributes if name.startswith("on") or name == "style"], each.attributes
        assert each.tag not in ("iframe", "object", "embed", "base", "style", "img")
        for name in ("src", "href", "action", "formaction"):
            target = each.attributes.get(name)
            if target is not None:
                assert target.startswith(("/console", "#", "?", "data:,")), f"{each.tag} leads to {target}"
    assert all(each.attributes.get("src", "").startswith("/console/static/") for each in page.all("script"))


@dataclass(slots=True)
class Browser:
    """Keeps cookies, sends forms, and holds every page that it sees to what pages must be."""

    story: WebStory
    at: str = LOCAL
    address: str = "192.0.2.1"
    cookies: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, data: bytes = b"", headers: dict[str, str] | None = None, *, at: str | None = None
    ) -> Answer:
        """Any request."""
        sent = {"host": urlsplit(at or self.at).netloc, "x-forwarded-for": self.address, **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        request = func.HttpRequest(method=method, url=(at or self.at) + path, headers=sent, body=data)
        answer: Any = _LOOP.run(answered(self.story.app, request))
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self._keep(headers.get("set-cookie"))
        return Answer(status=answer.status_code, headers=headers, data=answer.get_body())

    def get(self, path: str, **parameters: object) -> Answer:
        """Ask for something."""
        return self.send("GET", path + (f"?{urlencode(parameters)}" if parameters else ""))

    def page(self, path: str, status: int = 200, **parameters: object) -> Page:
        """A page, which is as every page must be."""
        answer = self.get(path, **parameters)
        assert answer.status == status, (answer.status, answer.headers, answer.data[:2000])
        return page_of(answer)

    def post(self, path: str, *, origin: str | None = None, **fields: str) -> Answer:
        """Send a form of the console's."""
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": origin or self.at}
        return self.send("POST", path, urlencode(fields).encode(), headers)

    def sign_in(self, customer: str | None = None) -> str:
        """With a new key that may read; returns its text."""
        key, _ = create_key(self.story.memory.context, customer or self.story.memory.customer, [Scope.READ])
        self.story.memory.pass_time(seconds=5)  # a process knows of a new key after as long
        answer = self.post("/console/sign-in", key=key)
        assert (answer.status, answer.headers["location"]) == (303, "/console/")
        return key

    def _keep(self, cookie: str | None) -> None:
        if cookie is not None:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value in ("", '""'):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def page_of(answer: Answer) -> Page:
    """The page that an answer holds, which is as every page must be."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.data.decode())
    expect_accessible(page)
    expect_harmless(page)
    return page
