"""The datasets as assets: partitions, schedules, the sensor, and load requests."""
