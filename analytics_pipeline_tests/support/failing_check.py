"""A test of a model that fails, in a copy of the models."""

import shutil
from pathlib import Path

import pytest

from analytics_pipeline.sql_models import project

FAILING = "no_course_has_a_summary"
"""Name of the test."""
SUBJECT = "marts.course_summary"
"""The mart that it withholds, with all that read it."""


def add_failing_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a copy of the models, made in this folder, with a test that every course breaks."""
    shutil.copytree(project.default_folder(), folder)
    (folder / "tests" / f"{FAILING}.sql").write_text(
        f"-- The organisation has no course. Ask whoever wrote this test.\n"
        f"SELECT course_id FROM {SUBJECT}\n"
    )
    monkeypatch.setattr(project, "default_folder", lambda: folder)
