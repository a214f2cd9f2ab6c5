"""Restrict the published file to one course, for the page of its teacher.

A table is empty unless its restriction is known: by its column `course_id`, or by name in
RESTRICTIONS. So a later mart can't accidentally reveal other courses to a teacher.
"""

from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.sql_text import literal

OWN_FILES = (
    "(period IS NOT NULL OR partition = $course::VARCHAR OR NOT regexp_full_match(partition,"
    " '[0-9]+'))"
)
"""Shared files (days, months and mappings) and the course's own."""
RESTRICTIONS = {
    "marts.data_completeness": "true",
    "marts.spend_calendar": "true",
    "marts.budget_status": "scope = 'course' AND scope_id = $course::VARCHAR",
    "marts.spend_forecast": "scope = 'course' AND scope_id = $course::VARCHAR",
    "ops.published": "true",
    "ops.loaded_files": OWN_FILES,
    "ops.failed_files": OWN_FILES,
    "ops.absences": "partition = $course::VARCHAR",
    "ops.findings": "partition = $course::VARCHAR",
    "ops.checks": "severity = 'ERROR'",
}
"""Visible rows of tables without a course: shared deliveries, and the state of this course's
files."""
COLUMNS = {
    "ops.checks": (
        "* REPLACE ('This check fails for the organisation.' AS text, 'Ask an admin of the"
        " organisation.' AS remedy)"
    )
}
"""Columns of tables whose texts must be replaced, as the finding of a check may concern another
course."""


def connect(published: Path, course: int) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with the marts of a published file, restricted to a course.

    Opens the file read-only.

    Raises:
        duckdb.IOException: it can't be read.
    """
    connection = duckdb.connect()
    connection.execute(f"ATTACH {literal(str(published))} AS whole (READ_ONLY)")
    connection.execute("SET VARIABLE course = ?", [course])
    connection.execute("CREATE SCHEMA marts; CREATE SCHEMA ops")
    tables = connection.execute(
        """SELECT table_schema || '.' || table_name, bool_or(column_name = 'course_id')
           FROM information_schema.columns
           WHERE table_catalog = 'whole' AND table_schema IN ('marts', 'ops')
           GROUP BY ALL"""
    ).fetchall()
    for table, has_course in tables:
        rows = RESTRICTIONS.get(table) or ("course_id = $course" if has_course else "false")
        rows = rows.replace("$course", "getvariable('course')")
        columns = COLUMNS.get(table, "*")
        connection.execute(
            f"CREATE VIEW {table} AS SELECT {columns} FROM whole.{table} WHERE {rows}"
        )
    return connection
