"""The warehouse as a DuckLake: the same rows as in a file, and nothing left behind."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from analytics_pipeline.operations.erase_person import erase, receipt_path
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import build, load_project, model_texts
from analytics_pipeline.warehouse import publish_changes
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.erase import erase_rows, known_as, remember
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline_tests.support.byte_search import in_folder
from analytics_pipeline_tests.support.lakes import (
    database_of,
    deliveries_of,
    digests,
    lake_settings,
    load,
)
from analytics_pipeline_tests.support.postgres import PASSWORD, Postgres
from analytics_pipeline_tests.support.republished import publish_tiny_changes

NOW = datetime(2026, 11, 8)  # noqa: DTZ001


@pytest.fixture(scope="module")
def organisation(
    postgres: Postgres, loaded_organisation: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, Settings]:
    """The small organisation in a file, and loaded and built once more in a lake."""
    file = Settings(ANALYTICS_DATA_DIR=str(loaded_organisation))
    lake = lake_settings(postgres, tmp_path_factory.mktemp("lake"))
    results = load(lake, file.landing_dir, deliveries_of(file))
    assert not [result.failure for result in results if result.failure]
    with warehouse_of(lake).open() as connection:
        built = build(connection, load_project().models.values())
        assert not [result.failure for result in built if result.failure]
    return file, lake


def test_every_table_and_mart_of_a_lake_equals_the_files(
    organisation: tuple[Settings, Settings],
) -> None:
    file, lake = map(digests, organisation)
    assert file.keys() == lake.keys()
    assert {name: (file[name], lake[name]) for name in file if file[name] != lake[name]} == {}
    assert {"raw.lab_sessions", "quarantine.rejects", "history.enrollment"} <= lake.keys()
    assert sum(rows for rows, _ in lake.values()) > 2_000


@pytest.mark.slow
def test_what_is_published_from_a_lake_equals_what_is_published_from_a_file(
    organisation: tuple[Settings, Settings], tmp_path: Path
) -> None:
    done = []
    for settings, name in zip(organisation, ("file", "lake"), strict=True):
        with warehouse_of(settings).open() as connection:
            target = tmp_path / name
            done.append(publish(connection, target, pii=False, model_texts=model_texts))
    assert done[0].rows == done[1].rows
    assert done[1].withheld == []
    file, lake = (_comments(tmp_path / name) for name in ("file", "lake"))
    assert file == lake
    assert {column for column, text in file.items() if text is None} == set()
    assert ("staging", "lab_sessions", "user_id") in file, "also of views, which a lake has not"


@pytest.mark.thorough
def test_what_a_lake_has_just_published_does_not_differ(
    organisation: tuple[Settings, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake rounds some types of numbers, which hashes must not have."""
    publish_tiny_changes(monkeypatch)
    replaced: list[str] = []
    real = publish_changes._replace

    def watched(connection: duckdb.DuckDBPyConnection, name: str, *rest: Any) -> None:
        replaced.append(name)
        real(connection, name, *rest)

    monkeypatch.setattr(publish_changes, "_replace", watched)
    with warehouse_of(organisation[1]).open() as connection:
        done = [
            publish(connection, tmp_path / "published", pii=False, model_texts=model_texts)
            for _ in range(2)
        ]
    assert [published.is_whole for published in done] == [True, False]
    assert replaced == []


def _comments(published: Path) -> dict[tuple[str, str, str], str | None]:
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(
            """SELECT schema_name, table_name, column_name, comment FROM duckdb_columns()
               WHERE NOT internal"""
        ).fetchall()
    return {(schema, table, column): text for schema, table, column, text in found}


def test_every_table_of_a_new_lake_has_statistics_and_no_row(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = lake_settings(postgres, tmp_path)
    with warehouse_of(settings).open() as connection:
        filled = [
            table.name
            for table in tables()
            if connection.execute(f"FROM {table.name} LIMIT 1").fetchall()
        ]
    assert filled == []
    without = """SELECT table_name FROM org9001.ducklake_table LEFT JOIN
                 org9001.ducklake_table_stats USING (table_id) WHERE record_count IS NULL"""
    assert postgres.execute(database_of(settings), without) == []


def test_the_password_of_the_catalog_shows_nowhere(
    organisation: tuple[Settings, Settings], postgres: Postgres, tmp_path: Path
) -> None:
    settings = organisation[1]
    warehouse = warehouse_of(settings)
    with warehouse.read() as connection:
        paths = connection.execute("SELECT path FROM duckdb_databases()").fetchall()
        secrets = connection.execute("SELECT secret_string FROM duckdb_secrets()").fetchall()
    unreachable = Settings(
        ANALYTICS_WAREHOUSE=settings.warehouse_url.get_secret_value().replace("5432", "5433"),
        ANALYTICS_WAREHOUSE_DATA=str(tmp_path),
        ANALYTICS_DATA_DIR=str(tmp_path),
        VOCAREUM_ORG_ID="9001",
    )
    with pytest.raises(WarehouseUnusable, match="whether PostgreSQL runs") as raised:
        warehouse_of(unreachable).exists()
    texts = [repr(warehouse), warehouse.describe(), repr(settings), str(raised.value)]
    assert not [text for text in map(str, [*texts, paths, secrets]) if PASSWORD in text]
    assert str(postgres.folder) in warehouse.describe()


@pytest.mark.slow
def test_the_nightly_asset_maintains_a_lake_and_a_file_has_none(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = lake_settings(postgres, tmp_path)
    with warehouse_of(settings).open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t (n INT)"))
        for _ in range(3):
            write(connection, lambda: connection.execute("INSERT INTO raw.t VALUES (1)"))
    key = dg.AssetKey(["lake", "maintenance"])
    definitions = build_definitions(settings)
    schedule = definitions.resolve_schedule_def("maintain_lake")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    job = definitions.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(asset_selection=[key]).success
    database = database_of(settings)
    [(files,)] = postgres.execute(
        database,
        """SELECT count(*) FROM org9001.ducklake_data_file
           JOIN org9001.ducklake_table USING (table_id)
           WHERE table_name = 't' AND ducklake_data_file.end_snapshot IS NULL""",
    )
    assert files == 1, "three small files are merged"
    of_file = build_definitions(Settings(ANALYTICS_DATA_DIR=str(tmp_path)))
    assert not of_file.resolve_asset_graph().has(key)


@pytest.mark.slow
def test_a_lake_in_s3_is_written_purged_and_asked_for_versions(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    # The simulated Vocareum, if it runs in this process, lets moto refuse unknown keys.
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", float("inf"))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="lake")
    settings = lake_settings(postgres, tmp_path).model_copy(
        update={
            "warehouse_data": "s3://lake/prefix/",
            "warehouse_endpoint_url": endpoint,
            "warehouse_region": "us-east-1",
        }
    )
    warehouse = warehouse_of(settings)
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t AS FROM range(1000)"))
        write(connection, lambda: connection.execute("DELETE FROM raw.t WHERE range < 10"))
    orphan = "prefix/org9001/raw/t/ducklake-orphan.parquet"
    client.put_object(Bucket="lake", Key=orphan, Body=b"left by a killed writer")
    warehouse.purge()
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM raw.t").fetchall() == [(990,)]
    keys = [found["Key"] for found in client.list_objects_v2(Bucket="lake")["Contents"]]
    assert len([key for key in keys if key.startswith("prefix/org9001/raw/t/")]) == 1
    assert warehouse.retained() == ""
    client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    assert "lake keeps versions of objects (Enabled)" in warehouse.retained()
    server.stop()


def _holding(emails: list[str], settings: Settings, postgres: Postgres) -> list[str]:
    """Return every place that holds one of the emails: data folders, dump and server's files."""
    database = database_of(settings)
    postgres.execute(database, "CHECKPOINT")
    [(oid,)] = postgres.execute(
        "postgres", f"SELECT oid FROM pg_database WHERE datname = '{database}'"
    )
    lake = Path(settings.warehouse_data or "")
    pieces = [
        *in_folder(lake),
        *in_folder(settings.data_dir),
        ("dump", postgres.run("pg_dump", "-h", str(postgres.folder), "-U", "pipeline", database)),
        *(
            (path.name, path.read_bytes())
            for path in (postgres.folder / "data" / "base" / str(oid)).rglob("*")
            if path.is_file()
        ),
    ]
    needles = [email.encode().lower() for email in emails]
    return [name for name, raw in pieces if any(needle in raw.lower() for needle in needles)]


@pytest.mark.slow
def test_erasing_leaves_the_person_in_no_object_dump_or_file_of_postgresql(
    postgres: Postgres, loaded_organisation: Path, tmp_path: Path
) -> None:
    file = Settings(ANALYTICS_DATA_DIR=str(loaded_organisation))
    settings = lake_settings(postgres, tmp_path)
    named = ("lab_sessions", "enrollment")
    chosen_files = [some for some in deliveries_of(file) if some.dataset.name in named]
    load(settings, file.landing_dir, chosen_files)
    with warehouse_of(settings).read() as connection:
        people = connection.execute(
            """SELECT user_id, any_value(user_email) FROM raw.lab_sessions
               WHERE contains(user_email, '@') GROUP BY 1 ORDER BY 2"""
        ).fetchall()
    chosen = [people[0], people[len(people) // 2], people[-1]]
    emails = [email for _, email in chosen]
    database = database_of(settings)
    postgres.execute(database, "ANALYZE")  # as PostgreSQL does by itself
    assert {"dump"} <= set(_holding(emails, settings, postgres)), "the catalog keeps extreme texts"
    with warehouse_of(settings).open() as connection:
        for user_id, _ in chosen:
            person = known_as(connection, user_id)
            remember(connection, person, NOW)
            assert erase_rows(connection, person)["raw.lab_sessions"].rows
    assert "dump" in _holding(emails, settings, postgres), "deleting rows is not enough"
    warehouse_of(settings).purge()
    assert _holding(emails, settings, postgres) == []
    with warehouse_of(settings).read() as connection:
        left = connection.execute("SELECT count(DISTINCT user_id) FROM raw.lab_sessions").fetchall()
    assert left == [(len(people) - len(chosen),)]


@pytest.mark.slow
def test_the_command_erases_from_a_lake_and_names_what_it_does_not_reach(
    organisation: tuple[Settings, Settings],
) -> None:
    settings = organisation[1]
    with warehouse_of(settings).read() as connection:
        [(user_id, email)] = connection.execute(
            """SELECT user_id, user_email FROM raw.lab_sessions
               WHERE contains(user_email, '@') ORDER BY 2 LIMIT 1"""
        ).fetchall()
    receipt = erase(settings, user_id, dry_run=False)
    assert receipt_path(settings, receipt).exists()
    assert receipt.models_not_built == ()
    assert any("write-ahead log" in place for place in receipt.not_reached)
    needle = email.encode().lower()
    lake = Path(settings.warehouse_data or "")
    for folder in (lake, settings.data_dir):
        assert not [name for name, raw in in_folder(folder) if needle in raw.lower()]


def test_no_driver_of_the_lake_is_imported_for_a_file() -> None:
    code = (
        "import sys, analytics_pipeline.definitions\n"
        "from analytics_pipeline.settings import load_settings\n"
        "from analytics_pipeline.warehouse.backend import warehouse_of\n"
        "warehouse_of(load_settings())\n"
        "print(sorted(name for name in sys.modules if name.startswith('psycopg') or 'lake' in name"
        " and name.startswith('analytics')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip().splitlines()[-1] == "[]"
