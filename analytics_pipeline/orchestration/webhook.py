"""The webhook that people are told through, as Dagster's assets and sensors get it. Its address is a secret and stands in no text."""

import logging
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.addresses import require_safe
from analytics_pipeline.vocareum.errors import VocareumError
from analytics_pipeline.vocareum.redaction import hide, register

# httpx logs the whole address of each request, from INFO on.
logging.getLogger("httpx").setLevel(logging.WARNING)


class NotSent(PipelineError):
    """The webhook did not take a message; the text never holds its address, which is a secret."""


@dataclass(frozen=True)
class Webhook:
    """A Slack-compatible webhook.

    Attributes:
        url: ALERT_WEBHOOK_URL, a secret; nobody is told of anything while it is empty.
        ui_url: where people reach the Dagster UI, for links.
    """

    url: SecretStr
    ui_url: str

    def send(self, text: str) -> None:
        """Post a text.

        Raises:
            NotSent: the webhook refused it, cannot be reached, or is neither HTTPS nor on this machine.
        """
        register(self.url.get_secret_value())
        if problem := self._post(text):
            # Raised outside of any handler: httpx's errors, which hold the address, are no context of this one.
            raise NotSent(hide(problem))

    def _post(self, text: str) -> str | None:
        """Why the webhook did not take a text; None if it did."""
        try:
            address = require_safe(self.url.get_secret_value(), "ALERT_WEBHOOK_URL")
            answer = httpx.post(address, json={"text": text}, timeout=10, follow_redirects=False)
        except VocareumError as error:
            return str(error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"The webhook cannot be reached ({type(error).__name__})."
        return None if answer.is_success else f"The webhook answered {answer.status_code}. Check ALERT_WEBHOOK_URL."
