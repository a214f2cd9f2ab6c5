"""The true sessions of the organisation: they agree with its files, and show every trait."""

from collections import defaultdict
from datetime import date

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline_tests.support.organisation_rows import LARGE, SMALL, rows


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_the_files_hold_the_true_sessions(organisation: Organisation):
    listed: dict[tuple[int, date], list[float]] = defaultdict(list)
    for day, row in rows(organisation, "lab_sessions/lab_sessions"):
        listed[int(row["course_id"]), day].append(float(row["duration_min"] or 0))
    totals = organisation.truth.sessions_by_course_day
    assert {where: len(minutes) for where, minutes in listed.items()} == {
        w: t.count for w, t in totals.items()
    }
    assert all(
        sum(minutes) == pytest.approx(totals[where].minutes) for where, minutes in listed.items()
    )


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_sessions_show_every_trait(organisation: Organisation):
    listed = [row for _, row in rows(organisation, "lab_sessions/lab_sessions")]
    assert {"Cloud", "Container", "VM", "Databricks", "Quantum"} == {
        row["lab_type"] for row in listed
    }
    failed = [row for row in listed if "failed" in row["log"]]
    assert failed and all(
        row["launch_time"] and not (row["start_time"] + row["init_time"]) for row in failed
    )
    assert any(row["start_time"][:6] != row["end_time"][:6] for row in listed)  # over midnight
    assert any(row["concurrent_labs_count"] == "1" for row in listed)
    assert any(row.get("disconnects", "0") > "0" for row in listed)
    # launched months after its end
    assert sum(1 for row in listed if row["launch_time"][:3] in ("Dec", "Feb")) == 1
    roles = {session.role for session in organisation.truth.sessions}
    assert "student" in roles and roles - {"student"}


def test_a_session_over_midnight_is_in_the_files_of_both_days_only_if_asked():
    twice = Organisation(
        OrganisationSpec(days=30, students=60, midnight_in_both_files=True, flaws=False)
    )
    once = Organisation(OrganisationSpec(days=30, students=60, flaws=False))
    assert twice.truth.sessions == once.truth.sessions
    listed = [tuple(row.values()) for _, row in rows(twice, "lab_sessions/lab_sessions")]
    assert len(set(listed)) == len(once.truth.sessions) < len(listed)


def test_students_never_seen_are_enrolled_and_in_no_session():
    truth = LARGE.truth
    enrolled = {user for user, _ in truth.members}
    assert truth.never_seen and truth.never_seen <= enrolled
    assert not truth.never_seen & {session.user_id for session in truth.sessions}
    assert 1731003 in truth.never_seen
    assert not any(user < 1731000 for user in truth.never_seen)  # staff


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_a_student_whose_launches_all_fail_is_seen_and_has_failed_only(organisation: Organisation):
    truth = organisation.truth
    assert 1731009 in truth.failed_only
    assert not truth.failed_only & truth.never_seen
    listed = [
        row
        for _, row in rows(organisation, "lab_sessions/lab_sessions")
        if row["user_id"] == "1731009"
    ]
    assert len(listed) >= 2 and all(
        "START failed" in row["log"] and not row["start_time"] for row in listed
    )
