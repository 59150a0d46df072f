"""Calls the web app as the Functions host does: by the library's own middleware, with whole requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import azure.functions as func
from fastapi import FastAPI

from functions.http import answered
from processing.domain.api_keys import Scope
from processing.jobs.journal.journal import Journal
from processing.local.host.coroutines import CoroutineLoop
from processing.stored.keys import Keys, create_key
from processing.web.app import create_app
from tests.support.memory import Memory

ALL: Final = tuple(Scope)
_LOOP: Final = CoroutineLoop("tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def messages(self) -> list[tuple[int | None, str | None, str]]:
        """Index, field and message of each error."""
        return [(each["index"], each["field"], each["message"]) for each in self.json["errors"]]


@dataclass(slots=True)
class Client:
    """A program that shows one key."""

    app: FastAPI
    key: str | None = None
    address: str = "192.0.2.1"

    def send(
        self, method: str, path: str, data: bytes = b"", headers: Mapping[str, str] | None = None, /, **parameters: str
    ) -> Answer:
        """Any request; `parameters` go into the address."""
        query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in parameters.items())
        sent = {"x-forwarded-for": self.address, **({"x-api-key": self.key} if self.key else {}), **(headers or {})}
        request = func.HttpRequest(
            method=method, url=f"http://dropzone.test{path}" + (f"?{query}" if query else ""), headers=sent, body=data
        )
        answer = _LOOP.run(answered(self.app, request))
        assert isinstance(answer, func.HttpResponse)
        return Answer(
            status=answer.status_code, headers={k.lower(): v for k, v in answer.headers.items()}, data=answer.get_body()
        )

    def get(self, path: str, **parameters: str) -> Answer:
        """Read something."""
        return self.send("GET", path, b"", None, **parameters)

    def post(self, path: str, body: object, **parameters: str) -> Answer:
        """Send a JSON body."""
        return self.send("POST", path, json.dumps(body).encode(), {"content-type": "application/json"}, **parameters)


@dataclass(slots=True)
class WebStory:
    """An installation in memory and the app over it."""

    memory: Memory = field(default_factory=Memory)
    second: float = 0.0
    """By the clock of the limits."""
    journal: Journal = field(init=False)
    app: FastAPI = field(init=False)
    _clients: dict[tuple[str, tuple[Scope, ...]], Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        context = self.memory.context
        self.journal = Journal(context, seconds=lambda: self.second)
        self.app = create_app(context, self.journal, Keys(context), seconds=lambda: self.second)

    def client(self, *scopes: Scope, customer: str | None = None) -> Client:
        """The customer's program that has a key of these scopes, all when none is named."""
        wanted = (customer or self.memory.customer, scopes or ALL)
        if wanted not in self._clients:
            self._clients[wanted] = self.new_client(*scopes, customer=customer)
        return self._clients[wanted]

    def new_client(self, *scopes: Scope, customer: str | None = None) -> Client:
        """Another one with a key of its own."""
        return Client(self.app, create_key(self.memory.context, customer or self.memory.customer, scopes or ALL)[0])

    def roll(self) -> list[str]:
        """Make uploads of all rows, have them answered, and return their names."""
        self.journal.roll(everything=True)
        container = self.memory.container
        names = [info.name for info in self.memory.drop.list_blobs(container) if "/api/" in info.name]
        names = [name for name in names if not name.startswith("signals/")]
        for name in names:
            found = self.memory.drop.get(container, name)
            assert found is not None
            self.memory.upload(name, found[0])
        return names

    def rows(self) -> list[dict[str, Any]]:
        """Every row that lies in the journal or in an upload that it became."""
        self.journal.roll(everything=True)
        container = self.memory.container
        found = [
            self.memory.drop.get(container, info.name)
            for info in self.memory.drop.list_blobs(container)
            if "/api/" in info.name and not info.name.startswith("signals/")
        ]
        return [json.loads(line) for each in found if each is not None for line in each[0].splitlines()]
