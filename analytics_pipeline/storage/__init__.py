"""Local files: atomic private writes, folder modes, disk-full errors; a store of files in S3; the
clock.

Knows nothing of the feed.
"""
