"""`ops.model_loads`: which loads, and which SQL, each model was last built from.

The identity of the loads is recorded, not a time: a clock may have been wrong, and a load that
waited for the writer's lock has an earlier time than the build before it.
"""

import hashlib
from collections.abc import Collection, Mapping

import duckdb

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models.project import Project, touched_by
from analytics_pipeline.warehouse.transactions import write


def present_inputs(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, str]:
    """Return a digest of the loads that each model reads now, its SQL and that of its tests.

    By qualified name.
    """
    loads = dict(
        connection.execute(
            """SELECT dataset, string_agg(concat_ws('|', "partition", etag, loaded_at, run_id),
                                          chr(10) ORDER BY "partition")
               FROM ops.loaded_files GROUP BY dataset"""
        ).fetchall()
    )
    read = {name: hashlib.sha256(code.encode()) for name, code in project.code().items()}
    for dataset in DATASETS:
        for model in project.affected(touched_by([dataset])):
            read[model.qualified].update(f"\0{dataset}\n{loads.get(dataset, '')}\n".encode())
    return {name: found.hexdigest() for name, found in read.items()}


def record_inputs(
    connection: duckdb.DuckDBPyConnection, loads: Mapping[str, str], built: Collection[str]
) -> None:
    """Record what models were built from, and forget models that no longer exist.

    Args:
        connection: the live warehouse.
        loads: what `present_inputs` returned before the build, so that it names no later load.
        built: qualified names of the models that were built.
    """
    rows = [[name, loads[name]] for name in sorted(built) if name in loads]

    def replace() -> None:
        connection.execute(
            "DELETE FROM ops.model_loads WHERE list_contains($1, model) OR NOT list_contains($2,"
            " model)",
            [list(built), list(loads)],
        )
        if rows:
            connection.executemany("INSERT INTO ops.model_loads (model, loads) VALUES (?, ?)", rows)

    write(connection, replace)


def recorded_inputs(connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
    """Return the digest of what each model was built from; empty if there is none."""
    try:
        return dict(connection.execute("SELECT model, loads FROM ops.model_loads").fetchall())
    except duckdb.CatalogException:  # written by an earlier release
        return {}
