"""Files on this machine: private, whole or not at all; the disk's errors; the clock. Knows nothing of the feed."""
