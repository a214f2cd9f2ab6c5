"""Identify processes, so that what a dead one left behind is recognised."""

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_NO_CONTAINER = "pid:[4026531836]"
"""Name of the pid namespace of a machine itself; a constant of Linux."""


def is_alive(pid: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(pid, 0)  # signal 0 only checks that the process exists
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # someone else's process
    return True


def process_identity(pid: int) -> str:
    """Return an identity that no later process shares (boot id, start, pid); empty if gone.

    Process ids are reused after a reboot and when they wrap around. Without /proc the pid alone is
    the identity.
    """
    if not is_alive(pid):
        return ""
    try:
        boot = _BOOT.read_text().strip()
        # The name in brackets may hold blanks; the start time, in ticks since boot, is field 20
        # after it (proc(5)).
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return f"::{pid}" if is_alive(pid) else ""
    return f"{boot}:{start}:{pid}"


def place() -> str:
    """Return where this process runs: only processes with equal places can judge each other's pids.

    It is the host's name. In a container it also names the kernel's boot and the pid namespace, as
    containers may have equal names, and have pids of their own.
    """
    host = socket.gethostname()
    try:
        namespace = str(_NAMESPACE.readlink())
        if namespace == _NO_CONTAINER:
            return host
        return f"{host}/{_BOOT.read_text().strip()}/{namespace.strip('pid:[]')}"
    except OSError:
        return host
