"""Every setting: its environment variable, type, default and description.

`derived.py` adds what follows from them.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from analytics_pipeline.settings.value_types import (
    EndpointUrl,
    ExpandedPath,
    FolderOrS3,
    LakeUrl,
    OptionalPath,
    OptionalText,
    Owners,
    StoreUrl,
    Zone,
)

PARTITIONS_PER_RUN = 366
"""Most partitions of a run by default, a year: few runs for a long history."""


class DeclaredSettings(BaseSettings):
    """Every setting, by its environment variable; `.env.example` documents the same ones."""

    model_config = SettingsConfigDict(
        extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    org_id: str = Field(
        "",
        validation_alias="VOCAREUM_ORG_ID",
        description=(
            "Id of your Vocareum organisation, such as 9001. It is in the URL of the organisation's"
            " page."
        ),
    )
    api_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="VOCAREUM_API_TOKEN",
        description="API token for s3_labs, which an Org Admin generates on Vocareum's API page.",
    )
    api_url: str = Field(
        "https://api.vocareum.com/api/v2",
        validation_alias="VOCAREUM_API_URL",
        description="Vocareum's API.",
    )
    bucket: str = Field(
        "vocareum-us-west-2-lab-analytics",
        validation_alias="VOCAREUM_BUCKET",
        description="Bucket of the feed.",
    )
    s3_endpoint_url: OptionalText = Field(
        None,
        validation_alias="AWS_ENDPOINT_URL_S3",
        description="S3 endpoint, if it is not Amazon's.",
    )
    region: str = Field(
        "us-west-2", validation_alias="AWS_REGION", description="Region of the bucket."
    )
    start_date: date | None = Field(
        None,
        validation_alias="VOCAREUM_START_DATE",
        description=(
            "First day to load, YYYY-MM-DD: the first daily partition. Defaults to the first day"
            " that Vocareum delivered."
        ),
    )
    data_dir: ExpandedPath = Field(
        Path("data"),
        validation_alias="ANALYTICS_DATA_DIR",
        description="Folder of the warehouse, the landing files and the Dagster instance.",
    )
    published_dir: OptionalPath = Field(
        None,
        validation_alias="ANALYTICS_PUBLISHED_DIR",
        description=(
            "Folder of analytics.duckdb and report.html, for analysts. Default: the private data"
            " folder."
        ),
    )
    publish_pii: bool = Field(
        False,
        validation_alias="PUBLISH_PII",
        description="Whether the published file includes emails, names and free text.",
    )
    alert_urls: SecretStr = Field(
        SecretStr(""),
        validation_alias="ALERT_URLS",
        description=(
            "Recipients of alerts: apprise URLs separated by blanks, such as slack://...,"
            " mailtos://... or ntfys://..."
        ),
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="ALERT_WEBHOOK_URL",
        description="Slack-compatible webhook for failures.",
    )
    ping_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="PING_URL",
        description=(
            "URL of a monitoring service that raises an alarm when the requests of a working daemon"
            " stop, such as https://hc-ping.com/... (docs/operations.md)."
        ),
    )
    runs_kept_days: int = Field(
        30,
        ge=1,
        validation_alias="DAGSTER_RUNS_KEPT_DAYS",
        description="Days to keep Dagster's runs, with their events and logs.",
    )
    budgets_file: OptionalPath = Field(
        None,
        validation_alias="BUDGETS_FILE",
        description="Your CSV file of budgets (docs/budgets.md). Optional.",
    )
    course_labels_file: OptionalPath = Field(
        None,
        validation_alias="COURSE_LABELS_FILE",
        description=(
            "Your CSV file of each course's department and term. Without it, terms are derived from"
            " sessions."
        ),
    )
    feed_poll_seconds: int = Field(
        900,
        ge=30,
        validation_alias="FEED_POLL_SECONDS",
        description="Seconds between the sensor's comparisons of the bucket with the ledger.",
    )
    partitions_per_run: int = Field(
        PARTITIONS_PER_RUN,
        ge=1,
        validation_alias="ANALYTICS_PARTITIONS_PER_RUN",
        description=(
            "Most days or months of one run. Lower it, such as to 7, so that several workers share"
            " a backfill."
        ),
    )
    asset_owners: Owners = Field(
        "team:data-engineering",
        validation_alias="ASSET_OWNERS",
        description=(
            "Owners of the assets in the Dagster UI: email addresses and team:name, separated by"
            " commas."
        ),
    )
    max_file_mb: int = Field(
        500,
        validation_alias="ANALYTICS_MAX_FILE_MB",
        description=(
            "Largest file that is fetched and read, in MB. Reading takes about four times its size"
            " in memory."
        ),
        ge=1,
    )
    anomaly_floor_usd: Decimal = Field(
        Decimal(5),
        validation_alias="ANOMALY_FLOOR_USD",
        description="Minimum cost of an anomalous student-day, in US dollars.",
        ge=0,
        le=10_000_000,
        decimal_places=2,
    )
    ui_url: str = Field(
        "http://127.0.0.1:3000",
        validation_alias="DAGSTER_UI_URL",
        description=(
            "URL at which people reach the Dagster UI: used in alert links, and the only host the"
            " UI answers to."
        ),
    )

    warehouse_url: LakeUrl = Field(
        SecretStr(""),
        validation_alias="ANALYTICS_WAREHOUSE",
        description=(
            "Where the warehouse is, if not in a file of the data folder: ducklake:postgres: and"
            " libpq's connection string of the lake's catalog (docs/scale.md)."
        ),
    )
    warehouse_data: FolderOrS3 = Field(
        None,
        validation_alias="ANALYTICS_WAREHOUSE_DATA",
        description="Folder or s3:// prefix of the lake's data files.",
    )
    warehouse_endpoint_url: EndpointUrl = Field(
        None,
        validation_alias="ANALYTICS_WAREHOUSE_ENDPOINT_URL",
        description="S3 endpoint of the lake's data files, if it is not Amazon's.",
    )
    warehouse_region: OptionalText = Field(
        None,
        validation_alias="ANALYTICS_WAREHOUSE_REGION",
        description="Region of the lake's bucket. Default: AWS_REGION.",
    )
    published_store: StoreUrl = Field(
        None,
        validation_alias="ANALYTICS_PUBLISHED_STORE",
        description=(
            "s3:// prefix to which the published file and the report are uploaded as well, for"
            " readers on other machines (docs/scale.md)."
        ),
    )
    published_store_endpoint_url: EndpointUrl = Field(
        None,
        validation_alias="ANALYTICS_PUBLISHED_STORE_ENDPOINT_URL",
        description="S3 endpoint of that bucket, if it is not Amazon's.",
    )
    published_store_region: OptionalText = Field(
        None,
        validation_alias="ANALYTICS_PUBLISHED_STORE_REGION",
        description="Region of that bucket. Default: AWS_REGION.",
    )
    has_key_prefix: bool = Field(
        False,
        validation_alias="ANALYTICS_KEY_PREFIX",
        description=(
            "Whether asset keys begin with the organisation, such as org9001/raw/lab_sessions: for"
            " several organisations in one Dagster (docs/scale.md)."
        ),
    )
    own_dagster_home: OptionalPath = Field(
        None,
        validation_alias="ANALYTICS_DAGSTER_HOME",
        description=(
            "Folder of Dagster's instance, which several organisations can share. Default: the"
            " folder dagster in the data folder."
        ),
    )
    report_timezone: Zone = Field(
        ZoneInfo("UTC"),
        validation_alias="REPORT_TIMEZONE",
        description=(
            "Time zone of hours of the day in report.html, such as Europe/Berlin; days of money"
            " stay UTC."
        ),
    )
