"""Where processes listen for others: what the tests of "this machine alone" look at."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Addresses and ports at which some processes take connections; one that has ended meanwhile takes none."""
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found |= {one.laddr for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    return {(one.ip, one.port) for one in found}
