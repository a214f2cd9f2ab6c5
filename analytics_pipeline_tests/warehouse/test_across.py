"""One file across organisations, made of their published files alone."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.across import publish_across
from analytics_pipeline.warehouse.across_sources import AcrossImpossible
from analytics_pipeline_tests.support import left_log


def published(
    path: Path, org: str, *statements: str, left_out: str = "[]", days_old: int = 0
) -> Path:
    """Write a small published file of an organisation."""
    at = warehouse_now() - timedelta(days=days_old)
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA ops; CREATE SCHEMA marts; CREATE SCHEMA raw")
        connection.execute(
            f"""CREATE TABLE ops.published AS SELECT TIMESTAMP '{at}' AS published_at,
                false AS pii, '0.1.0' AS release, {left_out}::VARCHAR[] AS left_out"""
        )
        connection.execute(
            "CREATE TABLE ops.loaded_files AS SELECT ? || '/a/b.csv' AS source_key", [f"org{org}"]
        )
        connection.execute("CREATE TABLE raw.lab_sessions AS SELECT 'x' AS secret")
        for statement in statements:
            connection.execute(statement)
    return path


COURSES = (
    "CREATE TABLE marts.courses AS SELECT 7 AS course_id, 1.50::DECIMAL(38,9) AS spend",
    "COMMENT ON TABLE marts.courses IS 'One row per course.'",
    "COMMENT ON COLUMN marts.courses.spend IS 'In US dollars.'",
)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        published(tmp_path / "b" / "analytics.duckdb", "9418", *COURSES),
        published(tmp_path / "a" / "analytics.duckdb", "9417", *COURSES),
    ]


def test_each_mart_has_the_organisation_as_its_first_column_with_comments(
    two: list[Path], tmp_path: Path
) -> None:
    done = publish_across(two, tmp_path / "across.duckdb")
    assert (done.organisations, done.rows) == (["9417", "9418"], {"courses": 2})
    found = rows(tmp_path / "across.duckdb", "FROM courses ORDER BY ALL")
    assert [row[:2] for row in found] == [("9417", 7), ("9418", 7)]
    columns = rows(
        tmp_path / "across.duckdb",
        "SELECT column_name, data_type, comment FROM duckdb_columns()"
        " WHERE schema_name = 'marts' ORDER BY column_index",
    )
    assert [column[:2] for column in columns] == [
        ("organisation", "VARCHAR"),
        ("course_id", "INTEGER"),
        ("spend", "DECIMAL(38,9)"),
    ]
    assert "join on it, too" in str(columns[0][2]) and columns[2][2] == "In US dollars."
    tables = rows(tmp_path / "across.duckdb", "SELECT comment FROM duckdb_tables()")
    assert ("One row per course.",) in tables


def test_a_published_file_that_another_program_changed_is_refused(
    two: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "across.duckdb"
    publish_across(two, target)
    left_log.leave_log(target, "UPDATE marts.courses SET spend = 100")
    publish_across(two, target)
    assert rows(target, "SELECT DISTINCT spend FROM courses") == [(Decimal("1.5"),)]
    log = left_log.leave_log(two[0], "UPDATE marts.courses SET spend = 100")
    with pytest.raises(AcrossImpossible, match=f"{log} lies beside {two[0]}: another program"):
        publish_across(two, target)


def test_nothing_but_marts_leaves_the_published_files(two: list[Path], tmp_path: Path) -> None:
    publish_across(two, tmp_path / "across.duckdb")
    names = rows(
        tmp_path / "across.duckdb", "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
    )
    assert set(names) == {("marts.courses",), ("ops.organisations",)}
    assert (tmp_path / "across.duckdb").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("a", "across.duckdb", "across.duckdb.lock", "b"),
    ]


def test_a_mart_that_a_check_withholds_is_missing_for_its_organisation_alone(
    two: list[Path], tmp_path: Path
) -> None:
    third = published(tmp_path / "c" / "analytics.duckdb", "9419", left_out="['marts.courses']")
    done = publish_across([*two, third], tmp_path / "across.duckdb")
    assert done.rows == {"courses": 2}
    assert len(done.withheld) == 1 and done.withheld[0].startswith("Organisation 9419: Left out")
    assert rows(
        tmp_path / "across.duckdb",
        "SELECT organisation, left_out FROM ops.organisations WHERE len(left_out) > 0",
    ) == [("9419", ["marts.courses"])]


@pytest.mark.parametrize(
    ("third", "says"),
    [
        (["CREATE TABLE marts.courses AS SELECT 7 AS course_id, 1.5::DOUBLE AS spend"], "spend"),
        (["CREATE TABLE marts.courses AS SELECT 7 AS course_id"], "spend"),
        ([], "all of them"),
    ],
    ids=["another type", "a missing column", "a missing mart"],
)
def test_releases_that_differ_in_a_mart_are_refused_and_the_old_file_stays(
    two: list[Path], tmp_path: Path, third: list[str], says: str
) -> None:
    publish_across(two, tmp_path / "across.duckdb")
    before = (tmp_path / "across.duckdb").read_bytes()
    other = published(tmp_path / "c" / "analytics.duckdb", "9419", *third)
    with pytest.raises(AcrossImpossible, match=rf"marts.courses .*9419.*: {says}\. Publish both"):
        publish_across([*two, other], tmp_path / "across.duckdb")
    assert (tmp_path / "across.duckdb").read_bytes() == before


def test_two_files_of_one_organisation_are_refused(two: list[Path], tmp_path: Path) -> None:
    again = published(tmp_path / "c" / "analytics.duckdb", "9417", *COURSES)
    with pytest.raises(AcrossImpossible, match="both of organisation 9417"):
        publish_across([*two, again], tmp_path / "across.duckdb")


@pytest.mark.parametrize("what", ["a private warehouse", "no database", "no file"])
def test_a_file_that_was_not_published_is_refused(
    two: list[Path], tmp_path: Path, what: str
) -> None:
    path = tmp_path / "warehouse.duckdb"
    if what == "a private warehouse":
        published(path, "9419", "DROP TABLE ops.published")
    elif what == "no database":
        path.write_text("id,name\n")
    reason = {"no file": "does not exist", "no database": "not a valid DuckDB"}.get(what, "")
    with pytest.raises(AcrossImpossible, match=rf"{path} can't be read as .*{reason}"):
        publish_across([*two, path], tmp_path / "across.duckdb")


def test_a_file_that_is_given_twice_counts_once(two: list[Path], tmp_path: Path) -> None:
    assert publish_across([*two, two[0]], tmp_path / "across.duckdb").rows == {"courses": 2}


def test_a_published_file_is_never_replaced(two: list[Path]) -> None:
    before = two[0].read_bytes()
    with pytest.raises(AcrossImpossible, match="did not write it"):
        publish_across(two, two[0])
    assert two[0].read_bytes() == before


def test_a_target_that_is_no_database_is_not_replaced(two: list[Path], tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(AcrossImpossible, match="did not write it"):
        publish_across(two, notes)
    assert notes.read_text() == "mine"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path


def test_the_command_reports_organisations_and_withheld_marts(
    two: list[Path], outside: Path
) -> None:
    third = published(outside / "c" / "analytics.duckdb", "9419", left_out="['marts.courses']")
    arguments = ["publish", "--across", "across.duckdb", *map(str, [*two, third])]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1, done.output
    assert "3 organisations (9417, 9418, 9419), 1 mart, 2 rows" in done.stdout
    assert "Organisation 9419: Left out" in done.stderr
    assert "last published" not in done.stderr
    nothing = CliRunner().invoke(app, ["publish", "--across", "across.duckdb"])
    assert nothing.exit_code == 2
    assert "workspace add" in nothing.stderr
    assert not (outside / "data").exists()
    refused = CliRunner().invoke(app, [*arguments, "--parquet", "marts"])
    assert refused.exit_code == 2
    assert "--parquet" in refused.stderr


def test_the_command_names_an_organisation_whose_file_is_old(
    two: list[Path], outside: Path
) -> None:
    old = published(outside / "c" / "analytics.duckdb", "9419", *COURSES, days_old=3)
    done = CliRunner().invoke(app, ["publish", "--across", "across.duckdb", *map(str, [*two, old])])
    assert done.exit_code == 1, done.output
    assert f"Organisation 9419: {old} was last published on " in done.stderr
    assert "3 days ago" in done.stderr and "9418:" not in done.stderr
    assert rows(outside / "across.duckdb", "SELECT count(*) FROM courses") == [(3,)]
