"""Who may call what: every call with every kind of key, and nothing that tells of another customer (contract section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.api_keys import ApiKeys, Scope, new_key, parse_key
from processing.domain.documents import from_json
from processing.domain.errors import OperatorError
from processing.domain.telemetry_names import REFUSED_KEYS, Attribute
from processing.stored.customers import add_customer
from processing.stored.keys import Keys, create_key, list_keys, revoke_key
from tests.support.recorded_telemetry import RecordedTelemetry
from tests.support.web import Answer, Client, WebStory

METRICS = {"metrics": [{"unit_id": "u", "id_type": "user_id", "metric_name": "m", "metric_value": 1}]}
CALLS: dict[str, tuple[Scope, str, object | None]] = {
    "/v1/log_custom_metric": (Scope.LOG, "POST", METRICS),
    "/v1/log_event": (Scope.LOG, "POST", {"events": [{"eventName": "e", "user": {"userID": "u"}}]}),
    "/v1/log_custom_exposure": (
        Scope.LOG,
        "POST",
        {"exposures": [{"experimentName": "x", "group": "g", "user": {"userID": "u"}}]},
    ),
    "/v1/mark_data_ready": (Scope.MARK, "POST", {"timestamp": 1795000000, "type": "metrics"}),
    "/v1/check?dataset=metrics&name=a.ndjson": (Scope.CHECK, "POST", METRICS),
    "/v1/streams": (Scope.READ, "GET", None),
    "/v1/days": (Scope.READ, "GET", None),
    "/v1/files": (Scope.READ, "GET", None),
    "/v1/files/metrics/theirs.csv": (Scope.READ, "GET", None),
    "/v1/logstream": (Scope.READ, "GET", None),
    "/v1/metrics": (Scope.READ, "GET", None),
    "/v1/metrics/theirs": (Scope.READ, "GET", None),
    "/v1/experiments": (Scope.READ, "GET", None),
    "/v1/experiments/theirs": (Scope.READ, "GET", None),
}
each_call = pytest.mark.parametrize("path", CALLS)


def call(client: Client, path: str) -> Answer:
    _, method, body = CALLS[path]
    return client.get(path) if method == "GET" else client.post(path, body)


def wrong_keys(story: WebStory) -> Iterator[tuple[str, str | None]]:
    """Keys that open nothing, whoever's they look like."""
    good = new_key(story.memory.customer)
    revoked, kept = create_key(story.memory.context, story.memory.customer, Scope)
    revoke_key(story.memory.context, story.memory.customer, kept.id)
    yield "none", None
    yield "malformed", "secret-or-so"
    yield "wrong checksum", good[:-1] + ("A" if good[-1] != "A" else "B")
    yield "typo", good.replace("_", "-", 1)
    yield "nobody made it", good
    yield "nobody's customer", new_key("nobody-here")
    yield "revoked", revoked


def there_is_a_call_that_is_not_here() -> set[str]:
    document = WebStory().app
    paths = Client(document).get("/v1/openapi.json").json["paths"]
    return set(paths) ^ {
        path.partition("?")[0].replace("metrics/theirs.csv", "{name}").replace("theirs", "{name}") for path in CALLS
    }


def test_every_call_is_tried() -> None:
    assert there_is_a_call_that_is_not_here() == set()


@each_call
def test_a_key_that_opens_nothing_is_401_and_told_the_same_whoevers_it_looks_like(path: str) -> None:
    story = WebStory()
    told = {}
    for kind, key in wrong_keys(story):
        answer = call(Client(story.app, key), path)
        assert answer.status == 401, kind
        assert answer.headers["www-authenticate"] == "Bearer"
        told[kind] = answer.data
        assert key is None or key.encode() not in answer.data
    assert len({data for kind, data in told.items() if kind != "none"}) == 1
    assert story.rows() == []


@each_call
def test_a_key_without_the_scope_is_403_and_with_it_is_let_in(path: str) -> None:
    scope = CALLS[path][0]
    others = [each for each in Scope if each is not scope]
    story = WebStory()
    lacking, right = story.client(*others), story.client(scope)
    assert call(lacking, path).status == 403
    assert call(right, path).status == (404 if "theirs" in path else 200)


def test_what_is_another_customers_is_answered_as_what_is_not_there() -> None:
    story = WebStory()
    add_customer(story.memory.context, "other")
    story.memory.upload("metrics/theirs.csv", b"unit_id\n")
    stranger = story.client(customer="other")
    yours, nobodys = (stranger.get(f"/v1/files/metrics/{name}.csv") for name in ("theirs", "none"))
    assert (yours.status, yours.data) == (nobodys.status, nobodys.data)
    assert yours.status == 404
    assert stranger.get("/v1/files").json["items"] == []
    assert stranger.get("/v1/files/metrics/..%2F..%2Freceipts-acme%2Fmetrics/theirs.csv").status == 404
    assert story.client().get("/v1/files/metrics/theirs.csv").json["blob"] == "metrics/theirs.csv"


@pytest.mark.parametrize("form", ["statsig-api-key", "x-api-key", "authorization"])
def test_each_header_opens(form: str) -> None:
    story = WebStory()
    key = story.client().key
    value = f"Bearer {key}" if form == "authorization" else str(key)
    assert Client(story.app).send("GET", "/v1/streams", b"", {form: value}).status == 200


def test_two_different_keys_or_one_in_the_address_are_400() -> None:
    story = WebStory()
    client, other = story.client(), str(story.new_client().key)
    assert client.send("GET", "/v1/streams", b"", {"statsig-api-key": str(client.key)}).status == 200, "the same one twice"
    assert client.send("GET", "/v1/streams", b"", {"statsig-api-key": other}).status == 400
    for name in ("api_key", "x-api-key", "key", "anything"):
        answer = Client(story.app).get("/v1/streams", **{name: other})
        assert answer.status == 400
        assert other.encode() not in answer.data
    assert Client(story.app).get("/v1/logstream", name=other[:60]).status == 400, "also one that was cut off"
    assert client.get("/v1/logstream", name="dz_score").status in (200, 403), "what only begins like one may be asked for"


def test_a_revoked_key_opens_nothing_after_a_minute_in_a_process_that_knew_it() -> None:
    story = WebStory()
    client = story.client()
    assert client.get("/v1/streams").status == 200
    (key,) = list_keys(story.memory.context, "acme")
    revoke_key(story.memory.context, "acme", key.id)
    story.memory.pass_time(minutes=1)
    assert client.get("/v1/streams").status == 401


def test_a_key_costs_no_request_for_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    story = WebStory()
    text, _ = create_key(story.memory.context, "acme", Scope)
    keys, asked = Keys(story.memory.context), []
    get = story.memory.lake.get

    def counted(_: object, container: str, name: str) -> object:
        asked.append(name)
        return get(container, name)

    monkeypatch.setattr(type(story.memory.lake), "get", counted)
    parsed = parse_key(text)
    assert parsed is not None
    assert all(keys.find(parsed) for _ in range(10))
    assert len(asked) == 1


def test_a_key_that_was_made_a_moment_ago_opens_within_seconds() -> None:
    story = WebStory()
    assert story.client().get("/v1/streams").status == 200
    new = story.new_client()
    story.memory.pass_time(seconds=6)
    assert new.get("/v1/streams").status == 200


def test_failed_attempts_of_one_address_are_limited_and_no_other_is() -> None:
    story = WebStory()
    good = story.client()
    assert good.get("/v1/streams").status == 200
    statuses = [Client(story.app, new_key("acme")).get("/v1/streams").status for _ in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    limited = Client(story.app, "x").get("/v1/streams")
    assert int(limited.headers["retry-after"]) >= 1
    assert good.get("/v1/streams").status == 200, "a right key is let in from there too"
    assert Client(story.app, "x", address="192.0.2.2").get("/v1/streams").status == 401
    assert Client(story.app, "x", address="6.6.6.6, 192.0.2.1:4711").get("/v1/streams").status == 429
    story.second += 60
    assert Client(story.app, "x").get("/v1/streams").status == 401


def test_an_address_that_failed_often_costs_no_request() -> None:
    story = WebStory()
    for number in range(30):
        Client(story.app, new_key(f"nobody-{number}")).get("/v1/streams")
    keys = story.app.state.services.keys
    assert len(keys._seen) == 20


def test_what_is_remembered_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.stored.keys._MOST_CUSTOMERS", 5)
    story = WebStory()
    keys = Keys(story.memory.context)
    for number in range(20):
        parsed = parse_key(new_key(f"nobody-{number}"))
        assert parsed is not None
        assert keys.find(parsed) is None
    assert len(keys._seen) == 5


def test_failed_attempts_are_counted_and_no_key_is_told() -> None:
    story = WebStory()
    recorded = RecordedTelemetry()
    key = new_key("acme")
    services = story.app.state.services
    object.__setattr__(services.context, "telemetry", recorded)
    Client(story.app, key).get("/v1/streams")
    Client(story.app, "x").get("/v1/streams")
    Client(story.app).get("/v1/streams")
    assert recorded.by(REFUSED_KEYS, Attribute.OUTCOME) == {"unknown": 1, "malformed": 1, "none": 1}
    assert key not in recorded.everything()


# Keys as they are stored


def test_what_is_stored_is_a_hash_with_scopes_and_the_day_of_the_last_use() -> None:
    story = WebStory()
    context = story.memory.context
    client = story.client(Scope.READ)
    client.get("/v1/streams")
    keys: Keys = story.app.state.services.keys
    assert keys.write_uses() == 1
    found = context.lake.get("state", "keys/acme.json")
    assert found is not None
    assert str(client.key).encode() not in found[0]
    (key,) = from_json(ApiKeys, found[0]).keys
    assert key.scopes == (Scope.READ,)
    assert key.last_used == story.memory.time.now.date()
    story.memory.pass_time(minutes=1)
    client.get("/v1/streams")
    assert keys.write_uses() == 0, "once a day"
    story.memory.pass_time(days=1)
    client.get("/v1/streams")
    assert keys.write_uses() == 1


def test_a_key_is_made_for_a_customer_that_is_there_with_a_scope_and_a_name_that_can_be_printed() -> None:
    context = WebStory().memory.context
    with pytest.raises(OperatorError, match="there is no customer"):
        create_key(context, "nobody", Scope)
    with pytest.raises(OperatorError, match="without a scope"):
        create_key(context, "acme", [])
    with pytest.raises(OperatorError, match="name of a key"):
        create_key(context, "acme", Scope, "a\x1b[0m")
    with pytest.raises(OperatorError, match="no key"):
        revoke_key(context, "acme", "0")
    with pytest.raises(OperatorError, match="no key"):
        revoke_key(context, "acme", "")


def test_a_hundred_keys_may_live_and_revoked_ones_make_room() -> None:
    context = WebStory().memory.context
    made = [create_key(context, "acme", Scope)[1] for _ in range(100)]
    with pytest.raises(OperatorError, match="revoke one first"):
        create_key(context, "acme", Scope)
    revoke_key(context, "acme", made[0].id)
    create_key(context, "acme", Scope)
    assert len(list_keys(context, "acme")) == 100


@given(st.text(max_size=130))
def test_no_text_that_is_not_a_key_is_taken_for_one(text: str) -> None:
    assert parse_key(text) is None


@given(st.integers(0, 10**6), st.data())
def test_a_typo_is_known_by_the_checksum(seed: int, data: st.DataObject) -> None:
    key = new_key(f"acme-{seed}")
    parsed = parse_key(key)
    assert parsed is not None
    assert parsed.customer == f"acme-{seed}"
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from("aZ09_-b").filter(lambda letter: letter != key[place]))
    assert parse_key(key[:place] + other + key[place + 1 :]) is None


def test_uses_are_written_though_another_process_changes_the_keys_meanwhile() -> None:
    story = WebStory()
    client = story.client()
    client.get("/v1/streams")
    (key,) = list_keys(story.memory.context, "acme")
    revoke_key(story.memory.context, "acme", key.id)
    story.app.state.services.keys.write_uses()
    (key,) = list_keys(story.memory.context, "acme")
    assert key.revoked is not None
    assert key.last_used is not None
    assert key.revoked - story.memory.time.now < timedelta(seconds=1)
