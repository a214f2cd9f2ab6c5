"""The settings with what follows from them: paths, names, and the first day."""

from contextlib import suppress
from datetime import date
from pathlib import Path

from analytics_pipeline.settings.declarations import DeclaredSettings
from analytics_pipeline.settings.value_types import split_owners

DEFAULT_FIRST_DAY = date(2021, 1, 1)
"""The first day until a listing provides the real one."""


class Settings(DeclaredSettings):
    """The declared settings, and values derived from them and from the data folder."""

    @property
    def key_prefix(self) -> str:
        """First part of the asset keys, and name of the code location; empty by default."""
        return f"org{self.org_id}" if self.has_key_prefix else ""

    @property
    def names_lake(self) -> bool:
        """Whether the warehouse is a lake; otherwise it is a file in the data folder."""
        return bool(self.warehouse_url.get_secret_value())

    @property
    def hand_written(self) -> dict[str, Path]:
        """Absolute paths of the hand-written files that are set, by environment variable."""
        paths = {"BUDGETS_FILE": self.budgets_file, "COURSE_LABELS_FILE": self.course_labels_file}
        return {name: path.absolute() for name, path in paths.items() if path}

    @property
    def owners(self) -> list[str]:
        """Owners of the assets in the Dagster UI."""
        return split_owners(self.asset_owners)

    @property
    def warehouse_path(self) -> Path:
        """Path of the private database, which only the pipeline opens."""
        return self.data_dir.absolute() / "warehouse.duckdb"

    @property
    def published_path(self) -> Path:
        """Path of the database that analysts open."""
        return (self.published_dir or self.data_dir).absolute() / "analytics.duckdb"

    @property
    def report_path(self) -> Path:
        """Path of the report page, built from the published file."""
        return self.published_path.with_name("report.html")

    @property
    def landing_dir(self) -> Path:
        """Folder of the files as delivered."""
        return self.data_dir.absolute() / "landing"

    @property
    def cache_dir(self) -> Path:
        """Folder of files that can be made again at any time."""
        return self.data_dir.absolute() / "cache"

    @property
    def first_day_path(self) -> Path:
        """File with the first day that Vocareum delivered, once a listing provided it."""
        return self.data_dir.absolute() / "first_day"

    @property
    def learned_first_day(self) -> date | None:
        """The first day that Vocareum delivered; None until a listing provides it."""
        with suppress(OSError, ValueError):
            return date.fromisoformat(self.first_day_path.read_text().strip())
        return None

    @property
    def first_day(self) -> date:
        """The first day to load, and the first daily partition: set, learned or the default."""
        return self.start_date or self.learned_first_day or DEFAULT_FIRST_DAY

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's instance: runs, events, schedules."""
        return (self.own_dagster_home or self.data_dir / "dagster").absolute()
