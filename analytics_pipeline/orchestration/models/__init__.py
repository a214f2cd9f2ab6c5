"""The SQL models and the published files as assets: when they are rebuilt, and what is stale."""
