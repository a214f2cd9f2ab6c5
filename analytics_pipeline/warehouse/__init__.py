"""The DuckDB warehouse: one writer at a time; rows, ledger, quarantine and history change in one
transaction.
"""
