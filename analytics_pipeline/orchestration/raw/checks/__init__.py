"""Checks of the raw assets: rows, delivery and completeness."""
