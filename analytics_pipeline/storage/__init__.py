"""Local files: atomic private writes, folder modes, disk-full errors and the clock.

Knows nothing of the feed.
"""
