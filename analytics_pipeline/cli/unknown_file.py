"""Say when `--file` matches no file. Otherwise an empty list looks like good news."""

import duckdb

from analytics_pipeline.cli.console import print_info
from analytics_pipeline.warehouse.ledger import failed_files, loaded_files

_KEYS = 'See the keys: analytics-pipeline query "SELECT source_key FROM ops.loaded_files"'


def tell_unknown_file(
    connection: duckdb.DuckDBPyConnection, dataset: str | None, text: str | None
) -> bool:
    """Return whether no file matches `--file`; if so, say it, and where the keys are.

    Args:
        connection: the warehouse.
        dataset: only files of this dataset; None for all.
        text: of `--file`, which is part of a key; None if it was not given.
    """
    files = [*loaded_files(connection, dataset), *failed_files(connection, dataset)]
    if text is None or any(text in file.source_key for file in files):
        return False
    of_dataset = f" of {dataset}" if dataset else ""
    print_info(f"No loaded file{of_dataset} has {text!r} in its key. {_KEYS}")
    return True
