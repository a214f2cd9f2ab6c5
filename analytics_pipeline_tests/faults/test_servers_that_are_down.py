"""An unavailable server, and a wrong clock: an end in bounded time, with exit code 2 and a remedy.

`vocareum/` tests what is retried and how often; `soak/` tests production's timeouts.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.api_server import SHAPES, Issued
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.errors import BucketError
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run
from analytics_pipeline_tests.cli.test_kills import left_over
from analytics_pipeline_tests.orchestration.conftest import lab_sessions
from analytics_pipeline_tests.support.clocks import Clock
from analytics_pipeline_tests.support.faulty_network import bad_network, black_hole, bucket

SKEWED = (
    b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too"
    b" large.</Message></Error>"
)
MAPPING = (
    b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n9001, O, 1, C,"
    b" New,\n"
)
DOWN = ["connection refused", "503 for ever", "black hole"]


@contextmanager
def down(kind: str, demo: DemoVocareum) -> Iterator[dict[str, str]]:
    """Return settings that lead to servers which are down in this way."""
    if kind == "503 for ever":
        with bad_network(demo, {"503 SlowDown": 1.0}) as network:
            yield network.environment
    elif kind == "black hole":
        with black_hole() as url:
            yield {"VOCAREUM_API_URL": f"{url}/api/v2", "AWS_ENDPOINT_URL_S3": url}
    else:
        yield {
            "VOCAREUM_API_URL": "http://127.0.0.1:9/api/v2",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        }


@pytest.mark.first_forms(3)
@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("kind", DOWN)
@pytest.mark.parametrize(
    ("server", "words"),
    [("VOCAREUM_API_URL", "API was not usable"), ("AWS_ENDPOINT_URL_S3", "could not be listed")],
)
def test_a_sync_ends_in_bounded_time_when_a_server_is_down(
    run: Run,
    demo: DemoVocareum,
    data: Path,
    budgets_spent: list,
    kind: str,
    server: str,
    words: str,
):
    demo.put("org9001/course-asn_mapping/course_mapping.csv", b"not asked for")
    with down(kind, demo) as settings:
        result = run("sync", **{server: settings[server]})
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "Try again later" in result.output, "no remedy"
    assert "Traceback" not in result.output
    assert len(budgets_spent) == 1, "it was given up more than once"
    assert not list(data.rglob("*.csv"))


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("server", ["api", "s3"])
def test_a_server_failure_during_a_sync_ends_it_and_the_next_one_continues(
    run: Run,
    demo: DemoVocareum,
    organisation: Organisation,
    data: Path,
    after_listing: Callable,
    budgets_spent: list,
    server: str,
):
    names = ("enrollment", "mapping")
    delivered = {
        key: body
        for key, body in organisation.files().items()
        if any(name in key for name in names)
    }
    demo.put_many(delivered)
    with bad_network(demo, {}) as network:
        after_listing(
            lambda: getattr(network, server).shares.update({"stall before the answer": 1.0})
        )
        result = run("sync", **network.environment)
    assert result.exit_code == 2, result.output
    assert "Try again later" in result.output, result.output
    assert "Traceback" not in result.output
    assert len(budgets_spent) == 1, "each step waited for itself"
    assert left_over(data) == []
    with open_warehouse(data / "warehouse.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM ops.loaded_files").fetchone() == (0,)
    result = run("sync")
    assert result.exit_code == 0, result.output
    with open_warehouse(data / "warehouse.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM ops.loaded_files").fetchone() == (
            len(delivered),
        )


@pytest.mark.thorough
def test_objects_that_s3_refuses_fail_alone_with_code_and_remedy(
    run: Run, demo: DemoVocareum, data: Path
):
    kinds = [
        (403, "InvalidObjectState", "archived"),
        (400, "KMS.DisabledException", "enable the key"),
        (410, "Gone", "Ask Vocareum"),
    ]
    days = [f"{YESTERDAY - timedelta(days=back)}" for back in range(20)]
    demo.put_many(dict(lab_sessions(day) for day in days))
    refused = {lab_sessions(day)[0]: kinds[at % 3] for at, day in enumerate(days[:18])}
    for key, (status, code, _) in refused.items():
        demo.refuse(key, status, code)
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert "in a row" not in result.output
    for key, (status, code, remedy) in refused.items():
        assert re.search(rf"{key}: S3 \w+.*\({code}\)\. .*{remedy}", result.output), (
            key,
            result.output,
        )
        assert [request.status for request in demo.requests if request.key == key] == [status], (
            "not worth a retry"
        )
    assert loaded(data) == {"lab_sessions": 2}


@pytest.mark.slow
def test_a_file_that_s3_refuses_is_a_failed_file_in_every_place(
    run: Run, demo: DemoVocareum, data: Path
):
    (key, body), (other, other_body) = (
        lab_sessions(f"{YESTERDAY - timedelta(days=back)}") for back in (0, 1)
    )
    demo.put_many({key: body, other: other_body})
    demo.refuse(key, 400, "KMS.DisabledException")

    def failed() -> list[tuple]:
        columns = "source_key, reason, remedy, attempts"
        with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as published:
            return published.execute(f"SELECT {columns} FROM ops.failed_files").fetchall()

    for attempts in (1, 2):
        assert run("sync").exit_code == 1
        ((source_key, reason, remedy, counted),) = failed()
        assert (source_key, counted) == (key, attempts)
        assert reason == "S3 refuses it (KMS.DisabledException)" and "enable the key" in remedy
    shown = json.loads(run("status", "--json").output)
    assert [(file["partition"], file["attempts"]) for file in shown["failing_files"]] == [
        (f"{YESTERDAY}", 2)
    ]
    assert f"{key}: {reason}. {remedy}" in run("status").output
    assert reason in run("findings", "--file", key).output
    assert run("report").exit_code == 0
    assert "lab_sessions: 1 file could not be loaded since" in (data / "report.html").read_text()
    assert "Nothing to replay" in run("quarantine", "replay").output, "it never landed"

    demo.put(key, body + body.splitlines()[1] + b"\n")
    assert run("sync").exit_code == 1
    assert [counted for *_, counted in failed()] == [1], "another version has its own attempts"
    demo.accept(key)
    run("sync")
    assert failed() == []
    assert loaded(data) == {"lab_sessions": 2}


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_an_outage_for_one_datasets_files_does_not_stop_the_others(
    run: Run, demo: DemoVocareum, data: Path
):
    days = [f"{YESTERDAY - timedelta(days=back)}" for back in range(40)]
    demo.put_many(dict(lab_sessions(day) for day in days))
    for day in days:
        demo.refuse(lab_sessions(day)[0], 500, "InternalError")
    demo.put("org9001/course-asn_mapping/course_mapping.csv", MAPPING)
    spend = (
        "aws_account_id,user_id,user_email,course_id,part_id,service,cost\n"
        "123456789012,1,a@example.org,1,3,EC2,10\n"
    )
    demo.put(f"org9001/service_spend/service_spend_{YESTERDAY:%Y-%m}.csv", spend.encode())
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert re.search(r"S3 failed for 17 files in a row\. Try again later", result.output), (
        result.output
    )
    assert loaded(data) == {"course_mapping": 1, "service_spend": 1}, result.output
    with open_warehouse(data / "warehouse.duckdb") as connection:
        failed = connection.execute("SELECT count(*) FROM ops.failed_files").fetchone()
    assert failed == (0,), "an outage is no file's failure"


def loaded(data: Path) -> dict[str, int]:
    with open_warehouse(data / "warehouse.duckdb") as connection:
        return dict(
            connection.execute(
                "SELECT dataset, count(*) FROM ops.loaded_files GROUP BY ALL"
            ).fetchall()
        )


def test_s3_rejecting_this_machines_clock_says_to_set_it(run: Run, demo: DemoVocareum):
    refuse_the_time(demo)
    result = run("sync")
    assert result.exit_code == 2, result.output
    assert "RequestTimeTooSkewed" in result.output
    assert "Set this machine's clock" in result.output
    assert demo.count("LIST") == 1, "a wrong clock is not worth another request"


def test_s3_refusing_this_machines_time_ends_a_download_with_the_same_words(
    demo: DemoVocareum, tmp_path: Path
):
    demo.put_many({f"org9001/{at}.csv": b"x" for at in range(100)})
    opened = bucket(demo, demo.environment)
    listed = list(opened.list())
    refuse_the_time(demo)
    with pytest.raises(
        BucketError, match=r"clock \(RequestTimeTooSkewed\).*Set this machine's clock"
    ):
        list(opened.download(listed, lambda found: tmp_path / found.key, workers=4))
    assert demo.count("GET") <= 4, "each worker had one request under way, and begins no other"


def refuse_the_time(demo: DemoVocareum) -> None:
    demo.fail_next(10_000, 403, service="s3", body=SKEWED, content_type="application/xml")


def test_credentials_expired_by_this_machines_clock_name_both_times_and_the_clock(
    run: Run, demo: DemoVocareum
):
    demo.lifetime = timedelta(hours=-2)  # like an hour by a clock that is three hours ahead
    before = datetime.now(UTC) + demo.lifetime
    result = run("sync")
    after = datetime.now(UTC) + demo.lifetime
    assert result.exit_code == 2, result.output
    assert "Set this machine's clock" in result.output
    found = re.search(
        r"expired at (.*) UTC, but by this machine's clock it is (.*) UTC", result.output
    )
    assert found, result.output
    ended, now = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in found.groups())
    assert before.replace(microsecond=0) <= ended <= after
    assert ended <= now - timedelta(hours=2) <= after


def test_credentials_that_seem_to_live_hours_longer_than_they_do_are_renewed_when_s3_refuses_them(
    demo: DemoVocareum, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def late(issued: Issued) -> dict[str, object]:  # as seen by a clock that is three hours behind
        return {
            **SHAPES["snake_case"](issued)["data"],
            "expires_at": issued.expires_at.timestamp() + 3 * 3600,
        }

    monkeypatch.setitem(SHAPES, "env", late)
    files = organisation.files()
    demo.put_many(files)
    demo.clock = Clock(step=timedelta(minutes=5))  # an hour is enough for twelve requests
    opened = bucket(demo, demo.environment)
    outcomes = list(
        opened.download(opened.list(), lambda found: tmp_path / found.etag / found.key, workers=2)
    )
    assert {outcome.object.key: outcome.path.read_bytes() for outcome in outcomes} == files
    refused = sum(request.status == 400 for request in demo.requests)
    assert refused >= 2, "S3 refused no credentials: nothing was tried"
    assert 2 <= demo.count("API") <= 1 + refused < len(files), (
        "renewed when refused, not at every call"
    )
