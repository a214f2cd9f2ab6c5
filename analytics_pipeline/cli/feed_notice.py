"""Tell the user of `dev` and `daemon`, of each organisation, why nothing will load."""

from analytics_pipeline.cli.console import print_error, print_info
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.settings.simulated import is_simulated, not_running


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


def nothing_delivered(settings: Settings) -> str:
    """Return what to do if the bucket holds no file of the organisation."""
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
