"""Parts of the package's SQL that a person has reviewed: `test_sql_is_never_made_of_data.py`."""

JUDGED = {
    # Conditions of the module's own, over parameters.
    "cli/quarantine.py": {"_WHERE"},
    # `cell` and `column` are SQL expressions of the caller's own, over column positions; all else
    # are constants and SQL of them.
    "datasets/sql_types.py": {
        "WHOLE_NUMBER",
        "_EPOCH",
        "_ISO",
        "_LAST",
        "_flag(cell)",
        "_instant(cell)",
        "_accepted_time(cell, INSTANT_FORMATS)",
        "_accepted_time(cell, _LESS_COMMON_FORMATS)",
        "absent",
        "beyond_ascii",
        "cell",
        "column",
        "ends",
        "epoch",
        "forms",
        "group(1, '')",
        "group(2, '00:00')",
        "group(3, ':00')",
        "iso",
        "kind",
        "number",
        "seconds",
        "trim_all_sql(cell)",
        "words",
    },
    # Columns are positions (`c0`, `c1`); paths are a session variable.
    "ingest/csv/read_files.py": {"FILE", "MAX_LINE", "SHORT", "cells"},
    # Columns are positions (`c0`, `c1`); names and types are the dataset's; a source is SQL of
    # `read_files.py`.
    "ingest/csv/typing_query.py": {
        "' OR '.join(is_unread.values()) or 'false'",
        "', '.join(map(_value_sql, self.dataset.columns))",
        "', '.join(texts)",
        "EXTRA",
        "FILE",
        "SHORT",
        "SURPLUS",
        "UNREAD",
        "cell",
        "cells_sql(self.header.unannounced(self.dataset))",
        "column.name",
        "column.sql_type",
        "is_unread[name]",
        "name",
        "query.render(source)",
        "quick_sql(column.dtype, cell)",
        "self._cells[name]",
        "self._surplus",
        "self._trimmed",
        "self._typed",
        "self._typed_cell(column)",
        "self._unread",
        "source",
        "text_sql(name, verbatim=column.verbatim)",
        "trim_start_sql(cell)",
    },
    # Texts are a column of a registered frame.
    "ingest/csv/careful_parser.py": {
        "any_unread",
        "at",
        "careful_sql(column.dtype, f't{at}')",
        "column.sql_type",
        "kept",
        "is_none",
        "trim_all_sql(f'texts[{at + 1}]')",
        "trimmed",
        "values",
    },
    # Models are files of dbt_like_sql/: their names, SQL and comments are the project's.
    "sql_models/build.py": {
        "kind",
        "layer",
        "model.layer",
        "model.name",
        "name",
        "sql or model.sql",
    },
    # Expressions of the files' declarations, and dates as DATE literals.
    "sql_models/by_day.py": {"HASH", "by_day.day", "model.qualified", "sql", "dates"},
    "sql_models/checks.py": {"masked('alarm')", "masked('message')", "test.sql"},
    "sql_models/day_hashes.py": {
        "HASH",
        "day",
        "inputs",
        "literal(table)",
        "literal(version)",
        "names[table]",
        "read",
        "replace_tables(sql, names)",
        "table",
        "dates",
    },
    "sql_models/verdict_by_day.py": {"sql"},
    # Names and SQL of the models, and what DuckDB says the published file's tables and columns are
    # called, quoted.
    "sql_models/sandbox.py": {
        "FILE",
        "_TABLES",
        "qualified(model.qualified)",
        "qualified(name)",
        "quoted(name.partition('.')[0])",
        "int(most)",
        "literal(str(published))",
        "setting",
        "sql",
    },
    "sql_models/compare.py": {
        "', '.join(counts)",
        "', '.join(map(quoted, order))",
        "_new(model)",
        "_only(_new(model), _old(model), common)",
        "_only(_old(model), _new(model), common)",
        "_only(first, second, common)",
        "quoted(name)",
        "first",
        "names",
        "new",
        "old",
        "same",
        "second",
    },
    "cli/models.py": {"model.qualified"},
    # Written to a file of a dbt project, and not executed here.
    "sql_models/dbt_project.py": {"columns", "model.layer", "model.name", "reason"},
    "sql_models/parse.py": {"file"},
    "sql_models/sql_syntax.py": {"file"},
    # The path is the warehouse's own, which settings name.
    "warehouse/file.py": {"path.stem"},
    "warehouse/gone.py": {"_FILE"},
    # Tables and columns of the declarations.
    "warehouse/erase.py": {
        "address",
        "figure",
        "holds",
        "name",
        "subject",
        "table",
        "theirs",
    },
    # Columns are those of a dataclass, marks are question marks.
    "warehouse/checks.py": {"_COLUMNS", "rows"},
    "warehouse/signature.py": {"PUBLISHED.name", "database"},
    # BEFORE is a constant; the path is the published file's, which settings name.
    "warehouse/withhold.py": {"BEFORE", "literal(str(target))"},
    "warehouse/absences.py": {"table"},
    "warehouse/copied_rows.py": {"dataset.dated_by", "dataset.period.column", "dataset.table"},
    "warehouse/held_versions.py": {"dataset.amount", "dataset.period.column", "dataset.table"},
    "warehouse/close_file.py": {"dataset.table", "history_table(dataset).name", "table"},
    # What the settings name, as literals: neither ATTACH nor a secret takes a parameter. `name` and
    # `options` are constants and such literals.
    "warehouse/lake_objects.py": {"listed"},
    "warehouse/lake_duckdb.py": {"literal(catalog.password)"},
    "warehouse/lake_tables.py": {"first", "table.name", "_is_null(table)"},  # declared names
    "warehouse/lake.py": {
        "literal(PREFIX + self.catalog.attached_dsn)",
        "literal(self.catalog.schema)",
        "name",
        "options",
    },
    # Constants of the module, with an identifier that psycopg quotes.
    "warehouse/lake_state.py": {
        "self._sql(_MARK)",
        "self._sql(add)",
        "self._sql(_CREATE)",
        "self._sql(_EXPIRE)",
        "self._sql(query)",
    },
    # Identifiers that psycopg quotes.
    "warehouse/lake_catalog.py": {
        "sql.SQL('ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0').format("
        "sql.Identifier(self.schema, table), sql.Identifier(column))",
        "sql.SQL('VACUUM FULL {}').format(sql.Identifier(self.schema, table))",
        "sql.SQL(\"SELECT 1 FROM {}.ducklake_table WHERE table_name = 'fence'\")"
        ".format(sql.Identifier(self.schema))",
        "sql.SQL('CREATE SCHEMA IF NOT EXISTS {}').format(sql.Identifier(self.schema))",
    },
    # Its callers are judged where they make the text.
    "warehouse/transactions.py": {"sql", "statement"},
    # Constants of the module.
    "warehouse/sidecar.py": {"_DIGEST"},
    "orchestration/dagster_files.py": {"sql"},
    "orchestration/sensor_faults.py": {"_SENSORS"},
    "warehouse/findings.py": {"_FINDINGS"},
    "warehouse/files.py": {"kind", "literal(str(path))", "name"},
    # Names of attached databases of our own; tables and columns are those of the declarations and
    # of the models.
    "warehouse/copy_tables.py": {
        "hashed",
        "names",
        "qualified(name)",
        "qualified(table)",
        "self.origin",
        "self.target",
        "source",
    },
    "operations/copy_warehouse.py": {"database", "origin", "qualified(model.qualified)"},
    "warehouse/history.py": {"columns", "dataset.name", "name", "ours", "same", "table"},
    "warehouse/ledger.py": {"columns", "table"},
    "warehouse/load.py": {
        "EXTRA",
        "FILE",
        "columns",
        "dataset.period.column",
        "dataset.table",
        "period",
        "within",
        "also",
        "computed[name]",
        "name",
    },
    "warehouse/emails.py": {
        "holds_email(column)",
        "quoted(column)",
        "cells",
        "counts",
        "relation",
        "rows",
        "where",
    },
    # `sql`, `schema` and `table` are DuckDB's own account of the tables that we made.
    "warehouse/publish_whole.py": {
        "BEFORE",
        "PUBLISHED.name",
        "COPY",
        "copy",
        "live",
        "quoted(name)",
        "schema",
        "sql",
        "sql[sql.index(' AS '):]",
        "table",
        "table.name",
        "view.name",
        "view.query",
        "rows",
        "emptied.select(connection, name, source)",
        "found",
    },
    "warehouse/publishing.py": {"COPY", "PUBLISHED.name"},
    # Tables and columns are those of the published file, quoted; marks are question marks.
    "warehouse/publication.py": {"NOW", "_SHAPE"},
    "warehouse/publish_changes.py": {
        "COPY",
        "HASHES",
        "NOW",
        "PUBLISHED.name",
        "_part(columns)",
        "qualified(name)",
        "cells",
        "counted",
        "kind",
        "quoted(days[0])",
        "rows",
        "table",
        "where",
    },
    # An alias of our own; a path that settings or the user name, read-only.
    "warehouse/across_sources.py": {"alias", "literal(str(path))"},
    # Names of marts and aliases of our own.
    "warehouse/across.py": {
        "ORGANISATIONS.name",
        "_COLUMN",
        "_COPY",
        "having[0].alias",
        "literal(str(fresh.with_name('spill')))",
        "quoted(mart)",
        "source.alias",
        "table",
    },
    # Names of marts; the file is the exports' folder and such a name; comments of our own as
    # literals.
    "warehouse/export_parquet.py": {"about", "literal(str(fresh))", "rows"},
    # `subject` is a table, a view or a column of theirs: declared, or of DuckDB's own account.
    "warehouse/schema.py": {
        "catalog",
        "column.computed",
        "column.name",
        "column.sql_type",
        "columns",
        "literal(text)",
        "name",
        "name.rpartition('.')[0]",
        "table.query",
        "table.name",
        "subject",
    },
    # Names of declared datasets, and their tables.
    "warehouse/tables/raw_and_history.py": {"cases", "name", "table"},
    "warehouse/quality.py": {"dataset.table", "cells", "flags", "holds_email(name)"},
    # Files of report/sql/.
    # Tables are those of the published file; `rows` and `columns` are constants of the module; the
    # path is a setting.
    "report/restrict.py": {"columns", "literal(str(published))", "rows", "table"},
    "report/read.py": {"sql"},
    # Constants of the module, asked of Dagster's own SQLite files; and statements that SQLAlchemy
    # makes.
    "orchestration/runs/history.py": {
        "_DELETE_OLD_EVENTS",
        "_DELETE_PLANNED",
        "_OURS",
        "statement",
    },
    "orchestration/runs/planned_checks.py": {
        "table.delete().where(planned & table.c.partition.is_not(None))",
        "table.update().where(planned & (table.c.partition == first)).values(partition=None)",
    },
    # The only place for a user's own SQL: the published file, read-only.
    "cli/query.py": {"sql"},
}
"""By module: reviewed parts of its SQL besides constants. Data is never among them."""
