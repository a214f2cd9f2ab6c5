"""What we use of Dagster that is not public: in one module, and each name as we use it."""

import ast
import inspect
from pathlib import Path

import dagster as dg
import pytest

import analytics_pipeline
from analytics_pipeline.orchestration import dagster_private as private
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

PACKAGE = Path(analytics_pipeline.__file__).parent


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, at any depth of its code."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_one_module_alone_imports_what_is_private_in_dagster():
    found = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if any(name.startswith("dagster") and "._" in name for name in imported(path))
    }
    assert found == {"dagster_private.py"}


@pytest.fixture
def on_disk(start_pipeline: StartPipeline) -> Pipeline:
    """A pipeline whose instance is the one that we deploy: SQLite files in DAGSTER_HOME."""
    return start_pipeline(on_disk=True)


def test_the_storages_of_our_instance_are_those_that_old_runs_are_deleted_from(on_disk: Pipeline):
    instance = on_disk.instance
    assert isinstance(instance.run_storage, private.SqliteRunStorage)
    assert isinstance(instance.event_log_storage, private.SqliteEventLogStorage)
    assert isinstance(instance.event_log_storage, private.SqlEventLogStorage)
    assert isinstance(instance.compute_log_manager, private.LocalComputeLogManager)


def test_a_load_leaves_its_events_and_verdicts_where_we_look_for_them(on_disk: Pipeline):
    on_disk.vocareum.put(*lab_sessions("2026-11-01"))
    on_disk.tick_and_load()
    storage = on_disk.instance.event_log_storage
    assert Path(storage.path_for_shard(private.INDEX_SHARD_NAME)).is_file()
    columns = private.AssetCheckExecutionsTable.c
    with storage.index_connection() as connection:
        verdicts = connection.execute(private.AssetCheckExecutionsTable.select()).fetchall()
    assert verdicts, "checks were evaluated"
    assert {row.execution_status for row in verdicts} <= {
        status.value for status in private.AssetCheckExecutionRecordStatus
    }
    assert {"run_id", "partition", "execution_status"} <= {column.name for column in columns}


def test_a_model_says_its_code_version_under_this_tag(pipeline: Pipeline):
    @dg.asset(code_version="of the SQL")
    def model() -> None: ...

    dg.materialize([model], instance=pipeline.instance)
    (event,) = pipeline.instance.fetch_materializations(dg.AssetKey("model"), limit=1).records
    assert event.asset_materialization.tags[private.CODE_VERSION_TAG] == "of the SQL"


def test_dagster_dev_starts_its_servers_by_the_function_that_we_replace():
    dev = private.dev_module()
    assert inspect.getsource(dev).count("open_ipc_subprocess(") >= 2, (
        "the web server would be unguarded"
    )
    assert f'"{private.DAEMON}"' in inspect.getsource(dev), "the daemon would be Dagster's own"


def test_dagsters_daemon_starts_by_the_entry_that_we_run(monkeypatch: pytest.MonkeyPatch):
    ran = []
    monkeypatch.setattr("dagster._daemon.cli.main", lambda: ran.append("daemon"))
    private.run_daemon()
    assert ran == ["daemon"]


def test_dagster_tags_a_run_that_it_launches_with_its_location_as_we_look_for_it(
    on_disk: Pipeline,
) -> None:
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

    repository = on_disk.definitions.get_repository_def()
    location = RegisteredCodeLocationOrigin("org9417")
    run = on_disk.instance.create_run_for_job(
        repository.get_job("load_daily"),
        remote_job_origin=RemoteRepositoryOrigin(location, repository.name).get_job_origin("x"),
    )
    found = [
        [known.run_id for known in known_runs(on_disk.instance, Location(name))]
        for name in ("org9417", "org9418", "")
    ]
    assert found == [[run.run_id], [], [run.run_id]]
