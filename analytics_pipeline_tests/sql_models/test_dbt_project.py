"""`models export-dbt`: a project that dbt itself parses and builds, with the rows that the pipeline
publishes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.sql_models.dbt_project import dbt_files
from analytics_pipeline.sql_models.parse import parse_test
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.sql_models.sql_syntax import InvalidModel
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish

# dbt-core 1.12 fetches a binary from outside the registry while it is built, and earlier ones
# exclude mypy 2 (pathspec < 0.13).
DBT = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1")


@pytest.fixture(scope="module")
def exported(loaded_organisation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project beside the published file that it reads."""
    folder = tmp_path_factory.mktemp("dbt")
    with open_warehouse(loaded_organisation / "warehouse.duckdb") as connection:
        publish(connection, folder / "analytics.duckdb", pii=False)
    source = ["--from", str(folder / "analytics.duckdb")]
    done = CliRunner().invoke(app, ["models", "export-dbt", str(folder / "project"), *source])
    assert done.exit_code == 0, done.output
    assert "can't be built from the published file" not in done.output
    again = CliRunner().invoke(app, ["models", "export-dbt", str(folder / "project"), *source])
    assert (again.exit_code, "is not empty: name a new folder" in again.output) == (
        2,
        True,
    ), again.output
    return folder / "project"


def test_every_table_is_named_by_ref_or_source_and_comments_are_left_alone(exported: Path) -> None:
    mart = (exported / "models" / "marts" / "course_summary.sql").read_text()
    assert "FROM {{ ref('spend_days') }}" in mart and "{{ ref('stg_part_courses') }}" in mart
    staging = (exported / "models" / "staging" / "stg_aws_cost.sql").read_text()
    assert (
        staging.startswith("{{ config(alias='aws_cost') }}")
        and "FROM {{ source('raw', 'aws_cost') }}" in staging
    )
    for file in exported.rglob("*.sql"):
        code = "\n".join(line.partition("--")[0] for line in file.read_text().splitlines())
        for schema in ("raw", "staging", "marts", "ops", "history"):
            assert f" {schema}." not in code, f"{file.name} names a table of {schema} as it is"
    summary = load_project().models["marts.course_summary"]
    assert (
        json.dumps(summary.description, ensure_ascii=False)
        in (exported / "models/marts/marts.yml").read_text()
    )


def test_no_private_column_is_a_source(exported: Path) -> None:
    sources = (exported / "models" / "sources.yml").read_text()
    assert '"duration_min"' in sources and "log" not in [
        line.split('"')[1] for line in sources.splitlines() if '- name: "' in line
    ]


def test_what_dbt_would_take_for_jinja_is_refused() -> None:
    test = parse_test("odd", "-- Odd.\nSELECT '{{ x }}' AS x FROM staging.courses")
    with pytest.raises(InvalidModel, match="odd: dbt reads"):
        dbt_files(Project(load_project().models, {"odd": test}), Path("analytics.duckdb"), {})


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_dbt_builds_the_exported_project_and_its_rows_are_those_that_are_published(
    exported: Path, tmp_path: Path
) -> None:
    uv = Path(sys.executable).with_name("uv")
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run(
        [str(uv), "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], **run
    )
    install = [str(uv), "pip", "install", "--quiet", "--python", str(tmp_path / "venv")]
    subprocess.run([*install, *DBT, f"duckdb=={duckdb.__version__}"], **run)
    project = tmp_path / "project"
    shutil.copytree(exported, project)
    dbt = [str(tmp_path / "venv" / "bin" / "dbt"), "--no-use-colors"]
    options = ["--project-dir", str(project), "--profiles-dir", str(project)]
    quiet = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

    def dbt_runs(*arguments: str) -> None:
        done = subprocess.run(
            [*dbt, *arguments, *options],
            cwd=project,
            env=quiet,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3_000:]

    dbt_runs("--warn-error", "parse")
    dbt_runs("build")
    with duckdb.connect(str(project / "dev.duckdb"), read_only=True) as connection:
        connection.execute(
            f"ATTACH '{exported.parent / 'analytics.duckdb'}' AS published (READ_ONLY)"
        )
        for name, model in load_project().models.items():
            if not model.is_view:
                columns = ", ".join(f'"{column}"' for column in model.columns)
                [(other,)] = connection.execute(
                    f"""SELECT count(*) FROM (
                        (SELECT {columns} FROM {name} EXCEPT ALL SELECT {columns}
                        FROM published.{name})
                        UNION ALL
                        (SELECT {columns} FROM published.{name} EXCEPT ALL SELECT {columns}
                        FROM {name}))"""
                ).fetchall()
                assert other == 0, name
