"""Files for the pipeline: landed for a delivery, read and validated as a batch."""

from datetime import datetime
from pathlib import Path

from analytics_pipeline.datasets import DATASETS, classify
from analytics_pipeline.demo.organisation.table import HEADERS
from analytics_pipeline.ingest.batch import Batch, FileResult, LandedFile
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.read_batch import read_batch

KEYS = {
    "lab_sessions": "lab_sessions/lab_sessions_2026-01-09.csv",
    "aws_cost": "cloud_spend/aws_cost_2026-01-09.csv",
    "azure_cost": "cloud_spend/azure/azure_cost_2026-01-09.csv",
    "service_spend": "service_spend/service_spend_2026-01.csv",
    "grades": "grades/course4051/grades.csv",
    "enrollment": "enrollment/course4051/enrollment.csv",
    "course_mapping": "course-asn_mapping/course_mapping.csv",
    "asn_mapping": "course-asn_mapping/asn_mapping.csv",
    "budgets": "by_hand/budgets.csv",
    "course_labels": "by_hand/course_labels.csv",
}
"""A key of each dataset, below `org{org}/`."""

HEADER = {name: ", ".join(headers) + "\n" for name, headers in HEADERS.items()}
"""Each dataset's header as in the article."""


def delivery(
    key: str,
    body: bytes = b"",
    etag: str = "e1",
    at: datetime = datetime(2026, 1, 10),  # noqa: DTZ001
    org: str = "9001",
):
    """Return a delivery of the body under a key."""
    classified = classify(key)
    assert classified is not None, f"no dataset is like {key}"
    return Delivery(*classified, f"org{org}/{key}", etag, len(body), at)


def batch(folder: Path, name: str, *bodies: bytes | str) -> Batch:
    """Read and validate some files of one dataset."""
    landed = []
    for number, body in enumerate(bodies):
        content = body if isinstance(body, bytes) else body.encode()
        path = folder / f"{name} {number}.csv"
        path.write_bytes(content)
        landed.append(LandedFile(delivery(KEYS[name], content), path))
    return read_batch(DATASETS[name], landed)


def verdict(folder: Path, name: str, body: bytes | str) -> FileResult:
    """Return the result of one file."""
    return batch(folder, name, body).files[0]


def reasons(read: Batch) -> list[tuple[int, str, str]]:
    """Return line, column and reason of every reject."""
    return [
        (line, reason["column"], reason["reason"])
        for line, found in read.rejects.select("line", "reasons").iter_rows()
        for reason in found
    ]
