"""HTTP functions are reached by their routes and methods, and see the request as in Azure."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest

from processing.domain.errors import OperatorError
from processing.local.host.doors import doors_of
from processing.local.host.http_server import HttpServer

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("items/{id:int?}", methods=["GET", "POST"])
def items(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "route": dict(req.route_params),
        "params": dict(req.params),
        "header": req.headers.get("X-Thing"),
        "body": req.get_body().decode(),
        "path": req.url.partition("/items")[1] + req.url.partition("/items")[2],
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json", headers={"X-Answer": "yes"})


@app.route("files/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> str:
    return f"<{req.route_params.get('path')}>"


@app.route("{customer}/days/{day:length(10)}")
def days(req: func.HttpRequest) -> str:
    return "|".join(req.route_params.values())


@app.route("broken")
def broken(req: func.HttpRequest) -> str:
    raise ValueError("secret detail")


@app.route("nothing")
def nothing(req: func.HttpRequest) -> None:
    return None


@app.route("waits/{*path}")
async def waits(req: func.HttpRequest) -> str:
    await asyncio.sleep(0)
    return f"{id(asyncio.get_running_loop())} {req.url.partition('/waits')[2]} {req.headers.get('x-forwarded-for')}"


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    running = HttpServer(doors_of(app, {}), {"extensions": {"http": {"routePrefix": "v1"}}}, port=0)
    running.start()
    yield running
    running.stop()


def ask(
    server: HttpServer, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_function_sees_the_whole_request(server: HttpServer) -> None:
    answer, body = ask(server, "POST", "/v1/items/007?a=1&a=2&b=x%20y", "Zürich".encode(), {"x-thing": "t"})
    assert answer.status == 201
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("X-Answer") == "yes"
    assert json.loads(body) == {
        "method": "POST",
        "route": {"id": "007"},
        "params": {"a": "1,2", "b": "x y"},
        "header": "t",
        "body": "Zürich",
        "path": "/items/007?a=1&a=2&b=x%20y",
    }


def test_an_optional_segment_may_be_left_out(server: HttpServer) -> None:
    answer, body = ask(server, "GET", "/v1/items")
    assert answer.status == 201
    assert json.loads(body)["route"] == {}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/files/a/b%20c/d%23.csv", "<a/b c/d#.csv>"),
        ("/v1/files", "<None>"),
        ("/v1/acme/days/2026-11-20", "acme|2026-11-20"),
    ],
)
def test_a_text_becomes_the_answer(server: HttpServer, path: str, expected: str) -> None:
    answer, body = ask(server, "GET", path)
    assert (answer.status, body.decode()) == (200, expected)
    assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/items", 404),
        ("GET", "/v1/none", 404),
        ("GET", "/v1/items/seven", 404),
        ("GET", "/v1/acme/days/today", 404),
        ("DELETE", "/v1/items/7", 405),
        ("POST", "/v1/files/x", 405),
        ("GET", "/v1/nothing", 500),
    ],
)
def test_what_is_not_there_or_not_allowed_is_said_by_the_status(
    server: HttpServer, method: str, path: str, status: int
) -> None:
    answer, _ = ask(server, method, path)
    assert answer.status == status


def test_async_functions_share_one_loop_and_see_the_address_as_it_was_sent(server: HttpServer) -> None:
    """And where a request comes from stands last, whatever the caller says of it."""
    texts = [ask(server, "GET", "/v1/waits/a%2Fb%25", headers={"X-Forwarded-For": "1.2.3.4"})[1].decode() for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].split(" ", 1)[1] == "/a%2Fb%25 1.2.3.4, 127.0.0.1"


def test_a_failing_function_answers_500_without_details(server: HttpServer) -> None:
    answer, body = ask(server, "GET", "/v1/broken")
    assert answer.status == 500
    assert body == b""


def test_a_taken_port_is_a_clear_error(server: HttpServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(OperatorError, match=f"cannot listen on 127.0.0.1:{port}"):
        HttpServer(doors_of(app, {}), {}, port=port)


@pytest.mark.parametrize("route", ["a/{b?}/c", "a/{b:regex(x)}", "a/{b:what}", "a/{b=5}", "a/{*b}/c", "a/<b>"])
def test_a_route_that_cannot_be_kept_is_refused(route: str) -> None:
    other = func.FunctionApp()

    @other.route(route)
    def odd(req: func.HttpRequest) -> Any: ...

    with pytest.raises(OperatorError, match="function odd: "):
        HttpServer(doors_of(other, {}), {}, port=0)
