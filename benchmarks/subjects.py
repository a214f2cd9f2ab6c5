"""The measured subjects, each a process of its own: `python -m benchmarks.subjects NAME
ARGUMENTS`.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics_pipeline.warehouse.backend import Warehouse


def raw_duckdb(folder: str, database: str, columns: str) -> None:
    """DuckDB's own typed CREATE TABLE AS: no check, no reject kept, no ledger.

    The columns are JSON: names with types.
    """
    import duckdb

    def typed(name: str, kind: str) -> str:
        if kind == "TIMESTAMP":
            return f"try_strptime(trim({name}), '%b-%d-%Y %I:%M:%S %p UTC') AS {name}"
        text = f"nullif(trim({name}), '')"
        return f"{text} AS {name}" if kind == "VARCHAR" else f"try_cast({text} AS {kind}) AS {name}"

    types: dict[str, str] = json.loads(columns)
    cells = ", ".join(f"'{name}': 'VARCHAR'" for name in types)
    with duckdb.connect(database) as connection:
        connection.execute(
            f"""CREATE TABLE t AS SELECT
                {", ".join(typed(name, kind) for name, kind in types.items())}, filename
                FROM read_csv($files, columns = {{{cells}}}, header = true, delim = ',',
                  quote = '"', escape = '"',
                              auto_detect = false, strict_mode = true, store_rejects = true)""",
            {"files": sorted(map(str, Path(folder).iterdir()))},
        )
        sys.stdout.write(str(connection.execute("SELECT count(*) FROM t").fetchone()))


def load(listing: str, landing: str, database: str) -> None:
    """Our load of landed files: read, type, validate, quarantine, write, ledger."""
    from analytics_pipeline.warehouse.file import FileWarehouse

    _load(listing, landing, FileWarehouse(Path(database)), "1")


def load_into_settings(listing: str, landing: str) -> None:
    """The same into the warehouse of the settings, a file or a lake."""
    from analytics_pipeline.settings import load_settings
    from analytics_pipeline.warehouse.backend import warehouse_of

    settings = load_settings()
    _load(listing, landing, warehouse_of(settings), settings.org_id)


def step(listing: str, landing: str, name: str) -> None:
    """Take a step with the warehouse of the settings; print its CPU seconds."""
    import time

    from analytics_pipeline.ingest import read_batch  # noqa: F401  # imports are not measured
    from analytics_pipeline.settings import load_settings
    from analytics_pipeline.sql_models import build_and_test, load_project
    from analytics_pipeline.storage.clock import warehouse_now
    from analytics_pipeline.warehouse.backend import warehouse_of
    from analytics_pipeline.warehouse.publish import publish

    settings, project = load_settings(), load_project()
    warehouse, began = warehouse_of(settings), time.process_time()
    if name == "load":
        _load(listing, landing, warehouse, settings.org_id)
    elif name == "read":
        with warehouse.read() as connection:
            connection.execute("SELECT count(*) FROM ops.loaded_files")
    else:
        with warehouse.open() as connection:
            if name == "models":
                build_and_test(connection, project, project.models.values(), warehouse_now())
            elif name == "publish":
                connection.execute("DELETE FROM ops.publication")
                publish(connection, settings.published_path, pii=False)
    sys.stdout.write(f"\n{time.process_time() - began}")


def _load(listing: str, landing: str, warehouse: "Warehouse", org: str) -> None:
    import gc
    from datetime import datetime

    from analytics_pipeline.__main__ import COLLECTION_THRESHOLD

    gc.set_threshold(COLLECTION_THRESHOLD)
    from analytics_pipeline.datasets import DATASETS, classify
    from analytics_pipeline.ingest.delivery import Delivery
    from analytics_pipeline.operations.load_files import Loader

    deliveries = []
    for key, etag, size, modified in json.loads(Path(listing).read_text()):
        dataset, partition = classify(key)  # type: ignore[misc]
        at = datetime.fromisoformat(modified)
        deliveries.append(Delivery(dataset, partition, f"org{org}/{key}", etag, size, at))
    loader = Loader(None, Path(landing), warehouse.open, "benchmark")
    rows = failed = 0
    for name in sorted({delivery.dataset.name for delivery in deliveries}):
        for result in loader.load(
            DATASETS[name], [delivery for delivery in deliveries if delivery.dataset.name == name]
        ):
            rows, failed = rows + result.rows, failed + (result.failure is not None)
    sys.stdout.write(f"{rows} rows, {failed} files failed")


def download(folder: str, bucket: str, prefix: str, url: str) -> None:
    """Our download of everything under a prefix, each body verified; credentials from the
    environment.
    """
    import os

    import boto3

    from analytics_pipeline.vocareum.bucket import Bucket
    from analytics_pipeline.vocareum.objects import Downloaded

    place = Path(folder)
    place.mkdir(parents=True)
    login = boto3.Session(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    there = Bucket(login, bucket, prefix, url)
    done = list(there.download(there.list(), lambda got: place / got.key.replace("/", "_")))
    assert all(isinstance(outcome, Downloaded) for outcome in done)
    sys.stdout.write(f"{len(done)} files")


def empty_dagster(partitions: str, assets: str, collecting: str) -> None:
    """Dagster with nothing to do: a run of a partitioned asset that materializes each partition,
    then a run of some assets.

    Without `collecting`, it collects garbage like our command: neither while starting nor at the
    end.
    """
    import gc

    if collecting == "no":  # importing the package sets it; it imports nothing itself
        from analytics_pipeline.__main__ import COLLECTION_THRESHOLD

        gc.set_threshold(COLLECTION_THRESHOLD)
    import dagster as dg
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
    )

    definition = dg.DailyPartitionsDefinition("2014-01-01")
    keys = definition.get_partition_keys()[-int(partitions) :]

    @dg.multi_asset(
        specs=[dg.AssetSpec("loaded", partitions_def=definition, skippable=True)],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def loaded(context: dg.AssetExecutionContext) -> None:
        for key in context.partition_keys:
            context.log_event(dg.AssetMaterialization("loaded", partition=key))

    def model(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def nothing() -> dg.MaterializeResult:
            return dg.MaterializeResult()

        return nothing

    models = [model(f"model_{n}") for n in range(int(assets))]
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = dg.Definitions(
        [loaded, *models], executor=dg.in_process_executor
    ).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        tags = {ASSET_PARTITION_RANGE_START_TAG: keys[0], ASSET_PARTITION_RANGE_END_TAG: keys[-1]}
        loaded = job.execute_in_process(
            quiet, instance=instance, asset_selection=[dg.AssetKey("loaded")], tags=tags
        )
        rebuilt = job.execute_in_process(
            quiet, instance=instance, asset_selection=[model.key for model in models]
        )
    assert loaded.success and rebuilt.success


def one_by_one(most: str) -> None:
    """Our assets as Dagster runs them without ranges: a run per partition of the daily datasets."""
    from analytics_pipeline.ingest.plan import Selection
    from analytics_pipeline.orchestration.asset_keys import ALONE
    from analytics_pipeline.orchestration.definitions import build_definitions
    from analytics_pipeline.orchestration.instance import open_instance
    from analytics_pipeline.orchestration.runs.in_process import execute
    from analytics_pipeline.orchestration.runs.run_records import RANGE_END, RANGE_START
    from analytics_pipeline.orchestration.sync import make_plan
    from analytics_pipeline.settings import load_settings

    settings = load_settings()
    definitions = build_definitions(settings)
    with open_instance(settings) as instance:
        work = [
            delivery
            for delivery in make_plan(settings, Selection()).work
            if delivery.dataset.period
        ]
        for delivery in work[: int(most)]:
            tags = {RANGE_START: delivery.partition.key, RANGE_END: delivery.partition.key}
            keys = [ALONE.asset_key(delivery.dataset)]
            execute(definitions, instance, ALONE, keys, tags, {})
    sys.stdout.write(str(len(work)))


def models(database: str, by_hand: str) -> None:
    """All SQL models, built by the pipeline or by DuckDB alone."""
    from analytics_pipeline.sql_models import build, load_project
    from analytics_pipeline.warehouse.connection import open_warehouse

    project = load_project()
    with open_warehouse(Path(database)) as connection:
        if by_hand == "no":
            assert not [
                result for result in build(connection, project.models.values()) if result.failure
            ]
            return
        for model in project.models.values():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {model.layer}")
            kind = "VIEW" if model.is_view else "TABLE"
            connection.execute(
                f'CREATE OR REPLACE {kind} {model.layer}."{model.name}" AS {model.sql}'
            )


def new_days(database: str, target: str, by_change: str, landing: str, *listings: str) -> None:
    """Load, build, test and publish one listing after another.

    Print the CPU seconds of the last one, by part, and the sizes of the published file.
    """
    from analytics_pipeline.warehouse.connection import open_warehouse
    from analytics_pipeline.warehouse.publish import publish

    published, sizes, wholes = Path(target), [], 0
    for listing in listings:
        load(listing, landing, database)
        seconds, is_whole = _rebuild(Path(database), published, by_change == "yes")
        sizes.append(published.stat().st_size)
        wholes += is_whole
    if len(listings) > 1:
        whole = published.with_name("whole.duckdb")
        with open_warehouse(Path(database)) as connection:
            connection.execute("DELETE FROM ops.publication")
            publish(connection, whole, pii=False)
        seconds |= {"largest": max(sizes), "whole": whole.stat().st_size, "wholes": wholes}
    sys.stdout.write("\n" + json.dumps(seconds))


def _rebuild(database: Path, published: Path, by_change: bool) -> tuple[dict[str, float], bool]:
    """Build what reads lab_sessions, test and publish it. Return the CPU seconds of each, and
    whether the file was written whole.
    """
    import time
    from dataclasses import replace

    from analytics_pipeline.sql_models import build, build_and_test, load_project, touched_by
    from analytics_pipeline.storage.clock import warehouse_now
    from analytics_pipeline.warehouse.connection import open_warehouse
    from analytics_pipeline.warehouse.publish import publish

    project = load_project()
    if not by_change:
        models = {name: replace(model, by_day=None) for name, model in project.models.items()}
        tests = {name: replace(test, days={}) for name, test in project.tests.items()}
        project = replace(project, models=models, tests=tests)
    chosen = project.affected(touched_by(["lab_sessions"]))
    about = {test.name for test in project.tests_of([model.qualified for model in chosen])}
    with open_warehouse(database) as connection:
        if not by_change:
            connection.execute("DELETE FROM ops.publication")
        moments = [time.process_time()]
        built = build(connection, chosen)
        connection.execute("CHECKPOINT")  # else it is a part of what comes next
        moments.append(time.process_time())
        _, checks = build_and_test(connection, project, [], warehouse_now(), about)
        moments.append(time.process_time())
        done = publish(connection, published, pii=False)
        moments.append(time.process_time())
    assert not [result for result in built if result.failure]
    assert not done.withheld and len(checks) >= len(about)
    parts = ("models", "tests", "publishing")
    took = zip(parts, moments, moments[1:], strict=False)
    return {part: end - start for part, start, end in took}, done.is_whole


SUBJECTS: dict[str, Callable[..., None]] = {
    subject.__name__: subject
    for subject in (
        raw_duckdb,
        load,
        load_into_settings,
        step,
        download,
        empty_dagster,
        one_by_one,
        models,
        new_days,
    )
}

if __name__ == "__main__":
    SUBJECTS[sys.argv[1]](*sys.argv[2:])
