"""Compare the published file with the warehouse and the settings: whether analysts read what they
should.
"""

from datetime import datetime

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.published_file import published_at, store_of
from analytics_pipeline.warehouse.signature import Signature, signature


def outdated(settings: Settings, built: datetime | None, signed: Signature | None) -> str:
    """Return why the published file must be published again; empty if it need not be.

    A file that keeps tables back, as a check fails, is not outdated: it holds the newest verdicts.
    The times of builds are compared, which the file copies from the warehouse, so that clocks of
    several machines don't matter.

    Args:
        settings: the organisation's settings.
        built: when the warehouse's models were last built (UTC); None if they never were, so that
            there is nothing to publish.
        signed: what the file says of itself; None if it is missing or can't be read.
    """
    path = settings.published_path
    if built is None:
        return ""
    if signed is None:
        return f"{path} {'cannot be read' if path.exists() else 'is missing'}.{_REMEDY}"
    if signed.pii not in (None, settings.publish_pii):
        holds = "holds" if signed.pii else "holds no"
        return (
            f"{path} {holds} emails, names and free text, but PUBLISH_PII is"
            f" {str(settings.publish_pii).lower()}.{_REMEDY}"
        )
    if signed.built_at is None or signed.built_at < built:
        since = f"{signed.built_at:%Y-%m-%d %H:%M} UTC" if signed.built_at else "an unknown time"
        return (
            f"{path} is older than the models: it holds those of {since}, the warehouse those of"
            f" {built:%Y-%m-%d %H:%M} UTC.{_REMEDY}"
        )
    return ""


_REMEDY = " `analytics-pipeline sync` publishes it again."


def is_current(settings: Settings, built: datetime | None) -> bool:
    """Return whether the published file is as it should be, and not ahead of the store's version.

    First fetches the store's version, which may be a later one. `built` is as for `outdated`.
    """
    fetched = store_of(settings).fetch(settings.published_path, published_at)
    if fetched.is_ahead or fetched.problem:
        return False
    return not outdated(settings, built, signature(settings.published_path))
