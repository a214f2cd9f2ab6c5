"""Dagster: assets, checks, schedules, sensors and resources, as thin shells over the floors below."""
