"""Ids of the wire: a prefix that says what the thing is, then 26 characters that sort by time of making.

The 26 characters are the Crockford base32 form of a 128-bit number laid out like a UUID version 7 (48 bits of
milliseconds, then version, variant and 74 random bits). Ids of other servers are opaque: never parse those.
"""

import re
import secrets
import threading
import time
from typing import Final

FLOW: Final = "flow"
FLOW_VERSION: Final = "flowver"
STEP: Final = "step"
AGENT: Final = "agent"
RECORD: Final = "record"
EXECUTION: Final = "exec"
APPROVAL: Final = "appr"
BATCH: Final = "batch"
TOOL: Final = "tool"
CALL: Final = "call"
MESSAGE: Final = "msg"
CONVERSATION: Final = "conv"
SESSION: Final = "cs"
FEEDBACK: Final = "fb"
SCHEDULE: Final = "sched"
ASSET: Final = "asset"
REQUEST: Final = "req"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_TAIL = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}\Z")
_RANDOM_BITS = 74
_STEP_BITS = 64

_lock = threading.Lock()
_last_moment = 0
_last_random = 0


def new_id(prefix: str) -> str:
    """A new id such as `exec_01jv…`; ids made by one process sort in the order in which they were made."""
    return f"{prefix}_{_encode(_next_value())}"


def is_id(value: object, prefix: str) -> bool:
    """Whether `value` has the form of an id made by `new_id(prefix)`. Says nothing about existence."""
    return (
        isinstance(value, str)
        and value.startswith(f"{prefix}_")
        and bool(_TAIL.match(value, len(prefix) + 1))
    )


def _next_value() -> int:
    global _last_moment, _last_random  # noqa: PLW0603 - the process-wide clock of ids
    with _lock:
        moment = time.time_ns() // 1_000_000
        if moment > _last_moment:
            _last_moment = moment
            _last_random = secrets.randbits(_RANDOM_BITS)
        else:
            # Same millisecond, or the clock went back: move on by a random stride, so that order holds and a
            # neighbour's id (or that of a forked process) cannot be guessed from this one.
            _last_random += 1 + secrets.randbits(_STEP_BITS)
            if _last_random >> _RANDOM_BITS:
                _last_moment += 1
                _last_random = secrets.randbits(_RANDOM_BITS)
        high, low = _last_random >> 62, _last_random & ((1 << 62) - 1)
        return _last_moment << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 0x3FF] for shift in range(120, -1, -10)])
