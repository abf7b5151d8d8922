"""The states of a run, and the one place where a state changes.

Ranks make a late or repeated report harmless: within an attempt a state never
goes backwards, whatever a scheduler says.  `lost` alone may still be corrected,
by an exit record that was found later.
"""

DEFINED = "defined"
SUBMITTING = "submitting"
QUEUED = "queued"
PENDING = "pending"
RUNNING = "running"
FINISHED = "finished"
FAILED = "failed"
TERMINATED = "terminated"
TIMEOUT = "timeout"
LOST = "lost"

HELD = "held"  # no state: the reason of a run that waits because the user holds it

RANKS = {
    DEFINED: 0,
    SUBMITTING: 1,
    QUEUED: 2,
    PENDING: 3,
    RUNNING: 4,
    LOST: 5,
    FINISHED: 6,
    FAILED: 6,
    TERMINATED: 6,
    TIMEOUT: 6,
}
STATES = tuple(RANKS)
ENDED = frozenset((FINISHED, FAILED, TERMINATED, TIMEOUT, LOST))
OPEN = frozenset(STATES) - ENDED


def advance(current, reported):
    """The state of an attempt that was in `current` when `reported` arrives (unknown words change nothing)."""
    return reported if RANKS.get(reported, -1) > RANKS[current] else current


def describe_exit(status):
    """(state, reason) of a program that ended by itself with this exit status (128 + n for a signal n)."""
    if status == 0:
        return FINISHED, ""
    if status > 128 and status - 128 in SIGNALS:
        return FAILED, "ended by signal %s" % SIGNALS[status - 128]
    return FAILED, "exit code %d" % status


# POSIX names by their Linux numbers: a laptop that shows them may run another system.
SIGNALS = {
    1: "HUP",
    2: "INT",
    3: "QUIT",
    4: "ILL",
    5: "TRAP",
    6: "ABRT",
    7: "BUS",
    8: "FPE",
    9: "KILL",
    10: "USR1",
    11: "SEGV",
    12: "USR2",
    13: "PIPE",
    14: "ALRM",
    15: "TERM",
    16: "STKFLT",
    24: "XCPU",
    25: "XFSZ",
    26: "VTALRM",
    27: "PROF",
    29: "IO",
    30: "PWR",
    31: "SYS",
}
