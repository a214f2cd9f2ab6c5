"""The report: one self-contained HTML page from the published file.

This is the package's interface. Dagster code is in `orchestration/`, the command in
`cli/report.py`.
"""

from analytics_pipeline.report.read import ReportError
from analytics_pipeline.report.write import write_report

__all__ = ["ReportError", "write_report"]
