"""The alert webhook, as a resource for assets and sensors. Its address is a secret and is in no message."""

import logging
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.addresses import require_safe
from analytics_pipeline.vocareum.errors import VocareumError
from analytics_pipeline.vocareum.redaction import hide, register

# From INFO on, httpx logs the full address of each request.
logging.getLogger("httpx").setLevel(logging.WARNING)


class NotSent(PipelineError):
    """The webhook did not accept a message. The text never holds its address, which is a secret."""


@dataclass(frozen=True)
class Webhook:
    """A Slack-compatible webhook.

    Attributes:
        url: ALERT_WEBHOOK_URL, a secret; if it is empty, no alert is sent.
        ui_url: address of the Dagster UI, for links.
    """

    url: SecretStr
    ui_url: str

    def send(self, text: str) -> None:
        """Post a text.

        Raises:
            NotSent: the webhook refused it, can't be reached, or is neither HTTPS nor on this machine.
        """
        register(self.url.get_secret_value())
        if problem := self._post(text):
            # Raised outside any handler, so that httpx's error, which holds the address, is not its context.
            raise NotSent(hide(problem))

    def _post(self, text: str) -> str | None:
        """Return why the webhook did not accept a text; None if it did."""
        try:
            address = require_safe(self.url.get_secret_value(), "ALERT_WEBHOOK_URL")
            answer = httpx.post(address, json={"text": text}, timeout=10, follow_redirects=False)
        except VocareumError as error:
            return str(error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"The webhook can't be reached ({type(error).__name__})."
        return (
            None if answer.is_success else f"The webhook responded with {answer.status_code}. Check ALERT_WEBHOOK_URL."
        )
