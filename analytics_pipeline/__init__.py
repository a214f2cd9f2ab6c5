"""From Vocareum's data feed to a DuckDB warehouse.

Only package-wide facts belong here. Importing the package touches no network, disk or database.
"""
