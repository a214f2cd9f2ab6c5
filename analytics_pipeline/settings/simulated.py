"""The mark of a data folder into which `analytics-pipeline demo` loaded its organisation."""

from analytics_pipeline.settings.derived import Settings
from analytics_pipeline.storage.atomic_write import private_file

_MARK = "simulated"


def mark_simulated(settings: Settings) -> None:
    """Mark the data folder as one of a simulated organisation."""
    with private_file(settings.data_dir / _MARK) as file:
        file.write(b"`analytics-pipeline demo` loads a simulated organisation into this folder.\n")


def is_simulated(settings: Settings) -> bool:
    """Return whether the data folder is one of a simulated organisation."""
    return (settings.data_dir / _MARK).exists()


def not_running(settings: Settings) -> str:
    """Return why nothing new can be loaded into such a folder, and the remedy."""
    return (
        f"{settings.data_dir} holds the demo's organisation, whose simulated Vocareum is not"
        " running: nothing new can be loaded. Run `analytics-pipeline demo --live` to see new days,"
        " sensors, checks and alerts, or `analytics-pipeline demo --serve` to only serve the files."
        " For your own organisation set another ANALYTICS_DATA_DIR, and VOCAREUM_ORG_ID and"
        " VOCAREUM_API_TOKEN."
    )
