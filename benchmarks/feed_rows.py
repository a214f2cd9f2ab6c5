"""The rows that need Vocareum's side, simulated on this machine, and Dagster."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.credentials import session
from benchmarks import data, peers
from benchmarks.measure import Figures, alternate, measure, median, ratio
from benchmarks.rows import Bench, Row, subject, told


def bucket_row(bench: Bench) -> Row:
    """A whole bucket against `aws s3 sync`."""
    count = bench.size(4_000, 400)
    aws = peers.environment(bench.work) / "aws"
    with DemoVocareum() as demo:
        for number in range(count):
            demo.put(f"{demo.prefix}lab_sessions/{number:05}.csv", data.blob(number, 50_000))

        def ours() -> Figures:
            return measure(subject("download", bench.fresh("download") / "files"), demo.environment)

        def theirs() -> Figures:
            api = VocareumApi(demo.environment["VOCAREUM_API_URL"], SecretStr(demo.token))
            found = session(api, demo.org_id, demo.region).get_credentials()
            assert found is not None
            keys = found.get_frozen_credentials()
            secrets = {
                "AWS_ACCESS_KEY_ID": str(keys.access_key),
                "AWS_SECRET_ACCESS_KEY": str(keys.secret_key),
                "AWS_SESSION_TOKEN": str(keys.token),
            }
            source = f"s3://{demo.bucket}/{demo.prefix}"
            command = [str(aws), "s3", "sync", source, str(bench.fresh("aws")), "--only-show-errors"]
            return measure(
                [*command, "--endpoint-url", demo.environment["AWS_ENDPOINT_URL_S3"]],
                {**secrets, "AWS_REGION": demo.region, "AWS_DEFAULT_REGION": demo.region},
            )

        mine, sync = alternate(bench.repeats, ours, theirs)
    detail = f"ours {told(mine)}; aws s3 sync {told(sync)}; the simulated S3 shares the cores and bounds both"
    return Row(
        f"a bucket of {count:,} objects of 50 KB, verified",
        "aws s3 sync",
        2.5,
        ratio(sync, mine),
        True,
        detail,
        {"CPU": ratio(sync, mine, "cpu")},
    )


class _Feed:
    """A warehouse kept up to date with a simulated feed of lab_sessions; `another_day` brings one more file."""

    def __init__(self, bench: Bench, demo: DemoVocareum, name: str, history: int) -> None:
        self.demo, self.home, self._round = demo, bench.fresh(name), 0
        self._last = datetime.now(UTC).date() - timedelta(days=1)
        self.first = self._last - timedelta(days=history)
        for n in range(history):
            self._put(self.first + timedelta(days=n), n)
        self.sync()

    def _put(self, day: object, seed: int) -> None:
        body = data.lab_sessions(data.FIRST + timedelta(days=seed % 300), 100)
        self.demo.put(f"{self.demo.prefix}lab_sessions/lab_sessions_{day}.csv", body)

    def another_day(self) -> Figures:
        """One new or rewritten file, and the run that loads it."""
        self._round += 1
        self._put(self._last, self._round)
        return self.sync()

    def sync(self) -> Figures:
        """A whole run of the command."""
        command = str(Path(sys.executable).with_name("analytics-pipeline"))
        settings = {"ANALYTICS_DATA_DIR": str(self.home), "VOCAREUM_START_DATE": self.first.isoformat()}
        return measure([command, "sync"], {**self.demo.environment, **settings})


@contextmanager
def _feed(bench: Bench, name: str, history: int) -> Iterator[_Feed]:
    with DemoVocareum() as demo:
        yield _Feed(bench, demo, name, history)


def _nothing(bench: Bench, home: str, partitions: int) -> Figures:
    folder = bench.work / "runs" / home
    folder.mkdir(parents=True, exist_ok=True)
    return measure(subject("empty_dagster", partitions, len(load_project().models)), {"DAGSTER_HOME": str(folder)})


def new_day_row(bench: Bench) -> Row:
    """A run with one new day against empty assets."""
    bench.fresh("empty")
    with _feed(bench, "month", 30) as month:
        ours, empty = alternate(bench.repeats, month.another_day, lambda: _nothing(bench, "empty", 1))
    detail = f"ours {told(ours)}; empty assets in Dagster {told(empty)}"
    more = {"CPU": ratio(ours, empty, "cpu")}
    return Row("a six-hourly run with one new day", "empty assets", 1.5, ratio(ours, empty), detail=detail, more=more)


def history_row(bench: Bench) -> Row:
    """A run with one new day, ten years loaded, against one month loaded."""
    with _feed(bench, "month", 30) as month, _feed(bench, "ten", bench.size(3_650, 365)) as ten:
        long, short = alternate(bench.repeats, ten.another_day, month.another_day)
    detail = f"ten years {told(long)}; one month {told(short)}; files of 100 rows"
    more = {"CPU": ratio(long, short, "cpu")}
    return Row(
        "a six-hourly run with ten years of history", "one month", 1.2, ratio(long, short), detail=detail, more=more
    )


def backfill_rows(bench: Bench) -> list[Row]:
    """All datasets from S3 to the published file in ranges, against one run per partition, and Dagster's own share."""
    spec = OrganisationSpec(
        days=bench.size(1_095, 60), students=60, last_day=datetime.now(UTC).date() - timedelta(days=1)
    )
    with DemoVocareum() as demo:
        demo.put_many(Organisation(spec).files())
        settings = {**demo.environment, "VOCAREUM_START_DATE": spec.first_day.isoformat()}
        command = str(Path(sys.executable).with_name("analytics-pipeline"))
        some = bench.size(50, 10)
        whole_home, single_home = bench.fresh("whole"), bench.fresh("single")
        # Its flaws, planted on purpose, make the command end with an error status.
        whole = measure(["sh", "-c", f"{command} sync || true"], {**settings, "ANALYTICS_DATA_DIR": str(whole_home)})
        none = measure(subject("one_by_one", 0), {**settings, "ANALYTICS_DATA_DIR": str(single_home)})
        single = measure(subject("one_by_one", some), {**settings, "ANALYTICS_DATA_DIR": str(single_home)})
    partitions = int(single.output.split()[-1])
    shutil.rmtree(bench.work / "runs" / "floor", ignore_errors=True)
    floor = _nothing(bench, "floor", partitions)
    each = (single.wall - none.wall) / some
    more = {"partitions": float(partitions), "seconds per single run": each}
    detail = f"whole {told([whole])}; {some} single runs {told([single])}, extrapolated to {partitions:,}"
    name = f"{spec.days:,} days of all partitioned datasets from S3 to the published file"
    above = (whole.wall - floor.wall) / whole.wall
    return [
        Row(name, "one Dagster run per partition, in process", 30, each * partitions / whole.wall, True, detail, more),
        Row("the same", "one run per partition, default executor", 100, None, True, "not measured"),
        Row(
            "the same: share of its time above Dagster's own event log",
            "the same number of partitions of an empty asset",
            0.4,
            above,
            detail=f"whole {told([whole])}; empty {told([floor])}",
            more={"CPU share": (median([whole], "cpu") - median([floor], "cpu")) / median([whole], "cpu")},
        ),
    ]
