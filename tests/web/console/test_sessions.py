"""Signing in and out: what opens the console, for how long, and what every answer tells the browser (contract section 12)."""

from __future__ import annotations

from datetime import timedelta

from processing.domain.api_keys import Scope, parse_key
from processing.domain.blob_names import STATE_CONTAINER, signing_keys_name
from processing.stored.keys import create_key, list_keys, revoke_key
from processing.stored.signing_keys import LONGEST_SIGNED, ROTATE, SigningKeys
from processing.web.console.sessions import IDLE, Purpose, Sessions
from tests.support.console import Browser, page_of
from tests.support.web import WebStory


def is_signed_in(browser: Browser) -> bool:
    answer = browser.get("/console/")
    assert answer.status in (200, 303)
    return answer.status == 200


def test_a_key_that_may_read_opens_the_console_until_signing_out(browser: Browser) -> None:
    assert (browser.get("/console").status, browser.get("/console/").headers["location"]) == (307, "/console/sign-in")
    browser.page("/console/sign-in")
    browser.sign_in()
    page = browser.page("/console/")
    assert "acme" in page.one("header").text
    assert browser.get("/console/sign-in").headers["location"] == "/console/"
    assert browser.post("/console/sign-out").headers["location"] == "/console/sign-in"
    assert not browser.cookies
    assert not is_signed_in(browser)


def test_other_keys_open_nothing_and_are_told_so_on_the_form(story: WebStory, browser: Browser) -> None:
    told = {}
    others = [create_key(story.memory.context, "acme", [scope])[0] for scope in (Scope.LOG, Scope.MARK, Scope.CHECK)]
    for key in others:
        assert browser.post("/console/sign-in", key=key).status == 403
    for key in ("", "x", "dz_acme_" + "a" * 43 + "_000000"):
        answer = browser.post("/console/sign-in", key=key)
        told[answer.status] = page_of(answer).text
    assert list(told) == [401]
    assert "the key opens nothing" in told[401]
    assert not browser.cookies


def test_who_tries_many_keys_must_wait(browser: Browser) -> None:
    statuses = [browser.post("/console/sign-in", key="x").status for _ in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(browser.post("/console/sign-in", key="x").headers["retry-after"]) > 0


def test_a_form_of_another_site_signs_nobody_in_or_out(story: WebStory, browser: Browser) -> None:
    key, _ = create_key(story.memory.context, "acme", [Scope.READ])
    for headers in (
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://[x]"},
        {"origin": ""},
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": browser.at, "sec-fetch-site": "cross-site"},
    ):
        assert browser.send("POST", "/console/sign-in", f"key={key}".encode(), headers).status == 403, headers
        assert browser.send("POST", "/console/sign-out", b"", headers).status == 403, headers
    assert not browser.cookies
    assert browser.send("POST", "/console/sign-in", f"key={key}".encode(), {"sec-fetch-site": "same-origin"}).status == 303


def test_a_session_ends_within_a_minute_when_its_key_is_revoked(story: WebStory, browser: Browser) -> None:
    browser.sign_in()
    assert is_signed_in(browser)
    revoke_key(story.memory.context, "acme", list_keys(story.memory.context, "acme")[0].id)
    story.memory.pass_time(seconds=60)
    assert not is_signed_in(browser)


def test_a_session_ends_when_it_is_not_used_and_goes_on_while_it_is(story: WebStory, browser: Browser) -> None:
    browser.sign_in()
    for _ in range(16):
        story.memory.pass_time(minutes=40)
        assert is_signed_in(browser)
    story.memory.pass_time(minutes=61)
    assert not is_signed_in(browser)


def test_no_session_is_longer_than_half_a_day(story: WebStory, browser: Browser) -> None:
    browser.sign_in()
    passed = timedelta()
    while is_signed_in(browser):
        passed += IDLE / 2
        story.memory.pass_time(seconds=IDLE.total_seconds() / 2)
    assert passed == LONGEST_SIGNED


def test_what_nobody_signed_opens_nothing(story: WebStory, browser: Browser) -> None:
    browser.sign_in()
    ((name, good),) = browser.cookies.items()
    key_id, payload, mac = good.split(".")
    for forged in (
        "", ".", "..", "a.b.c", f"{key_id}.{payload}.", f"{key_id}.{payload[:-1]}.{mac}", f"{key_id}.{payload}A.{mac}",
        f"x.{payload}.{mac}", f"{key_id}.{payload}.{mac}x", good + "." + "x" * 5000, "\u00e9." * 3,
    ):  # fmt: skip
        browser.cookies = {name: forged}
        assert not is_signed_in(browser), forged
        browser.cookies = {}
    browser.cookies = {name: good}
    assert is_signed_in(browser)


def test_a_link_signs_in_on_this_machine_alone_and_is_no_session(story: WebStory, browser: Browser) -> None:
    text = parse_key(create_key(story.memory.context, "acme", [Scope.READ])[0])
    assert text is not None
    link = Sessions(story.memory.context).begin(text, Purpose.LINK)
    page = browser.page("/console/sign-in", link=link)
    assert [each.attributes["value"] for each in page.all("input")] == [link]
    assert not browser.cookies, "to look at it signs nobody in"
    elsewhere = Browser(story, at="https://dropzone.test")
    assert elsewhere.post("/console/sign-in", link=link).status == 403
    browser.cookies = {"dropzone-session": link}
    assert not is_signed_in(browser)
    browser.cookies = {}
    assert browser.post("/console/sign-in", link=link).status == 303
    assert is_signed_in(browser)
    session = browser.cookies["dropzone-session"]
    assert Browser(story).post("/console/sign-in", link=session).status == 403


def test_a_cookie_is_kept_from_scripts_other_sites_and_plain_http(story: WebStory) -> None:
    key, _ = create_key(story.memory.context, "acme", [Scope.READ])
    name = "__Host-dropzone-session"
    for at in ("https://dropzone.test", "http://dropzone.test"):
        browser = Browser(story, at=at)
        cookie = browser.post("/console/sign-in", key=key).headers["set-cookie"].lower()
        assert cookie.startswith(name.lower() + "=")
        assert {"httponly", "secure", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "domain" not in cookie
    local = Browser(story)
    assert "secure" not in local.post("/console/sign-in", key=key).headers["set-cookie"].lower()


def test_every_answer_says_what_a_page_may_do(browser: Browser) -> None:
    browser.sign_in()
    style = browser.page("/console/").all("link")[0].attributes
    for path, status in (("/console/", 200), ("/console/sign-in", 303), ("/console/nothing", 404), (style["href"], 200)):
        answer = browser.get(path)
        assert answer.status == status
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (answer.headers["x-content-type-options"], answer.headers["x-frame-options"]) == ("nosniff", "DENY")
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in answer.headers
        is_file = path == style["href"]
        assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if is_file else "no-store")
    secure = browser.send("GET", "/console/sign-in", at="https://dropzone.test")
    assert "strict-transport-security" in secure.headers


def test_a_file_is_found_by_the_hash_of_its_content_alone(browser: Browser) -> None:
    (address,) = {each.attributes["href"] for each in browser.page("/console/sign-in").all("link")} - {"data:,"}
    assert browser.get(address).headers["content-type"] == "text/css; charset=utf-8"
    for wrong in ("/console/static/0/console.css", address + "x", "/console/static/0/..%2fapp.py"):
        assert browser.get(wrong).status == 404


def test_there_is_no_such_page_and_no_such_method(browser: Browser) -> None:
    assert "Not Found" in browser.page("/console/nothing", status=404).one("h1").text
    assert browser.send("DELETE", "/console/sign-in").status == 405
    assert browser.send("HEAD", "/console/sign-in").status == 200


def test_a_form_is_bounded(browser: Browser) -> None:
    headers = {"origin": browser.at}
    assert browser.send("POST", "/console/sign-in", b"x" * 5_000_000, headers).status == 413
    assert browser.send("POST", "/console/sign-in", b"a=1&b=1&c=1&d=1&e=1", headers).status == 400
    assert browser.send("POST", "/console/sign-in", "key=\u00e9".encode(), headers).status == 400


def test_signing_keys_are_replaced_and_sessions_live_on(story: WebStory) -> None:
    context = story.memory.context
    text = parse_key(create_key(context, "acme", [Scope.READ])[0])
    assert text is not None
    first = SigningKeys(context).newest()
    story.memory.pass_time(seconds=ROTATE.total_seconds() - 60)
    session = Sessions(context).begin(text)
    story.memory.pass_time(minutes=2)
    keys = SigningKeys(context)
    assert keys.newest().id != first.id
    assert keys.find(first.id) == first
    assert Sessions(context).read(session) is not None
    story.memory.pass_time(seconds=(ROTATE + LONGEST_SIGNED).total_seconds())
    keys.newest()
    assert keys.find(first.id) is None


def test_another_process_knows_a_new_signing_key_at_once_and_deleting_them_ends_all_sessions(story: WebStory) -> None:
    context = story.memory.context
    text = parse_key(create_key(context, "acme", [Scope.READ])[0])
    assert text is not None
    one, other = Sessions(context), Sessions(context)
    assert other.read("x.y.z") is None
    story.memory.pass_time(seconds=5)
    session = one.begin(text)
    assert other.read(session) is not None
    context.lake.delete(STATE_CONTAINER, signing_keys_name())
    story.memory.pass_time(seconds=30)
    assert one.read(session) is None
    assert other.read(session) is None
