"""Everything between this machine and Vocareum: the API, one-hour credentials, the bucket.

Knows nothing of Dagster, nor of what the files contain. Import from the modules: whoever needs an error alone must not
wait a second for boto3 and httpx.
"""
