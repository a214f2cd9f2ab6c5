"""What a tick of `missing_partitions` and a `sync` list, and how much work each key takes."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import FrameType

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration.sync import make_plan, sync
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    put_sessions,
    spans,
)


def test_one_tick_makes_one_listing(pipeline: Pipeline, vocareum: DemoVocareum) -> None:
    put_sessions(vocareum, "2026-11-01")
    vocareum.clear_requests()
    pipeline.tick()
    assert (vocareum.count("LIST"), vocareum.count("GET")) == (1, 0)


CALLS_PER_KEY = 1_000
"""Three times what a tick needs for a key of a listing; comparing each key with each other one
would take thousands."""


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count the calls of Python functions in this thread."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.thorough
@pytest.mark.parametrize("known", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_ten_years_of_listing_take_one_listing_and_a_bounded_work_for_each_key(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, known: bool
) -> None:
    """11,000 keys, of which none or all but one are known.

    Work is counted in calls of Python functions, not in seconds.
    """
    pipeline = start_pipeline("2016-01-01")
    days = [f"{date(2016, 1, 1) + timedelta(days=n)}" for n in range(3_667)]
    names = {
        "lab_sessions": "lab_sessions/lab_sessions_{}.csv",
        "aws_cost": "cloud_spend/aws_cost_{}.csv",
        "azure_cost": "cloud_spend/azure/azure_cost_{}.csv",
    }
    keys = {
        (name, day): f"org9001/{form.format(day)}" for name, form in names.items() for day in days
    }
    vocareum.put_many(dict.fromkeys(keys.values(), b"x"))
    if known:
        pipeline.settings.data_dir.mkdir()
        pipeline.settings.warehouse_path.touch()
        for (name, day), key in list(keys.items())[:-1]:
            metadata = {"key": key, "etag": hashlib.md5(b"x").hexdigest(), "bytes": 1}
            mark = dg.AssetMaterialization(["raw", name], partition=day, metadata=metadata)
            pipeline.instance.report_runless_asset_event(mark)
    vocareum.clear_requests()
    with counted_calls() as calls:
        requests = pipeline.tick().run_requests or []
    print(f"{len(keys)} keys, {known=}: {calls.total() / len(keys):.0f} calls for each")
    assert calls.total() < CALLS_PER_KEY * len(keys)
    assert vocareum.count("LIST") == 12  # pages of a thousand keys of one listing
    assert spans(requests)[0][1] == days[-1]
    assert len(requests) == (1 if known else 10)


@pytest.mark.thorough
def test_a_sync_lists_everything_once_and_each_dataset_that_it_loads_once(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    """However many days it loads. A run lists its own prefix and year: the plan may be hours old,
    and a listing tells an S3 that is down from a file that can't be fetched.
    """
    put_sessions(vocareum, "2026-11-01", "2026-11-02")
    vocareum.put("org9001/course-asn_mapping/course_mapping.csv", b"not a mapping")
    vocareum.clear_requests()
    todo = make_plan(pipeline.settings, Selection())
    done = sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo)
    assert len(done.results) == 3
    listed = [request.key for request in vocareum.requests if request.operation == "LIST"]
    assert listed[0] == "org9001/"
    assert sorted(listed[1:]) == [
        "org9001/course-asn_mapping/course_mapping.csv",
        "org9001/lab_sessions/lab_sessions_2026",
    ]
