"""Load the settings, and name each wrong or missing one with its remedy."""

import re
from collections.abc import Sequence
from datetime import date

from pydantic import SecretStr, ValidationError

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings.derived import Settings
from analytics_pipeline.settings.simulated import is_simulated, not_running
from analytics_pipeline.storage.clock import Clock, utc_now
from analytics_pipeline.storage.folders import refuse_file

_ALLOWED: dict[object, str] = {
    date | None: "give a calendar day as YYYY-MM-DD, such as 2024-08-15",
    bool: "give true or false",
    int: "give a whole number, 1 or more",
}
"""Allowed values by type, for messages."""
REQUIRED = ("org_id", "api_token")


class SettingsError(PipelineError):
    """Settings are missing or wrong.

    The message names each variable and its remedy, never a secret's value.
    """


def load_settings() -> Settings:
    """Load the settings. Those that a run requires may still be empty (see `require`).

    Raises:
        SettingsError: a value has the wrong form; or asset keys or a store need an organisation, or
            a lake its data path, that is not set.
        FolderUnusable: a path that must be a folder is a file.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "\n".join(
            _problem(str(detail["loc"][0]), detail["input"], detail["msg"])
            for detail in error.errors()
        )
        raise SettingsError(
            f"{problems}\nCorrect it in the environment or in .env (see .env.example)."
        ) from None
    if settings.has_key_prefix or settings.published_store:
        _require(settings, ["org_id"])  # the prefix is made of it
    if settings.names_lake:
        _require(settings, ["org_id", "warehouse_data"])
    refuse_file(settings.data_dir.absolute(), "ANALYTICS_DATA_DIR")
    refuse_file(settings.published_path.parent, "ANALYTICS_PUBLISHED_DIR")
    return settings


def _problem(variable: str, value: object, pydantic_says: str) -> str:
    """Describe the wrong value and the allowed ones.

    Secrets have no form that could be wrong, so none is ever repeated.
    """
    types = [
        field.annotation
        for field in Settings.model_fields.values()
        if field.validation_alias == variable
    ]
    allowed = [_ALLOWED[kind] for kind in types if kind in _ALLOWED]
    return f"{variable} is {value!r}: {allowed[0]}." if allowed else f"{variable}: {pydantic_says}."


def require(settings: Settings, clock: Clock = utc_now) -> Settings:
    """Return the settings if a run has what it needs.

    Raises:
        SettingsError: a required setting is missing or malformed, or the first day is in the
            future. Names each, and where to get it; in a folder of the demo, says how to start the
            simulated Vocareum.
    """
    if _missing(settings, REQUIRED) and is_simulated(settings):
        raise SettingsError(not_running(settings))
    _require(settings, REQUIRED)
    _refuse_later_start(settings, clock().date())
    return settings


def _refuse_later_start(settings: Settings, today: date) -> None:
    if settings.start_date and settings.start_date > today:
        raise SettingsError(
            f"VOCAREUM_START_DATE is {settings.start_date}, which is after today ({today}): no day"
            " would be loaded. Set it to the first day to load, or remove it."
        )


def _require(settings: Settings, required: Sequence[str]) -> None:
    fields = Settings.model_fields
    if missing := _missing(settings, required):
        lines = [
            f"{fields[name].validation_alias} is not set: {fields[name].description}"
            for name in missing
        ]
        raise SettingsError(
            "\n".join([*lines, "Set them in the environment or in .env (copy .env.example)."])
        )
    if prefixed := re.fullmatch(r"org(\d+)", settings.org_id, re.IGNORECASE):
        raise SettingsError(
            f"VOCAREUM_ORG_ID is {settings.org_id!r}, the name of a folder in the bucket: give only"
            f" the id, {prefixed[1]}."
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", settings.org_id):
        raise SettingsError(
            "VOCAREUM_ORG_ID may hold only letters, digits, - and _: give only the id, such as"
            " 9001."
        )


def _missing(settings: Settings, required: Sequence[str]) -> list[str]:
    return [name for name in required if not _text(getattr(settings, name)).strip()]


def _text(value: str | SecretStr | None) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value or ""
