"""Recipients of alerts by apprise: what arrives, and that nothing makes it leak, follow a redirect
or send in the clear.
"""

import json
import logging
import smtplib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import apprise
import pytest
from pydantic import SecretStr

from analytics_pipeline.orchestration import notifier as module
from analytics_pipeline.orchestration.notifier import Notifier, NotSent
from analytics_pipeline.vocareum.errors import UnsafeAddress
from analytics_pipeline_tests.support.foreign_server import Elsewhere, serve_elsewhere

HOOK = "s3cr3t-of-the-hook"


class Recipient:
    """A server on this machine: what was sent to it, and what it answers."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[dict] = []
        self.answer: tuple[int, dict[str, str]] = (200, {})
        self.port = 0

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        self.paths.append(handler.path)
        self.bodies.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        status, headers = self.answer
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()


@pytest.fixture
def recipient() -> Iterator[Recipient]:
    found = Recipient()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with serve_elsewhere() as running:
        yield running


def notifier(webhook: str = "", urls: str = "") -> Notifier:
    return Notifier(SecretStr(webhook), SecretStr(urls), "http://127.0.0.1:3000")


def test_a_slack_compatible_webhook_gets_a_text_and_nothing_else(recipient: Recipient) -> None:
    address = f"http://127.0.0.1:{recipient.port}/services/T000/B000/{HOOK}?key=k3y&to=all"
    assert notifier(address).send(":red_circle: <raw.grades> & *it*\nfailed") == []
    assert recipient.bodies == [{"text": ":red_circle: <raw.grades> & *it*\nfailed"}]
    assert recipient.paths == [f"/services/T000/B000/{HOOK}?key=k3y&to=all"]


def test_every_recipient_gets_a_message_and_one_that_fails_is_named_without_its_address(
    recipient: Recipient,
) -> None:
    good, gone = f"json://127.0.0.1:{recipient.port}/{HOOK}", f"json://127.0.0.1:9/{HOOK}"
    (problem,) = notifier(urls=f"{good} {gone}\n{good}").send("text")
    assert [body["message"] for body in recipient.bodies] == ["text", "text"]
    assert problem == "JSON can't be reached. Check ALERT_URLS."
    with pytest.raises(NotSent, match="JSON can't be reached"):
        notifier(urls=gone).send("text")
    recipient.answer = (500, {})
    with pytest.raises(NotSent, match=r"JSON answered 500\. Check ALERT_URLS"):
        notifier(urls=good).send("text")


@pytest.mark.parametrize("asked", ["", "?redirect=yes"])
def test_no_redirect_is_followed_to_another_host_whatever_the_url_asks_for(
    recipient: Recipient, elsewhere: Elsewhere, asked: str
) -> None:
    for status in (301, 302, 307, 308):
        recipient.answer = (status, {"Location": f"{elsewhere.url}/taken"})
        with pytest.raises(NotSent, match=f"answered {status}"):
            notifier(urls=f"json://127.0.0.1:{recipient.port}/{HOOK}{asked}").send("text")
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "json://hooks.example.org/T",
        "mailto://u:p@example.org?mode=insecure",
        "ntfy://ntfy.example.org/t",
        "http://h.example/T",
    ],
)
def test_nothing_is_sent_in_the_clear_to_another_machine(url: str) -> None:
    for method in (Notifier.check, lambda made: made.send("text")):
        with pytest.raises((UnsafeAddress, NotSent)) as refused:
            method(notifier(urls=url))
        assert "ALERT_URLS" in str(refused.value) and "example" not in str(refused.value)


def test_a_url_that_apprise_does_not_know_is_refused_without_being_quoted() -> None:
    with pytest.raises(
        UnsafeAddress, match="ALERT_URLS holds a nonsense URL that apprise can't use"
    ) as refused:
        notifier(urls=f"nonsense://{HOOK}").check()
    assert HOOK not in str(refused.value)


def test_certificates_are_checked_and_waits_are_short_whatever_the_url_asks_for() -> None:
    (recipient,) = notifier(
        urls=f"jsons://h.example/{HOOK}?verify=no&redirect=yes&rto=900&cto=900"
    )._recipients()
    plugin = recipient.plugin
    assert (plugin.verify_certificate, plugin.redirects, plugin.request_timeout) == (
        True,
        False,
        (10.0, 10.0),
    )


def test_services_of_every_kind_can_be_named() -> None:
    urls = (
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ mailtos://u:p@example.org"
        " ntfys://ntfy.sh/topic workflows://prod.azure.com:443/643e69f83c8944/signature"
        " discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
    )
    notifier(urls=urls).check()


def test_no_address_is_logged_at_any_level_whatever_happens(
    recipient: Recipient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    def try_to_send(url: str) -> None:
        try:
            said.extend(notifier(urls=url).send("text"))
        except NotSent as error:
            assert error.__context__ is None and error.__cause__ is None
            said.append(str(error))

    local = f"json://127.0.0.1:{recipient.port}/{HOOK}"
    for answer in (200, 302, 404, 500):
        recipient.answer = (answer, {"Location": f"http://127.0.0.1:9/{HOOK}"})
        try_to_send(local)
    for url in (
        f"json://127.0.0.1:9/{HOOK}",
        f"xyz://{HOOK}",
        f"jsons://127.0.0.1:{recipient.port}/{HOOK}",
    ):
        try_to_send(url)
    monkeypatch.setattr(smtplib, "SMTP", lambda *_, **__: (_ for _ in ()).throw(OSError(HOOK)))
    try_to_send(f"mailtos://user:{HOOK}@127.0.0.1")
    monkeypatch.setattr(apprise.plugins.N_MGR["json"], "send", lambda *_, **__: 1 / 0)
    try_to_send(local)
    assert len(said) == 8, said
    assert HOOK not in "\n".join([*said, caplog.text])
    assert module.SECONDS == 10
