"""Erasing a person: gone from every table, file and byte, kept out afterwards, and completed after
any interruption.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS, classify
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.erase import erase_in_file
from analytics_pipeline.ingest.landing import clean_landing, landing_path
from analytics_pipeline.ingest.people import People, hashed
from analytics_pipeline.operations import erase_person as erasing
from analytics_pipeline.operations import load_files as loading
from analytics_pipeline.operations.erase_person import erase, receipt_path
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse import file
from analytics_pipeline.warehouse.connection import connect, open_warehouse
from analytics_pipeline.warehouse.erase import erased_people
from analytics_pipeline.warehouse.file import compact
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.quality import unaccounted


@dataclass(frozen=True)
class Someone:
    user_id: int
    email: str
    name: str


def _all(settings: Settings, sql: str, *parameters: object) -> list[tuple]:
    with open_warehouse(settings.warehouse_path) as connection:
        return connection.execute(sql, parameters).fetchall()


@pytest.fixture
def someone(settings: Settings) -> Someone:
    """Return a student with a unique name who spent, was graded, and is a partner in another
    person's row.
    """
    [person, *_] = _all(
        settings,
        """SELECT userid, any_value(email), any_value(name) FROM raw.enrollment AS person
           WHERE userid IN (SELECT partnerid FROM raw.grades)
           AND userid IN (SELECT user_id FROM raw.lab_sessions)
             AND userid IN (SELECT user_id FROM raw.aws_cost)
             AND (SELECT count(DISTINCT userid) FROM raw.enrollment AS other
             WHERE other.name = person.name) = 1
           GROUP BY userid ORDER BY userid""",
    )
    return Someone(*person)


def _signs_of(person: Someone, folder: Path) -> list[str]:
    """Return files under the folder that hold the email or the name in any byte."""
    signs = [person.email.encode(), person.name.encode()]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if any(sign in path.read_bytes() for sign in signs)]


def _tables_with(person: Someone, path: Path) -> list[str]:
    """Return tables with a cell that is the id or holds the email or the name; cells, as DuckDB may
    compress bytes.
    """
    found = []
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        for (name,) in names:
            hit = connection.execute(
                f"""SELECT count(*) FROM (SELECT to_json(t)::VARCHAR AS row FROM {name} AS t)
                    WHERE contains(row, $email) OR contains(row, $name)
                       OR regexp_matches(row, '[^0-9.]' || $id || '[^0-9]')""",
                {"email": person.email, "name": person.name, "id": str(person.user_id)},
            ).fetchone()
            if hit and hit[0]:
                found.append(name)
    return sorted(found)


def _assert_gone(person: Someone, settings: Settings) -> None:
    assert _signs_of(person, settings.data_dir) == [], (
        "no byte of the email or the name may be left"
    )
    assert _tables_with(person, settings.warehouse_path) == ["ops.erased"], (
        "only the id, only there"
    )
    assert _tables_with(person, settings.published_path) == []
    assert not [
        path for path in settings.data_dir.rglob("*") if path.name.endswith((".new", ".wal"))
    ]


def _assert_every_record_accounted_for(settings: Settings) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        for dataset in DATASETS.values():
            keys = [
                key
                for (key,) in connection.execute(
                    f"SELECT DISTINCT _source_key FROM {dataset.table}"
                ).fetchall()
            ]
            assert unaccounted(connection, dataset, keys) == [], (
                f"records of {dataset.name} are lost"
            )


def _content(settings: Settings) -> dict[str, str]:
    """Return every landed file, and the content of every table, as hashes."""
    with open_warehouse(settings.warehouse_path) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        tables = {
            name: str(
                connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {name} AS t").fetchall()
            )
            for (name,) in names
        }
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in settings.landing_dir.rglob("*.csv")
    }
    return tables | files


def test_no_trace_of_an_erased_person_remains_in_any_table_file_or_byte(
    settings: Settings, someone: Someone
) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        publish(connection, settings.published_path, pii=True)
    before = _signs_of(someone, settings.data_dir)
    assert {"warehouse.duckdb", "analytics.duckdb"} <= set(before), (
        f"the search must find them first: {before}"
    )
    assert len(before) > 10, "and in landed files"
    receipt = erase(settings, someone.user_id, dry_run=False)
    _assert_gone(someone, settings)
    _assert_every_record_accounted_for(settings)
    assert receipt.tables["raw.grades"].cells > 0, (
        "they were a partner in somebody's row, which stays"
    )
    assert receipt.models_not_built == ()


def test_spill_files_of_a_killed_process_are_removed_too(
    settings: Settings, someone: Someone
) -> None:
    for database in (settings.warehouse_path, settings.published_path):
        spilled = database.with_name(f"{database.name}.tmp") / "duckdb_temp_storage_DEFAULT-0.tmp"
        spilled.parent.mkdir()
        spilled.write_text(f"{someone.email} {someone.name}")
    assert (
        len(
            [
                name
                for name in _signs_of(someone, settings.data_dir)
                if name.startswith("duckdb_temp")
            ]
        )
        == 2
    )
    erase(settings, someone.user_id, dry_run=False)
    assert _signs_of(someone, settings.data_dir) == []


def test_a_dry_run_reports_the_same_counts_and_changes_nothing(
    settings: Settings, someone: Someone
) -> None:
    before = _content(settings)
    told = erase(settings, someone.user_id, dry_run=True)
    assert _content(settings) == before
    assert not settings.published_path.exists()
    assert not (settings.data_dir / "receipts").exists()
    done = erase(settings, someone.user_id, dry_run=False)
    assert (told.tables, told.files) == (done.tables, done.files)


def test_the_rows_of_all_others_stay(settings: Settings, someone: Someone) -> None:
    counts = """SELECT (SELECT count(*) FROM raw.lab_sessions), (SELECT count(*) FROM raw.grades),
                       (SELECT count(*) FROM raw.aws_cost),
                         (SELECT sum(cost) FROM raw.aws_cost WHERE user_id <> ?)"""
    [before] = _all(settings, counts, someone.user_id)
    tables = erase(settings, someone.user_id, dry_run=False).tables
    [after] = _all(settings, counts, someone.user_id)
    removed = [tables[f"raw.{name}"].rows for name in ("lab_sessions", "grades", "aws_cost")]
    assert [*after[:3]] == [old - gone for old, gone in zip(before[:3], removed, strict=True)]
    assert after[3] == before[3], "other people's money is what it was"


def test_the_receipt_holds_counts_and_no_personal_data_but_the_id(
    settings: Settings, someone: Someone
) -> None:
    receipt = erase(settings, someone.user_id, dry_run=False)
    path = receipt_path(settings, receipt)
    assert path.read_text() == receipt.as_json()
    assert str(someone.user_id) in receipt.as_json()
    assert someone.email not in receipt.as_json()
    told = json.loads(path.read_text())
    assert {"raw.enrollment", "history.enrollment", "quarantine.rejects", "landing/grades"} <= set(
        told["searched"]
    )
    assert set(told["tables"]) <= set(told["searched"]), (
        "something was removed from a table that is not listed"
    )
    assert any("backups" in text for text in told["not_reached"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_quarantined_records_of_the_person_go_by_id_or_email_and_are_counted(
    settings: Settings, someone: Someone
) -> None:
    [(key, etag)] = _all(
        settings,
        "SELECT source_key, etag FROM ops.loaded_files WHERE dataset = 'enrollment' LIMIT 1",
    )
    raws = [
        f"{someone.user_id}, x, y",
        f"x, 5, {someone.email.upper()}",
        f"{someone.user_id}1, x, y",
    ]
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET records = records + 3, rejects = rejects + 3 WHERE"
            " source_key = ?",
            [key],
        )
        connection.executemany(
            "INSERT INTO quarantine.rejects (dataset, source_key, etag, raw) VALUES ('enrollment',"
            " ?, ?, ?)",
            [[key, etag, raw] for raw in raws],
        )
    assert erase(settings, someone.user_id, dry_run=False).tables["quarantine.rejects"].rows >= 2
    left = [
        raw
        for (raw,) in _all(settings, "SELECT raw FROM quarantine.rejects WHERE source_key = ?", key)
    ]
    assert not {raws[0], raws[1]} & set(left), "both are about the person"
    assert raws[2] in left, "another id that begins with the same digits is somebody else"
    _assert_every_record_accounted_for(settings)


def _deliveries(settings: Settings) -> Iterator[Delivery]:
    """Return the organisation's files, landed again in another version, as after a rewrite
    upstream.
    """
    for key, body in Organisation(OrganisationSpec.small()).files().items():
        if placed := classify(key.removeprefix("org9001/")):
            delivery = Delivery(
                *placed, key, "rewritten", len(body), datetime(2026, 11, 8, tzinfo=UTC)
            )
            landing_path(settings.landing_dir, delivery).write_bytes(body)
            yield delivery


def test_a_person_who_is_delivered_again_stays_out(settings: Settings, someone: Someone) -> None:
    erase(settings, someone.user_id, dry_run=False)
    before = _all(settings, "SELECT count(*), sum(rows) FROM ops.loaded_files")
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "again"
    )
    results = [
        result
        for delivery in _deliveries(settings)
        for result in loader.load(delivery.dataset, [delivery])
    ]
    assert sum(result.erased for result in results) > 0, "they were in what was delivered"
    assert _all(settings, "SELECT count(*), sum(rows) FROM ops.loaded_files") == before
    _assert_every_record_accounted_for(settings)
    assert _tables_with(someone, settings.warehouse_path) == ["ops.erased"]
    assert _signs_of(someone, settings.data_dir) == [], "the landed files were cleared of them, too"


def test_damaged_records_stay_out_too_if_the_file_holds_the_email(
    settings: Settings, someone: Someone
) -> None:
    erase(settings, someone.user_id, dry_run=False)
    header = (
        "userid,courseid,role,name,email,client_key,client_userid,dropped,"
        "organization_terms_agreed,organization_terms_agreed_date_utc"
    )
    rows = [
        f"{user},77,student,N,{someone.email},k,u,0,1,"
        for user in (someone.user_id, f"{someone.user_id}x")
    ]
    body = "\n".join([header, *rows, "5,77,student,N,n@example.edu,k,u,0,1,", ""]).encode()
    key = "enrollment/course77/enrollment.csv"
    delivery = Delivery(
        *classify(key), f"org9001/{key}", "e", len(body), datetime(2026, 11, 8, tzinfo=UTC)
    )  # type: ignore[misc]
    landing_path(settings.landing_dir, delivery).write_bytes(body)
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "again"
    )
    (result,) = loader.load(delivery.dataset, [delivery])
    assert (result.records, result.rows, result.rejects, result.erased) == (3, 1, 0, 2)
    assert _tables_with(someone, settings.warehouse_path) == ["ops.erased"]
    assert _signs_of(someone, settings.data_dir) == []
    _assert_every_record_accounted_for(settings)


ENROLLMENT = (
    "userid,courseid,role,name,email,client_key,client_userid,dropped,"
    "organization_terms_agreed,organization_terms_agreed_date_utc"
)


def _load(settings: Settings, key: str, body: str, etag: str = "e") -> FileResult:
    content = body.encode()
    delivery = Delivery(
        *classify(key), f"org9001/{key}", etag, len(content), datetime(2026, 11, 8, tzinfo=UTC)
    )  # type: ignore[misc]
    landing_path(settings.landing_dir, delivery).write_bytes(content)
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "again"
    )
    (result,) = loader.load(delivery.dataset, [delivery])
    return result


@pytest.mark.parametrize("when", ["before", "after"])
def test_their_emails_and_ids_leave_other_peoples_texts_loaded_before_or_after_the_erasure(
    settings: Settings, someone: Someone, when: str
) -> None:
    """In the log, the tags and unannounced columns; only hashes of the emails are known after
    it.
    """
    sessions = (
        "user_id,user_email,course_id,course_name,assignment_id,assignment_name,part_id,part_name,lab_type,start_time,end_time,"
        "duration_min,log,tags,launch_time,init_time,launch_to_ready_duration_mins,concurrent_labs_count,disconnects,latency_time_ms"
        ",Note\n5,bo@example.edu,77,C,8,A,9,P,Cloud,2026-01-02 10:00:00,2026-01-02 11:00:00,60,"
        f'"START by {someone.email.upper()}; END",for:{someone.email},2026-01-02'
        " 09:59:00,2026-01-02 10:00:00,1,0,0,5,"
        f"'{someone.email}'\n"
    )
    grades = (
        "courseid,coursename,asnid,asnname,ispeerreviewon,maxscore,userid,partnerid,asnscore,isoverride,partid,partname,partscore,rubricid,rubricname,rubricscore,graderid,Other"
        f" Partner ID\n77,C,6,A,0,10,5,{someone.user_id}?,8,0,7,P,8,9,R,8,,{someone.user_id}.0\n"
    )
    if when == "after":
        erase(settings, someone.user_id, dry_run=False)
    for key, body in (
        ("lab_sessions/lab_sessions_2026-01-02.csv", sessions),
        ("grades/course77/grades.csv", grades),
    ):
        assert _load(settings, key, body, "more").rows == 1
    if when == "before":
        assert _all(
            settings,
            "SELECT count(*) FROM raw.grades WHERE contains(_extra::VARCHAR, ?)",
            f"{someone.user_id}?",
        ) == [(1,)]
        erase(settings, someone.user_id, dry_run=False)
    assert _all(
        settings, "SELECT log, tags, _extra->>'Note' FROM raw.lab_sessions WHERE course_id = 77"
    ) == [("START by [erased]; END", "for:[erased]", "'[erased]'")]
    assert _all(settings, "SELECT partnerid, _extra FROM raw.grades WHERE courseid = 77") == [
        (None, None)
    ]
    _assert_gone(someone, settings) if when == "before" else None
    assert _signs_of(someone, settings.data_dir) == []
    assert _tables_with(someone, settings.warehouse_path) == ["ops.erased"]
    _assert_every_record_accounted_for(settings)


def test_damaged_records_alone_stay_out_by_the_hashes_of_their_emails(
    settings: Settings, someone: Someone
) -> None:
    erase(settings, someone.user_id, dry_run=False)
    damaged = f"x,77,student,N,{someone.email.upper()},k,u,0,1,"
    result = _load(
        settings,
        "enrollment/course77/enrollment.csv",
        f"{ENROLLMENT}\n{damaged}\n5,77,student,N,n@example.edu,k,u,0,1,\n",
    )
    assert (result.records, result.rows, result.rejects, result.erased) == (2, 1, 0, 1)
    again = _load(settings, "enrollment/course78/enrollment.csv", f"{ENROLLMENT}\n{damaged}\n")
    assert (again.records, again.rows, again.rejects, again.erased) == (1, 0, 0, 1)
    assert _signs_of(someone, settings.data_dir) == []
    assert _tables_with(someone, settings.warehouse_path) == ["ops.erased"]
    [(hashes, salt)] = _all(settings, "SELECT email_hashes, salt FROM ops.erased")
    assert hashed(someone.email, salt) in hashes
    _assert_every_record_accounted_for(settings)


def test_a_load_that_dies_before_the_landed_files_are_cleared_is_completed_before_the_next(
    settings: Settings, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(settings, someone.user_id, dry_run=False)
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "dies"
    )
    delivered = [
        delivery for delivery in _deliveries(settings) if delivery.dataset.name == "grades"
    ]

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loading, "clean_landing", dies)
        with pytest.raises(KeyboardInterrupt):
            list(loader.load(delivered[0].dataset, delivered))
    grades, person = settings.landing_dir / "grades", People(frozenset([someone.user_id]))

    def files_with_them() -> list[str]:
        return [
            path.name
            for path in grades.iterdir()
            if erase_in_file(path, DATASETS["grades"], person, dry_run=True)
        ]

    assert files_with_them(), "the dead process left them in the file as delivered"
    clean_landing(settings.landing_dir, delivered)
    assert files_with_them() == []
    kept = {landing_path(settings.landing_dir, delivery).name for delivery in delivered}
    assert {path.name for path in grades.iterdir()} == kept, (
        "and nothing else is left beside the file"
    )


@pytest.mark.parametrize(
    "step",
    [
        "erase_rows",
        "publish",
        *(
            pytest.param(step, marks=pytest.mark.slow)
            for step in ("erase_in_file", "build_and_test", "compact", "private_file")
        ),
    ],
)
def test_a_run_that_breaks_at_any_step_is_completed_by_the_next(
    settings: Settings, someone: Someone, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    calls = 0
    module = file if step == "compact" else erasing
    whole = getattr(module, step)

    def breaks(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3 or step != "erase_in_file":
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module, step, breaks)
        with pytest.raises(KeyboardInterrupt):
            erase(settings, someone.user_id, dry_run=False)
    with open_warehouse(settings.warehouse_path) as connection:
        assert someone.user_id in erased_people(connection).ids, (
            "they are kept out from the first step on"
        )
    erase(settings, someone.user_id, dry_run=False)
    _assert_gone(someone, settings)
    _assert_every_record_accounted_for(settings)


@pytest.mark.slow
def test_a_run_killed_at_random_moments_is_completed_by_the_next(
    settings: Settings, someone: Someone
) -> None:
    script = f"""
from analytics_pipeline.operations.erase_person import erase
from analytics_pipeline.settings import Settings
print("begin", flush=True)
erase(Settings(), {someone.user_id}, dry_run=False)
"""
    dice = random.Random(1)
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", script], env=dict(os.environ), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    erase(settings, someone.user_id, dry_run=False)
    _assert_gone(someone, settings)
    _assert_every_record_accounted_for(settings)


def test_compacting_refuses_a_log_that_could_not_be_written_back_and_loses_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept_in_the_log(path: Path) -> duckdb.DuckDBPyConnection:
        connection = connect(path)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(
            "INSERT INTO ops.erased (user_id, erased_at, times) VALUES (4711, now()::TIMESTAMP, 1)"
        )
        return connection

    with monkeypatch.context() as patched:
        patched.setattr("analytics_pipeline.warehouse.file.connect", kept_in_the_log)
        with pytest.raises(OSError, match="log could not be written back"):
            compact(settings.warehouse_path)
    assert _all(settings, "SELECT user_id FROM ops.erased") == [(4711,)], (
        "neither the file nor its log was touched"
    )


def test_compacting_keeps_every_table_view_comment_and_row(settings: Settings) -> None:
    catalog = """SELECT schema_name, table_name, column_name, data_type, comment
                 FROM duckdb_columns()
                 WHERE NOT internal ORDER BY ALL"""
    relations = """SELECT schema_name, table_name, comment FROM duckdb_tables() UNION ALL
                   SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal
                   ORDER BY ALL"""
    before = (_all(settings, catalog), _all(settings, relations), _content(settings))
    compact(settings.warehouse_path)
    assert (_all(settings, catalog), _all(settings, relations), _content(settings)) == before
    assert settings.warehouse_path.stat().st_mode & 0o777 == 0o600
