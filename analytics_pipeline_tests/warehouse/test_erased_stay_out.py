"""Erased people stay out of what is delivered later."""

from datetime import UTC, datetime

import pytest

from analytics_pipeline.datasets import classify
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.ingest.people import hashed
from analytics_pipeline.operations.erase_person import erase
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.erased_person import (
    Someone,
    assert_every_record_accounted_for,
    assert_gone,
    files_with_traces,
    live_tables_with_traces,
    redelivered,
    rows_of,
)

pytestmark = pytest.mark.thorough

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


def test_a_person_who_is_delivered_again_stays_out(settings: Settings, someone: Someone) -> None:
    erase(settings, someone.user_id, dry_run=False)
    before = rows_of(settings, "SELECT count(*), sum(rows) FROM ops.loaded_files")
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "again"
    )
    results = [
        result
        for delivery in redelivered(settings)
        for result in loader.load(delivery.dataset, [delivery])
    ]
    assert sum(result.erased for result in results) > 0, "they were in what was delivered"
    assert rows_of(settings, "SELECT count(*), sum(rows) FROM ops.loaded_files") == before
    assert_every_record_accounted_for(settings)
    assert live_tables_with_traces(someone, settings) == ["ops.erased"]
    assert files_with_traces(someone, settings.data_dir) == [], (
        "the landed files were cleared of them, too"
    )


def test_damaged_records_stay_out_too_if_the_file_holds_the_email(
    settings: Settings, someone: Someone
) -> None:
    erase(settings, someone.user_id, dry_run=False)
    rows = [
        f"{user},77,student,N,{someone.email},k,u,0,1,"
        for user in (someone.user_id, f"{someone.user_id}x")
    ]
    body = "\n".join([ENROLLMENT, *rows, "5,77,student,N,n@example.edu,k,u,0,1,", ""])
    result = _load(settings, "enrollment/course77/enrollment.csv", body)
    assert (result.records, result.rows, result.rejects, result.erased) == (3, 1, 0, 2)
    assert live_tables_with_traces(someone, settings) == ["ops.erased"]
    assert files_with_traces(someone, settings.data_dir) == []
    assert_every_record_accounted_for(settings)


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
        assert rows_of(
            settings,
            "SELECT count(*) FROM raw.grades WHERE contains(_extra::VARCHAR, ?)",
            f"{someone.user_id}?",
        ) == [(1,)]
        erase(settings, someone.user_id, dry_run=False)
    assert rows_of(
        settings, "SELECT log, tags, _extra->>'Note' FROM raw.lab_sessions WHERE course_id = 77"
    ) == [("START by [erased]; END", "for:[erased]", "'[erased]'")]
    assert rows_of(settings, "SELECT partnerid, _extra FROM raw.grades WHERE courseid = 77") == [
        (None, None)
    ]
    assert_gone(someone, settings) if when == "before" else None
    assert files_with_traces(someone, settings.data_dir) == []
    assert live_tables_with_traces(someone, settings) == ["ops.erased"]
    assert_every_record_accounted_for(settings)


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
    assert files_with_traces(someone, settings.data_dir) == []
    assert live_tables_with_traces(someone, settings) == ["ops.erased"]
    [(hashes, salt)] = rows_of(settings, "SELECT email_hashes, salt FROM ops.erased")
    assert hashed(someone.email, salt) in hashes
    assert_every_record_accounted_for(settings)
