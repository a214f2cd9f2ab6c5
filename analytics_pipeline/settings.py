"""The settings: their names, defaults and what to do when one is missing. Values come from the environment alone.

`.env` is read into the environment by the command line (`cli/env_file.py`), never here.
"""

import re
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from analytics_pipeline.errors import PipelineError


class SettingsError(PipelineError):
    """Settings are missing or wrong; the text names each variable and its remedy, never a secret's value."""


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _expanded(path: Path | None) -> Path | None:
    return path.expanduser() if path else None


OptionalUrl = Annotated[str | None, BeforeValidator(_blank_is_unset)]


class Settings(BaseSettings):
    """Every setting, by its name in the environment; `.env.example` documents the same ones."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    org_id: str = Field(
        "",
        validation_alias="VOCAREUM_ORG_ID",
        description="Id of your Vocareum organisation, such as 9001; it stands in the URL of the organisation's page.",
    )
    api_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="VOCAREUM_API_TOKEN",
        description="API token for s3_labs, which an Org Admin generates on Vocareum's API page.",
    )
    api_url: str = Field(
        "https://api.vocareum.com/api/v2", validation_alias="VOCAREUM_API_URL", description="Vocareum's API."
    )
    bucket: str = Field(
        "vocareum-us-west-2-lab-analytics", validation_alias="VOCAREUM_BUCKET", description="Bucket of the feed."
    )
    s3_endpoint_url: OptionalUrl = Field(
        None, validation_alias="AWS_ENDPOINT_URL_S3", description="Another S3 endpoint than Amazon's."
    )
    region: str = Field("us-west-2", validation_alias="AWS_REGION", description="Region of the bucket.")
    start_date: date = Field(
        date(2021, 1, 1),
        validation_alias="VOCAREUM_START_DATE",
        description="First day to load, YYYY-MM-DD: the first daily partition.",
    )
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("data"),
        validation_alias="ANALYTICS_DATA_DIR",
        description="Folder of the warehouse, the landing files and the Dagster instance.",
    )
    published_dir: Annotated[Path | None, BeforeValidator(_blank_is_unset), AfterValidator(_expanded)] = Field(
        None,
        validation_alias="ANALYTICS_PUBLISHED_DIR",
        description="Folder of analytics.duckdb and report.html, for analysts; by default the data folder, which is private.",
    )
    publish_pii: bool = Field(
        False,
        validation_alias="PUBLISH_PII",
        description="Whether emails, names and free text go into the published file.",
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""), validation_alias="ALERT_WEBHOOK_URL", description="Slack-compatible webhook for failures."
    )
    ui_url: str = Field(
        "http://127.0.0.1:3000",
        validation_alias="DAGSTER_UI_URL",
        description="Where people reach the Dagster UI: links in alerts begin with it, and the UI answers to its host.",
    )

    @property
    def warehouse_path(self) -> Path:
        """The private database, which the pipeline alone opens."""
        return self.data_dir.absolute() / "warehouse.duckdb"

    @property
    def published_path(self) -> Path:
        """The database that analysts open."""
        return (self.published_dir or self.data_dir).absolute() / "analytics.duckdb"

    @property
    def report_path(self) -> Path:
        """The page of pictures, made of the published file."""
        return self.published_path.with_name("report.html")

    @property
    def landing_dir(self) -> Path:
        """Where files lie as delivered."""
        return self.data_dir.absolute() / "landing"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: runs, events, schedules."""
        return self.data_dir.absolute() / "dagster"


REQUIRED = ("org_id", "api_token")


def load_settings() -> Settings:
    """Read the settings; those that are required for a run may still be empty (`require` says so).

    Raises:
        SettingsError: a value has the wrong form.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))
        raise SettingsError(f"{problems}. Correct it in the environment or in .env (see .env.example).") from None


def require(settings: Settings) -> Settings:
    """Check that a run has what it needs.

    Raises:
        SettingsError: names every setting that is missing and where to get it.
    """
    fields = Settings.model_fields
    missing = [name for name in REQUIRED if not _text(getattr(settings, name)).strip()]
    if missing:
        lines = [f"{fields[name].validation_alias} is not set: {fields[name].description}" for name in missing]
        raise SettingsError("\n".join([*lines, "Set them in the environment or in .env (copy .env.example)."]))
    if prefixed := re.fullmatch(r"org(\d+)", settings.org_id, re.IGNORECASE):
        raise SettingsError(
            f"VOCAREUM_ORG_ID is {settings.org_id!r}, which is the name of a folder in the bucket: give the id alone, {prefixed[1]}."
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", settings.org_id):
        raise SettingsError(
            "VOCAREUM_ORG_ID holds more than letters, digits, - and _: give the id alone, such as 9001."
        )
    return settings


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
