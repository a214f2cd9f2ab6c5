"""Tell the user of `dev` and `daemon`, of each organisation, why nothing will load."""

from collections.abc import Sequence

from analytics_pipeline.cli.console import print_error, print_info
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.settings.simulated import is_simulated, not_running
from analytics_pipeline.words import counted


def print_notices(settings: Settings) -> None:
    """Learn each served organisation's first day; print it, and why nothing will load."""
    # Dagster takes seconds to import
    from analytics_pipeline.operations.first_day import learn_before_start
    from analytics_pipeline.orchestration.workspace import served

    for organisation in served(settings, print_error):
        whose = f"{organisation.key_prefix}: " if organisation.key_prefix else ""
        if learned := learn_before_start(organisation, print_error):
            print_info(
                f"{whose}The first day that Vocareum delivered is {learned}: partitions start with"
                " it."
            )
        if notice := feed_notice(organisation):
            print_error(f"{whose}{notice}")


def nothing_delivered(settings: Settings, unknown: Sequence[str]) -> str:
    """Return what to do if the bucket holds no file that can be loaded.

    Args:
        settings: the organisation's settings.
        unknown: keys of the files that it holds, none of which is recognised.
    """
    if unknown:
        return (
            "Nothing can be loaded: this release recognises none of the files delivered under"
            f" org{settings.org_id}/ in {settings.bucket} ({counted(len(unknown), 'file')}, such as"
            f" {one_line(unknown[0])}). Install the newest release. If that does not help, report"
            " the names of these files."
        )
    return (
        f"Nothing is delivered under org{settings.org_id}/ in {settings.bucket}. Check"
        " VOCAREUM_ORG_ID, and whether the data pipeline is switched on for your organisation"
        " (ask Vocareum)."
    )


def feed_notice(settings: Settings) -> str:
    """Return why nothing will load, and the remedy; empty if the settings name a feed."""
    if is_simulated(settings) and settings.api_url == Settings.model_fields["api_url"].default:
        return not_running(settings)
    try:
        require(settings)
    except PipelineError as error:
        return f"Nothing is loaded: {error}"
    return ""
