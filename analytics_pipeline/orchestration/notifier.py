"""Send alerts with apprise: Slack, Teams, email and others, by URL.

The URLs are secrets and appear in no message and no log. Depending on a URL or the log level,
apprise follows redirects, sends unencrypted, skips certificate checks and logs addresses. This
module prevents all of that.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.addresses import UnsafeAddress, is_loopback, require_safe
from analytics_pipeline.vocareum.errors import without_context
from analytics_pipeline.vocareum.redaction import hide, register

SECONDS = 10.0
"""Timeouts in seconds for connecting, and for a response."""
# httpx logs the whole URL of each request, from INFO on; urllib3 the path, at DEBUG.
for _name in ("httpx", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)
_WEBHOOK_FIELDS = "?:message=text&:version=&:title=&:type=&:attachments=&format=text&method=POST"
"""Parameters that reduce apprise's JSON message to the text that Slack-compatible webhooks
expect."""


class NotSent(PipelineError):
    """No recipient accepted a message. The text never contains an address, which is a secret."""


@dataclass(frozen=True)
class _Recipient:
    """A recipient: apprise's object for a URL, its display name, and the variable with the URL."""

    plugin: Any
    name: str
    variable: str


@dataclass(frozen=True)
class Notifier:
    """The recipients of alerts.

    Attributes:
        webhook: ALERT_WEBHOOK_URL, a Slack-compatible webhook; a secret, may be empty.
        urls: ALERT_URLS, apprise URLs separated by blanks; a secret, may be empty.
        ui_url: URL of the Dagster UI, for links.
    """

    webhook: SecretStr
    urls: SecretStr
    ui_url: str

    @property
    def recipients(self) -> int:
        """Return the number of recipients."""
        webhooks = 1 if self.webhook.get_secret_value() else 0
        return webhooks + len(self.urls.get_secret_value().split())

    @property
    def has_recipients(self) -> bool:
        """Return whether there are recipients."""
        return self.recipients > 0

    def each(self) -> dict[str, "Notifier"]:
        """Return a notifier for each recipient, by its variable and, in ALERT_URLS, its position.

        The names may be stored: they hold no address.
        """
        found = {}
        if self.webhook.get_secret_value():
            found["ALERT_WEBHOOK_URL"] = replace(self, urls=SecretStr(""))
        for position, url in enumerate(self.urls.get_secret_value().split(), start=1):
            found[f"ALERT_URLS {position}"] = replace(
                self, webhook=SecretStr(""), urls=SecretStr(url)
            )
        return found

    def check(self) -> None:
        """Check every URL without sending a message.

        Raises:
            UnsafeAddress: apprise does not know a URL, or it would send unencrypted to another
                machine.
        """
        with _silenced():
            self._recipients()

    @without_context()
    def send(self, text: str) -> list[str]:
        """Send a text to every recipient; return the problems of those that did not accept it.

        Raises:
            NotSent: no recipient accepted it, or a URL can't be used.
        """
        register(self.webhook.get_secret_value(), *self.urls.get_secret_value().split())
        try:
            with _silenced() as answers:
                recipients = self._recipients()
                problems = [
                    problem
                    for recipient in recipients
                    if (problem := _post(recipient, text, answers))
                ]
        except UnsafeAddress as error:
            raise NotSent(hide(str(error))) from None
        if len(problems) == len(recipients):
            raise NotSent(hide(" ".join(problems)))
        return problems

    def _recipients(self) -> list[_Recipient]:
        recipients = []
        if webhook := self.webhook.get_secret_value():
            variable = "ALERT_WEBHOOK_URL"
            plugin = _plugin(_slack_compatible(require_safe(webhook, variable)), variable)
            recipients.append(_Recipient(plugin, "The webhook", variable))
        for url in self.urls.get_secret_value().split():
            plugin = _plugin(url, "ALERT_URLS")
            recipients.append(_Recipient(plugin, str(plugin.service_name), "ALERT_URLS"))
        return recipients


def _slack_compatible(webhook: str) -> str:
    """Return apprise's URL for a webhook that expects a JSON object with a text.

    Keeps the webhook's own query.
    """
    address = urlsplit(webhook)
    scheme = "jsons" if address.scheme == "https" else "json"
    query = "".join(f"&-{part}" for part in address.query.split("&") if part)
    return f"{scheme}://{address.netloc}{address.path}{_WEBHOOK_FIELDS}{query}"


def _plugin(url: str, variable: str) -> Any:
    """Return apprise's object for a URL, with unsafe options disabled.

    Raises:
        UnsafeAddress: apprise does not know the URL, or it would send unencrypted to another
            machine.
    """
    import apprise  # takes a quarter of a second; most runs send no message

    asset = apprise.AppriseAsset(
        http_redirects=False, async_mode=False, storage_mode="memory", plugin_paths=[]
    )
    plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    scheme = url.partition(":")[0].lower()
    if plugin is None:
        raise UnsafeAddress(
            f"{variable} holds a {scheme if scheme.isalnum() else ''} URL that apprise can't use.",
            "Correct it; https://appriseit.com/services lists the forms.",
        )
    plain = plugin.protocol if isinstance(plugin.protocol, tuple | list) else (plugin.protocol,)
    if (
        scheme in plain
        and not plugin.secure
        and plugin.host
        and not is_loopback(f"http://{plugin.host}")
    ):
        raise UnsafeAddress(
            f"The {scheme} URL in {variable} would send without encryption to another machine.",
            f"Use its encrypted form, such as {scheme}s:// (jsons://, mailtos://).",
        )
    plugin.redirects, plugin.verify_certificate = False, True  # override ?redirect= and ?verify=
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
    status = next(
        (code for line in answers[before:] for code in re.findall(r"error=(\d{3})", line)), None
    )
    outcome = f"answered {status}" if status else "can't be reached"
    return f"{name} {outcome}. Check {recipient.variable}."


@contextmanager
def _silenced() -> Iterator[list[str]]:
    """Capture apprise's log, which may contain addresses, and yield its lines."""
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
