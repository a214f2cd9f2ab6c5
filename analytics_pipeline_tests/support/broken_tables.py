"""Statements that break tables of a simulated organisation, one for each thing that a test of
`dbt_like_sql/tests/` must notice.
"""

from analytics_pipeline_tests.support.model_warehouse import PROJECT

ANY_ROW = "rowid = (SELECT min(rowid) FROM {})"


def _twice(table: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1"


def _without(table: str) -> str:
    return f"DELETE FROM {table} WHERE {ANY_ROW.format(table)}"


def _changed(table: str, change: str) -> str:
    return f"UPDATE {table} SET {change} WHERE {ANY_ROW.format(table)}"


def _view(name: str, old: str, new: str) -> str:
    sql = PROJECT.models[f"marts.{name}"].sql
    assert old in sql
    return f"CREATE OR REPLACE VIEW marts.{name} AS {sql.replace(old, new)}"


GRAINS = {
    name: [_twice(f"marts.{name.removeprefix('grain_of_')}")]
    for name in PROJECT.tests
    if name.startswith("grain_of_")
}
_ANOMALY = (
    "INSERT INTO marts.spend_anomalies (course_id, user_id, day, episode_starts_on, cost,"
    " median_cost) VALUES "
)
"""The organisation has no anomaly, unless it is told to."""
BREAKS: dict[str, list[str]] = GRAINS | {
    "grain_of_spend_anomalies": [
        _ANOMALY + "(1, 1, '2026-11-01', NULL, 1, 1), (1, 1, '2026-11-01', NULL, 1, 1)"
    ],
    "anomalies_are_of_one_day": [_ANOMALY + "(1, 1, '2026-11-01', '2026-11-01', 100, 1)"],
    "no_day_costs_far_more_than_usual": [
        _ANOMALY + "(1, 1, (SELECT max(as_of) FROM marts.spend_calendar), '2026-11-01', 100, 1)"
    ],
    "budgets_spend_what_their_courses_spend": [
        "UPDATE marts.budget_status SET spent = spent + 0.000000001 WHERE scope = 'course'",
        "UPDATE marts.spend_days SET cost = cost + 0.000000001",
    ],
    "every_budget_has_a_period_for_each_day": [
        _without("marts.budget_status"),
        "INSERT INTO marts.spend_days (day, dating) SELECT max(ends_on) + 40, 'as delivered' FROM"
        " marts.budget_status WHERE budget = 'First course and clones'",
    ],
    "forecasts_begin_with_what_is_spent": [
        "UPDATE marts.spend_forecast SET spent = spent + 0.000000001 WHERE scope = 'organisation'",
        "UPDATE marts.spend_forecast SET forecast_low = forecast + 1 WHERE scope = 'organisation'",
        "UPDATE marts.spend_forecast SET days_left = days_left + 1",
    ],
    "students_months_add_up_to_their_spend": [
        _without("marts.student_spend_watch"),
        "UPDATE marts.student_spend_watch SET spend_after_drop = 1 WHERE dropped_on IS NULL",
    ],
    "every_course_has_a_term": [
        "DELETE FROM marts.course_terms",
        "UPDATE marts.course_terms SET is_derived = true",
        "UPDATE marts.course_terms SET term = '1999 Q1'",
        "INSERT INTO raw.course_labels (course_id, term) SELECT 1, term FROM marts.course_terms"
        " WHERE is_derived LIMIT 1",
    ],
    "budgets_reach_no_threshold": [
        "UPDATE marts.budget_status SET alerts_reached = [10, 20, 30, 40, 50, 80, 100]"
    ],
    "budgets_last_by_the_forecast": ["UPDATE marts.budget_status SET state = 'over'"],
    "every_budget_has_a_scope": ["UPDATE marts.budget_status SET state = 'no such scope'"],
    "nobody_spends_after_dropping": [
        """UPDATE marts.student_spend_watch SET dropped_on = '1999-01-01', spend_after_drop = 2,
           is_still_spending = true"""
    ],
    "daily_spend_adds_up_to_what_was_reported": [
        _changed("marts.daily_cloud_spend", "cost = cost + 0.000000001"),
        "DELETE FROM marts.daily_cloud_spend WHERE provider = 'azure' AND cost > 0",
    ],
    "every_reported_cost_is_in_daily_cloud_spend": [
        _without("marts.daily_cloud_spend"),
        _changed("marts.daily_cloud_spend", "part_id = -1"),
    ],
    "daily_spend_is_negative_only_after_a_credit": [
        _changed("marts.daily_cloud_spend", "cost = -0.1"),
        _changed("marts.daily_cloud_spend", "days_covered = 0"),
    ],
    "spend_days_add_up_to_daily_spend": [
        _without("marts.spend_days"),
        _changed("marts.spend_days", "cost = cost + 0.000000001"),
        "UPDATE marts.spend_days SET dating = 'as delivered'",
        "UPDATE marts.course_summary SET opening_balance = 0",
    ],
    "falls_of_accumulated_cost_are_certain": [
        _changed("marts.daily_cloud_spend", "fall = 'dip', fall_evidence = NULL"),
    ],
    "every_course_has_one_parent_at_most": [
        "UPDATE marts.course_lineage SET has_several_parents = true WHERE depth = 0",
    ],
    "spend_of_shared_parts_has_a_course": [
        """UPDATE marts.daily_cloud_spend SET course_id = NULL
           WHERE part_id = (SELECT min(part_id) FROM marts.daily_cloud_spend
           WHERE course_id IS NOT NULL)""",
    ],
    "spend_by_course_adds_up_to_the_total": [
        "UPDATE marts.course_summary SET spend = spend + 0.000000001 WHERE course_id IS NULL",
        _changed("marts.student_course_summary", "spend = spend + 0.000000001"),
    ],
    "monthly_service_spend_adds_up_to_what_was_delivered": [
        _changed("marts.monthly_service_spend", "cost = cost + 0.000000001"),
        (
            "DELETE FROM marts.monthly_service_spend WHERE month = (SELECT min(month) FROM"
            " marts.monthly_service_spend)"
        ),
    ],
    "spend_reconciliation_adds_up_to_both_reports": [
        (
            "UPDATE marts.spend_reconciliation SET account_increase = account_increase + 1 WHERE"
            " difference IS NOT NULL"
        ),
        "UPDATE marts.spend_reconciliation SET difference = 0",
        "DELETE FROM marts.spend_reconciliation",
    ],
    "the_two_aws_reports_agree": [
        """INSERT INTO marts.data_completeness (dataset, period, loaded)
             VALUES ('aws_cost', '2019-12-31', true), ('aws_cost', '2020-01-31', true);
           INSERT INTO marts.spend_reconciliation (month, service_total, account_increase)
             VALUES ('2020-01-01', 150, 148.49)"""
    ],
    "every_session_is_in_lab_sessions": [
        _without("marts.lab_sessions"),
        _changed("marts.lab_sessions", "user_id = -1"),
    ],
    "no_session_is_longer_than_31_days": [
        _changed("marts.lab_sessions", "end_time = start_time + INTERVAL 32 DAY"),
        _changed("marts.lab_sessions", "end_time = NULL, minutes_delivered = 44641"),
    ],
    "every_launch_is_one_session": [
        "INSERT INTO marts.lab_sessions BY NAME SELECT * REPLACE (NULL AS start_time) FROM"
        " marts.lab_sessions WHERE launch_time IS NOT NULL LIMIT 1"
    ],
    "every_row_is_in_lab_session_rows": [
        (
            "CREATE OR REPLACE VIEW staging.lab_session_rows AS FROM raw.lab_sessions WHERE"
            " launch_time > start_time OR start_time IS NULL"
        ),
    ],
    "days_of_sessions_add_up": [
        (
            "CREATE OR REPLACE VIEW staging.lab_session_days AS SELECT session_date AS day,"
            " course_id, start_time, end_time FROM marts.lab_sessions WHERE start_time < end_time"
        ),
        (
            "CREATE OR REPLACE VIEW staging.lab_session_days AS SELECT session_date AS day,"
            " course_id, start_time, least(end_time, session_date + INTERVAL 1 DAY) AS end_time"
            " FROM marts.lab_sessions WHERE start_time < end_time"
        ),
    ],
    "every_score_is_in_assignment_scores": [
        _without("marts.assignment_scores"),
        _changed("marts.assignment_scores", "score = 987654"),
        _changed("marts.assignment_scores", "max_score = 987654"),
        _changed("marts.assignment_scores", "course_id = 987654"),
    ],
    "one_submission_counts_per_graded_assignment": [
        "UPDATE marts.assignment_scores SET counts = true",
        "UPDATE marts.assignment_scores SET counts = false",
    ],
    "sessions_add_up_in_every_mart": [
        _without("marts.lab_launches_daily"),
        "DELETE FROM marts.lab_launches_weekly WHERE lab_type IS NULL",
        _changed("marts.student_course_summary", "sessions = sessions + 1"),
        "DELETE FROM marts.course_summary WHERE sessions > 0",
    ],
    "concurrency_is_possible": [
        _without("marts.lab_concurrency_hourly"),
        _changed("marts.lab_concurrency_hourly", "peak_sessions = 100000"),
        "UPDATE marts.lab_concurrency_hourly SET peak_sessions = 1 WHERE course_id IS NULL",
        "DELETE FROM marts.lab_concurrency_hourly WHERE course_id IS NULL",
        _changed("marts.lab_concurrency_hourly", "hour = hour + INTERVAL 10 YEAR"),
    ],
    "every_course_has_the_root_of_its_parent": [
        _without("marts.course_lineage"),
        "UPDATE marts.course_lineage SET root_course_id = -1 WHERE depth = 0",
        "UPDATE marts.course_lineage SET depth = depth + 1 WHERE depth > 0",
    ],
    "every_part_has_the_root_of_its_parent": [
        _without("marts.part_lineage"),
        _changed("marts.part_lineage", "is_circular = NOT is_circular"),
    ],
    "idle_spend_is_part_of_daily_spend": [
        _changed("marts.idle_spend", "cost = cost + 0.000000001"),
        """INSERT INTO marts.idle_spend BY NAME
           SELECT spend.* EXCLUDE (is_reset, is_first, is_opening_balance, fall, fall_evidence,
             fall_at_stake) FROM marts.daily_cloud_spend AS spend
           SEMI JOIN marts.lab_sessions AS s ON s.user_id = spend.user_id
           AND s.part_id = spend.part_id
               AND s.session_date = spend.spend_date LIMIT 1""",
    ],
    "idle_days_add_up_to_idle_spend": [
        "UPDATE marts.idle_days SET cost = cost + 0.001",
        "DELETE FROM marts.idle_days WHERE part_id = (SELECT min(part_id) FROM marts.idle_days)",
        (
            "INSERT INTO marts.idle_days BY NAME SELECT * EXCLUDE (part_id), -1 AS part_id FROM"
            " marts.idle_days LIMIT 1"
        ),
    ],
    "organisation_days_add_up": [
        _without("marts.organisation_daily"),
        _changed("marts.organisation_daily", "active_users = sessions + 1"),
        _changed("marts.organisation_daily", "azure_spend = azure_spend + 0.000000001"),
        "UPDATE marts.organisation_daily SET is_complete = true",
        "UPDATE marts.organisation_daily SET is_complete = false",
        (
            "UPDATE marts.organisation_daily SET spend_complete = true WHERE NOT spend_complete AND"
            " opening_balance = 0"
        ),
    ],
    "weekly_activity_is_that_of_the_sessions": [
        "DELETE FROM marts.activity_weekly WHERE course_id IS NULL",
        (
            "UPDATE marts.activity_weekly SET active_students = active_users + 1 WHERE course_id IS"
            " NULL"
        ),
        (
            "UPDATE marts.activity_weekly SET active_students = active_students - 1 WHERE course_id"
            " IS NOT NULL AND active_students > 0"
        ),
        "UPDATE marts.activity_weekly SET active_students = 0 WHERE course_id IS NULL",
        "UPDATE marts.activity_weekly SET failure_rate = failure_rate + 0.001",
        "UPDATE marts.activity_weekly SET hours = hours + 0.001 WHERE course_id IS NOT NULL",
        "UPDATE marts.activity_weekly SET hours = hours + 0.001 WHERE course_id IS NULL",
    ],
    "course_months_add_up": [
        (
            "UPDATE marts.course_months SET aws_spend = aws_spend + 0.000000001 WHERE course_id IS"
            " NULL"
        ),
        "UPDATE marts.course_months SET spend = spend + 0.000000001 WHERE course_id IS NULL",
        (
            "UPDATE marts.course_months SET active_students = active_students + 1 WHERE course_id"
            " IS NOT NULL"
        ),
        "UPDATE marts.course_months SET active_student_spend = active_student_spend + 0.000000001",
        (
            "UPDATE marts.course_months SET spend_per_active_student = 0 WHERE"
            " active_student_spend > 0"
        ),
        "UPDATE marts.course_months SET sessions = sessions + 1 WHERE sessions > 0",
    ],
    "grain_of_focus_cost": [
        "INSERT INTO marts.daily_cloud_spend SELECT * FROM marts.daily_cloud_spend WHERE cost > 0"
        " LIMIT 1"
    ],
    "focus_cost_is_the_daily_spend": [
        _view("focus_cost", "spend.cost AS", "spend.cost + 0.000000001 AS"),
        _view("focus_cost", "spend.cost <> 0", "spend.cost > 1"),
        _view("focus_cost", "spend.days_covered + 1)", "spend.days_covered)"),
        _view("focus_cost", "ELSE 'Usage'", "ELSE 'Credit'"),
        _view("focus_cost", "(spend.spend_date + 1)", "(spend.spend_date + 3)"),
    ],
    "roster_changes_end_at_the_current_enrollment": [
        _without("marts.roster_changes"),
        _changed("marts.roster_changes", "role = 'janitor'"),
    ],
    "students_are_each_counted_once": [
        "DELETE FROM marts.student_course_summary WHERE never_launched",
        (
            "UPDATE marts.course_summary SET failed_only_students = failed_only_students + 1 WHERE"
            " students > 0"
        ),
        "UPDATE marts.course_summary SET left_students = left_students + 1 WHERE students > 0",
    ],
    "completeness_agrees_with_the_ledger": [
        "DELETE FROM marts.data_completeness WHERE loaded AND dataset = 'aws_cost'",
        "UPDATE marts.data_completeness SET rows = rows + 1 WHERE loaded",
        (
            "INSERT INTO ops.failed_files (dataset, partition, period) VALUES ('aws_cost',"
            " '2026-01-01', '2026-01-01')"
        ),
    ],
    "raw_rows_are_those_of_the_ledger": [
        _without("raw.enrollment"),
        "UPDATE ops.loaded_files SET rows = rows + 1 WHERE dataset = 'lab_sessions'",
    ],
    "scores_add_up_in_the_summary": [
        "UPDATE marts.student_course_summary SET score = score + 0.000001 WHERE score IS NOT NULL",
    ],
}
"""By test of `dbt_like_sql/tests/`: statements, each of which it must notice."""
