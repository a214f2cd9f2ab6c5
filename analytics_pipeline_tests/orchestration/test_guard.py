"""Requests that the guard accepts or refuses, each kind by itself; the full attack is in
test_dagster_dev.py.
"""

from http import HTTPStatus

import pytest

from analytics_pipeline.orchestration.ui.guard import Headers, refusal

UI = "https://dagster.example.org"
HERE = "127.0.0.1:3000"
JSON = {"content-type": "application/json"}


def status(method: str, path: str, host: str = HERE, ui_url: str = UI, **headers: str) -> int:
    pairs = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    refused = refusal(
        method, path, Headers((k.encode(), v.encode()) for k, v in pairs.items()), ui_url
    )
    return refused.status if refused else HTTPStatus.OK


@pytest.mark.parametrize(
    "host", [HERE, "localhost:8080", "[::1]:3000", "LOCALHOST", "dagster.example.org"]
)
def test_the_names_of_this_machine_and_of_the_ui_are_answered(host: str) -> None:
    assert status("GET", "/", host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:3000",
        "a@127.0.0.1",
        "localhost.",
        "localhost:x",
    ],
)
def test_another_name_that_resolves_to_this_machine_is_refused(host: str) -> None:
    assert status("GET", "/", host) == HTTPStatus.MISDIRECTED_REQUEST


def test_two_host_headers_are_refused() -> None:
    two = Headers([(b"host", b"localhost"), (b"host", b"evil.example")])
    refused = refusal("GET", "/", two, UI)
    assert refused and refused.status == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
def test_graphql_must_be_a_post(method: str, path: str) -> None:
    assert status(method, path) == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/graphql",
        "multipart/form-data",
        "text/plain; x=application/json",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/raw/grades"])
def test_mutations_must_be_json(path: str, media: str) -> None:
    assert status("POST", path, content_type=media) == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert status("POST", path) == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert status("POST", path, content_type="application/json; charset=utf-8") == 200


@pytest.mark.parametrize("method", ["POST", "WEBSOCKET", "GET"])
@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:8000"},
        {"origin": "http://dagster.example.org"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    ],
)
def test_a_request_of_a_foreign_page_is_refused(method: str, foreign: dict[str, str]) -> None:
    path = "/" if method == "GET" else "/graphql"
    assert (
        status(method, path, **{"content_type": "application/json", **foreign})
        == HTTPStatus.FORBIDDEN
    )


def test_its_own_pages_are_answered_locally_and_through_a_proxy() -> None:
    own = {"sec_fetch_site": "same-origin", "content_type": "application/json"}
    for method in ("POST", "WEBSOCKET"):
        assert status(method, "/graphql", origin=f"http://{HERE}", **own) == 200
        assert status(method, "/graphql", "dagster.example.org", origin=UI, **own) == 200
        assert status(method, "/graphql", origin=UI, **own) == 200, (
            "a proxy that sends its own name for the host"
        )
    default_port = {"ui_url": f"{UI}:443/", "origin": UI}
    assert status("POST", "/graphql", "dagster.example.org", **default_port, **own) == 200


def test_a_link_of_an_alert_is_followed_and_changes_nothing() -> None:
    link = {
        "sec_fetch_site": "cross-site",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "document",
    }
    assert status("GET", "/runs/1", **link) == 200
    assert (
        status("POST", "/graphql", content_type="application/json", **link) == HTTPStatus.FORBIDDEN
    )
    assert status("GET", "/graphql", **link) == HTTPStatus.FORBIDDEN
