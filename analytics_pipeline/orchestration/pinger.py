"""Ping a monitoring service, which raises an alarm when the pings stop.

The URL is a secret and appears in no message and no log.
"""

from dataclasses import dataclass

from pydantic import SecretStr

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.addresses import is_loopback, require_safe
from analytics_pipeline.vocareum.errors import without_context
from analytics_pipeline.vocareum.redaction import register

VARIABLE = "PING_URL"
SECONDS = 10.0
"""Timeout in seconds for connecting, and for a response."""


class NotPinged(PipelineError):
    """The monitoring service did not accept a ping. The text never contains the address."""


@dataclass(frozen=True)
class Pinger:
    """The monitoring service.

    Attributes:
        url: PING_URL, the address of a check of the service; a secret, may be empty.
    """

    url: SecretStr

    @property
    def is_set(self) -> bool:
        """Return whether there is a service to ping."""
        return bool(self.url.get_secret_value())

    def check(self) -> None:
        """Check the URL without requesting it.

        Raises:
            UnsafeAddress: it is neither HTTPS nor HTTP on this machine.
        """
        require_safe(self.url.get_secret_value(), VARIABLE)

    @without_context()
    def send(self) -> None:
        """Request the URL once. The sensor repeats it with its next tick.

        Raises:
            NotPinged: the service can't be reached, or its answer is not 2xx. A redirect is not
                followed.
            UnsafeAddress: the URL is neither HTTPS nor HTTP on this machine.
        """
        import httpx  # takes a fifth of a second, which processes without a ping do without

        url = self.url.get_secret_value()
        register(url)
        require_safe(url, VARIABLE)
        try:
            # Never send requests to this machine through a proxy.
            answer = httpx.get(url, timeout=SECONDS, trust_env=not is_loopback(url))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotPinged(
                f"The monitoring service can't be reached ({type(error).__name__}).",
                f"Check the network and {VARIABLE}.",
            ) from None
        if not answer.is_success:
            raise NotPinged(
                f"The monitoring service answered {answer.status_code}.",
                f"Check {VARIABLE}.",
            )
