"""Compare the published file with the warehouse and the settings: whether analysts read what they
should.
"""

from collections.abc import Mapping
from datetime import datetime

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.database_log import log_beside
from analytics_pipeline.warehouse.published_file import published_at, store_of
from analytics_pipeline.warehouse.signature import Signature, signature
from analytics_pipeline.words import counted


def outdated(settings: Settings, built: Mapping[str, datetime], signed: Signature | None) -> str:
    """Return why the published file must be published again; empty if it need not be.

    A file that withholds tables, as a check fails, is not outdated: it holds the newest verdicts.
    The file copies the times of builds from the warehouse. They only identify the builds: no clock
    decides which build is later, as it may have been wrong.

    Args:
        settings: the organisation's settings.
        built: when each of the warehouse's models was last built (UTC); empty if none ever was,
            so that there is nothing to publish.
        signed: what the file says about itself; None if it is missing or can't be read.
    """
    path = settings.published_path
    if not built:
        return ""
    if log := log_beside(path):
        return (
            f"{log} lies beside the published file: another program wrote into that file, and"
            f" everybody who opens it reads these changes.{_REMEDY}"
        )
    if signed is None:
        return f"{path} {'cannot be read' if path.exists() else 'is missing'}.{_REMEDY}"
    if signed.pii not in (None, settings.publish_pii):
        holds = "holds" if signed.pii else "holds no"
        return (
            f"{path} {holds} emails, names and free text, but PUBLISH_PII is"
            f" {str(settings.publish_pii).lower()}.{_REMEDY}"
        )
    lacking = [name for name, at in built.items() if signed.builds.get(name) != at]
    if lacking:
        more = f" and of {counted(len(lacking) - 1, 'other model')}" if lacking[1:] else ""
        return (
            f"{path} lacks the newest build of {lacking[0]}"
            f" ({built[lacking[0]]:%Y-%m-%d %H:%M} UTC){more}.{_REMEDY}"
        )
    return ""


_REMEDY = " `analytics-pipeline sync` publishes it again."


def is_current(settings: Settings, built: Mapping[str, datetime]) -> bool:
    """Return whether the published file is as it should be, and not ahead of the store's version.

    First fetches the store's version, which may be a later one. `built` is as for `outdated`.
    """
    fetched = store_of(settings).fetch(settings.published_path, published_at)
    if fetched.is_ahead or fetched.problem:
        return False
    return not outdated(settings, built, signature(settings.published_path))
