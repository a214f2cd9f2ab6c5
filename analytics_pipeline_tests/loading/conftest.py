"""A fresh warehouse for each test."""

from pathlib import Path

import pytest

from analytics_pipeline_tests.support.loaded_warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path)
