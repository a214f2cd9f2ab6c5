"""Dagster: assets, checks, schedules, sensors and resources, as thin shells."""
