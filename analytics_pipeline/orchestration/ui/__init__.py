"""What the Dagster UI shows: metadata, small plots, and the guarded web server."""
