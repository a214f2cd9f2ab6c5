"""For the Dagster UI: metadata, small plots, and the guarded web server."""
