"""Rows that need Vocareum's side, simulated on this machine, and Dagster."""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from analytics_pipeline.demo.api_server import ApiServer, Issued
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.demo.wsgi import serving
from analytics_pipeline.sql_models import load_project
from benchmarks import data, peers
from benchmarks.measure import Figures, alternate, measure, median, ratio
from benchmarks.rows import Bench, Row, summary


def bucket_row(bench: Bench) -> Row:
    """Measure a whole bucket against `aws s3 sync`."""
    count, prefix = bench.size(4_000, 400), "org1/"
    with peers.s3(bench.work) as url:
        client = peers.client(url)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(partial(_put_blob, client, prefix), range(count)))

        def ours() -> Figures:
            return measure(
                bench.subject(
                    "download", bench.fresh("download") / "files", peers.BUCKET, prefix, url
                ),
                peers.KEYS,
            )

        def theirs() -> Figures:
            command = [
                str(peers.environment(bench.work) / "aws"),
                "s3",
                "sync",
                f"s3://{peers.BUCKET}/{prefix}",
            ]
            where = [str(bench.fresh("aws")), "--only-show-errors", "--endpoint-url", url]
            return measure([*command, *where], peers.KEYS)

        mine, sync = alternate(bench.repeats, ours, theirs)
        assert len(list((bench.work / "runs" / "aws").rglob("*.csv"))) == count
    detail = (
        f"ours {summary(mine)}; aws s3 sync {summary(sync)}; the S3 (SeaweedFS) runs on the same"
        " cores"
    )
    return Row(
        f"a bucket of {count:,} objects of 50 KB, verified",
        "aws s3 sync",
        2.5,
        ratio(sync, mine),
        True,
        detail,
        {"CPU": ratio(sync, mine, "cpu")},
    )


def _put_blob(client: Any, prefix: str, number: int) -> None:
    client.put_object(
        Bucket=peers.BUCKET,
        Key=f"{prefix}lab_sessions/{number:05}.csv",
        Body=data.blob(number, 50_000),
    )


class _Feed:
    """A warehouse kept up to date with a feed of lab_sessions; `another_day` adds one more file.

    The API is the demo's, the S3 is SeaweedFS: listing ten years with the demo's own S3 would
    dominate the measurement.
    """

    def __init__(self, bench: Bench, settings: Mapping[str, str], name: str, history: int) -> None:
        self._command, self._home, self._round = (
            bench.binaries / "analytics-pipeline",
            bench.fresh(name),
            0,
        )
        self._org, self._s3 = (
            name.removeprefix("org"),
            peers.client(settings["AWS_ENDPOINT_URL_S3"]),
        )
        self._last = datetime.now(UTC).date() - timedelta(days=1)
        first = self._last - timedelta(days=history)
        self._settings = {
            **settings,
            "VOCAREUM_ORG_ID": self._org,
            "VOCAREUM_START_DATE": first.isoformat(),
            "ANALYTICS_DATA_DIR": str(self._home),
        }
        for n in range(history):
            self._put(first + timedelta(days=n), 100)
        self._sync()

    def _put(self, day: date, rows: int) -> None:
        """Deliver a day's file, with sessions that no other day lists."""
        body = data.lab_sessions(day, rows)
        key = f"org{self._org}/lab_sessions/lab_sessions_{day}.csv"
        self._s3.put_object(Bucket=peers.BUCKET, Key=key, Body=body)

    def another_day(self) -> Figures:
        """Deliver one new or rewritten file, and load it with a run."""
        self._round += 1
        self._put(self._last, 100 + self._round)
        return self._sync()

    def _sync(self) -> Figures:
        return measure([str(self._command), "sync"], self._settings)


@contextmanager
def feed(bench: Bench, histories: Mapping[str, int]) -> Iterator[list[_Feed]]:
    """Create feeds with that many past days, by organisation."""
    with peers.s3(bench.work, any_login=True) as s3_url, ExitStack() as running:
        settings = {
            "VOCAREUM_API_TOKEN": "bench",
            "VOCAREUM_BUCKET": peers.BUCKET,
            "AWS_ENDPOINT_URL_S3": s3_url,
            "AWS_REGION": peers.REGION,
        }
        feeds = []
        for org, history in histories.items():
            api = ApiServer(org.removeprefix("org"), "bench", _issue, [])
            url = running.enter_context(serving(api, threads=2))
            own = {**settings, "VOCAREUM_API_URL": f"{url}/api/v2"}
            feeds.append(_Feed(bench, own, org, history))
        yield feeds


def _issue() -> Issued:
    hour = datetime.now(UTC) + timedelta(hours=1)
    return Issued(
        peers.KEYS["AWS_ACCESS_KEY_ID"], peers.KEYS["AWS_SECRET_ACCESS_KEY"], "bench-token", hour
    )


def _empty_run(bench: Bench, home: str, partitions: int, collecting: str = "yes") -> Figures:
    folder = bench.work / "runs" / home
    folder.mkdir(parents=True, exist_ok=True)
    command = bench.subject("empty_dagster", partitions, len(load_project().models), collecting)
    return measure(command, {"DAGSTER_HOME": str(folder)})


def new_day_row(bench: Bench) -> Row:
    """Measure a run with one new day against empty assets."""
    bench.fresh("empty")
    with feed(bench, {"org1": 30}) as [month]:
        ours, empty, alike = alternate(
            bench.repeats,
            month.another_day,
            lambda: _empty_run(bench, "empty", 1),
            lambda: _empty_run(bench, "empty", 1, collecting="no"),
        )
    detail = (
        f"ours {summary(ours)}; empty assets in Dagster {summary(empty)}; the same without garbage"
        f" collection, as ours {summary(alike)}"
    )
    more = {
        "CPU": ratio(ours, empty, "cpu"),
        "against those without garbage collection": ratio(ours, alike),
    }
    return Row(
        "a six-hourly run with one new day",
        "empty assets",
        1.4,
        ratio(ours, empty),
        detail=detail,
        more=more,
    )


def history_row(bench: Bench) -> Row:
    """Measure a run with one new day and ten loaded years against one with a loaded month."""
    with feed(bench, {"org1": 30, "org2": bench.size(3_650, 365)}) as [month, ten]:
        long, short = alternate(bench.repeats, ten.another_day, month.another_day)
    detail = f"ten years {summary(long)}; one month {summary(short)}; files of 100 rows"
    more = {"CPU": ratio(long, short, "cpu")}
    return Row(
        "a six-hourly run with ten years of history",
        "one month",
        1.35,
        ratio(long, short),
        detail=detail,
        more=more,
    )


def backfill_rows(bench: Bench) -> list[Row]:
    """Measure all datasets from S3 to the published file in ranges, against a run per partition,
    and Dagster's share.
    """
    spec = OrganisationSpec(
        days=bench.size(1_095, 60),
        students=60,
        last_day=datetime.now(UTC).date() - timedelta(days=1),
    )
    some, few = bench.size(50, 10), bench.size(10, 3)
    with DemoVocareum() as demo:
        demo.put_many(Organisation(spec).files())
        settings = {**demo.environment, "VOCAREUM_START_DATE": spec.first_day.isoformat()}
        command = str(bench.binaries / "analytics-pipeline")
        # Its planted faults make the command exit with 1.
        whole = measure(
            ["sh", "-c", f"{command} sync || true"],
            {**settings, "ANALYTICS_DATA_DIR": str(bench.fresh("whole"))},
        )
        single_home = {**settings, "ANALYTICS_DATA_DIR": str(bench.fresh("single"))}
        none = measure(bench.subject("one_by_one", 0), single_home)
        single = measure(bench.subject("one_by_one", some), single_home)
        separate_home = bench.fresh("separate")
        separate = [_in_a_process(bench, settings, separate_home, spec, n) for n in range(few)]
    partitions = int(single.output.split()[-1])
    shutil.rmtree(bench.work / "runs" / "floor", ignore_errors=True)
    floor = _empty_run(bench, "floor", partitions)
    in_process, in_processes = (single.wall - none.wall) / some, median(separate)
    name = (
        f"{spec.days:,} days of all partitioned datasets ({partitions:,} partitions) from S3 to the"
        " published file"
    )
    return [
        Row(
            name,
            "one Dagster run per partition, in process",
            25,
            in_process * partitions / whole.wall,
            True,
            f"whole {summary([whole])}; {in_process:.2f} s for each of {some} runs, extrapolated",
        ),
        Row(
            "the same",
            "one run per partition, default executor",
            100,
            in_processes * partitions / whole.wall,
            True,
            f"{in_processes:.1f} s for each of {few} runs, extrapolated",
        ),
        Row(
            "the same: share of its time above Dagster's own event log",
            "the same number of partitions of an empty asset",
            0.4,
            (whole.wall - floor.wall) / whole.wall,
            detail=f"whole {summary([whole])}; empty {summary([floor])}",
            more={"CPU share": (whole.cpu - floor.cpu) / whole.cpu},
        ),
    ]


def _in_a_process(
    bench: Bench, settings: dict[str, str], home: Path, spec: OrganisationSpec, number: int
) -> Figures:
    """Measure one partition as a separate run with Dagster's default executor."""
    day = spec.first_day + timedelta(days=20 + number)
    command = [
        str(bench.binaries / "dagster"),
        "asset",
        "materialize",
        "-m",
        "benchmarks.default_executor",
    ]
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    return measure(
        [*command, "--select", "raw/lab_sessions", "--partition", day.isoformat()],
        {**settings, "ANALYTICS_DATA_DIR": str(home), "DAGSTER_HOME": str(home / "dagster")},
    )
