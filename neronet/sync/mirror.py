"""How much of what a run prints is kept on this machine; pure."""

from __future__ import annotations


def accepted(mirrored: int, arriving: int, limit: int) -> int:
    """How many of `arriving` bytes are kept when a run's logs already hold `mirrored` of at most `limit`.

    The beginning of a log is kept, and it has no gaps: once this is less than `arriving`, mirroring of the
    run's logs stops, and what comes later is read from the node when somebody wants to see it.
    """
    return min(arriving, max(0, limit - mirrored))


def stopped_note(limit: int) -> str:
    """What the user reads when mirroring has stopped."""
    return (
        f"only the first {limit / 1024**2:g} MiB of what this run prints are kept here (mirror_limit in "
        "preferences.yaml); the rest stays on the node and is fetched when you ask for it"
    )
