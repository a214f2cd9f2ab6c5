"""Small files of course_mapping: their rows, and what is read of them."""

from pathlib import Path

from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

COURSES = HEADER["course_mapping"]
OPEN, BEHIND, NO_UTF8 = (
    "a quote is opened and not closed",
    "text follows a closing quote",
    "the text is not UTF-8",
)


def course(number: int, name: str = "CS") -> str:
    return f'9001, Org, {number}, "{name}", New, 12\n'


def outcome(folder: Path, body: bytes | str) -> tuple[list[int], list[tuple[int, str]]]:
    """Return the course ids that load, and line and reason of the rejects."""
    read = batch(folder, "course_mapping", body)
    assert read.files[0].failure is None, read.files[0].failure
    assert read.files[0].records == read.rows.height + read.rejects.height
    return read.rows["course_id"].to_list(), [(line, reason) for line, _, reason in reasons(read)]
