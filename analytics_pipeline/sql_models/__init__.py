"""The SQL models of `dbt_like_sql/`: loaded, put in order, built into the warehouse and tested.

This is the package's door. What a model says is in its `.sql` file alone; Dagster belongs in `orchestration/`.
"""

from analytics_pipeline.sql_models.build import Built, Failure, build, build_one, drop_removed, missing
from analytics_pipeline.sql_models.checks import Tested, run_test, run_tests
from analytics_pipeline.sql_models.documentation import column_types, documentation
from analytics_pipeline.sql_models.lineage import ColumnLineage, column_lineage
from analytics_pipeline.sql_models.model import InvalidModel, Model, Severity, SqlTest
from analytics_pipeline.sql_models.project import Project, load_project, touched_by

__all__ = [
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
    "build_one",
    "column_lineage",
    "column_types",
    "documentation",
    "drop_removed",
    "load_project",
    "missing",
    "run_test",
    "run_tests",
    "touched_by",
]
