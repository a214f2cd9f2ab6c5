"""The organisation's bucket: the same for equal specs, and growing night by night like the
vendor's.
"""

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta

import pytest

from analytics_pipeline.demo.organisation import Dialect, Organisation, OrganisationSpec

SPEC = OrganisationSpec.small()
DAILY = ("/lab_sessions/lab_sessions_", "/cloud_spend/")


def test_equal_specs_give_equal_bytes_and_equal_truth():
    first, second = Organisation(SPEC), Organisation(OrganisationSpec.small())
    assert first.files() == second.files()
    assert first.truth == second.truth


def test_another_process_with_another_hash_seed_gives_the_same_bytes():
    program = (
        "import hashlib; from analytics_pipeline.demo.organisation import Organisation,"
        " OrganisationSpec;"
        "files = Organisation(OrganisationSpec.small()).files();"
        "print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())"
    )
    here = hashlib.sha256(repr(sorted(Organisation(SPEC).files().items())).encode()).hexdigest()
    for hash_seed in "1", "2":
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        printed = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        )
        assert printed.stdout.strip() == here


def test_another_seed_is_another_organisation():
    assert Organisation(SPEC).files() != Organisation(OrganisationSpec.small(seed=8)).files()


def test_the_order_of_questions_does_not_change_the_answers():
    asked_backwards = Organisation(SPEC)
    backwards = {day: asked_backwards.files(day) for day in reversed(SPEC.all_days())}
    asked_forwards = Organisation(SPEC)
    assert all(asked_forwards.files(day) == backwards[day] for day in SPEC.all_days())


@pytest.mark.parametrize("flaws", [True, False])
def test_a_delivered_daily_file_changes_only_in_its_announced_night(flaws: bool):
    organisation = Organisation(OrganisationSpec.small(flaws=flaws))
    final = organisation.truth.rewritten
    changed: set[str] = set()
    for day in SPEC.all_days()[1:]:
        before, after = organisation.files(day - timedelta(days=1)), organisation.files(day)
        assert before.keys() <= after.keys()
        for key in (
            key
            for key in before
            if any(part in key for part in DAILY) and before[key] != after[key]
        ):
            assert final[key] == day
            changed.add(key)
    assert changed == {key for key, day in final.items() if day <= SPEC.last_day}
    assert {key.split("/")[1] for key in changed} == {"lab_sessions", "cloud_spend"}


def test_each_night_delivers_that_days_files_and_none_of_later_days():
    organisation = Organisation(SPEC)
    for day in SPEC.all_days():
        days = [
            key[-14:-4]
            for key in organisation.files(day)
            if any(part in key for part in DAILY) and key.endswith("csv")
        ]
        assert max(days) <= day.isoformat()


def test_an_open_month_is_rewritten_and_a_closed_one_is_not():
    organisation = Organisation(SPEC)
    october, november = (
        f"org9001/service_spend/service_spend_2026-{month}.csv" for month in (10, 11)
    )
    closed = organisation.files(date(2026, 10, 31))[october]
    assert organisation.files(date(2026, 10, 28))[october] != closed
    assert organisation.files()[october] == closed
    assert organisation.files(date(2026, 11, 5))[november] != organisation.files()[november]


def test_snapshots_change_over_time_under_the_same_key():
    organisation = Organisation(SPEC)
    early, late = organisation.files(SPEC.twelfth(4)), organisation.files()
    for key in (
        key
        for key in early
        if "mapping" not in key and key.split("/")[1] in ("grades", "enrollment")
    ):
        assert early[key] != late[key]
    mapping = "org9001/course-asn_mapping/course_mapping.csv"
    assert len(organisation.files(SPEC.first_day)[mapping]) < len(early[mapping])


def test_a_day_outside_the_simulation_is_refused():
    with pytest.raises(ValueError, match="outside the simulation"):
        Organisation(SPEC).files(SPEC.last_day + timedelta(days=1))


def test_a_spec_too_small_to_show_every_trait_is_refused():
    with pytest.raises(ValueError, match="at least 12 days"):
        OrganisationSpec(days=3)


def test_days_in_file_names_are_padded_or_not_as_asked():
    spec = OrganisationSpec.small(padded=False)
    keys = Organisation(spec).files().keys()
    assert "org9001/lab_sessions/lab_sessions_2026-11-6.csv" in keys
    assert "org9001/service_spend/service_spend_2026-11.csv" in keys
    assert not any("-0" in key for key in keys)


def test_an_organisation_without_azure_has_no_azure_files():
    organisation = Organisation(OrganisationSpec.small(azure=False))
    assert not any("azure" in key for key in organisation.files())
    assert {spend.provider for spend in organisation.truth.daily_spend} == {"aws"}


def test_the_dialects_differ_in_bytes_and_not_in_truth():
    truths, bodies = [], []
    for dialect in Dialect:
        organisation = Organisation(OrganisationSpec.small(dialect=dialect))
        truths.append(organisation.truth)
        bodies.append(organisation.files()["org9001/course-asn_mapping/course_mapping.csv"])
    assert truths[0] == truths[1] == truths[2]
    assert b", " in bodies[0]
    assert bodies[1].startswith(b"org_id,org_name")
    assert bodies[2] == b"\xef\xbb\xbf" + bodies[1].replace(b"\n", b"\r\n")
