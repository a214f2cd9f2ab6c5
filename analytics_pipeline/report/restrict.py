"""One course alone: the published file with nothing of other courses in it, for a page that its teacher gets.

A table is left out unless it is known to be cut to the course: by its column `course_id`, or below by name. So a mart that
is added later can't tell a teacher of other courses by mistake.
"""

from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.sql_text import literal

OWN_FILES = "(period IS NOT NULL OR partition = $course::VARCHAR OR NOT regexp_full_match(partition, '[0-9]+'))"
"""Files of days, months and mappings, which are everybody's, and the course's own."""
CUTS = {
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
"""Which rows of a table that has no course are shown: what was delivered for everybody, and how this course's files fared."""
COLUMNS = {
    "ops.checks": "* REPLACE ('This check of the whole organisation fails.' AS text, 'Ask an admin of the organisation.' AS remedy)"
}
"""Columns of a table, where not all may be shown: what a check found may be of another course."""


def connect(published: Path, course: int) -> duckdb.DuckDBPyConnection:
    """Open a database in memory with the marts of a published file, cut to a course. The file is opened read-only.

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
        rows = CUTS.get(table) or ("course_id = $course" if has_course else "false")
        rows = rows.replace("$course", "getvariable('course')")
        columns = COLUMNS.get(table, "*")
        connection.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM whole.{table} WHERE {rows}")
    return connection
