"""Tell the user of `dev` and `daemon`, of each organisation, why nothing will load."""

from analytics_pipeline.cli.console import print_error, print_info
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.storage.atomic_write import private_file

_MARK = "simulated"


def mark_simulated(settings: Settings) -> None:
    """Mark the data folder as one of a simulated organisation."""
    with private_file(settings.data_dir / _MARK) as file:
        file.write(b"`analytics-pipeline demo` loaded a simulated organisation into this folder.\n")


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


def feed_notice(settings: Settings) -> str:
    """Return why nothing will load, and the remedy; empty if the settings name a feed."""
    is_simulated = (settings.data_dir / _MARK).exists()
    if is_simulated and settings.api_url == Settings.model_fields["api_url"].default:
        return (
            f"{settings.data_dir} holds the demo's organisation, and its simulated feed is not"
            " running: nothing new will load. To see sensors, checks and alerts in action, end"
            " this and run `analytics-pipeline demo --live`."
        )
    try:
        require(settings)
    except PipelineError as error:
        return f"Nothing is loaded: {error}"
    return ""
