"""Access to Vocareum: the API, one-hour credentials, and the bucket.

Knows nothing of Dagster or of the files' contents. Import from the modules, not from here: code
that only needs an error class must not wait a second for boto3 and httpx.
"""
