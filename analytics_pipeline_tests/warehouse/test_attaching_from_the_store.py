"""Analysts attach the current version from the bucket, as docs/analysts.md says."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline_tests.support.buckets import Bucket
from analytics_pipeline_tests.support.readers import half_state, read_while_publishing
from analytics_pipeline_tests.warehouse.conftest import publish_to_store

pytestmark = pytest.mark.thorough

FILE = "analytics.duckdb"
_URL = "SELECT path FROM duckdb_databases() WHERE database_name = 'analytics'"


def _documented() -> list[str]:
    """Return the code that docs/analysts.md gives: a function, and how it is called."""
    page = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()
    return re.findall(r"^```py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def test_analysts_attach_the_current_version_as_the_documentation_says(
    worker: Settings, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_to_store(worker)
    code = "".join(_documented())
    for written, ours in (
        ("s3://my-bucket/published/org9001/analytics.json", store_of(worker).describe(FILE)),
        ("KEY_ID '...'", f"KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}'"),
        ("SECRET '...'", f"SECRET '{os.environ['AWS_SECRET_ACCESS_KEY']}', {_address(bucket)}"),
        ("duckdb.connect()\n", f"duckdb.connect()\nconnection.execute({_load_httpfs()!r})\n"),
    ):
        assert written in code
        code = code.replace(written, ours)
    exec(code, {})
    assert "course_id" in capsys.readouterr().out


def _load_httpfs() -> str:
    """Return the statement that loads the extension from its package."""
    if (found := find_spec("duckdb_extension_httpfs")) is None or found.origin is None:
        pytest.skip("the extension httpfs is not installed: pip install analytics-pipeline[lake]")
    folder = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}"
    return f"LOAD '{folder / 'httpfs.duckdb_extension'}'"


def _address(bucket: Bucket) -> str:
    """Return the options of a secret for the server of the tests."""
    return f"ENDPOINT '{bucket.endpoint.removeprefix('http://')}', USE_SSL false, URL_STYLE 'path'"


def _read_in_a_loop(
    store: tuple[str, str, str, str],
    attached_for: int,
    fewest: int,
    ready: Any,
    stop: Any,
    results: Any,
) -> None:
    """Resolve the pointer and attach the version, as docs/analysts.md says; count what is wrong."""
    load, secret, pointer, key = store
    documented: dict[str, Any] = {}
    exec(_documented()[0], documented)
    attach_current = documented["attach_current"]
    read, errors, urls = 0, list[str](), set[str]()
    connection: duckdb.DuckDBPyConnection | None = None
    waiting = True
    while waiting or not stop.is_set() or read < fewest:
        try:
            if connection is None or read % attached_for == 0:
                if connection:
                    connection.close()
                connection = duckdb.connect(config={"autoinstall_known_extensions": False})
                connection.execute(load)
                connection.execute(f"CREATE SECRET (TYPE s3, {secret}, SECRET '{key}')")
                connection.execute("SET enable_external_file_cache = false")
                connection.execute("SET enable_progress_bar = false")
                attach_current(connection, pointer)
                urls.add(connection.execute(_URL).fetchall()[0][0])
            errors += half_state(connection)
        except duckdb.Error as error:
            errors.append(str(error))
        read += 1
        if waiting:
            ready.wait(timeout=120)
            waiting = False
    results.put((read, errors, len(urls)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("readers", "publishes", "queries"),
    [(2, 4, 20), pytest.param(4, 20, 1_000, marks=pytest.mark.slow)],
    ids=["short", "full"],
)
def test_readers_of_the_bucket_see_no_error_and_no_half_state(
    bucket: Bucket, tmp_path: Path, readers: int, publishes: int, queries: int
) -> None:
    """The first reader keeps the first version open for all of its queries, the others move on."""
    worker = bucket.settings(tmp_path / "worker")
    store = (
        _load_httpfs(),
        f"KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}', REGION 'us-east-1', {_address(bucket)}",
        store_of(worker).describe(FILE),
        os.environ["AWS_SECRET_ACCESS_KEY"],
    )

    told = read_while_publishing(
        _read_in_a_loop,
        [(store, 10**9 if number == 0 else 5, queries // readers) for number in range(readers)],
        tmp_path / "warehouse.duckdb",
        lambda connection: publish(
            connection,
            worker.published_path,
            pii=False,
            without_marts=True,
            store=store_of(worker),
        ),
        publishes,
    )
    errors = [error for _, found_errors, _ in told for error in found_errors]
    assert not errors, f"{len(errors)} queries failed, such as: {errors[0]}"
    assert sum(read for read, *_ in told) >= queries
    assert min(urls for *_, urls in told) == 1, "one reader kept its version open"
    assert max(urls for *_, urls in told) > 1, "the others saw new versions"
    assert len(bucket.versions()) == publishes + 1
