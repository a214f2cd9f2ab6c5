"""Several organisations on one machine: the env file and the deliveries of each."""

from pathlib import Path

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.orchestration.conftest import lab_sessions


def write_env_file(folder: Path, vocareum: DemoVocareum, **changes: str) -> Path:
    """Write the env file of an organisation that shares the instance `dagster` in a folder."""
    name = f"org{vocareum.org_id}"
    values = {
        **vocareum.environment,
        "ANALYTICS_DATA_DIR": str(folder / name),
        "ANALYTICS_DAGSTER_HOME": str(folder / "dagster"),
        "ANALYTICS_KEY_PREFIX": "true",
        "VOCAREUM_START_DATE": "2026-10-20",
        **changes,
    }
    path = folder / f"{name}.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items() if value))
    path.chmod(0o600)
    return path


def deliver(vocareum: DemoVocareum, day: str, rows: int = 1, body: bytes = b"") -> None:
    """Deliver lab sessions of a day."""
    key, good = lab_sessions(day, rows)
    vocareum.put(key.replace("org9001/", vocareum.prefix), body or good)
