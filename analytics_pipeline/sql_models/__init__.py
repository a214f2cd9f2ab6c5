"""The SQL models of `dbt_like_sql/`: load, order, build and test them.

This is the package's interface. A model's logic is only in its `.sql` file. Dagster code belongs in
`orchestration/`.
"""

from analytics_pipeline.sql_models.build import (
    Built,
    Failure,
    build,
    build_one,
    drop_removed,
    missing,
)
from analytics_pipeline.sql_models.checks import (
    IS_BUILT,
    Tested,
    build_and_test,
    run_test,
    stale_models,
)
from analytics_pipeline.sql_models.documentation import column_types, documentation, model_texts
from analytics_pipeline.sql_models.lineage import ColumnLineage, column_lineage
from analytics_pipeline.sql_models.model import Model, SqlTest
from analytics_pipeline.sql_models.project import Project, load_project, load_usable, touched_by
from analytics_pipeline.sql_models.sql_syntax import InvalidModel
from analytics_pipeline.warehouse.checks import Severity

__all__ = [
    "IS_BUILT",
    "Built",
    "ColumnLineage",
    "Failure",
    "InvalidModel",
    "Model",
    "Project",
    "Severity",
    "SqlTest",
    "Tested",
    "build",
    "build_and_test",
    "build_one",
    "column_lineage",
    "column_types",
    "documentation",
    "drop_removed",
    "load_project",
    "load_usable",
    "missing",
    "model_texts",
    "run_test",
    "stale_models",
    "touched_by",
]
