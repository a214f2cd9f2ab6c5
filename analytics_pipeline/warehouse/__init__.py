"""The DuckDB warehouse: one writer at a time, files replaced whole, ledger, quarantine and history in one transaction."""
