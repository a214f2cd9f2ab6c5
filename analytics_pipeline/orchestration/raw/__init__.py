"""The datasets as assets: partitions, schedules, the sensor, and what a run is asked to load."""
