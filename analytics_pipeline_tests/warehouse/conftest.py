"""The person whom tests erase, and a worker that publishes to a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import Published, publish
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline_tests.support.buckets import Bucket, running_bucket
from analytics_pipeline_tests.support.erased_person import Someone, rows_of


@pytest.fixture
def someone(settings: Settings) -> Someone:
    """Return a student with a unique name who spent, was graded, and is a partner in another
    person's row.
    """
    [person, *_] = rows_of(
        settings,
        """SELECT userid, any_value(email), any_value(name) FROM raw.enrollment AS person
           WHERE userid IN (SELECT partnerid FROM raw.grades)
           AND userid IN (SELECT user_id FROM raw.lab_sessions)
             AND userid IN (SELECT user_id FROM raw.aws_cost)
             AND (SELECT count(DISTINCT userid) FROM raw.enrollment AS other
             WHERE other.name = person.name) = 1
           GROUP BY userid ORDER BY userid""",
    )
    return Someone(*person)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as running:
        yield running


@pytest.fixture
def worker(settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A worker with the loaded warehouse; its settings are also in the environment."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def publish_to_store(settings: Settings, warehouse: Path | None = None) -> Published:
    with open_warehouse(warehouse or settings.warehouse_path) as connection:
        return publish(
            connection,
            settings.published_path,
            pii=settings.publish_pii,
            without_marts=True,
            store=store_of(settings),
        )
