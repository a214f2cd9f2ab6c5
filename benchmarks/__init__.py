"""Benchmarks: ours and its peers, alternately, on the same files.

`python -m benchmarks.run --help`.
"""
