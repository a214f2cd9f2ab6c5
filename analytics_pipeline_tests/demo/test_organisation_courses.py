"""The true rosters, scores and lineage of the organisation's courses: they agree with its files."""

import csv
import io
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline_tests.support.organisation_rows import LARGE, SMALL


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_the_roster_shrinks_and_the_truth_keeps_who_was_on_it(organisation: Organisation):
    spec, truth = organisation.spec, organisation.truth
    before, after = (_enrolled(organisation, day) for day in (spec.twelfth(8), spec.last_day))
    gone = {user for user, _ in before - after}
    assert gone == {1731000 + i for i in range(spec.students) if i % 20 == 15}
    assert {user for (user, _), member in truth.members.items() if not member.is_listed} == gone
    assert {key for key, member in truth.members.items() if member.is_listed} == after
    assert (
        truth.members[
            1731005, next(course for user, course in truth.members if user == 1731005)
        ].role
        == "ta"
    )


def _enrolled(organisation: Organisation, as_of: date) -> set[tuple[int, int]]:
    bad = {(row.key, row.record) for row in organisation.truth_as_of(as_of).planted}
    found = set()
    for key, body in organisation.files(as_of).items():
        if key.endswith("enrollment.csv"):
            records = list(
                csv.reader(io.StringIO(body.decode(), newline=""), skipinitialspace=True)
            )
            found |= {
                (int(r[0]), int(r[1])) for n, r in enumerate(records) if n and (key, n) not in bad
            }
    return found


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_learners_have_the_same_assignment_id_in_two_courses_with_scores_of_their_own(
    organisation: Organisation,
):
    by_id: dict[tuple[int, int], dict[int, Decimal | None]] = defaultdict(dict)
    for (course, assignment, user, _), score in organisation.truth.scores.items():
        by_id[user, assignment][course] = score.points
    twice = [scores for scores in by_id.values() if len(scores) > 1]
    assert twice and any(len(set(scores.values())) > 1 for scores in twice)


def test_lineage_follows_chains_out_of_the_organisation_and_survives_a_cycle():
    truth = SMALL.truth
    assert truth.lineage[45760] == (45760, 45723, 45686)
    assert truth.root_course[45760] == 45686
    assert (truth.lineage[45001], truth.root_course[45001]) == ((45001, 1020), 45001)
    assert truth.root_course[45002] == 45002
    assert truth.root_course[45003] is truth.root_course[45004] is None


def test_grades_repeat_scores_that_the_truth_has_once():
    truth, scores, lines = LARGE.truth, {}, 0
    for key, body in LARGE.files().items():
        if key.endswith("grades.csv"):
            bad = {row.record for row in truth.planted if row.key == key}
            header, *records = csv.reader(
                io.StringIO(body.decode(), newline=""), skipinitialspace=True
            )
            for row in (
                dict(zip(header, r, strict=True)) for n, r in enumerate(records, 1) if n not in bad
            ):
                number = int(row["submission"]) if row.get("submission") else None
                where = (int(row["courseid"]), int(row["asnid"]), int(row["userid"]), number)
                scores.setdefault(where, set()).add(
                    Decimal(row["asnscore"]) if row["asnscore"] else None
                )
                lines += 1
    assert {where: {score.points} for where, score in truth.scores.items()} == scores
    assert lines > 2 * len(scores)
    assert any(score.is_override for score in truth.scores.values())
    assert {score.role for score in truth.scores.values()} >= {"student", "teacher", "ta"}


def test_scores_appear_with_time_and_some_never_do():
    early, late = LARGE.truth_as_of(LARGE.spec.twelfth(4)).scores, LARGE.truth.scores
    assert early.keys() < late.keys()
    appeared = [
        where for where in early if early[where].points is None and late[where].points is not None
    ]
    assert appeared and any(score.points is None for score in late.values())
