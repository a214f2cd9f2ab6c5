"""Build the organisation's bucket from the settings. Makes no request until the bucket is used."""

from typing import Any

from analytics_pipeline.settings import Settings, require
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.session import session


def open_bucket(settings: Settings, budget: float | None = None) -> Bucket:
    """Return the organisation's prefix of the bucket.

    Args:
        settings: the organisation's settings.
        budget: seconds in which the API and S3 requests may be retried; by default each has its
            own.

    Raises:
        SettingsError: the organisation or the token is not set.
        VocareumError: an address is not safe for secrets.
    """
    require(settings)
    options: dict[str, Any] = {} if budget is None else {"budget": budget}
    api = VocareumApi(settings.api_url, settings.api_token, **options)
    return Bucket(
        session(api, settings.org_id, settings.region),
        settings.bucket,
        prefix=f"org{settings.org_id}/",
        endpoint_url=settings.s3_endpoint_url,
        **options,
    )
