"""What `analytics-pipeline doctor` checks of the published folder."""

import os
import stat

from analytics_pipeline.cli.doctor_settings import Verdict
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.folders import (
    FOLDER_USE,
    hidden_from_group,
    is_shared,
    make_export_folder,
)


def check_published(settings: Settings) -> Verdict:
    """Check that analysts can't write the published folder or reach the private one through it, and
    that they can read a shared one.
    """
    folder, data = settings.published_path.parent, settings.data_dir.absolute()
    if folder == data:
        return Verdict(
            True,
            f"{folder} is private: set ANALYTICS_PUBLISHED_DIR to a folder that analysts may enter",
        )
    if data in folder.parents:
        return Verdict(
            False,
            f"{folder} is in the private {data}, which nobody else can enter. Set"
            " ANALYTICS_PUBLISHED_DIR.",
        )
    make_export_folder(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, FOLDER_USE):
        return Verdict(
            False,
            f"{folder} can't be read and written by us (mode {mode:o}): its file system is"
            " read-only, or it belongs to another user. Give it to your user, or set"
            " ANALYTICS_PUBLISHED_DIR to a folder of yours.",
        )
    if mode & 0o027:
        return Verdict(
            False,
            f"{folder} can be written by others or entered by everybody (mode {mode:o}). Run:"
            f" chmod 700 {folder}, or chmod 2750 to let its group read",
        )
    if (older := data / "analytics.duckdb").exists():
        return Verdict(
            False, f"{older} is an older published file, which runs no longer replace. Remove it."
        )
    if not is_shared(folder):
        return Verdict(True, f"{folder}, private")
    hidden = _hidden(settings)
    return Verdict(not hidden, hidden or f"{folder}, readable by its group")


def _hidden(settings: Settings) -> str:
    """Return which file of the shared folder its group can't read, with the remedy."""
    files = {settings.published_path: "publish", settings.report_path: "report"}
    for file, command in files.items():
        if not (file.exists() and hidden_from_group(file)):
            continue
        mode = stat.S_IMODE(file.stat().st_mode)
        found = f"{file.parent} is readable by its group, but {file} is not"
        if mode & stat.S_IRGRP:
            return (
                f"{found}: it has another group. Run `analytics-pipeline {command}`, which replaces"
                " the file"
            )
        return f"{found} (mode {mode:o}). Run: chmod 640 {file}"
    return ""
