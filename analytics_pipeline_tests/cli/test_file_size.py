"""A file above ANALYTICS_MAX_FILE_MB fails alone, is not fetched, and loads once the limit is
raised.
"""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.deliveries import HEADER

ROW = "{}, C, 2, A, 0, 10, {}, , 5, 0, 4, P, 5, 6, R, 5, 8\n"
USERS = 22_000


def ask(data: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_a_file_above_the_limit_fails_alone_with_its_size_and_a_remedy(
    run: Run, demo: DemoVocareum, data: Path
):
    large = HEADER["grades"] + "".join(ROW.format(666, user) for user in range(1, USERS + 1))
    assert 1_000_000 < len(large) < 2_000_000
    demo.put_many(
        {
            "org9001/grades/course4/grades.csv": (HEADER["grades"] + ROW.format(4, 7)).encode(),
            "org9001/grades/course666/grades.csv": large.encode(),
        }
    )
    result = run("sync", "--dataset", "grades", ANALYTICS_MAX_FILE_MB="1")
    assert result.exit_code == 1
    assert ask(data, "SELECT courseid, count(*) FROM raw.grades GROUP BY 1") == [(4, 1)]
    [(partition, reason, remedy)] = ask(
        data, 'SELECT "partition", reason, remedy FROM ops.failed_files'
    )
    assert (partition, reason) == (
        "666",
        f"it has {len(large) / 1e6:.1f} MB, more than the limit of 1 MB",
    )
    assert "ANALYTICS_MAX_FILE_MB" in remedy and "analytics-pipeline sync" in remedy
    assert not list((data / "landing").rglob("666@*")), "it was fetched"
    run("sync", "--dataset", "grades", ANALYTICS_MAX_FILE_MB="2")
    assert ask(data, "SELECT count(*) FROM raw.grades") == [(USERS + 1,)]
    assert ask(data, "FROM ops.failed_files") == []
