"""Errors of the disk, in words for people."""

import errno
import re

import pytest

from analytics_pipeline.storage.disk import DiskFull, translate_disk_full


def test_a_disk_that_fills_up_while_a_file_is_copied_is_that_of_the_copy() -> None:
    """`shutil.copyfile` names the source, too, which lies on another disk."""
    full = OSError(errno.ENOSPC, "No space left on device", "data/warehouse.duckdb")
    full.filename2 = "backups/warehouse.duckdb"
    named = re.escape("holds backups/warehouse.duckdb is full")
    with pytest.raises(DiskFull, match=named), translate_disk_full():
        raise full
