"""The files of `deploy/`, and what they need to run as processes of this machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from analytics_pipeline_tests.support.postgres import PASSWORD, Postgres

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def load(name: str) -> Any:
    """Return a YAML file of `deploy/`."""
    return yaml.safe_load((DEPLOY / name).read_text())


def variables(document: Any) -> set[str]:
    """Return the environment variables that a Dagster file reads: each `env: NAME`."""
    if isinstance(document, dict):
        found = {document["env"]} if isinstance(document.get("env"), str) else set()
        return found.union(*map(variables, document.values()))
    return set().union(*map(variables, document)) if isinstance(document, list) else set()


def create_databases(postgres: Postgres, port: int) -> None:
    """Run `deploy/postgres.sh` as the image of PostgreSQL does."""
    access = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "pipeline"}
    passwords = {"DAGSTER_POSTGRES_PASSWORD": PASSWORD, "LAKE_PASSWORD": PASSWORD}
    path = {"PATH": f"{postgres.programs}:{os.environ['PATH']}", "PGDATABASE": "postgres"}
    subprocess.run(
        ["sh", DEPLOY / "postgres.sh"], env={**access, **passwords, **path}, check=True, timeout=60
    )


def environment(postgres_port: int, valkey_port: int, code_port: int) -> dict[str, str]:
    """Return what `compose.yaml` gives each service, with addresses of this machine."""
    return {
        "DAGSTER_POSTGRES_HOST": "127.0.0.1",
        "DAGSTER_POSTGRES_PORT": str(postgres_port),
        "DAGSTER_POSTGRES_USER": "dagster",
        "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        "DAGSTER_POSTGRES_DB": "dagster",
        "DAGSTER_CELERY_BROKER": f"redis://127.0.0.1:{valkey_port}/0",
        "DAGSTER_CELERY_BACKEND": f"redis://127.0.0.1:{valkey_port}/1",
        "DAGSTER_CODE_HOST": "127.0.0.1",
        "DAGSTER_CODE_PORT": str(code_port),
    }


def make_home(folder: Path) -> Path:
    """Make a DAGSTER_HOME as the image has it."""
    folder.mkdir(parents=True)
    for name in ("dagster.yaml", "workspace.yaml", "dagster_celery_config.py"):
        shutil.copy(DEPLOY / name, folder)
    return folder


def interpolated(text: str) -> set[str]:
    """Return the variables that Compose replaces in a text."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
