"""A project of models and tests that a test writes."""

from pathlib import Path

from analytics_pipeline.sql_models import Project, load_project


def project(folder: Path, **files: str) -> Project:
    """Return a project of files named `marts__name`, `staging__name` or `tests__name`."""
    for name, sql in files.items():
        path = folder / (name.replace("__", "/") + ".sql")
        path.parent.mkdir(exist_ok=True)
        path.write_text(sql)
    return load_project(folder)
