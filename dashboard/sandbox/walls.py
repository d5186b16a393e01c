"""The walls around a worker process. Runs inside the worker, before any user code; standard library only.

Each wall is tried on its own and reported by name if it stands. What a machine does not permit (a network
namespace in an unprivileged container, say) is left out; the limits on memory, time, files and output always
work on Linux and macOS.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Callable

_CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x04000000, 0x08000000, 0x10000000, 0x40000000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_NOBODY = 65534


def raise_walls(address_space_mb: int) -> list[str]:
    """Give up everything this process does not need. Returns the names of the walls that stand.

    The working directory must be an empty one; it becomes the root directory where that is permitted. Nothing can
    be imported or opened afterwards.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    was_root = os.geteuid() == 0
    attempts: list[tuple[str, Callable[[], None]]] = [
        ("network namespace", lambda: _unshare(libc, was_root)),
        ("empty root directory", lambda: os.chroot(".")),
        ("unprivileged user", _become_nobody),
        ("no new privileges", lambda: _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)),
        ("not dumpable", lambda: _prctl(libc, _PR_SET_DUMPABLE, 0)),
        ("no core file", lambda: _limit(resource.RLIMIT_CORE, 0)),
        ("no file writes", lambda: _limit(resource.RLIMIT_FSIZE, 0)),
        ("no new processes", lambda: _limit(resource.RLIMIT_NPROC, 0)),
        ("address space", lambda: _limit(resource.RLIMIT_AS, address_space_mb * 1024 * 1024)),
        # Standard input, output and error are open; nothing else can be opened.
        ("no new files or sockets", lambda: _limit(resource.RLIMIT_NOFILE, 3)),
    ]
    return [name for name, attempt in attempts if _stands(attempt)]


def allow_cpu_seconds(seconds: float) -> None:
    """Let the kernel end this process after that much more processor time, even if nobody else does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _stands(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _unshare(libc: ctypes.CDLL, was_root: bool) -> None:
    flags = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    if libc.unshare(flags if was_root else flags | _CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _become_nobody() -> None:
    if sys.platform != "linux":
        raise OSError("not on this system")
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
