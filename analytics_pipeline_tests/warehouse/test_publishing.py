"""The published file: its content, what must never be in it, and undisturbed readers."""

import json
import multiprocessing
import subprocess
import sys
import time
from importlib.metadata import version
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from analytics_pipeline.datasets import DATASETS, Privacy
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.export_parquet import export_parquet
from analytics_pipeline.warehouse.publish import (
    NothingToPublish,
    Published,
    publish,
)

PRIVATE = {
    f"{schema}.{dataset.name}.{column.name}"
    for dataset in DATASETS.values()
    for column in dataset.columns
    for schema in ("raw", "history")
    if column.privacy is Privacy.PRIVATE
}


def _publish(settings: Settings, *, pii: bool = False) -> Published:
    with open_warehouse(settings.warehouse_path) as connection:
        return publish(connection, settings.published_path, pii=pii)


def _ask(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _columns(path: Path) -> set[str]:
    found = _ask(
        path, "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    )
    return {".".join(names) for names in found}


def _relations(path: Path) -> dict[str, str | None]:
    found = _ask(
        path,
        """SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()
           UNION ALL SELECT schema_name || '.' || view_name, comment FROM duckdb_views()
           WHERE NOT internal""",
    )
    return dict(found)


def _private_values(settings: Settings) -> set[str]:
    """Return every email and name in the warehouse, and the text of logs."""
    with open_warehouse(settings.warehouse_path) as connection:
        return {
            value
            for (value,) in connection.execute(
                """SELECT user_email FROM raw.lab_sessions UNION SELECT user_email FROM raw.aws_cost
                   UNION SELECT email FROM raw.enrollment UNION SELECT name FROM raw.enrollment
                   UNION SELECT log FROM raw.lab_sessions"""
            ).fetchall()
            if value
        }


def test_everything_except_private_columns_is_published(settings: Settings) -> None:
    _publish(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        live = {
            ".".join(names)
            for names in connection.execute(
                """SELECT schema_name, table_name, column_name FROM duckdb_columns()
                   WHERE NOT internal AND schema_name <> 'quarantine'
                   AND database_name = current_database()"""
            ).fetchall()
        }
    missing = live - _columns(settings.published_path)
    unwanted = {
        column for column in missing if column not in PRIVATE and not column.endswith("._extra")
    }
    assert {column.rpartition(".")[0] for column in unwanted} == {
        "ops.erased",
        "ops.model_days",
        "ops.publication",
        "ops.published_parts",
        "ops.schema_version",
    }, "only private columns, _extra and five tables of our own may be left out"


def test_no_private_value_is_in_any_cell_or_byte_of_it(settings: Settings) -> None:
    _publish(settings)
    values = _private_values(settings)
    assert len(values) > 50, "the organisation has emails, names and logs to look for"
    for table in _relations(settings.published_path):
        with duckdb.connect(str(settings.published_path), read_only=True) as connection:
            for row in connection.execute(f"FROM {table}").fetchall():
                assert not values.intersection(map(str, row)), f"{table} holds a private value"
    content = settings.published_path.read_bytes()
    emails = {value for value in values if "@" in value}
    assert not [email for email in emails if email.encode() in content], (
        "an email is in the bytes of the file"
    )


def test_private_columns_are_published_on_request_and_quarantine_never(settings: Settings) -> None:
    _publish(settings, pii=True)
    columns = _columns(settings.published_path)
    assert "raw.enrollment.email" in columns
    assert "raw.lab_sessions._extra" in columns
    assert not [column for column in columns if column.startswith(("quarantine.", "ops.erased."))]


def test_the_published_file_describes_itself(settings: Settings) -> None:
    before = warehouse_now()
    _publish(settings)
    [(at, pii, release, schema)] = _ask(
        settings.published_path,
        "SELECT published_at, pii, release, schema_version FROM ops.published",
    )
    assert before <= at <= warehouse_now(), "published_at is the moment of the publish, in UTC"
    assert (pii, release, schema) == (False, version("analytics-pipeline"), 1)


def test_all_models_give_the_same_rows_as_in_the_warehouse(settings: Settings) -> None:
    _publish(settings)
    models = [
        model
        for model in _relations(settings.published_path)
        if model.startswith(("staging.", "marts."))
    ]
    assert "marts.focus_cost" in models, "a mart may be a view"
    assert len(models) > 15
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(f"ATTACH '{settings.published_path}' AS copy (READ_ONLY)")
        for model in models:
            for source, target in (("warehouse", "copy"), ("copy", "warehouse")):
                more = connection.execute(
                    f"FROM {source}.{model} EXCEPT ALL FROM {target}.{model}"
                ).fetchall()
                assert not more, f"{model} has rows in {source} that are not in {target}"


def test_views_stay_views_and_one_that_reads_private_columns_becomes_a_table(
    settings: Settings,
) -> None:
    """A view may read another one that comes later in the alphabet."""
    staging = {name for name, model in load_project().models.items() if model.is_view}
    assert {"staging.lab_sessions", "staging.aws_falls", "staging.budget_periods"} < staging
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            """CREATE VIEW staging.logs AS SELECT length("log") AS size FROM raw.lab_sessions;
               CREATE VIEW staging.reader AS SELECT max(size) AS size FROM staging.logs"""
        )
    for pii in (False, True):
        _publish(settings, pii=pii)
        views = {
            f"{schema}.{name}"
            for schema, name in _ask(
                settings.published_path,
                "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal",
            )
        }
        assert staging | {"staging.reader"} <= views
        assert ("staging.logs" in views) is pii, "with the log published, it can be a view"
        assert _ask(settings.published_path, "SELECT size > 0 FROM staging.reader") == [(True,)]


def test_tables_views_and_columns_keep_their_comments(settings: Settings) -> None:
    _publish(settings)
    bare = [name for name, comment in _relations(settings.published_path).items() if not comment]
    assert not bare, f"without a comment: {bare}"
    columns = _ask(
        settings.published_path,
        """SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal
           AND comment IS NULL""",
    )
    assert not columns, f"columns without a comment: {columns}"


def test_a_first_file_is_for_its_owner_and_a_mode_that_was_given_is_kept(
    settings: Settings,
) -> None:
    _publish(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o600
    settings.published_path.chmod(0o640)
    _publish(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o640


def test_no_temporary_file_is_left_and_a_dead_processs_is_replaced(settings: Settings) -> None:
    settings.published_path.with_name("analytics.duckdb.new").write_bytes(b"half a file")
    settings.published_path.with_name("analytics.duckdb.new.wal").write_bytes(b"half a log")
    _publish(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    # A process that dies today leaves a folder.
    settings.published_path.with_name("analytics.duckdb.new").mkdir()
    (
        settings.published_path.with_name("analytics.duckdb.new") / "analytics.duckdb.wal"
    ).write_bytes(b"half a log")
    _publish(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    beside = {path.name for path in settings.data_dir.iterdir() if path.is_file()}
    assert beside == {
        "analytics.duckdb",
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
        "warehouse.duckdb.state",
    }


def test_a_publish_that_fails_leaves_the_file_before_and_a_warehouse_that_can_be_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(settings)
    before = settings.published_path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analytics_pipeline.warehouse.publish._Publishing._sign", full)
    with open_warehouse(settings.warehouse_path) as connection:
        with pytest.raises(OSError, match="No space"):
            publish(connection, settings.published_path, pii=False)
        assert connection.execute("SELECT count(*) > 0 FROM raw.lab_sessions").fetchall() == [
            (True,)
        ]
        assert connection.execute("SELECT current_database()").fetchall() == [("warehouse",)]
    assert settings.published_path.read_bytes() == before
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()


def test_tools_that_list_only_main_find_each_mart_there_as_a_view_with_its_comments(
    settings: Settings,
) -> None:
    _publish(settings)
    relations = _relations(settings.published_path)
    marts = {
        name.removeprefix("marts."): comment
        for name, comment in relations.items()
        if name.startswith("marts.")
    }
    in_main = {
        name.removeprefix("main."): comment
        for name, comment in relations.items()
        if name.startswith("main.")
    }
    assert in_main == marts and "course_summary" in marts and "focus_cost" in marts
    listed = {name for (name,) in _ask(settings.published_path, "SHOW TABLES")}
    assert listed == marts.keys()
    for name in marts:
        both = f"SELECT (SELECT count(*) FROM {name}), (SELECT count(*) FROM marts.{name})"
        [(here, there)] = _ask(settings.published_path, both)
        assert here == there, name
    [(tables,)] = _ask(
        settings.published_path, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'"
    )
    assert tables == 0, "views hold no rows"


def test_views_in_main_work_in_a_copy_and_in_an_attached_file(
    settings: Settings, tmp_path: Path
) -> None:
    _publish(settings)
    moved = tmp_path / "elsewhere.duckdb"
    moved.write_bytes(settings.published_path.read_bytes())
    assert _ask(moved, "SELECT count(*) > 0 FROM course_summary") == [(True,)]
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{moved}' AS theirs (READ_ONLY)")
        connection.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.course_summary AS SELECT 1 AS mine"
        )
        mine, theirs = (
            connection.execute("FROM theirs.main.course_summary LIMIT 1"),
            _columns(moved),
        )
        assert {f"main.course_summary.{column[0]}" for column in mine.description or ()} <= theirs


def test_an_email_in_an_open_column_is_not_in_the_views_either(settings: Settings) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("UPDATE marts.course_summary SET course_name = 'someone@example.edu'")
        emptied = publish(connection, settings.published_path, pii=False).emptied
    assert emptied["marts.course_summary.course_name"] > 0
    assert _ask(settings.published_path, "SELECT count(course_name) FROM course_summary") == [(0,)]


def test_parquet_files_describe_their_columns(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        files = export_parquet(connection, tmp_path / "out")
    model = load_project().models["marts.focus_cost"]
    metadata = pq.read_schema(files["focus_cost"]).metadata
    assert metadata[b"description"].decode() == model.description
    assert json.loads(metadata[b"columns"]) == model.columns
    assert set(pq.read_schema(files["focus_cost"]).names) == model.columns.keys()


def test_marts_are_exported_to_parquet_files(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        files = export_parquet(connection, tmp_path / "out")
        counted = {
            name: connection.execute(f"SELECT count(*) FROM marts.{name}").fetchall()
            for name in files
        }
    assert "daily_cloud_spend" in files
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.parquet" for name in files
    }
    for name, path in files.items():
        assert (
            duckdb.execute("SELECT count(*) FROM read_parquet($1)", [str(path)]).fetchall()
            == counted[name]
        )


def _read_in_a_loop(
    path: str, ready: Barrier, stop: Event, results: "multiprocessing.Queue[tuple[int, list[str]]]"
) -> None:
    """Open, query, close.

    Two marts carry the number of their publication: a torn state would differ.
    """
    read, errors = 0, []
    ready.wait(timeout=120)
    while not stop.is_set():
        try:
            with duckdb.connect(path, read_only=True) as connection:
                state = connection.execute(
                    """SELECT count(DISTINCT number), count(*)
                       FROM (SELECT number FROM marts.one
                             UNION ALL SELECT number FROM marts.other)"""
                ).fetchone()
                if state != (1, 2000):
                    errors.append(f"half a state: {state}")
        except duckdb.Error as error:
            errors.append(str(error))
        read += 1
        time.sleep(0.005)
    results.put((read, errors))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("readers", "publishes"),
    [(2, 10), pytest.param(4, 100, marks=pytest.mark.slow)],
    ids=["short", "full"],
)
def test_readers_in_a_loop_see_no_error_and_no_half_state(
    tmp_path: Path, readers: int, publishes: int
) -> None:
    target = tmp_path / "analytics.duckdb"

    def publish_as(number: int) -> None:
        for table in ("one", "other"):
            connection.execute(
                f"CREATE OR REPLACE TABLE marts.{table} AS SELECT ? AS number FROM range(1000)",
                [number],
            )
        publish(connection, target, pii=False, without_marts=True)

    context = multiprocessing.get_context("spawn")
    ready, stop, results = context.Barrier(readers + 1), context.Event(), context.Queue()
    arguments = (str(target), ready, stop, results)
    loops = [
        context.Process(target=_read_in_a_loop, args=arguments, daemon=True) for _ in range(readers)
    ]
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        publish_as(0)
        try:
            for loop in loops:
                loop.start()
            ready.wait(timeout=120)
            for number in range(1, publishes + 1):
                publish_as(number)
        finally:
            stop.set()
        told = [results.get(timeout=60) for _ in loops]
    errors = [error for _, found in told for error in found]
    assert not errors, (
        f"{len(errors)} of {sum(read for read, _ in told)} reads failed, such as: {errors[0]}"
    )
    assert all(read > 0 for read, _ in told), f"every reader read: {told}"
    print(
        f"{sum(read for read, _ in told)} reads during {publishes} publishes, no error, no half"
        " state"
    )


@pytest.mark.slow
@pytest.mark.parametrize("release", ["1.0.0", "1.1.3"])
def test_an_older_duckdb_opens_it_and_reads_all_of_it(
    settings: Settings, tmp_path: Path, release: str
) -> None:
    """Needs a package index. 1.0.0 is the oldest release promised."""
    _publish(settings)
    uv = Path(sys.executable).with_name("uv")
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--target",
        tmp_path / release,
        f"duckdb=={release}",
    ]
    subprocess.run([*install, "--python", sys.executable], check=True, cwd=tmp_path)
    script = f"""
import sys; sys.path.insert(0, {str(tmp_path / release)!r})
import duckdb
assert duckdb.__version__ == {release!r}, duckdb.__version__
connection = duckdb.connect({str(settings.published_path)!r}, read_only=True)
for table in {sorted(_relations(settings.published_path))!r}:
    print(table, len(connection.execute("FROM " + table).fetchall()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read = dict(line.split() for line in done.stdout.splitlines())
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        now = {table: str(len(connection.execute(f"FROM {table}").fetchall())) for table in read}
    assert read == now


def test_a_warehouse_without_loaded_files_publishes_nothing_and_keeps_the_previous_file(
    tmp_path: Path,
) -> None:
    target = tmp_path / "analytics.duckdb"
    target.write_bytes(b"as it was")
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.course_summary AS SELECT 1 AS course_id")
        with pytest.raises(
            NothingToPublish, match=r"no loaded file. Run `analytics-pipeline sync`"
        ):
            publish(connection, target, pii=False)
    assert target.read_bytes() == b"as it was"


def test_a_warehouse_without_marts_publishes_nothing_and_keeps_the_previous_file(
    settings: Settings,
) -> None:
    _publish(settings)
    before = settings.published_path.read_bytes()
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("DROP SCHEMA marts CASCADE")
        with pytest.raises(NothingToPublish, match=r"no mart. Run `analytics-pipeline sync`"):
            publish(connection, settings.published_path, pii=False)
    assert settings.published_path.read_bytes() == before


def test_an_email_that_a_shifted_row_moved_into_an_open_column_is_published_nowhere_and_counted(
    settings: Settings,
) -> None:
    email = "shifted.student@uni.example.org"
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE raw.enrollment SET client_key = ? WHERE rowid = (SELECT min(rowid) FROM"
            " raw.enrollment)",
            [email],
        )
        connection.execute(
            "UPDATE marts.course_summary SET course_name = ? WHERE course_name IS NOT NULL", [email]
        )
        before = connection.execute(
            "SELECT count(*), count(client_key) FROM raw.enrollment"
        ).fetchone()
        done = publish(connection, settings.published_path, pii=False)
        files = export_parquet(connection, settings.data_dir / "exports")
    assert done.emptied["raw.enrollment.client_key"] == 1
    assert done.emptied["marts.course_summary.course_name"] > 0
    assert any("raw.enrollment.client_key (1)" in line for line in done.withheld), done.withheld
    assert email.encode() not in settings.published_path.read_bytes()
    with duckdb.connect() as connection:
        holding = (
            "SELECT count(*) FROM read_parquet(?) AS exported WHERE"
            " contains(to_json(exported)::VARCHAR, ?)"
        )
        found = {
            name: connection.execute(holding, [str(path), email]).fetchall()[0][0]
            for name, path in files.items()
        }
    assert found == dict.fromkeys(files, 0), "bytes are compressed, so cells are searched"
    [(total, kept)] = _ask(
        settings.published_path, "SELECT count(*), count(client_key) FROM raw.enrollment"
    )
    assert before is not None
    assert (total, kept) == (
        before[0],
        before[1] - 1,
    ), "the row stays, and no other cell is emptied"
    [(emptied,)] = _ask(settings.published_path, "SELECT emptied FROM ops.published")
    assert {"column": "raw.enrollment.client_key", "cells": 1} in emptied
