"""Find where processes listen, for tests of "only this machine"."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Return addresses and ports at which some processes accept connections; none for an ended
    process.
    """
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found |= {
                connection.laddr
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
    return {(address.ip, address.port) for address in found}
