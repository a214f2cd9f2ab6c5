"""Alarms about money: each sends one message when it begins and one when it ends.

No message names a user.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.sync import rebuild
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline
from analytics_pipeline_tests.support.live_processes import process_group, wait_for
from analytics_pipeline_tests.support.webhook import Webhook

FIRST = datetime.now(UTC).date() - timedelta(days=25)
STUDENTS = range(731001, 731007)
RUNAWAY, DROPPED = 731002, 731006
HEADER = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time\n"
MAPPING = (
    "org_id,course_id,assignment_id,assignment_name,part_id,part_name,"
    "parent_assignment_id,parent_part_id\n"
)
PEOPLE = (
    "userid,courseid,role,name,email,client_key,client_userid,dropped,organization_terms_agreed,"
    "organization_terms_agreed_date_utc\n"
)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def spent_on(user: int, number: int) -> Decimal:
    """Yield half a dollar per day; one student once spends fifty, another a dollar on three days
    after dropping, then nothing.
    """
    if user == RUNAWAY and number == 10:
        return Decimal(50)
    if user == DROPPED and number > 11:
        return Decimal(1) if number <= 14 else Decimal(0)
    return Decimal("0.5")


def put_days(vocareum: DemoVocareum, first: int, last: int) -> None:
    for number in range(first, last + 1):
        night = datetime.combine(day(number + 1), time(3), UTC)
        rows = "".join(
            f"{user:012d},{user},u@example.org,7,Lab,"
            f"{sum(spent_on(user, n) for n in range(number + 1))},{int(night.timestamp())}\n"
            for user in STUDENTS
        )
        vocareum.put(
            f"org9001/cloud_spend/aws_cost_{day(number)}.csv", (HEADER + rows).encode(), night
        )


def put_roster(vocareum: DemoVocareum, number: int, *dropped: int) -> None:
    rows = "".join(
        f"{user},1,student,A,u@example.org,,,{int(user in dropped)},,\n" for user in STUDENTS
    )
    written = datetime.combine(day(number), time(3), UTC)
    vocareum.put("org9001/enrollment/course1/enrollment.csv", (PEOPLE + rows).encode(), written)


@pytest.fixture
def budgets(tmp_path: Path) -> Path:
    return tmp_path / "budgets.csv"


def write_budget(path: Path, amount: int) -> None:
    path.write_text(
        "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"
        f"organisation,,All,{day(1)},{day(29)},{amount},USD,25;100,,none\n"
    )


@pytest.fixture
def pipeline(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, webhook: Webhook, budgets: Path
) -> Iterator[Pipeline]:
    vocareum.put(
        "org9001/course-asn_mapping/asn_mapping.csv", f"{MAPPING}9001,1,2,A,7,Lab,,\n".encode()
    )
    yield start_pipeline(str(FIRST), ALERT_WEBHOOK_URL=webhook.url, BUDGETS_FILE=str(budgets))


def told(pipeline: Pipeline, webhook: Webhook) -> list[str]:
    """Load and rebuild, evaluate incidents twice, and return the messages about money."""
    before = len(webhook.texts)
    pipeline.tick_and_load()
    built = rebuild(pipeline.settings, pipeline.definitions, pipeline.instance, lambda: None)
    assert built and built.success
    for _ in range(2):
        pipeline.tick("alerts")
    return [
        text for text in webhook.texts[before:] if ":warning:" in text or " (open since " in text
    ]


@pytest.mark.slow
def test_each_alarm_sends_one_message_at_its_start_and_one_at_its_end(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook, budgets: Path
) -> None:
    write_budget(budgets, 100)
    put_roster(vocareum, 1)
    put_days(vocareum, 0, 9)
    (crossed,) = told(pipeline, webhook)
    period = f"from {day(1)} to {day(29)}, 100.00 USD"
    assert f":warning: budget of the organisation {period}, 25 %: 27.00 of 100.00 USD" in crossed
    check = pipeline.check("marts.budget_status", "budgets_reach_no_threshold")
    assert not check.passed and "27.00 of 100.00 USD" in check.description

    put_days(vocareum, 10, 10)
    anomaly, forecast = sorted(told(pipeline, webhook))
    assert (
        f":warning: anomaly in course 1 since {day(10)}: 1 user cost 50.00 USD so far, 100.0 times"
        in anomaly
    )
    assert f":warning: forecast of the organisation {period}:" in forecast

    write_budget(budgets, 1000)
    (raised,) = told(pipeline, webhook)
    assert raised.startswith(":white_check_mark: Resolved: budget of the organisation")
    assert "forecast of the organisation" in raised and "anomaly" not in raised

    put_roster(vocareum, 11, DROPPED)
    put_days(vocareum, 11, 14)
    dropped, over = sorted(told(pipeline, webhook))
    assert (
        f":warning: spend after dropping course 1 by {day(11)}: 3.00 USD spent since, and spending"
        " goes on (1 student)" in dropped
    )
    assert over.startswith(f":white_check_mark: Resolved: anomaly in course 1 since {day(10)}")

    put_days(vocareum, 15, 21)
    (ended,) = told(pipeline, webhook)
    assert ended.startswith(
        f":white_check_mark: Resolved: spend after dropping course 1 by {day(11)}"
    )
    assert not [text for text in webhook.texts for user in STUDENTS if str(user) in text], (
        "a message names a user"
    )


OPENED = ":warning: "
BUDGET, FORECAST = "budget of the organisation", "forecast of the organisation"
ANOMALY, DROP = "anomaly in course 1", "spend after dropping course 1"


def lines_about(webhook: Webhook, alarm: str) -> list[str]:
    """Return the lines about an alarm; those of its start hold `:warning:`."""
    lines = [line for text in list(webhook.texts) for line in text.splitlines()]
    return [line for line in lines if alarm in line]


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_a_running_daemon_sends_each_alarm_once_and_resolves_it_once(
    start_pipeline: StartPipeline,
    vocareum: DemoVocareum,
    webhook: Webhook,
    budgets: Path,
    tmp_path: Path,
) -> None:
    """The daemon alone lists, loads, builds and alerts; each step waits for its last message."""
    vocareum.put(
        "org9001/course-asn_mapping/asn_mapping.csv", f"{MAPPING}9001,1,2,A,7,Lab,,\n".encode()
    )
    settings = {"ALERT_WEBHOOK_URL": webhook.url, "BUDGETS_FILE": str(budgets)}
    start_pipeline(str(FIRST), on_disk=True, FEED_POLL_SECONDS="30", **settings)

    def budget_lacks() -> None:
        put_roster(vocareum, 1)
        put_days(vocareum, 0, 9)

    def budget_is_raised() -> None:
        write_budget(budgets, 1000)

    def student_drops() -> None:
        put_roster(vocareum, 11, DROPPED)
        put_days(vocareum, 11, 14)

    steps: list[tuple[Callable[[], None], dict[str, int]]] = [
        (budget_lacks, {BUDGET: 1}),
        (lambda: put_days(vocareum, 10, 10), {ANOMALY: 1, FORECAST: 1}),
        (budget_is_raised, {BUDGET: 2, FORECAST: 2}),
        (student_drops, {DROP: 1, ANOMALY: 2}),
        (lambda: put_days(vocareum, 15, 21), {DROP: 2}),
    ]
    write_budget(budgets, 100)
    output = tmp_path / "output"
    with process_group([COMMAND, "daemon"], output, seconds=900):
        for deliver, expected in steps:
            deliver()
            wait_for(
                lambda expected=expected: all(
                    len(lines_about(webhook, alarm)) >= count for alarm, count in expected.items()
                ),
                900,
                output,
            )
    for alarm in (BUDGET, FORECAST, ANOMALY, DROP):
        assert [OPENED in line for line in lines_about(webhook, alarm)] == [True, False], (
            f"{alarm}: not one message at its start and one at its end: {webhook.texts}"
        )
