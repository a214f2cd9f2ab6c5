"""A simulated organisation and the servers of its feed.

Used only by the demo command and the tests.
"""
