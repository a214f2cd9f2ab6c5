"""Dagster's runs as plain values, and failures of steps."""
