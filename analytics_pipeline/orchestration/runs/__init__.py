"""Dagster's runs as plain values, and how a step fails."""
