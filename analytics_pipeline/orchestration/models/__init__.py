"""The SQL models and the published files as assets: automation and staleness."""
