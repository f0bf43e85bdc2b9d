"""Who may ask, and what a browser may do with the answer."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import httpx2
import pytest

from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.api import server as server_module
from otel_llm.store import DuckDBStore
from tests.api.conftest import ANY_PORT, Serve
from tests.e2e.running import free_port


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("first\n\n second \n")
    return path


@pytest.fixture
def guarded(serve: Serve, token_file: Path) -> httpx2.Client:
    return serve(ApiConfig(endpoint=ANY_PORT, token_file=str(token_file)))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_mistyped_address_is_a_page_in_a_browser_and_a_problem_elsewhere(client: httpx2.Client):
    in_browser = client.get("/nothing", headers={"accept": "text/html,*/*;q=0.8"})
    elsewhere = client.get("/nothing")

    assert (in_browser.status_code, elsewhere.status_code) == (404, 404)
    assert "There is no such page" in in_browser.text
    assert elsewhere.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/summary", 405),
        ("GET", "/v1/summary?since=never", 422),
        ("GET", "/v1/breakdown/nothing", 422),
        ("POST", "/v1/feedback", 422),
        ("POST", "/v1/quality", 413),
    ],
)
def test_every_mistake_is_answered_as_a_problem(serve: Serve, method: str, path: str, status: int):
    client = serve(ApiConfig(endpoint=ANY_PORT, max_body=100))

    answer = client.request(method, path, content=b"x" * 101 if status == 413 else b"{}")

    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["type"]) == (
        status,
        status,
        "about:blank",
    )
    assert problem["title"]


def test_a_probe_by_head_gets_what_get_gets_without_the_body(client: httpx2.Client):
    for path in ("/health", "/v1/summary", "/v1/rules", "/v1/traces/none", "/metrics"):
        asked, told = client.head(path), client.get(path)

        assert (asked.status_code, asked.content) == (told.status_code, b"")
        assert asked.headers["content-type"] == told.headers["content-type"]


@pytest.mark.parametrize("path", ["/v1/summary", "/metrics", "/openapi.json", "/nothing"])
def test_without_a_token_nothing_is_told(guarded: httpx2.Client, path: str):
    answer = guarded.get(path)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("token", ["firs", "first2", "wrong", "é", "first second"])
def test_a_wrong_token_is_none(guarded: httpx2.Client, token: str):
    headers = {"authorization": f"Bearer {token}".encode()}

    assert guarded.get("/v1/summary", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["first", "second"])
def test_each_token_of_the_file_opens(guarded: httpx2.Client, token: str):
    assert guarded.get("/v1/summary", headers=bearer(token)).status_code == 200


def test_a_browser_may_give_the_token_as_a_password(guarded: httpx2.Client):
    assert guarded.get("/v1/summary", auth=("anybody", "first")).status_code == 200
    assert guarded.get("/v1/summary", auth=("first", "wrong")).status_code == 401


@pytest.mark.parametrize("value", ["Basic ???", "Basic", "Bearer", "Digest first", "first"])
def test_an_odd_authorization_is_refused(guarded: httpx2.Client, value: str):
    assert guarded.get("/v1/summary", headers={"authorization": value}).status_code == 401


def test_probes_need_no_token(guarded: httpx2.Client):
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/ready").status_code == 200


def test_a_changed_token_file_counts_at_once(guarded: httpx2.Client, token_file: Path):
    fresh = token_file.with_name("fresh")
    fresh.write_text("third\n")
    os.replace(fresh, token_file)

    assert guarded.get("/v1/summary", headers=bearer("first")).status_code == 401
    assert guarded.get("/v1/summary", headers=bearer("third")).status_code == 200


def test_a_token_file_that_vanishes_opens_nothing_and_locks_nobody_out(
    guarded: httpx2.Client, token_file: Path
):
    token_file.unlink()

    assert guarded.get("/v1/summary", headers=bearer("first")).status_code == 200
    assert guarded.get("/v1/summary", headers=bearer("x")).status_code == 401


def test_a_token_file_without_a_token_is_a_mistake_at_the_start(store: DuckDBStore, tmp_path: Path):
    (tmp_path / "empty").write_text("\n \n")

    with pytest.raises(ValueError, match="holds no token"):
        create_app(store, ApiConfig(token_file=str(tmp_path / "empty")))
    with pytest.raises(ValueError, match=r"token_file: cannot read .*No such file"):
        create_app(store, ApiConfig(token_file=str(tmp_path / "missing")))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_foreign_name_that_points_here_is_not_answered(client: httpx2.Client, host: str):
    assert client.get("/v1/summary", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4319", "[::1]:4319", "127.0.0.1", "dash"])
def test_our_own_names_are_answered(serve: Serve, host: str):
    client = serve(ApiConfig(endpoint=ANY_PORT, allowed_hosts=("dash",)))

    assert client.get("/v1/summary", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, True),
    ],
)
def test_another_web_site_changes_nothing(client: httpx2.Client, headers, foreign: bool):
    answer = client.post("/v1/nothing", headers=headers)

    assert answer.status_code == (403 if foreign else 404)


def test_cors_opens_the_api_to_the_origins_that_are_named(serve: Serve):
    client = serve(ApiConfig(endpoint=ANY_PORT, cors_origins=("https://grafana.example",)))

    named = client.get("/v1/summary", headers={"origin": "https://grafana.example"})
    other = client.get("/v1/summary", headers={"origin": "https://evil.example"})

    assert named.headers["access-control-allow-origin"] == "https://grafana.example"
    assert "access-control-allow-origin" not in other.headers


def test_every_answer_says_what_a_browser_may_do(client: httpx2.Client):
    for path in ("/health", "/nothing", "/v1/calls?limit=x"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert "http:" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_body_that_is_too_long_is_refused(serve: Serve):
    client = serve(ApiConfig(endpoint=ANY_PORT, max_body=10))

    assert client.post("/v1/nothing", content=b"x" * 11).status_code == 413


def test_a_length_of_thousands_of_digits_is_read(serve: Serve):
    url = serve(ApiConfig(endpoint=ANY_PORT)).base_url
    length = b"Content-Length: " + b"0" * 5_000

    with socket.create_connection((url.host, url.port or 0)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n" % length)
        answer = connection.recv(2**16)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_an_address_that_is_taken_is_an_error_at_the_start(store: DuckDBStore):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ApiConfig(endpoint=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(OSError, match=f"cannot listen on {config.endpoint}: .*in use"):
            ApiServer(create_app(store), config).start()


def test_a_stopped_server_releases_its_address(store: DuckDBStore):
    port = free_port()
    server = ApiServer(create_app(store), ApiConfig(endpoint=f"127.0.0.1:{port}"))
    server.start()

    server.stop()
    server.stop()

    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("endpoint", ["4319", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":"])
def test_an_endpoint_without_host_and_port_is_named(endpoint: str):
    with pytest.raises(ValueError, match="expected host:port"):
        ApiConfig(endpoint=endpoint)


def test_an_ipv6_endpoint_is_read():
    assert ApiConfig(endpoint="[::1]:4319").address == ("::1", 4319)


@pytest.mark.parametrize(
    ("endpoint", "inside"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("LocalHost.:1", True),
        ("0.0.0.0:1", False),
        ("10.0.0.1:1", False),
        ("collector.internal:1", False),
    ],
)
def test_it_is_known_who_reaches_an_endpoint(endpoint: str, inside: bool):
    assert ApiConfig(endpoint=endpoint).on_loopback == inside


def test_an_open_endpoint_whose_names_are_said_answers_to_no_other(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
):
    bind = server_module._bind
    monkeypatch.setattr(server_module, "_bind", lambda _, port: bind("127.0.0.1", port))
    config = ApiConfig(endpoint="0.0.0.0:0", allowed_hosts=("collector.internal",))
    server = ApiServer(create_app(store, config), config)
    server.start()

    statuses = [
        httpx2.get(server.url + "/v1/summary", headers={"host": name}, timeout=60).status_code
        for name in ("Collector.internal:4319", "localhost", "evil.example")
    ]
    server.stop()

    assert statuses == [200, 200, 421]


def test_an_open_endpoint_without_a_token_answers_every_name_and_is_warned_about(
    store: DuckDBStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    bind = server_module._bind
    monkeypatch.setattr(server_module, "_bind", lambda _, port: bind("127.0.0.1", port))
    config = ApiConfig(endpoint="0.0.0.0:0")
    server = ApiServer(create_app(store, config), config)
    server.start()

    named = {"host": "collector.internal"}
    answer = httpx2.get(server.url + "/v1/summary", headers=named, timeout=60)

    assert answer.status_code == 200
    assert "can read it: set token_file" in caplog.text
    server.stop()


def test_a_token_is_described_where_one_is_needed(guarded: httpx2.Client):
    described = guarded.get("/openapi.json", headers=bearer("first")).json()

    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert described["paths"]["/v1/summary"]["get"]["security"] == [{"HTTPBearer": []}]


@pytest.mark.parametrize("prefix", ["", "/otel-llm"])
def test_below_a_prefix_health_needs_no_token_and_all_else_does(
    serve: Serve, token_file: Path, prefix: str
):
    url = "https://tools.example.com/otel-llm"
    client = serve(ApiConfig(endpoint=ANY_PORT, token_file=str(token_file), public_url=url))

    assert client.get(f"{prefix}/health").status_code == 200
    assert client.get(f"{prefix}/v1/summary").status_code == 401
    assert client.get(f"{prefix}/v1/summary", headers=bearer("first")).status_code == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Tools.example.com:443/otel-llm/", "https://tools.example.com"),
        ("http://tools.example.com:8080", "http://tools.example.com:8080"),
    ],
)
def test_the_public_address_may_be_asked_for_and_may_change_things(
    serve: Serve, url: str, origin: str
):
    """Also when the proxy hands on another ``Host`` than the browser sent."""
    client = serve(ApiConfig(endpoint=ANY_PORT, public_url=url))

    named = client.get("/v1/summary", headers={"host": "tools.example.com"})
    changed = client.post("/v1/reprice", json={}, headers={"origin": origin})
    foreign = client.post("/v1/reprice", json={}, headers={"origin": f"{origin}.evil"})

    assert (named.status_code, changed.status_code, foreign.status_code) == (200, 200, 403)


@pytest.mark.parametrize(
    "url", ["tools.example.com", "ftp://a/b", "https://", "https://a/b?c", "https://a/<b>", "//a/b"]
)
def test_a_public_address_that_is_none_is_refused(url: str):
    with pytest.raises(ValueError, match="public_url"):
        ApiConfig(public_url=url)
