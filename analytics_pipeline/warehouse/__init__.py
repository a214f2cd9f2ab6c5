"""The DuckDB warehouse: one writer at a time, one transaction per batch of files."""
