"""From Vocareum's data feed to a DuckDB warehouse.

Only version-wide facts belong here; importing the package touches no network, disk or database.
"""
