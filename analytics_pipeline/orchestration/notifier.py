"""Alerts by apprise: Slack, Teams, email and others, by URL. The URLs are secrets and are in no message and no log.

apprise itself would follow redirects, send in the clear, skip the check of a certificate and log addresses where a URL or a level
asks for it. Here nothing can ask for it.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.addresses import UnsafeAddress, is_loopback, require_safe
from analytics_pipeline.vocareum.redaction import hide, register

SECONDS = 10.0
"""The longest wait for a connection, and for an answer."""
# httpx logs the whole URL of each request, from INFO on; urllib3 the path, at DEBUG.
for _name in ("httpx", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)
_WEBHOOK_FIELDS = "?:message=text&:version=&:title=&:type=&:attachments=&format=text&method=POST"
"""What makes of apprise's JSON message the one that Slack-compatible webhooks take: a text alone."""


class NotSent(PipelineError):
    """No recipient accepted a message. The text never holds an address, which is a secret."""


@dataclass(frozen=True)
class _Recipient:
    """Apprise's object for a URL, what people call it, and the variable that holds the URL."""

    plugin: Any
    name: str
    variable: str


@dataclass(frozen=True)
class Notifier:
    """The recipients of alerts.

    Attributes:
        webhook: ALERT_WEBHOOK_URL, a Slack-compatible webhook; a secret, may be empty.
        urls: ALERT_URLS, apprise URLs separated by blanks; a secret, may be empty.
        ui_url: URL at which people reach the Dagster UI, for links.
    """

    webhook: SecretStr
    urls: SecretStr
    ui_url: str

    @property
    def has_recipients(self) -> bool:
        """Whether there is anybody to send to."""
        return bool(self.webhook.get_secret_value() or self.urls.get_secret_value().split())

    def check(self) -> None:
        """Check every URL, without a message.

        Raises:
            UnsafeAddress: a URL is unknown to apprise, or would send in the clear to another machine.
        """
        with _silenced():
            self._recipients()

    def send(self, text: str) -> list[str]:
        """Send a text to every recipient; return what went wrong with those that did not accept it.

        Raises:
            NotSent: no recipient accepted it, or a URL can't be used.
        """
        register(self.webhook.get_secret_value(), *self.urls.get_secret_value().split())
        try:
            with _silenced() as answers:
                recipients = self._recipients()
                problems = [problem for one in recipients if (problem := _post(one, text, answers))]
            failed = len(problems) == len(recipients)
        except UnsafeAddress as error:
            problems, failed = [str(error)], True
        if failed:
            # Raised outside of any handler: errors that hold an address are no context of this one.
            raise NotSent(hide(" ".join(problems)))
        return problems

    def _recipients(self) -> list[_Recipient]:
        found = []
        if webhook := self.webhook.get_secret_value():
            variable = "ALERT_WEBHOOK_URL"
            plugin = _plugin(_slack_compatible(require_safe(webhook, variable)), variable)
            found.append(_Recipient(plugin, "The webhook", variable))
        for url in self.urls.get_secret_value().split():
            plugin = _plugin(url, "ALERT_URLS")
            found.append(_Recipient(plugin, str(plugin.service_name), "ALERT_URLS"))
        return found


def _slack_compatible(webhook: str) -> str:
    """Return apprise's URL of a webhook that takes a JSON object with a text; its own query goes along."""
    address = urlsplit(webhook)
    scheme = "jsons" if address.scheme == "https" else "json"
    query = "".join(f"&-{part}" for part in address.query.split("&") if part)
    return f"{scheme}://{address.netloc}{address.path}{_WEBHOOK_FIELDS}{query}"


def _plugin(url: str, variable: str) -> Any:
    """Return apprise's object for a URL, with everything that would be unsafe turned off.

    Raises:
        UnsafeAddress: apprise does not know the URL, or it would send in the clear to another machine.
    """
    import apprise  # takes a quarter of a second, which only a message or a check is worth

    asset = apprise.AppriseAsset(http_redirects=False, async_mode=False, storage_mode="memory", plugin_paths=[])
    plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    scheme = url.partition(":")[0].lower()
    if plugin is None:
        raise UnsafeAddress(
            f"{variable} holds a {scheme if scheme.isalnum() else ''} URL that apprise can't use.",
            "Correct it; https://appriseit.com/services lists the forms.",
        )
    plain = plugin.protocol if isinstance(plugin.protocol, tuple | list) else (plugin.protocol,)
    if scheme in plain and not plugin.secure and plugin.host and not is_loopback(f"http://{plugin.host}"):
        raise UnsafeAddress(
            f"The {scheme} URL in {variable} would send without encryption to another machine.",
            f"Use its encrypted form, such as {scheme}s:// (jsons://, mailtos://).",
        )
    plugin.redirects, plugin.verify_certificate = False, True  # whatever ?redirect= and ?verify= say
    plugin.socket_connect_timeout = min(plugin.socket_connect_timeout, SECONDS)
    plugin.socket_read_timeout = min(plugin.socket_read_timeout, SECONDS)
    return plugin


def _post(recipient: _Recipient, text: str, answers: Sequence[str]) -> str | None:
    """Return why a recipient did not accept a text; None if it did."""
    before, name, plugin = len(answers), recipient.name, recipient.plugin
    try:
        if plugin.notify(body=text, title="", body_format="text"):
            return None
    except Exception as error:
        return f"{name} can't be reached ({type(error).__name__}). Check {recipient.variable}."
    status = next((code for line in answers[before:] for code in re.findall(r"error=(\d{3})", line)), None)
    outcome = f"answered {status}" if status else "can't be reached"
    return f"{name} {outcome}. Check {recipient.variable}."


@contextmanager
def _silenced() -> Iterator[list[str]]:
    """Keep what apprise logs, which may hold addresses, to ourselves; yield its lines."""
    lines: list[str] = []
    logger, handler = logging.getLogger("apprise"), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    before, logger.handlers = logger.handlers, [handler]
    try:
        yield lines
    finally:
        logger.handlers = before
