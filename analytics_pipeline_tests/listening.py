"""Where processes listen for others: what the tests of "this machine alone" look at."""

from collections.abc import Iterable

import psutil


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Addresses and ports at which some processes take connections."""
    found = [one for process in processes for one in process.net_connections("tcp")]
    return {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}
