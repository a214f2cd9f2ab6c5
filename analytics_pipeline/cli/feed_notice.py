"""Tell the user of `dev` and `daemon` why nothing will load."""

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.storage.private_files import private_file

_MARK = "simulated"


def mark_simulated(settings: Settings) -> None:
    """Mark the data folder as one of a simulated organisation."""
    with private_file(settings.data_dir / _MARK) as file:
        file.write(b"`analytics-pipeline demo` loaded a simulated organisation into this folder.\n")


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
