"""The mirror of a log is its beginning without gaps, and stops at its limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neronet.sync.mirror import accepted, stopped_note


@given(st.lists(st.integers(0, 100)), st.integers(0, 300))
def test_exactly_the_first_bytes_are_kept(arriving: list[int], limit: int) -> None:
    mirrored = 0
    for size in arriving:
        mirrored += accepted(mirrored, size, limit)
    assert mirrored == min(limit, sum(arriving))


def test_a_limit_that_was_lowered_keeps_nothing_more() -> None:
    assert accepted(500, 10, 300) == 0


def test_the_note_says_how_much_and_where_the_rest_is() -> None:
    note = stopped_note(256 * 1024**2)
    assert "first 256 MiB" in note
    assert "stays on the node" in note
    assert "mirror_limit" in note
